"""What a statement gives as a file, out of a real store: whole, bounded, and stopped when nobody wants it."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from gateway.errors import ControlUnavailable
from gateway.store.analytics import Analytics
from gateway.store.asking import exports, pipe
from gateway.store.asking.exports import EXPORTS, FORMATS, Format, Pieces
from gateway.usage.chosen import Filter
from tests.gateway.store.asking.stores import ENDLESS, opened
from tests.waiting import auntil

ROWS = 40_000
ALL: dict[str, object] = {"filter": Filter(since_us=0, until_us=2**62).parameter()}

each_format = pytest.mark.parametrize("form", FORMATS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store with requests in it, to be copied."""
    directory = tmp_path_factory.mktemp("filled")
    with opened(directory, ROWS):
        pass
    return directory / "usage.duckdb"


@pytest.fixture
async def at(tmp_path: Path, filled: Path) -> AsyncIterator[tuple[Analytics, DuckDBPyConnection]]:
    shutil.copy(filled, tmp_path)
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def store(at: tuple[Analytics, DuckDBPyConnection]) -> Analytics:
    return at[0]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Statements of the test, by name, in place of the program's."""
    made: dict[str, str] = {}
    monkeypatch.setattr("gateway.store.analytics.sql.statement", lambda name: made[name])
    return made


async def export(store: Analytics, form: Format, **parameters: Any) -> Pieces:
    return await store.export("requests/exported", {**ALL, **parameters}, form)


async def test_csv_has_a_header_and_every_row(store: Analytics) -> None:
    rows = list(csv.reader(io.StringIO((await (await export(store, "csv")).all()).decode(), newline=""), strict=True))
    assert rows[0][:3] == ["started_at", "id", "outcome"]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == ROWS + 1
    first = dict(zip(rows[0], rows[1], strict=True))
    assert (first["started_at"], first["outcome"], first["key"]) == ("2023-11-14 22:13:20", "ok", "key-0")
    assert first["tags"] == '["a","b=c"]'
    assert first["attempts"].startswith('[{"provider":"mock",')
    assert (first["error"], first["stream"]) == ("", "")


async def test_parquet_has_every_row_with_its_types(store: Analytics, tmp_path: Path) -> None:
    content = await (await export(store, "parquet")).all()
    (tmp_path / "all.parquet").write_bytes(content)
    with duckdb.connect() as connection:
        found = connection.sql(f"from '{tmp_path}/all.parquet'")
        types = dict(zip(found.columns, map(str, found.types), strict=True))
        assert (types["started_at"], types["id"], types["tags"]) == ("TIMESTAMP", "UUID", "VARCHAR[]")
        assert types["attempts"].startswith("STRUCT(provider VARCHAR")
        assert connection.sql(
            f"select count(*), sum(cost_nano_usd), min(started_at)::varchar from '{tmp_path}/all.parquet'"
        ).fetchall() == [(ROWS, 7 * sum(range(ROWS)), "2023-11-14 22:13:20")]
        codecs = connection.sql(
            f"select distinct compression from parquet_metadata('{tmp_path}/all.parquet')"
        ).fetchall()
    assert codecs == [("ZSTD",)]


async def test_both_have_the_columns_of_the_table_and_what_became_of_a_request(
    at: tuple[Analytics, DuckDBPyConnection], tmp_path: Path
) -> None:
    store, connection = at
    known = [name for (name,) in connection.execute("select column_name from (describe requests)").fetchall()]
    (tmp_path / "all.parquet").write_bytes(await (await export(store, "parquet")).all())
    header = (await (await export(store, "csv")).all()).split(b"\r\n")[0].decode()
    with duckdb.connect() as other:
        columns = other.sql(f"from '{tmp_path}/all.parquet'").columns
    assert sorted(columns) == sorted([*known, "started_at", "outcome"][1:])
    assert header == ",".join(f'"{name}"' for name in columns)


@each_format
async def test_a_filter_is_a_filter(store: Analytics, form: Format) -> None:
    parameter = Filter(since_us=0, until_us=2**62, key_ids=("key-3",), model="model-3").parameter()
    pieces = await store.export("requests/exported", {"filter": parameter}, form)
    await pieces.all()
    assert pieces.rows == ROWS // 50


