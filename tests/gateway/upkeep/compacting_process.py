"""A compaction that is killed: before the so-manieth call of a function, or whenever somebody kills it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.store.analytics import Analytics
from gateway.upkeep import compacting
from gateway.usage.ingest import Ingest
from tests.gateway.usage.ingesting_process import die_at

POINTS: dict[str, tuple[object, str, int]] = {
    "before the copy": (compacting, "_copy", 1),
    "before the copy is compared": (compacting, "_compare", 1),
    "before the copy is synced": (compacting, "sync", 1),
    "before the store is closed": (Analytics, "close", 1),
    "before the former file has another name": (os, "link", 1),
    "before the copy takes its place": (Path, "rename", 1),
    "before that is synced": (compacting, "sync", 3),
    "before the copy is opened": (Ingest, "open", 2),
    "before the former file goes": (compacting, "_drop", 5),
}
"""Function before whose so-manieth call the end comes."""


def main(directory: Path, point: str | None) -> None:
    """Compact until killed."""
    spool = directory / "spool"
    store = Analytics(directory / "usage.duckdb", spool, memory_limit="256MB")
    ingest = Ingest(spool, store)
    while True:
        if point is not None:
            die_at(*POINTS[point])
        ingest.step()
        compacting.compact(ingest, store, lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
