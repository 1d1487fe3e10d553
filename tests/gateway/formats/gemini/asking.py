"""What the tests of requests share: prompts read and written in one line."""

from __future__ import annotations

from typing import Any

from gateway.formats.format import Fields
from gateway.formats.gemini.prompt_reader import read_prompt
from gateway.formats.gemini.prompt_writer import write_prompt
from gateway.formats.losses import Losses
from gateway.formats.neutral import Part, Prompt, Text, Turn
from gateway.records import ModelFacts

FIRST = ModelFacts(thinking="budget", signature_required=False, media_in_function_response=False)
"""A model before 3."""
THIRD = ModelFacts(thinking="level", signature_required=True, media_in_function_response=True, provider="developer")

HELLO = Turn("user", (Text("hi"),))


def read(*, strict: bool = False, **fields: Any) -> tuple[Prompt, list[str]]:
    """The prompt of a request, and what was dropped."""
    losses = Losses({}, strict=strict)
    return read_prompt({"contents": [{"parts": [{"text": "q"}]}], **fields}, losses), losses.dropped


def read_turns(*contents: Fields) -> tuple[Turn, ...]:
    """The turns of these contents."""
    return read(contents=list(contents))[0].turns


def user(*parts: Fields) -> Fields:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Fields) -> Fields:
    return {"role": "model", "parts": list(parts)}


def call(name: str = "f", **fields: Any) -> Fields:
    return {"functionCall": {"name": name, **fields}}


def response(name: str = "f", **fields: Any) -> Fields:
    return {"functionResponse": {"name": name, **fields}}


def write(prompt: Prompt, facts: ModelFacts = FIRST) -> tuple[Fields, list[str]]:
    """The request for a provider, and what was dropped, in our own words."""
    losses = Losses({})
    return write_prompt(prompt, "up", facts, losses), losses.dropped


def written(*turns: Turn, facts: ModelFacts = FIRST) -> list[Fields]:
    """The contents of these turns."""
    contents: list[Fields] = write(Prompt((), turns), facts)[0]["contents"]
    return contents


def said(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def asked(*parts: Part) -> Turn:
    return Turn("user", parts)
