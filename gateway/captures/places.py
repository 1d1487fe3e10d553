"""Where captures lie: `captures/<day>/<hour>/<request id>.cap` in the data directory, by the time that the id tells.

Knows names and weights. How much an hour weighs is the size of a file in it to which every writer appends a byte for
each block that it fills: adding up a week is a few hundred looks, however many captures it has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

FOLDER = "captures"
SUFFIX = ".cap"
DRAFT = ".part"
"""What a file is called until it is whole."""

WEIGHT = "weight"
BLOCK_BYTES = 4096
"""What file systems give out at the least."""

HOUR = timedelta(hours=1)

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR = re.compile(r"[01][0-9]|2[0-3]")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC) - _EPOCH


def folder_of(data_dir: Path) -> Path:
    """The directory of all captures."""
    return data_dir / FOLDER


def is_id(text: str) -> bool:
    """Whether this may be the id of an exchange."""
    return _UUID7.fullmatch(text) is not None and begun(text) <= _LATEST


def begun(capture_id: str) -> timedelta:
    """When an exchange began, since 1970, by its id."""
    return timedelta(milliseconds=int(capture_id[:8] + capture_id[9:13], 16))


def place_of(folder: Path, capture_id: str) -> Path:
    """The file of a capture."""
    return folder / f"{_hour(begun(capture_id) // HOUR)}/{capture_id}{SUFFIX}"


def hours(folder: Path) -> list[Path]:
    """The directories of all hours, the oldest first."""
    return [hour for day in _named(folder, _DAY) for hour in _named(day, _HOUR)]


def ended_by(hour: Path, moment: datetime) -> bool:
    """Whether everything in the directory of an hour began before this moment."""
    return datetime.strptime(f"{hour.parent.name} {hour.name} +0000", "%Y-%m-%d %H %z") + HOUR <= moment


def blocks_of(size: int) -> int:
    """How many blocks a file of so many bytes takes."""
    return -(-size // BLOCK_BYTES)


def add_weight(hour: Path, blocks: int) -> None:
    """So many more are taken. Raises OSError."""
    descriptor = os.open(f"{hour}/{WEIGHT}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, bytes(blocks))
    finally:
        os.close(descriptor)


def weight_of(hour: Path) -> int:
    """Bytes that the captures of an hour take."""
    with suppress(OSError):
        return (hour / WEIGHT).stat().st_size * BLOCK_BYTES
    return 0


@lru_cache(maxsize=256)
def _hour(number: int) -> str:
    """What the directories of an hour are called; they are counted from 1970."""
    return f"{_EPOCH + number * HOUR:%Y-%m-%d/%H}"


def _named(directory: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    try:
        there = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # there are none yet, or none any more
        return
    yield from (path for path in there if pattern.fullmatch(path.name))
