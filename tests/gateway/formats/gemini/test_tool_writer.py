"""Functions are declared to Google in the words its service knows."""

from __future__ import annotations

from gateway.formats.gemini.tool_writer import write_tools
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool
from gateway.records import ModelFacts


def test_an_older_service_is_told_schemas_in_its_own_types() -> None:
    """TDEF-3: such servers know `parameters` only."""
    schema = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, "additionalProperties": False}
    tool = Tool("f", schema=schema)
    [declared], _ = write_tools((tool,), None, ModelFacts(gemini_schema="proto"), Losses({}))
    (function,) = declared["functionDeclarations"]
    assert function == {
        "name": "f",
        "parameters": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER", "nullable": True}}},
    }
