"""What a provider received, told in the answer: so that a test sees what became of a request on its way. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import orjson

from gateway.mock.script import Script


class Seen(NamedTuple):
    """What was received."""

    system: str
    """All system texts, joined by a line end."""
    last: str
    """The texts of the last message of the user that has any, joined by a line end."""
    images: int
    documents: int
    results: list[str]
    """The tool results, in order."""
    turns: int
    """Entries of the conversation as received."""


def speak(script: Script, seen: Seen) -> Script:
    """The script of an answer that says nothing but what was seen."""
    return say(script, orjson.dumps(seen._asdict()).decode())


def say(script: Script, text: str) -> Script:
    """The script of an answer that says `text`."""
    return replace(script, text=text, chunks=None, utf8=False, stamp=False, huge=None)
