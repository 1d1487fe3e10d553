"""SQL of people's own, run in a real store: what it gives, how it is stopped, and that nobody else is in its way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from gateway.errors import Conflict, ControlUnavailable, GatewayError, QueryRefused, QueryStopped, UnknownResource
from gateway.store.analytics import Analytics
from gateway.store.asking import queries
from gateway.store.asking.permitted import Permitted
from gateway.store.asking.queries import AT_ONCE, Query, Result
from tests.gateway.store.asking.corpus import FILES, GOOD, WRITING
from tests.gateway.store.asking.stores import ENDLESS, opened
from tests.waiting import auntil

ROWS = 3000

COLLECTING = "select length(list(range)) from range(3000000000)"
SORTING = "select * from (select hash(range) as h, range as n from range(3000000000)) order by h limit 1000000000"
CROSS = "select count(*) from requests a, requests b, requests c where hash(a.total_us, b.total_us, c.total_us) = 1"
RUNAWAYS = {"a cross join": CROSS, "a sort": SORTING, "numbers": ENDLESS}


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[tuple[Analytics, DuckDBPyConnection]]:
    with opened(tmp_path, ROWS) as made:
        yield made


@pytest.fixture
def store(at: tuple[Analytics, DuckDBPyConnection]) -> Analytics:
    return at[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Analytics, DuckDBPyConnection, Path]]:
    """One for many texts, of which none changes anything; with a file that it may read."""
    directory = tmp_path_factory.mktemp("shared")
    (directory / "spool").mkdir()
    (directory / "spool" / "canary.json").write_text('{"id": 1}\n')
    with opened(directory, ROWS) as (made, connection):
        yield made, connection, directory


async def ask(store: Analytics, text: str, *, called: str = "one", who: str = "me", **more: Any) -> Result:
    return await store.queries.ask(Query(id=called, who=who, text=text, **more))


async def refused(store: Analytics, text: str, **more: Any) -> GatewayError:
    with pytest.raises(GatewayError) as found:
        await ask(store, text, **more)
    return found.value


def begun(store: Analytics, text: str, **more: Any) -> asyncio.Task[Result]:
    return asyncio.create_task(ask(store, text, **more))


async def idle(store: Analytics) -> None:
    await auntil(lambda: not store._runs and not store.queries._under_way, 20)


async def test_a_query_gives_columns_types_and_rows(store: Analytics) -> None:
    result = await ask(
        store,
        "select key, count(*) as n, sum(cost_nano_usd) as cost, min(ts) as first from requests group by 1 order by 1",
    )
    assert [(column.name, column.type) for column in result.columns] == [
        ("key", "VARCHAR"),
        ("n", "BIGINT"),
        ("cost", "HUGEINT"),
        ("first", "TIMESTAMP"),
    ]
    assert result.rows[0] == ["key-0", 300, 7 * sum(range(0, ROWS, 10)), "2023-11-14 22:13:20"]
    assert (len(result.rows), result.is_cut) == (10, False)
    assert result.microseconds > 0


async def test_everything_that_may_be_run_runs(shared: tuple[Analytics, DuckDBPyConnection, Path]) -> None:
    for text in GOOD:
        assert (await ask(shared[0], text, max_rows=10)).columns, text


async def test_rows_and_bytes_that_are_shown_are_bounded(store: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    result = await ask(store, "from requests", max_rows=7)
    assert (len(result.rows), result.is_cut) == (7, True)
    result = await ask(store, "from requests", max_rows=ROWS)
    assert (len(result.rows), result.is_cut) == (ROWS, False)
    monkeypatch.setattr(queries, "MOST_SHOWN_BYTES", 100_000)
    result = await ask(store, "select repeat('x', 5000) from range(1000)", max_rows=1000)
    assert result.is_cut
    assert 20 <= len(result.rows) < 1000


async def test_what_is_explained_is_shown_as_text(store: Analytics) -> None:
    for text, key in (("explain select 1", "physical_plan"), ("explain analyze from requests", "analyzed_plan")):
        result = await ask(store, text)
        assert result.rows[0][0] == key


async def test_nothing_else_is_run(shared: tuple[Analytics, DuckDBPyConnection, Path]) -> None:
    store, connection, directory = shared
    spool = directory / "spool"
    before = connection.execute("select count(*), min(status), max(status) from requests").fetchall()
    for text in (*WRITING, *FILES):
        error = await refused(store, text.replace("FILE", str(spool / "canary.json")).replace("DIR", str(spool)))
        assert isinstance(error, QueryRefused), text
    assert connection.execute("select count(*), min(status), max(status) from requests").fetchall() == before
    assert [path.name for path in spool.iterdir()] == ["canary.json"]


async def test_not_even_what_got_past_the_judge_could_write(
    at: tuple[Analytics, DuckDBPyConnection], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every query runs in a transaction that only reads; and of files there are only those of the store."""
    store, connection = at
    monkeypatch.setattr(queries, "none_of", lambda text: text)
    monkeypatch.setattr(queries, "permitted", lambda cursor, text: Permitted(text))
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for text in (
        "insert into requests (ts, id) values (make_timestamp(1), uuid())",
        "delete from requests",
        "create table x as select 1",
        "drop table requests",
        f"from '{tmp_path}/secret.csv'",
        f"from read_text('{tmp_path}/secret.csv')",
        f"copy requests to '{tmp_path}/out.csv'",
        f"attach '{tmp_path}/other.duckdb'",
        f"attach '{tmp_path}/usage.duckdb' as again",
        "install httpfs",
        "load httpfs",
        "set threads = 8",
        "set allowed_directories = ['/']",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "export database 'x'",
        "from duckdb_secrets()",
        "select getenv('HOME')",
    ):
        error = await refused(store, text)
        assert isinstance(error, QueryRefused), text
    assert connection.execute("select count(*) from requests").fetchall() == [(ROWS,)]
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("select\n  nope\nfrom requests", (2, 3), 'Referenced column "nope" not found'),
        ("from requests where modl = 1", (1, 21), "model"),
        ("select cast('x' as integer)", (1, 8), "Could not convert string 'x'"),
        ("explain\n select nope from requests", (2, 9), "nope"),
        ("select 'ü', nope from requests", (1, 13), "nope"),
        ("select sum(model) from requests", (1, 8), "No function matches"),
        ("select 1 frm requests", (1, 14), "syntax error"),
    ],
)
async def test_what_is_wrong_is_told_in_words_with_its_place(
    shared: tuple[Analytics, DuckDBPyConnection, Path], text: str, place: tuple[int, int], words: str
) -> None:
    error = await refused(shared[0], text)
    assert isinstance(error, QueryRefused)
    assert words in error.message
    assert (error.line, error.column) == place
    assert "LINE" not in error.message
    assert "\n" not in error.message


