"""Slips: leave to have what is said in one request kept, so that whoever asks it from the playground sees all of it.

A slip is an empty file with a name that nobody can guess, good for one request: whoever takes requests tears it. So
nobody has anything kept but who may write to the data directory.
"""

from __future__ import annotations

import re
from pathlib import Path
from secrets import token_urlsafe

_SLIP = re.compile(r"[A-Za-z0-9_-]{43}")


def write(data_dir: Path) -> str:
    """A new one. Raises OSError."""
    slip = token_urlsafe(32)
    path = _path(data_dir, slip)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return slip


def tear(data_dir: Path, slip: str) -> bool:
    """Whether there is this one; from now on there is not. Raises OSError."""
    if not _SLIP.fullmatch(slip):
        return False
    try:
        _path(data_dir, slip).unlink()
    except FileNotFoundError:
        return False
    return True


def _path(data_dir: Path, slip: str) -> Path:
    return data_dir / "run" / "slips" / slip
