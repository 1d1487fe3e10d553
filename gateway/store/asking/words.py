"""What DuckDB says is wrong with a query, in words for whoever wrote it, with the place."""

from __future__ import annotations

import re

import duckdb
import msgspec
from msgspec import Struct

from gateway.errors import QueryRefused

AS_JSON = "set errors_as_json = true"
"""Has a cursor's errors say where in the text they are."""


class _Said(Struct, frozen=True):
    exception_message: str
    position: str | None = None


_decoder = msgspec.json.Decoder(_Said)


def refusal(error: duckdb.Error, written: str, *, offset: int | None) -> QueryRefused:
    """What to tell of an error, whose places are `offset` bytes before those in what was written; None where they are
    of another text."""
    text = str(error)
    try:
        said = _decoder.decode(text[text.index("{") :])
    except (ValueError, msgspec.DecodeError):
        return QueryRefused(_one(text))
    position = int(said.position) if said.position is not None and offset is not None else None
    return refused_at(_one(said.exception_message), written, position, offset or 0)


def refused_at(message: str, written: str, position: int | None, offset: int) -> QueryRefused:
    """A refusal for what stands `position` bytes behind `offset`."""
    # DuckDB says the largest number there is where it knows no place.
    place = -1 if position is None else position + offset
    content = written.encode()
    if not 0 <= place <= len(content):
        return QueryRefused(message)
    before = content[:place].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return QueryRefused(f"Line {line}, column {column}: {message}", line=line, column=column)


def _one(text: str) -> str:
    """A message without the excerpt and the hints for another interface that may follow it."""
    kept = text.partition("\n\nLINE ")[0].strip()
    kept = re.sub(r"\s*\n\s*", " ", kept)
    return kept if kept.endswith((".", "!", "?", '"')) else f"{kept}."
