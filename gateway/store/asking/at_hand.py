"""Rows that are at hand as a file: CSV or Parquet, with the types of their columns.

Written by DuckDB, as what it gives itself is, in a database of its own that is gone with the file; the analytics store
may be shut meanwhile. Nothing gets on a disk. For as many rows as are held in memory anyway, such as those of a page.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from .cells import Column, columns_of, csv_header, csv_lines
from .exports import COPY, ROWS_OF_A_GROUP, Format

ROWS_AT_ONCE = 500
"""Handed over to DuckDB while nobody else can run Python."""

ALL = "from rows_at_hand"

CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "async_threads": 0,  # as in the analytics store
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

Rows = Sequence[Sequence[object]]


async def written(columns: Sequence[Column], rows: Rows, form: Format) -> bytes:
    """All of a file. Each row has a value for every column: a text, number, boolean or instant with a zone, a list of
    them, or None. No two names of columns may be the same but for their case."""
    return await asyncio.to_thread(_written, columns, rows, form)


def _written(columns: Sequence[Column], rows: Rows, form: Format) -> bytes:
    with duckdb.connect(":memory:", config=CONFIGURATION) as connection:
        connection.execute("set TimeZone = 'UTC'")
        _take(connection, columns, rows)
        return WRITERS[form](connection)


def _take(connection: DuckDBPyConnection, columns: Sequence[Column], rows: Rows) -> None:
    names = ", ".join(f"{_quoted(each.name)} {each.type}" for each in columns)
    connection.execute(f"create table rows_at_hand ({names})")
    values = ", ".join(f"unnest($c{place}::{each.type}[])" for place, each in enumerate(columns))
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        some = zip(*rows[begin : begin + ROWS_AT_ONCE], strict=True)
        given = {f"c{place}": [_plain(value) for value in column] for place, column in enumerate(some)}
        connection.execute(f"insert into rows_at_hand select {values}", given)  # types of ours


def _csv(connection: DuckDBPyConnection) -> bytes:
    columns = columns_of(connection.execute(f"{ALL} limit 0").description)
    lines = connection.execute(csv_lines(ALL, columns)).fetchall()
    return csv_header(columns) + "".join(f"{line}\r\n" for (line,) in lines).encode()


def _parquet(connection: DuckDBPyConnection) -> bytes:
    with _file() as path:
        connection.execute(COPY.format(text=ALL, rows=ROWS_OF_A_GROUP), {"exported_to": str(path)})
        return path.read_bytes()


WRITERS: Mapping[Format, Callable[[DuckDBPyConnection], bytes]] = {"csv": _csv, "parquet": _parquet}


@contextmanager
def _file() -> Iterator[Path]:
    """A file that is memory, and has no other name than this."""
    number = os.memfd_create("rows-at-hand")
    try:
        yield Path(f"/proc/self/fd/{number}")
    finally:
        os.close(number)


def _plain(value: object) -> object:
    """What strangers say, and names of files, can have characters in them that are none."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