@each_format
async def test_an_export_of_nothing_is_a_file_without_rows(store: Analytics, form: Format, tmp_path: Path) -> None:
    content = await (
        await store.export("requests/exported", {"filter": Filter(since_us=0, until_us=1).parameter()}, form)
    ).all()
    (tmp_path / f"none.{form}").write_bytes(content)
    with duckdb.connect() as connection:
        assert connection.sql(f"from '{tmp_path}/none.{form}'").fetchall() == []
        assert connection.sql(f"from '{tmp_path}/none.{form}'").columns[:2] == ["started_at", "id"]


@each_format
async def test_no_piece_is_empty_and_none_is_large(store: Analytics, form: Format) -> None:
    sizes = [len(piece) async for piece in await export(store, form)]
    assert min(sizes) > 0
    assert max(sizes) <= 512 * 1024


@each_format
async def test_nothing_is_left_behind(store: Analytics, form: Format, tmp_path: Path) -> None:
    await (await export(store, form)).all()
    assert list((tmp_path / "exports").iterdir()) == []
    await auntil(lambda: store._exports.under_way == 0)
    assert not store._runs


async def test_a_statement_waits_while_nobody_takes_its_rows(store: Analytics) -> None:
    pieces = await export(store, "csv")
    await anext(pieces)
    most = exports.LINES_AT_ONCE * (pipe.ROOM + 3)
    await auntil(lambda: pieces.rows >= exports.LINES_AT_ONCE * pipe.ROOM)
    await asyncio.sleep(0.2)
    assert pieces.rows <= most < ROWS
    pieces.end()
    await auntil(lambda: not store._runs)


@each_format
async def test_when_its_reader_leaves_everything_is_let_go(store: Analytics, form: Format, tmp_path: Path) -> None:
    pieces = await export(store, form)
    await anext(pieces)
    assert store._exports.under_way == 1
    pieces.end()
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)
    await auntil(lambda: store._exports.under_way == 0 and not store._runs)
    assert list((tmp_path / "exports").iterdir()) == []


@each_format
async def test_whoever_is_forgotten_with_it_lets_it_go_too(store: Analytics, form: Format, tmp_path: Path) -> None:
    pieces = await export(store, form)
    await anext(pieces)
    del pieces
    gc.collect()
    await auntil(lambda: store._exports.under_way == 0 and not store._runs)
    assert list((tmp_path / "exports").iterdir()) == []


@each_format
async def test_who_leaves_before_the_first_piece_stops_the_statement(
    store: Analytics, statements: dict[str, str], form: Format, tmp_path: Path
) -> None:
    statements["endless"] = ENDLESS
    beginning = asyncio.create_task(store.export("endless", {}, form))
    await auntil(lambda: bool(store._runs))
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    await auntil(lambda: store._exports.under_way == 0 and not store._runs)
    assert list((tmp_path / "exports").iterdir()) == []


@each_format
async def test_a_few_run_at_once_and_one_more_is_refused(
    store: Analytics, statements: dict[str, str], form: Format
) -> None:
    statements["slow"] = "select range as n from range(100000000)"
    running = [await store.export("slow", {}, "csv") for _ in range(EXPORTS)]
    with pytest.raises(ControlUnavailable, match="exports are running") as refused:
        await store.export("slow", {}, form)
    assert refused.value.retry_after == 10
    for pieces in running:
        pieces.end()
    await auntil(lambda: store._exports.under_way == 0)
    statements["quick"] = "select 1 as n"
    assert (await (await store.export("quick", {}, "csv")).all()) == b'"n"\r\n1\r\n'


@each_format
async def test_who_takes_too_long_does_not_get_the_end(
    store: Analytics, monkeypatch: pytest.MonkeyPatch, form: Format, tmp_path: Path
) -> None:
    """And whoever reads it must hear that, rather than take half of it for all."""
    monkeypatch.setattr(exports.Wanted, "__init__", _hurried(exports.Wanted.__init__, 2.0))
    pieces = await export(store, form)
    await anext(pieces)
    await auntil(lambda: store._exports.under_way == 0)
    assert list((tmp_path / "exports").iterdir()) == []
    with pytest.raises(ControlUnavailable, match="too long"):
        async for _ in pieces:
            pass