async def test_what_goes_wrong_on_the_way_is_told_too(store: Analytics) -> None:
    error = await refused(store, "select cast(model as integer) from requests")
    assert isinstance(error, QueryRefused)
    assert "model-0" in error.message


@pytest.mark.parametrize("name", RUNAWAYS)
async def test_what_takes_too_long_is_stopped_and_others_do_not_notice(
    at: tuple[Analytics, DuckDBPyConnection], name: str
) -> None:
    store, connection = at
    began = time.monotonic()
    runaway = begun(store, RUNAWAYS[name], seconds=2.0)
    slowest, reads = 0.0, 0
    while not runaway.done():
        at_once = time.monotonic()
        assert len(await store.read("usage/newest", {"since_us": 0, "key": None, "key_ids": None, "limit": 50})) == 50
        await asyncio.to_thread(connection.execute, "insert into requests (ts, id) values (make_timestamp(1), uuid())")
        await asyncio.to_thread(connection.execute, "checkpoint")
        slowest, reads = max(slowest, time.monotonic() - at_once), reads + 1
        await asyncio.sleep(0.01)
    error = runaway.exception()
    assert isinstance(error, QueryStopped)
    assert "too long" in error.message
    assert time.monotonic() - began < 60
    assert reads > 1
    assert slowest < 2
    await idle(store)


async def test_what_collects_too_much_is_stopped_and_others_do_not_notice(
    at: tuple[Analytics, DuckDBPyConnection],
) -> None:
    store, connection = at
    runaway = begun(store, COLLECTING, seconds=20)
    while not runaway.done():
        assert len(await store.read("usage/newest", {"since_us": 0, "key": None, "key_ids": None, "limit": 50})) == 50
        await asyncio.to_thread(connection.execute, "insert into requests (ts, id) values (make_timestamp(1), uuid())")
        await asyncio.sleep(0.01)
    error = runaway.exception()
    assert isinstance(error, QueryStopped)
    assert "memory" in error.message
    await idle(store)
    assert (await ask(store, "select 1")).rows == [[1]]


