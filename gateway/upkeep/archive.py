"""A copy of each day's usage records outside of the store: one Parquet file a day, written whole or not at all.

Knows names and the steps by which a file comes to be. Does not know what is in one: that is for statements to write and
read, which get a path.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

SUFFIX = ".parquet"
DRAFT = ".new"
FETCHED = ".fetched"
UNREADABLE = ".unreadable"

_NAME = re.compile(r"date=(\d{4}-\d{2}-\d{2})\.parquet")


class Archive:
    """The files of one directory, which is made when the first is written."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def days(self) -> dict[date, Path]:
        """Every file, by its day, the oldest first."""
        return {day: path for path in sorted(self._entries()) if (day := day_named(path.name)) is not None}

    def path_of(self, day: date) -> Path:
        """Where a day's file is."""
        return self.directory / name_of(day)

    def make(self) -> None:
        """Make the directory, where there is none."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def draft(self, day: date) -> Iterator[Path]:
        """Where to write a day's file, which then takes its place; nothing is left of one that could not be written."""
        self.make()
        draft = self.path_of(day).with_suffix(SUFFIX + DRAFT)
        draft.unlink(missing_ok=True)
        try:
            yield draft
            sync(draft)
            draft.rename(self.path_of(day))
            sync(self.directory)
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def fetched(self, day: date) -> Iterator[Path]:
        """Where to put a day's file that comes from elsewhere, for as long as it is looked at."""
        self.make()
        with tempfile.NamedTemporaryFile(
            dir=self.directory, prefix=f"{self.path_of(day).name}.", suffix=FETCHED
        ) as file:
            yield Path(file.name)

    def tidy(self) -> None:
        """Delete what a killed process has left of files from elsewhere."""
        for path in self._entries():
            if path.name.endswith(FETCHED):
                path.unlink(missing_ok=True)

    def set_aside(self, day: date) -> Path:
        """Keep a file that cannot be read, for people to look at; where it is now."""
        path = self.path_of(day)
        return path.rename(path.with_suffix(SUFFIX + UNREADABLE))

    def forget(self, before: date) -> int:
        """Delete the files of days before this one, and what a killed process has left; how many that were."""
        old = [path for day, path in self.days().items() if day < before]
        for path in (*old, *(path for path in self._entries() if path.name.endswith(SUFFIX + DRAFT))):
            path.unlink(missing_ok=True)
        return len(old)

    def _entries(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return list(self.directory.iterdir())
        return []


def archive_in(data_dir: Path, setting: str) -> Archive | None:
    """The archive that the setting `usage.archive` means; None where it says that there is none."""
    return Archive(data_dir / setting / "usage") if setting else None


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def name_of(day: date) -> str:
    """What a day's file is called."""
    return f"date={day.isoformat()}{SUFFIX}"


def day_named(name: str) -> date | None:
    """Which day's file is called so; None for any other name."""
    found = _NAME.fullmatch(name)
    with suppress(ValueError):  # 2026-13-01
        return date.fromisoformat(found[1]) if found else None
    return None
