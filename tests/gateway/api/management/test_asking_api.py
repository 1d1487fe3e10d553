"""Usage records as files, SQL and what is saved, as requests and answers."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs

from gateway.api.management.files import ExportQuery
from gateway.management.office import Actor
from gateway.store.analytics import Analytics
from gateway.store.asking.exports import FORMATS, Format
from gateway.usage.chosen import Filter
from tests.gateway.api.management import served
from tests.gateway.api.management.served import Served
from tests.gateway.management.crowd import add, audit
from tests.gateway.management.offices import office_in, somebody
from tests.gateway.store.asking.stores import opened
from tests.waiting import auntil

ROWS = 500
CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Around:
    """What the control process has of it."""

    analytics: Analytics


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    with opened(tmp_path_factory.mktemp("store"), ROWS) as (made, _):
        yield made


@pytest.fixture
async def api(tmp_path: Path, store: Analytics, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """Every operation, with an admin and a member who are somebody."""
    async with office_in(tmp_path) as office:
        office.around = Around(store)  # type: ignore[attr-defined] # what makes it a desk
        people: dict[str, Actor] = dict(served.PEOPLE)
        for role in ("admin", "member"):
            user = await add(office, role, role)
            people[role] = somebody(role, user.id)
        people["key"] = Actor(kind="key", name="key-3", id="key-3", permissions=frozenset({"usage:own"}))
        monkeypatch.setattr(served, "PEOPLE", people)
        yield Served(office)
        await auntil(lambda: not store._runs and not store.queries._under_way and not store._exports.under_way)


def rows_of(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))


async def test_usage_records_come_as_csv(api: Served) -> None:
    answer = await api.ask("GET", "/api/usage/export")
    assert (answer.status, answer.headers["content-type"]) == (200, CSV)
    assert answer.headers["content-disposition"] == 'attachment; filename="requests.csv"'
    assert answer.headers["cache-control"] == "no-store"
    rows = rows_of(answer.body)
    assert (rows[0][:3], len(rows)) == (["started_at", "id", "outcome"], ROWS + 1)


async def test_usage_records_come_as_parquet(api: Served, tmp_path: Path) -> None:
    answer = await api.ask("GET", "/api/usage/export?format=parquet&model=model-1")
    assert (answer.status, answer.headers["content-type"]) == (200, PARQUET)
    assert answer.headers["content-disposition"] == 'attachment; filename="requests.parquet"'
    (tmp_path / "x.parquet").write_bytes(answer.body)
    with duckdb.connect() as connection:
        assert connection.sql(f"select distinct model from '{tmp_path}/x.parquet'").fetchall() == [("model-1",)]


def test_whatever_a_filter_knows_can_be_asked_for() -> None:
    names = set(ExportQuery.__struct_fields__)
    assert names - {"format", "since", "until"} == set(Filter.__struct_fields__) - {"since_us", "until_us", "key_ids"}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("key=key-3", ROWS // 10),
        ("provider=mock&model=model-7", ROWS // 50),
        ("provider=nobody", 0),
        ("since=2023-11-14T22:13:30Z&until=2023-11-14T22:13:40Z", 10),
        ("since=1969-01-01T00:00:00Z", ROWS),
        ("tag=b%3Dc&lossy=false&retried=false&outcome=ok", ROWS),
        ("tools=true", 0),
        ("usage_source=counted", 0),
        ("least_total_us=400&least_cost=2800", 100),
        ("search=MODEL-49", ROWS // 50),
        ("user=u&team=t&credential=c&requested_model=m&endpoint=e&error=x&stream=true", 0),
    ],
)
async def test_a_question_says_which_are_meant(api: Served, query: str, count: int) -> None:
    answer = await api.ask("GET", f"/api/usage/export?{query}")
    assert answer.status == 200, answer.body
    assert len(rows_of(answer.body)) == count + 1


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("format=xls", "format"),
        ("outcome=fine", "outcome"),
        ("usage_source=guessed", "usage_source"),
        ("least_cost=-1", "least_cost"),
        ("keys=1", "keys"),
        ("since=yesterday", "since"),
        ("stream=yes", "stream"),
        ("key=", "key"),
    ],
)
async def test_a_question_that_makes_no_sense_is_named(api: Served, query: str, param: str) -> None:
    answer = await api.ask("GET", f"/api/usage/export?{query}")
    assert answer.status == 400
    assert answer.json()["errors"][0]["parameter"] == param


async def test_everybody_gets_what_is_theirs_to_see(api: Served) -> None:
    for who, count in (("viewer", ROWS), ("key", ROWS // 10), ("member", 0)):
        answer = await api.ask("GET", "/api/usage/export", who=who)
        assert len(rows_of(answer.body)) == count + 1, who
    # What one asks for does not add to what one may see.
    answer = await api.ask("GET", "/api/usage/export?key=key-4", who="key")
    assert len(rows_of(answer.body)) == 1
    assert (await api.ask("GET", "/api/usage/export", who="pending")).status == 403


async def test_head_exports_nothing(api: Served, store: Analytics) -> None:
    for target in ("/api/usage/export", "/api/usage/export?format=parquet"):
        answer = await api.ask("HEAD", target)
        assert (answer.status, answer.body) == (200, b"")
        await auntil(lambda: store._exports.under_way == 0)


async def test_a_query_is_answered_in_json(api: Served) -> None:
    wish = {"sql": "select key, count(*) as n from requests group by 1 order by 1", "max_rows": 2, "id": "mine-1"}
    answer = await api.ask("POST", "/api/sql", wish, who="admin")
    assert answer.status == 200
    told = answer.json()
    assert told.pop("milliseconds") > 0
    assert told == {
        "id": "mine-1",
        "columns": [{"name": "key", "type": "VARCHAR"}, {"name": "n", "type": "BIGINT"}],
        "rows": [["key-0", 50], ["key-1", 50]],
        "truncated": True,
    }
    (entry,) = [each for each in await audit(api.office) if each["action"] == "sql.run"]
    assert (entry["after"]["sql"], entry["target_id"]) == (wish["sql"], "mine-1")


async def test_what_is_wrong_with_a_query_is_told_with_its_place(api: Served) -> None:
    answer = await api.ask("POST", "/api/sql", {"sql": "select\n nope from requests"})
    assert answer.status == 422
    told = answer.json()
    assert (told["code"], told["errors"][0]["pointer"]) == ("query_refused", "#/sql")
    assert told["detail"].startswith('Line 2, column 2: Referenced column "nope"')


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sql": ""},
        {"sql": "x" * 20_001},
        {"sql": "select 1", "max_rows": 0},
        {"sql": "select 1", "max_rows": 10_001},
        {"sql": "select 1", "id": "a b"},
        {"sql": "select 1", "seconds": 1},
    ],
)
async def test_a_wish_that_is_none_is_refused(api: Served, body: dict[str, Any]) -> None:
    assert (await api.refused("POST", "/api/sql", body)) == (422, "unacceptable")


async def test_all_of_a_query_comes_as_a_file(api: Served) -> None:
    answer = await api.ask("POST", "/api/sql/export", {"sql": "select id from requests", "format": "csv"})
    assert (answer.status, answer.headers["content-type"]) == (200, CSV)
    assert answer.headers["content-disposition"] == 'attachment; filename="query.csv"'
    assert len(rows_of(answer.body)) == ROWS + 1
    answer = await api.ask("POST", "/api/sql/export", {"sql": "select id from requests", "format": "parquet"})
    assert answer.headers["content-type"] == PARQUET
    assert answer.body[:4] == answer.body[-4:] == b"PAR1"
    await auntil(lambda: not api.office.around.analytics.queries._under_way)  # type: ignore[attr-defined]
    assert await api.refused("POST", "/api/sql/export", {"sql": "drop table requests"}) == (422, "query_refused")


@pytest.mark.parametrize("form", FORMATS)
async def test_a_query_that_fails_as_it_runs_is_no_file(api: Served, form: Format) -> None:
    wish = {"sql": "select cast(model as integer) from requests", "format": form}
    answer = await api.ask("POST", "/api/sql/export", wish)
    assert answer.status == 422
    assert (answer.json()["code"], "'model-" in answer.json()["detail"]) == ("query_refused", True)


async def test_there_is_nothing_to_cancel(api: Served) -> None:
    assert await api.refused("DELETE", "/api/sql/running/nothing") == (404, "not_found")


async def test_nobody_else_runs_sql(api: Served) -> None:
    for who in ("member", "viewer", "key"):
        assert await api.refused("POST", "/api/sql", {"sql": "select 1"}, who=who) == (403, "not_permitted")
        assert await api.refused("GET", "/api/queries", who=who) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("path", "wish", "who"),
    [
        ("/api/views", {"page": "requests", "name": "mine", "query": "outcome=failed"}, "member"),
        ("/api/queries", {"name": "mine", "query": "select 1"}, "admin"),
    ],
)
async def test_what_is_saved_has_a_life(api: Served, path: str, wish: dict[str, Any], who: str) -> None:
    made = await api.ask("POST", path, wish, who=who)
    assert made.status == 201
    location, tag = made.headers["location"], made.headers["etag"]
    assert {name: made.json()[name] for name in wish} == wish
    assert (await api.ask("GET", location, who=who)).json() == made.json()
    assert (await api.ask("GET", path, who=who)).json()["items"] == [made.json()]
    assert await api.refused("POST", path, wish, who=who) == (409, "conflict")
    changed = await api.ask("PATCH", location, {"name": "ours", "shared": True}, who=who, if_match=tag)
    assert (changed.json()["name"], changed.json()["query"], changed.json()["version"]) == ("ours", wish["query"], 2)
    assert await api.refused("PATCH", location, {"name": "x"}, who=who, if_match=tag) == (412, "version_mismatch")
    assert [each["name"] for each in (await api.ask("GET", path, who="operator")).json()["items"]] == ["ours"]
    assert await api.refused("PATCH", location, {"name": "x"}, who="operator", if_match="*") == (403, "not_permitted")
    gone = await api.ask("DELETE", location, who=who, if_match=changed.headers["etag"])
    assert gone.status == 204
    assert await api.refused("GET", location, who=who) == (404, "not_found")


async def test_a_view_stays_on_its_page(api: Served) -> None:
    made = await api.ask("POST", "/api/views", {"page": "spend", "name": "a", "query": ""}, who="member")
    location = made.headers["location"]
    assert await api.refused("PATCH", location, {"page": "requests"}, who="member", if_match="*") == (
        422,
        "unacceptable",
    )
    assert len((await api.ask("GET", "/api/views?page=spend", who="member")).json()["items"]) == 1
    assert (await api.ask("GET", "/api/views?page=latency", who="member")).json()["items"] == []
    assert await api.refused("GET", "/api/views?page=nowhere", who="member") == (400, "invalid_request")
    assert await api.refused("POST", "/api/views", {"page": "x", "name": "a", "query": ""}) == (422, "unacceptable")


async def test_a_client_key_saves_nothing(api: Served) -> None:
    wish = {"page": "spend", "name": "a", "query": ""}
    assert await api.refused("POST", "/api/views", wish, who="key") == (403, "not_permitted")
    assert await api.refused("GET", "/api/views", who="key") == (403, "not_permitted")


async def test_a_list_comes_in_pages(api: Served) -> None:
    for number in range(5):
        await api.ask("POST", "/api/queries", {"name": f"{number}", "query": "select 1"}, who="admin")
    target, names = "/api/queries?limit=2", []
    while target:
        answer = await api.ask("GET", target, who="admin")
        names += [each["name"] for each in answer.json()["items"]]
        target = answer.headers.get("link", "").removeprefix("<").partition(">")[0]
    assert names == ["4", "3", "2", "1", "0"]


def test_every_question_is_one_that_the_statement_takes() -> None:
    asked = ExportQuery(key="k", least_cost=5, search="X")
    meant = asked.filter(1_000_000, ("a",))
    assert (meant.since_us, meant.until_us, meant.key_ids, meant.key, meant.least_cost) == (
        0,
        1_000_001,
        ("a",),
        "k",
        5,
    )
    assert set(structs.asdict(meant)) == set(Filter.__struct_fields__)