def test_values_larger_than_all_memory_end_the_query_and_not_the_process(tmp_path: Path) -> None:
    """The machine's memory is not at stake either: the process stays within what was there and a little more."""
    command = [sys.executable, "-m", "tests.gateway.store.asking.bomb_process", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert all("memory" in message or "vector" in message for message in told["outcomes"].values()), told
    assert told["done"] > 10 * told["failed"]
    assert told["grown_mb"] < 1024
    assert told["after"] == [[True]]
    assert told["unbounded"], "the bounds are gone when nobody's SQL runs"


async def test_where_nobody_can_watch_over_it_a_query_ends(store: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room for one more thread may be what another query has taken."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(QueryStopped, match="memory"):
            await ask(store, "select 1")
        assert await store.read("usage/count", {})
    assert (await ask(store, "select 1")).rows == [[1]]


async def test_a_large_sort_puts_on_disk_no_more_than_there_is_for_it(store: Analytics, tmp_path: Path) -> None:
    limit = (await ask(store, "select 1")).rows
    assert limit == [[1]]
    with pytest.raises(QueryRefused):
        await ask(store, "set max_temp_directory_size = '1TB'")
    sorting = begun(store, SORTING, seconds=2)
    await asyncio.wait((sorting,))
    await idle(store)
    await auntil(lambda: sum(path.stat().st_size for path in (tmp_path / "tmp").glob("*")) == 0)


async def test_who_leaves_has_their_query_stopped(store: Analytics) -> None:
    running = begun(store, ENDLESS, seconds=60)
    await auntil(lambda: bool(store._runs))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await idle(store)


async def test_a_query_can_be_cancelled_by_its_id_and_by_whoever_asked(store: Analytics) -> None:
    running = begun(store, ENDLESS, called="mine", seconds=60)
    await auntil(lambda: bool(store._runs))
    for query_id, who in (("mine", "you"), ("yours", "me")):
        with pytest.raises(UnknownResource):
            store.queries.cancel(query_id, who)
    store.queries.cancel("mine", "me")
    with pytest.raises(QueryStopped, match="cancelled"):
        await running
    await idle(store)
    with pytest.raises(UnknownResource):
        store.queries.cancel("mine", "me")


async def test_everybody_has_one_and_there_are_two_in_all(store: Analytics) -> None:
    first = begun(store, ENDLESS, called="1", who="ann", seconds=60)
    await auntil(lambda: bool(store._runs))
    assert isinstance(await refused(store, "select 1", called="2", who="ann"), Conflict)
    assert isinstance(await refused(store, "select 1", called="1", who="ben"), Conflict)
    second = begun(store, ENDLESS, called="3", who="ben", seconds=60)
    await auntil(lambda: len(store.queries._under_way) == AT_ONCE)
    error = await refused(store, "select 1", called="4", who="cy")
    assert isinstance(error, ControlUnavailable)
    assert error.retry_after == 2
    # Pages are read all the same.
    assert await store.read("usage/count", {}) == [{"requests": ROWS}]
    store.queries.cancel("1", "ann")
    store.queries.cancel("3", "ben")
    await asyncio.wait((first, second))
    await idle(store)
    assert (await ask(store, "select 1", called="1", who="ann")).rows == [[1]]


async def test_closing_the_store_stops_queries(store: Analytics) -> None:
    running = begun(store, ENDLESS, seconds=60)
    await auntil(lambda: bool(store._runs))
    await asyncio.wait_for(asyncio.to_thread(store.close), 5)
    with pytest.raises(ControlUnavailable, match="closed"):
        await running
    with pytest.raises(ControlUnavailable, match="not open"):
        await ask(store, "select 1")
    store.open()
    await idle(store)
    assert (await ask(store, "select 1")).rows == [[1]]


async def test_a_place_is_taken_until_the_query_has_really_ended(
    store: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is told in time all the same."""
    monkeypatch.setattr(queries, "GRACE_SECONDS", 0.1)
    may_end = threading.Event()
    monkeypatch.setattr(queries, "_rows", lambda cursor, run, query: may_end.wait(60))
    error = await refused(store, "select 1", seconds=0.1)
    assert isinstance(error, QueryStopped)
    assert isinstance(await refused(store, "select 1", called="two"), Conflict)
    may_end.set()
    await idle(store)


async def test_errors_of_our_own_statements_stay_as_they_were(store: Analytics) -> None:
    """Only a query's own cursor tells places in JSON."""
    await ask(store, "select 1")
    with pytest.raises(ControlUnavailable):
        await store.read("usage/newest", {})
