"""Which days the archive lacks, and having them written: a file is never replaced by one that knows less.

Knows counts. How a file comes to be is `archive`. Nothing here is called on the event loop.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb

from gateway import logs
from gateway.upkeep.archive import Archive

MOST_FILES = 8
"""Files written in one go."""

BYTES_EACH = 128
"""Room that a request may take in a file, on the safe side."""

LEFT_OVER_BYTES = 256 * 1024 * 1024
"""Disk that is left to others."""

log = logs.get("gateway.upkeep.copying")


class Store(Protocol):
    """What is needed of the analytics store."""

    def work(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """The rows of a named statement. Raises ControlUnavailable, duckdb.Error."""


class NotCopied(Exception):
    """Why a day's file was not written, in one line."""


class Copying:
    """From one store into one archive. Every method raises ControlUnavailable, duckdb.Error and OSError."""

    def __init__(self, store: Store, archive: Archive) -> None:
        self.archive = archive
        self._store = store
        self._known: dict[Path, tuple[tuple[int, int], int]] = {}

    def copy_days(self, since: date) -> int:
        """Write what is missing of the days since, the latest first and a few at a time, and delete what is older; how
        many files were written. Raises NotCopied too."""
        days = self._store.work("rollups/archivable_days", {"since": since})
        due = [(row["d"], row["n"]) for row in days if self._is_due(row["d"], row["n"])][:MOST_FILES]
        for day, count in due:
            self._copy(day, count)
        self.archive.forget(since)
        return len(due)

    def count(self, path: Path) -> int | None:
        """How many requests a file has; None where it cannot be read."""
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if self._known.get(path, (None, 0))[0] != stamp:
            try:
                (found,) = self._store.work("rollups/archived", {"path": str(path)})
            except (duckdb.InvalidInputException, duckdb.IOException):
                return None
            self._known[path] = stamp, found["n"]
        return self._known[path][1]

    def _is_due(self, day: date, count: int) -> bool:
        """Whether a day's file is missing, or lacks requests that the store has."""
        path = self.archive.path_of(day)
        if not path.exists():
            return True
        archived = self.count(path)
        if archived is None:
            log.error("a file of the archive cannot be read", kept=str(self.archive.set_aside(day)))
            return True
        return archived < count and not self._knows_more(day, path)

    def _knows_more(self, day: date, path: Path) -> bool:
        """Whether a file has requests that the store has not."""
        (alone,) = self._store.work("rollups/archived_alone", {"path": str(path), "d": day})
        if alone["n"]:
            log.warning("the archive has requests that the store has not", file=str(path), requests=alone["n"])
        return bool(alone["n"])

    def _copy(self, day: date, count: int) -> None:
        self.archive.make()
        if shutil.disk_usage(self.archive.directory).free < LEFT_OVER_BYTES + count * BYTES_EACH:
            raise NotCopied(f"no room for the {count} requests of {day} in {self.archive.directory}")
        with self.archive.draft(day) as draft:
            self._store.work("rollups/archive_day", {"path": str(draft), "d": day})
