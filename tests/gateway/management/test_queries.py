"""Who may ask in SQL, and that nobody gets an answer of which nothing is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import NotPermitted, QueryRefused, QueryStopped, StateUnavailable, UnknownResource
from gateway.management import queries
from gateway.management.office import Actor, Office
from gateway.management.queries import MOST_KEPT_BYTES, RUN, ExportWish, QueryWish
from gateway.store.analytics import Analytics
from gateway.store.asking.exports import FORMATS, Format
from tests.gateway.management.crowd import audit
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.gateway.store.asking.stores import ENDLESS, opened
from tests.waiting import auntil

OWNER = somebody("owner", "u-1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    with opened(tmp_path_factory.mktemp("store"), 100) as (made, _):
        yield made


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        yield made


async def entries(office: Office) -> list[tuple[str, dict[str, Any]]]:
    return [(entry["action"], entry["after"]) for entry in await audit(office) if entry["target_kind"] == "query"]


async def test_a_run_is_written_down(office: Office, store: Analytics) -> None:
    text = "select key from requests limit 3"
    result = await queries.run_query(office, OWNER, store.queries, QueryWish(sql=text), "q-1")
    assert len(result.rows) == 3
    ((action, told),) = await entries(office)
    assert action == "sql.run"
    assert (told["sql"], told["rows"], told["outcome"]) == (text, 3, "ok")
    assert told["milliseconds"] >= 0
    entry = (await audit(office))[-1]
    assert (entry["actor_name"], entry["target_id"]) == ("owner@example.com", "q-1")


async def test_so_is_one_that_was_refused_stopped_or_left(office: Office, store: Analytics) -> None:
    with pytest.raises(QueryRefused):
        await queries.run_query(office, OWNER, store.queries, QueryWish(sql="delete from requests"), "q-1")
    for ending in ("cancelled", "left"):
        running = asyncio.create_task(
            queries.run_query(office, OWNER, store.queries, QueryWish(sql=ENDLESS), f"q-{ending}")
        )
        await auntil(lambda: bool(store._runs))
        if ending == "left":
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        else:
            queries.cancel_query(OWNER, store.queries, "q-cancelled")
            with pytest.raises(QueryStopped):
                await running
        await auntil(lambda: not store.queries._under_way)
    assert [(told["outcome"], told["rows"]) for _, told in await entries(office)] == [
        ("query_refused", 0),
        ("query_stopped", 0),
        ("left", 0),
    ]


async def test_a_long_text_is_cut_where_it_is_written_down(office: Office, store: Analytics) -> None:
    text = "select '" + "ü" * MOST_KEPT_BYTES + "'"
    await queries.run_query(office, OWNER, store.queries, QueryWish(sql=text), "q-1")
    ((_, told),) = await entries(office)
    assert text.startswith(told["sql"])
    assert MOST_KEPT_BYTES - 4 < len(told["sql"].encode()) <= MOST_KEPT_BYTES


async def test_what_cannot_be_written_down_is_not_told(
    office: Office, store: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(actor: Actor, work: Any) -> None:
        raise StateUnavailable("gone")

    monkeypatch.setattr(office, "change", fail)
    with pytest.raises(StateUnavailable):
        await queries.run_query(office, OWNER, store.queries, QueryWish(sql="select 1"), "q-1")
    with pytest.raises(StateUnavailable):
        await queries.export_query(office, OWNER, store.queries, ExportWish(sql="select 1"), "q-1")
    await auntil(lambda: not store._runs and not store.queries._under_way)


async def test_an_export_is_written_down_when_it_begins_and_when_it_ends(office: Office, store: Analytics) -> None:
    exported = await queries.export_query(office, OWNER, store.queries, ExportWish(sql="from requests"), "q-1")
    assert [action for action, _ in await entries(office)] == ["sql.export"]
    content = b"".join([piece async for piece in exported])
    exported.end()
    assert exported._noting is not None
    await exported._noting
    (_, begun), (action, told) = await entries(office)
    assert begun == {"sql": "from requests", "format": "csv"}
    assert (action, told["rows"], told["bytes"], told["whole"]) == ("sql.exported", 100, len(content), True)


async def test_so_is_one_that_broke_off(office: Office, store: Analytics) -> None:
    text = "select range as n from range(3000000000)"
    exported = await queries.export_query(office, OWNER, store.queries, ExportWish(sql=text), "q-1")
    await anext(exported)
    exported.end()
    assert exported._noting is not None
    await exported._noting
    assert (await entries(office))[-1][1]["whole"] is False
    await auntil(lambda: not store.queries._under_way)
    exported = await queries.export_query(office, OWNER, store.queries, ExportWish(sql=text), "q-2")
    queries.cancel_query(OWNER, store.queries, "q-2")
    with pytest.raises(QueryStopped):
        async for _ in exported:
            pass
    assert exported._noting is not None
    await exported._noting
    assert (await entries(office))[-1][1]["whole"] is False
    await auntil(lambda: not store.queries._under_way)


@pytest.mark.parametrize("form", FORMATS)
async def test_so_is_one_that_came_to_nothing(office: Office, store: Analytics, form: Format) -> None:
    wish = ExportWish(sql="select cast(model as integer) from requests", format=form)
    with pytest.raises(QueryRefused, match="Could not convert"):
        await queries.export_query(office, OWNER, store.queries, wish, "q-1")
    beginning = asyncio.create_task(
        queries.export_query(office, OWNER, store.queries, ExportWish(sql=ENDLESS, format=form), "q-2")
    )
    await auntil(lambda: bool(store._runs))
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    await auntil(lambda: not store.queries._under_way)
    assert await entries(office) == [
        ("sql.export", {"sql": wish.sql, "format": form, "outcome": "query_refused"}),
        ("sql.export", {"sql": ENDLESS, "format": form, "outcome": "left"}),
    ]


async def test_an_end_that_cannot_be_written_down_is_in_the_log(
    office: Office, store: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = await queries.export_query(office, OWNER, store.queries, ExportWish(sql="select 1"), "q-1")

    async def fail(actor: Actor, work: Any) -> None:
        raise StateUnavailable("gone")

    monkeypatch.setattr(office, "change", fail)
    lines: list[str] = []
    monkeypatch.setattr(queries.log, "error", lambda said, **more: lines.append(said))
    assert b"".join([piece async for piece in exported]) == b'"1"\r\n1\r\n'
    assert exported._noting is not None
    await exported._noting
    assert lines == ["how an export ended cannot be kept"]


@pytest.mark.parametrize("role", ["member", "viewer", "pending"])
async def test_it_is_for_those_who_look_after_everything(office: Office, store: Analytics, role: Any) -> None:
    actor = somebody(role, "u-2")
    wishes = QueryWish(sql="select 1"), ExportWish(sql="select 1")
    with pytest.raises(NotPermitted, match=RUN):
        await queries.run_query(office, actor, store.queries, wishes[0], "q-1")
    with pytest.raises(NotPermitted):
        await queries.export_query(office, actor, store.queries, wishes[1], "q-1")
    with pytest.raises(NotPermitted):
        queries.cancel_query(actor, store.queries, "q-1")
    assert await entries(office) == []


async def test_somebody_is_the_same_person_with_a_token(office: Office, store: Analytics) -> None:
    token = Actor(kind="token", name="deploy", id="t-1", user_id="u-1", permissions=frozenset({RUN}))
    running = asyncio.create_task(queries.run_query(office, OWNER, store.queries, QueryWish(sql=ENDLESS), "q-1"))
    await auntil(lambda: bool(store._runs))
    with pytest.raises(UnknownResource):
        queries.cancel_query(OPERATOR, store.queries, "q-1")
    queries.cancel_query(token, store.queries, "q-1")
    with pytest.raises(QueryStopped):
        await running