def _hurried(make: Any, seconds: float) -> Any:
    def made(self: Any, **said: Any) -> None:
        make(self, **{**said, "seconds": seconds})

    return made


async def test_who_takes_nothing_is_not_waited_for(store: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "Pipe", lambda: pipe.Pipe(stall_seconds=0.1))
    pieces = await export(store, "csv")
    await auntil(lambda: not store._runs)
    with pytest.raises(ControlUnavailable, match="Nobody has taken"):
        async for _ in pieces:
            pass
    await auntil(lambda: store._exports.under_way == 0)


@each_format
async def test_closing_the_store_ends_exports_in_the_middle(
    store: Analytics, statements: dict[str, str], form: Format
) -> None:
    statements["slow"] = "select range as n, hash(range) as h from range(3000000000)"
    pieces = await store.export("slow", {}, form)
    await anext(pieces)
    await asyncio.wait_for(asyncio.to_thread(store.close), 5)
    with pytest.raises(ControlUnavailable, match="being closed"):
        async for _ in pieces:
            pass
    store.open()
    statements["quick"] = "select 1 as n"
    assert (await (await store.export("quick", {}, "csv")).all()) == b'"n"\r\n1\r\n'


@each_format
async def test_what_does_not_work_at_all_is_told_before_anything_else(
    store: Analytics, statements: dict[str, str], form: Format
) -> None:
    statements["wrong"] = "select nothing from nowhere"
    with pytest.raises(ControlUnavailable) as refused:
        await store.export("wrong", {}, form)
    assert "nowhere" not in refused.value.message
    await auntil(lambda: store._exports.under_way == 0)
    await asyncio.to_thread(store.close)
    with pytest.raises(ControlUnavailable, match="not open"):
        await store.export("wrong", {}, form)
    await auntil(lambda: store._exports.under_way == 0)


async def test_what_goes_wrong_on_the_way_ends_it_in_the_middle(store: Analytics, statements: dict[str, str]) -> None:
    statements["wrong"] = "select case when range = 2000000 then error('x') else range end as n from range(3000000)"
    pieces = await store.export("wrong", {}, "csv")
    with pytest.raises(ControlUnavailable):
        async for _ in pieces:
            pass
    assert exports.LINES_AT_ONCE <= pieces.rows < 3_000_000


@each_format
async def test_others_read_and_write_meanwhile(at: tuple[Analytics, DuckDBPyConnection], form: Format) -> None:
    store, connection = at
    pieces = await export(store, form)
    await anext(pieces)
    connection.execute("insert into requests (ts, id) values (make_timestamp(1), uuid())")
    connection.execute("checkpoint")
    assert await store.read("usage/count", {}) == [{"requests": ROWS + 1}]
    async for _ in pieces:
        pass
    assert pieces.rows == ROWS, "an export sees one moment of the store"


async def test_a_file_that_a_killed_process_left_is_removed_when_the_store_is_opened(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "1-1.parquet").write_bytes(b"PAR1")
    with opened(tmp_path):
        assert list((tmp_path / "exports").iterdir()) == []


async def test_a_store_that_is_opened_again_leaves_files_that_are_still_taken(
    store: Analytics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIECE_BYTES", 4096)
    pieces = await export(store, "parquet")
    await auntil(lambda: not store._runs)
    await asyncio.to_thread(store.close)
    store.open()
    assert (await pieces.all())[-4:] == b"PAR1"


async def test_a_file_that_somebody_took_away_is_not_taken_for_a_whole_one(
    store: Analytics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIECE_BYTES", 4096)
    pieces = await export(store, "parquet")
    await auntil(lambda: not store._runs)
    for path in (tmp_path / "exports").iterdir():
        path.unlink()
    with pytest.raises(ControlUnavailable, match="gone"):
        await pieces.all()


async def test_nobody_else_on_the_machine_sees_what_is_exported(store: Analytics, tmp_path: Path) -> None:
    assert (tmp_path / "exports").stat().st_mode & 0o077 == 0
