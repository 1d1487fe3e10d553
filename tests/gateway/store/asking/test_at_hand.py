"""Rows at hand as files: read again, they are what they were; no file is left, and none was there."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.store.asking.at_hand import ROWS_AT_ONCE, written
from gateway.store.asking.cells import Column
from gateway.store.asking.exports import FORMATS, Format

NOON = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
COLUMNS = (
    Column("name", "VARCHAR"),
    Column("tokens", "BIGINT"),
    Column("share", "DOUBLE"),
    Column("is_on", "BOOLEAN"),
    Column("at", "TIMESTAMP WITH TIME ZONE"),
    Column("tags", "VARCHAR[]"),
    Column("weights", "BIGINT[]"),
)
NOTHING = (None,) * len(COLUMNS)
ROWS: list[tuple[object, ...]] = [
    ("one", 2**62, 0.1, True, NOON, ["a", 'b,"c"'], [3, None]),
    NOTHING,
    ("ü\x00\r\n", -5, -1e-9, False, NOON.astimezone(timezone(timedelta(hours=5))), [], []),
]

each_format = pytest.mark.parametrize("form", FORMATS)


def lines_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def table_of(content: bytes, path: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Types by column, and rows of a Parquet file; instants as microseconds."""
    path.write_bytes(content)
    with duckdb.connect() as connection:
        found = connection.sql(f"from '{path}'")
        types = dict(zip(found.columns, map(str, found.types), strict=True))
        moments = ", ".join(f'epoch_us("{name}") as "{name}"' for name, type_ in types.items() if "ZONE" in type_)
        return types, connection.sql(f"select * replace ({moments}) from '{path}'" if moments else f"from '{path}'"
                                     ).fetchall()  # fmt: skip


async def test_parquet_has_values_of_their_types(tmp_path: Path) -> None:
    types, rows = table_of(await written(COLUMNS, ROWS, "parquet"), tmp_path / "x.parquet")
    assert types == {each.name: each.type for each in COLUMNS}
    us = (NOON - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert rows == [(*row[:4], us if row[4] else None, *row[5:]) for row in ROWS]


async def test_csv_has_numbers_as_they_are_and_texts_in_quotes() -> None:
    content = await written(COLUMNS, ROWS, "csv")
    assert content.startswith(
        b'"name","tokens","share","is_on","at","tags","weights"\r\n"one",4611686018427387904,0.1,'
    )
    assert lines_of(content)[1:] == [
        ["one", str(2**62), "0.1", "true", "2026-11-20 12:00:00.123456+00", '["a","b,\\"c\\""]', "[3,null]"],
        [""] * 7,
        ["ü\x00\r\n", "-5", "-1e-09", "false", "2026-11-20 12:00:00.123456+00", "[]", "[]"],
    ]


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r", "\n"])
async def test_no_text_is_a_formula(mark: str) -> None:
    columns = (Column("name", "VARCHAR"), Column("n", "BIGINT"))
    lines = lines_of(await written(columns, [(f"{mark}1+1", -1), ("1", 1)], "csv"))
    assert lines[1:] == [[f"'{mark}1+1", "-1"], ["1", "1"]]


@each_format
async def test_there_may_be_many_rows_and_none(form: Format, tmp_path: Path) -> None:
    columns = (Column("n", "BIGINT"), Column("text", "VARCHAR"))
    for count in (0, 1, ROWS_AT_ONCE, 3 * ROWS_AT_ONCE + 1):
        content = await written(columns, [(number, f"row {number}") for number in range(count)], form)
        if form == "csv":
            found = [(int(number), text) for number, text in lines_of(content)[1:]]
        else:
            found = table_of(content, tmp_path / "x.parquet")[1]
        assert found == [(number, f"row {number}") for number in range(count)]


@each_format
async def test_what_are_no_characters_does_no_harm(form: Format, tmp_path: Path) -> None:
    columns = (Column('a "name"', "VARCHAR"), Column("texts", "VARCHAR[]"))
    content = await written(columns, [("a\udcffb", ("\ud800", "c"))], form)
    if form == "csv":
        assert lines_of(content) == [['a "name"', "texts"], ["a?b", '["?","c"]']]
    else:
        assert table_of(content, tmp_path / "x.parquet")[1] == [("a?b", ["?", "c"])]


def test_no_file_is_made_and_none_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(Path("/proc/self/fd").iterdir())
    for form in FORMATS:
        asyncio.run(written(COLUMNS, ROWS, form))
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert list(tmp_path.iterdir()) == []
