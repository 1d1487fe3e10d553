"""SQL of people's own as files: all rows, judged and stopped as queries are; without a first row it is told why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Conflict, ControlUnavailable, GatewayError, QueryRefused, QueryStopped
from gateway.store.analytics import Analytics
from gateway.store.asking.exports import FORMATS, Format
from gateway.store.asking.queries import Query
from tests.gateway.store.asking.stores import ENDLESS, opened
from tests.gateway.store.asking.test_queries import COLLECTING, ROWS, idle, refused


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Analytics]:
    with opened(tmp_path, ROWS) as (made, _):
        yield made


async def test_all_rows_come_as_a_file(store: Analytics) -> None:
    query = Query(id="1", who="me", text="select key, '=1' as odd from requests order by ts; -- all", seconds=60)
    pieces = await store.queries.export(query, "csv")
    lines = (await pieces.all()).split(b"\r\n")
    assert lines[:2] == [b'"key","odd"', b'"key-0","\'=1"']
    assert (len(lines), pieces.rows) == (ROWS + 2, ROWS)
    await idle(store)
    content = await (await store.queries.export(query, "parquet")).all()
    assert content[:4] == content[-4:] == b"PAR1"
    await idle(store)


@pytest.mark.parametrize(
    "text", ["delete from requests", "from read_text('x')", "select nope from requests", "explain select 1"]
)
async def test_an_export_is_judged_as_a_query_is(store: Analytics, text: str) -> None:
    with pytest.raises(QueryRefused):
        await store.queries.export(Query(id="1", who="me", text=text), "csv")
    await idle(store)


async def test_an_export_has_a_place_among_the_queries_and_is_stopped_like_one(store: Analytics) -> None:
    query = Query(id="1", who="me", text="select range as n, hash(range) as h from range(3000000000)", seconds=60)
    pieces = await store.queries.export(query, "csv")
    await anext(pieces)
    assert isinstance(await refused(store, "select 1", called="2"), Conflict)
    store.queries.cancel("1", "me")
    with pytest.raises(QueryStopped, match="cancelled"):
        async for _ in pieces:
            pass
    await idle(store)
    pieces = await store.queries.export(query, "parquet")
    pieces.end()
    await idle(store)
    too_much = Query(id="1", who="me", text=COLLECTING, seconds=60)
    with pytest.raises(QueryStopped, match="memory"):
        async for _ in await store.queries.export(too_much, "csv"):
            pass
    await idle(store)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("text", "seconds", "error", "words"),
    [
        ("select cast(model as integer) from requests", 60.0, QueryRefused, "Could not convert string 'model-"),
        (COLLECTING, 60.0, QueryStopped, "more than the memory"),
        (ENDLESS, 0.3, QueryStopped, "too long"),
    ],
)
async def test_an_export_that_ends_before_its_first_row_says_why_and_gives_nothing(
    store: Analytics, form: Format, text: str, seconds: float, error: type[GatewayError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await store.queries.export(Query(id="1", who="me", text=text, seconds=seconds), form)
    await idle(store)


async def test_a_place_is_given_back_where_there_is_none_for_the_export(store: Analytics) -> None:
    ids = ("1", "2")
    slow = "select range as n from range(3000000000)"
    running = [await store.queries.export(Query(id=each, who=each, text=slow, seconds=60), "csv") for each in ids]
    assert len(store.queries._under_way) == 2
    for pieces in running:
        pieces.end()
    await idle(store)
    others = [await store.export("usage/count", {}, "csv") for _ in ids]
    with pytest.raises(ControlUnavailable, match="exports are running"):
        await store.queries.export(Query(id="3", who="me", text="select 1"), "csv")
    assert not store.queries._under_way
    for pieces in others:
        pieces.end()
