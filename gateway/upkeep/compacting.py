"""Writing the store's file anew, so that what is free in it goes back to the disk. The gateway runs on meanwhile.

A copy is made beside the file and compared with it, takes its place by one rename, and is opened; until then the former
file has another name too. Whoever is killed at whatever step leaves a whole file in the place. Nothing is written to
the store from the first step to the last: records wait in the spool, whose open segments are looked after.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

import sql
from gateway import logs
from gateway.errors import Unacceptable
from gateway.store.analytics import READ_SECONDS, STORAGE_VERSION, Analytics, beside
from gateway.upkeep.archive import sync
from gateway.usage.ingest import Ingest

MARGIN_BYTES = 64 * 1024 * 1024
"""Disk that must be left over."""

TEND_SECONDS = 0.25

log = logs.get("gateway.upkeep.compacting")


class Compacted(Struct, frozen=True, kw_only=True):
    """How it went."""

    before_bytes: int
    after_bytes: int
    seconds: float


def check_room(path: Path, used_bytes: int) -> None:
    """Raises Unacceptable where there is no room for a second file beside the first, or none to take its place."""
    if path.is_symlink():
        raise Unacceptable(f"{path} is a symbolic link, which a file cannot take the place of")
    needed, free = used_bytes + MARGIN_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise Unacceptable(f"a copy of {path.name} needs {_mega(needed)} MB of disk, and {_mega(free)} MB are free")


def clear(path: Path) -> None:
    """Remove what a killed process has left beside a store's file. That must have been opened."""
    for leftover in (_draft(path), _log_of(_draft(path)), _former(path)):
        _drop(leftover)


def compact(ingest: Ingest, store: Analytics, is_ending: Callable[[], bool]) -> Compacted:
    """Write the file anew, on the thread that ingests, unless that is ending meanwhile. Raises Unacceptable, or what
    database and disk raise: then the store has the file it had."""
    connection, start = ingest.writing(), time.monotonic()
    connection.execute("checkpoint")
    before = store.path.stat().st_size
    ((_, used),) = connection.execute(sql.statement("rollups/size")).fetchall()
    check_room(store.path, used)
    clear(store.path)
    beside(store.path).mkdir(mode=0o700, exist_ok=True)
    try:
        _copy_aside(connection.cursor(), store.path, ingest, is_ending)
        _swap(ingest, store)
    finally:
        for leftover in (_draft(store.path), _log_of(_draft(store.path))):
            _drop(leftover)
    done = Compacted(
        before_bytes=before, after_bytes=store.path.stat().st_size, seconds=round(time.monotonic() - start, 3)
    )
    log.info("the analytics store was compacted", before=done.before_bytes, after=done.after_bytes)
    return done


def _copy_aside(cursor: DuckDBPyConnection, path: Path, ingest: Ingest, is_ending: Callable[[], bool]) -> None:
    """Copy in a thread of its own, and do meanwhile what cannot wait."""
    with ThreadPoolExecutor(1, thread_name_prefix="compact") as aside:
        copying: Future[None] = aside.submit(_copy, cursor, _draft(path))
        while not copying.done():
            ingest.look_after_open_segments()
            wait((copying,), TEND_SECONDS)
            if is_ending():
                with suppress(duckdb.ConnectionException):  # it has ended by itself
                    cursor.interrupt()
        copying.result()


def _copy(cursor: DuckDBPyConnection, draft: Path) -> None:
    """Everything in the store, into a new file. The names are ours, and no statement takes them as parameters."""
    try:
        ((name,),) = cursor.execute(sql.statement("rollups/database")).fetchall()
        place = str(draft.absolute()).replace("'", "''")
        cursor.execute(f"attach '{place}' as compacted (storage_version '{STORAGE_VERSION}')")
        try:
            cursor.execute(f'copy from database "{name}" to compacted')
            _compare(cursor, name)
            cursor.execute("checkpoint compacted")
        finally:
            cursor.execute("detach compacted")
    finally:
        cursor.close()
    sync(draft)
    sync(draft.parent)


def _compare(cursor: DuckDBPyConnection, name: str) -> None:
    """Raises Unacceptable unless both have the same tables, views and macros, and as many rows of each."""
    if (former := _contents(cursor, name)) != (copied := _contents(cursor, "compacted")):
        raise Unacceptable(f"the copy is not what was copied: {sorted(former ^ copied)}")


def _contents(cursor: DuckDBPyConnection, name: str) -> set[tuple[str, str, int]]:
    here = {"name": name}
    tables = cursor.execute(sql.statement("rollups/tables"), here).fetchall()
    rows = {
        ("table", table, cursor.execute(f'select count(*) from "{name}"."{table}"').fetchall()[0][0])  # noqa: S608
        for (table,) in tables
    }
    others = cursor.execute(sql.statement("rollups/beside_tables"), here).fetchall()
    return rows | {(kind, called, 1) for kind, called in others}


def _swap(ingest: Ingest, store: Analytics) -> None:
    """Have the copy in the place of the file, and open it; the former file again where it cannot be opened."""
    path, draft, former = store.path, _draft(store.path), _former(store.path)
    ingest.let_go()
    store.close(patience=READ_SECONDS)
    _check_let_go(path)
    os.link(path, former)
    draft.rename(path)
    sync(path.parent)
    try:
        ingest.open()
    except Exception as error:
        log.error("the copy cannot be opened; the former file is used again", error=str(error))
        _drop(_log_of(path))
        former.rename(path)
        sync(path.parent)
        raise
    _drop(former)


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)


def _check_let_go(path: Path) -> None:
    """Raises Unacceptable where the closed file has a log yet, which would be replayed into the copy, or somebody in
    this process has it open, who would write to a file without a name."""
    log_of = _log_of(path)
    if log_of.exists() and log_of.stat().st_size:
        raise Unacceptable(f"{log_of.name} is not empty although the store was closed")
    _drop(log_of)
    if any(os.path.samestat(path.stat(), status) for status in _open_files()):
        raise Unacceptable(f"{path.name} is still open although the store was closed")


def _open_files() -> Iterator[os.stat_result]:
    """What this process has open; nothing where the system does not tell."""
    with suppress(FileNotFoundError):
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                yield os.fstat(int(entry.name))


def _draft(path: Path) -> Path:
    return beside(path) / path.name


def _former(path: Path) -> Path:
    return beside(path) / f"{path.name}.former"


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _mega(size: int) -> int:
    return -(-size // 1_000_000)
