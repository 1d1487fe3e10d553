"""Data directories with millions of requests in them: made by the gateway's own command, copied for each use.

What was made is thrown away when the schema has changed, or when it is so old that the last day would be empty.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import sql
from benchmarks.errors import BenchmarkError
from benchmarks.places import ROOT, WORK

HOURS = 12.0
"""How long one is of use."""

MADE = "made"
"""A file that is there once all of it is."""


def copied(requests: int, days: float, target: Path) -> Path:
    """`target`, with a data directory of so many requests in it. Raises `BenchmarkError`."""
    if not target.exists():
        # Where the file system can, only what is written to takes room.
        subprocess.run(["cp", "-r", "--reflink=auto", str(made(requests, days)), str(target)], check=True)
    return target


def made(requests: int, days: float) -> Path:
    """One that nobody may write to. Raises `BenchmarkError`."""
    directory = WORK / f"seeded-{requests}-{days:g}-{_schema()}"
    if not _is_of_use(directory):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        _make(requests, days, directory)
        (directory / MADE).touch()
    return directory


def _is_of_use(directory: Path) -> bool:
    made = directory / MADE
    return made.exists() and time.time() - made.stat().st_mtime < HOURS * 3600


def _make(requests: int, days: float, directory: Path) -> None:
    print(f"making {requests:,} requests for {directory.name}", file=sys.stderr, flush=True)
    words = [f"--rows={requests}", f"--days={days}", f"--data-dir={directory}"]
    command = [sys.executable, "-m", "gateway", "seed", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(done.stderr.strip() or "the requests could not be made")
    print(done.stdout.strip(), file=sys.stderr, flush=True)


def _schema() -> str:
    """What tells one schema, and one way to fill it, from another."""
    texts = [migration.text for migration in sql.migrations("analytics")] + [sql.statement("demo/seed")]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]
