"""What is kept of a demo's company in the data directory. Knows the file; does not know who made what is in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

REQUESTS, DAYS = 400_000, 30.0
"""Of the history, unless it is said how many they are."""


class Furnished(Struct, frozen=True, kw_only=True):
    """What there is."""

    until_us: int
    """Where the history ends."""
    requests: int = REQUESTS
    """How many it has when it is whole."""
    secrets: dict[str, str] = {}
    """Of the client keys, by name."""
    is_whole: bool = False
    """Whether all of the history was written."""


def kept_in(data_dir: Path) -> Furnished | None:
    """What is kept there; None where nothing is, or nothing that can be read. Raises OSError."""
    try:
        return msgspec.json.decode(_file(data_dir).read_bytes(), type=Furnished)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def keep(data_dir: Path, furnished: Furnished) -> None:
    """Keep it whole or not at all, and for nobody else's eyes. Raises OSError."""
    path = _file(data_dir)
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(furnished))
    draft.replace(path)


def _file(data_dir: Path) -> Path:
    return data_dir / "run" / "demo.json"
