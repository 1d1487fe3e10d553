"""What a request offers is told from its fields. Records of whole exchanges are in the tests of the whole gateway."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.relay.recording import has_tools


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({"tools": [{"type": "function"}]}, True),
        ({"functions": [{"name": "f"}]}, True),
        ({"tools": [], "functions": [{"name": "f"}]}, True),
        ({"tools": []}, False),
        ({"tools": None}, False),
        ({"messages": [{"content": '"tools"'}]}, False),
        ({}, False),
    ],
)
def test_tools_are_offered_where_there_are_any(fields: dict[str, Any], offered: bool) -> None:
    assert has_tools(fields) is offered
