"""Captures that have had their time, or for which there is no room: the oldest hours go first.

Done by a job, and by the writers whenever they have filled a good part of the room; never by two at once. Of the hour
that is being written the oldest exchanges go, by their ids.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.settings.model import CaptureSettings

from .places import BLOCK_BYTES, SUFFIX, WEIGHT, blocks_of, ended_by, folder_of, hours, weight_of

LOCK = "tidying"

FULL = 0.9
"""Share of the room that is filled again once the oldest had to go: so that it is not done for each that comes."""


def tidy(folder: Path, *, keep: timedelta, most_bytes: int, now: datetime) -> None:
    """Delete what is older than `keep`, and what is too much. Nothing where somebody else is at it. Raises OSError."""
    if not folder.is_dir():
        return
    with _alone(folder) as alone:
        if alone:
            for hour in hours(folder):
                if not ended_by(hour, now - keep):
                    break
                _remove(hour)
            _make_room(folder, most_bytes)


async def tidy_now(data_dir: Path, said: CaptureSettings) -> None:
    """The same of a gateway, by its settings and the clock. Raises OSError."""
    keep, most = timedelta(days=said.keep_days), said.max_total_bytes
    await asyncio.to_thread(tidy, folder_of(data_dir), keep=keep, most_bytes=most, now=datetime.now(UTC))


def weight(folder: Path) -> int:
    """Bytes that all captures take."""
    return sum(map(weight_of, hours(folder)))


def _make_room(folder: Path, most_bytes: int) -> None:
    there = hours(folder)
    weights = {hour: weight_of(hour) for hour in there}
    total = sum(weights.values())
    if total <= most_bytes:
        return
    wanted = int(most_bytes * FULL)
    for hour in there[:-1]:
        if total <= wanted:
            return
        _remove(hour)
        total -= weights[hour]
    if total > wanted:
        _thin(there[-1], wanted // BLOCK_BYTES)


def _thin(hour: Path, room: int) -> None:
    """Of an hour that is being written keep the latest captures, as many as have room in so many blocks."""
    kept = 0
    for path in sorted(hour.glob(f"*{SUFFIX}"), reverse=True):
        with suppress(FileNotFoundError):
            blocks = blocks_of(path.stat().st_size)
            if kept + blocks > room:
                path.unlink()
                room = kept  # nothing older stays, however small
            else:
                kept += blocks
    os.truncate(hour / WEIGHT, kept)


def _remove(hour: Path) -> None:
    shutil.rmtree(hour, ignore_errors=True)  # a late writer may be at it: what it leaves goes the next time
    with suppress(OSError):  # the day has other hours
        hour.parent.rmdir()


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
