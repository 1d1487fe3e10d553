"""Files that pages offer: every link of every page is followed in a real control process, and has what is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.records import AttemptRecord, Tokens
from gateway.settings.alerting import AlertSettings, WebhookSettings
from gateway.settings.objects import (
    AliasSettings,
    ClientKeySettings,
    ComboSettings,
    CredentialSettings,
    PriceSettings,
    ProviderSettings,
)
from tests.gateway.control.process import Answer, ControlProcess, record, running, settings_in
from tests.web.saved import CSV, PARQUET, TYPES, Link, Links, csv_rows, parquet_rows, parquet_types
from web.filters import FIELDS
from web.page import Page
from web.pages import PAGES

SECOND = 1_000_000

WITHOUT: dict[str, str] = {
    "/account": "one's own sessions and tokens",
    "/live": "changes while one looks; what has ended is among the requests",
    "/models/where": "the answer to one question",
    "/own": "whoever has a client key gets its requests from the API",
    "/providers/{id}/credentials/{name}": "what rests of a provider is a table of its page",
    "/requests/{id}": "a request is a row of the list's file, with its attempts",
    "/spend/invoice": "what somebody pastes there is compared and forgotten",
    "/sql": "its files are answers of a form",
}
"""Pages with tables that are not to be had as files, and why."""

NOTHING_HERE = {("/alerts", "now"), ("/alerts", "past"), ("/providers/{id}", "rests")}
"""Tables of which there is nothing in this process; others have tests where there is."""

LINKS = {"Keys"}
"""Columns of which every value is the same link."""

ATTEMPT = AttemptRecord("mock", "gpt-4o", "first", 200, None, 400_000)

FILTERED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "search": ("search=needle", {"model": "a-needle-in-it"}),
    "outcome": ("outcome=refused", {"status": 429, "error": "rate_limited"}),
    "model": ("model=odd", {"model": "odd"}),
    "provider": ("provider=other", {"provider": "other"}),
    "key": ("key=key%3A7", {"key": "seven", "key_id": "key:7"}),
    "user": ("user=u-1", {"user_id": "u-1"}),
    "team": ("team=t%261", {"team_id": "t&1"}),
    "credential": ("credential=spare", {"credential": "spare"}),
    "asked": ("asked=fastest", {"requested_model": "fastest"}),
    "endpoint": ("endpoint=%2Fv1%2Fmessages", {"endpoint": "/v1/messages"}),
    "error": ("error=upstream_closed", {"error": "upstream_closed", "status": 502}),
    "tag": ("tag=c%3Dd", {"tags": ("c=d",)}),
    "stream": ("stream=no", {"stream": False}),
    "retried": ("retried=no", {"attempts": (ATTEMPT,)}),
    "lossy": ("lossy=yes", {"dropped": ("top_k",)}),
    "tools": ("tools=no", {"has_tools": False}),
    "source": ("source=counted", {"usage_source": "counted"}),
    "other": ("other=yes", {"answered_model": "large"}),
    "slower": ("slower=1500.5", {"total_us": 1_500_500}),
    "dearer": ("dearer=0.5", {"cost_nano_usd": 500_000_000}),
}
"""For each thing to filter by what an address says, and fields of a request that only it finds."""


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    """A gateway with some of everything; what is in its store has ended an hour ago at most."""
    directory = tmp_path_factory.mktemp("downloads")
    provider = ProviderSettings(
        id="mock",
        format="openai_chat",
        base_url="http://127.0.0.1:1/v1",
        models=("gpt-4o", "mini"),
        credentials=(
            CredentialSettings(name="first", api_key="sk-1"),
            CredentialSettings(name="spare", api_key="sk-2"),
        ),
    )
    settings = settings_in(
        directory,
        providers=(provider,),
        client_keys=(ClientKeySettings(name="team", key="sk-0123456789abcdef", budget_usd=50.0, max_parallel=3),),
        aliases=(AliasSettings(name="=fast", target="mock/mini"),),
        combos=(ComboSettings(name="best", targets=("mock/gpt-4o", "mock/mini")),),
        prices=(PriceSettings(model="mock/*", input=1.0, output=5.0),),
        alerts=AlertSettings(webhooks=(WebhookSettings(name="ops", url="http://127.0.0.1:1/hook"),)),
    )
    with running(directory, settings) as made:
        user = made.make("/api/users", {"email": "ada@example.com", "name": "@da", "role": "member"})["user"]
        team = made.make("/api/teams", {"name": "Rowers", "description": "-row"})
        made.make(f"/api/teams/{team['id']}/members", {"user_id": user["id"], "role": "admin"})
        made.make("/api/keys", {"name": "made", "team_id": team["id"], "budget_usd": 2.5, "tags": ["a", "b"]})
        made.make("/api/aliases", {"name": "second", "target": "mock/gpt-4o"})
        now_us = time.time_ns() // 1000
        tokens = Tokens(input=1234, output=5, cache_read=617)
        same = {"cost_nano_usd": 3_100_001, "tokens": tokens, "answered_model": None}
        made_up = [fields for _, fields in FILTERED.values()]
        record(
            made, *({"started_at_us": now_us - 10 * SECOND - n, **same, **fields} for n, fields in enumerate(made_up))
        )
        yield made


def address_of(control: ControlProcess, page: Page) -> str:
    """Where a page is; of one about something, where something is."""
    if page.path == "/people/teams/{id}":
        return f"/people/teams/{csv_rows(file_at(control, '/people?format=csv&table=teams').body)[0]['id']}"
    return page.path.replace("/providers/{id}", "/providers/mock").replace("/keys/{id}", "/keys/team")


def file_at(control: ControlProcess, url: str) -> Answer:
    """What a browser gets there."""
    answer = control.as_operator(url)
    return control.as_operator(answer.headers["location"]) if answer.status == 303 else answer


def links_of(control: ControlProcess, url: str) -> list[Link]:
    answer = control.as_operator(url)
    assert answer.status == 200, answer.text
    return Links(answer.text).found


def ids_in(text: str) -> list[str]:
    return re.findall(r'<tr id="r-([^"]+)"', text)


def read(answer: Answer, directory: Path) -> list[dict[str, object]]:
    """The rows of a file, whichever it is."""
    if answer.headers["content-type"] == CSV:
        return [dict(row) for row in csv_rows(answer.body)]
    if answer.headers["content-type"] == PARQUET:
        return parquet_rows(answer.body, directory)
    return [{"line": line} for line in answer.body.splitlines()]


@pytest.mark.parametrize("page", [page for page in PAGES if page.tables], ids=lambda page: page.path)
def test_every_file_that_a_page_offers_has_what_it_shows(control: ControlProcess, page: Page, tmp_path: Path) -> None:
    links = links_of(control, address_of(control, page))
    offered = {(link.said("table") or page.tables[0].name, link.said("format")) for link in links}
    for table in page.tables:
        wanted = set() if (page.path, table.name) in NOTHING_HERE else {"csv", "parquet", *table.others}
        assert {form for name, form in offered if name == table.name} == wanted, table.name
    for link in links:
        answer = file_at(control, link.url)
        assert answer.status == 200, f"{link.url}: {answer.text}"
        form = link.said("format")
        assert answer.headers["content-type"] == TYPES[form], link.url
        assert re.fullmatch(rf'attachment; filename="[a-z0-9.-]+\.{form}"', answer.headers["content-disposition"])
        assert len(read(answer, tmp_path)) == link.place.rows > 0, link.url


@pytest.mark.parametrize("page", [page for page in PAGES if page.tables], ids=lambda page: page.path)
def test_a_file_has_every_column_that_the_page_shows(control: ControlProcess, page: Page) -> None:
    tables = {table.name: table for table in page.tables}
    for link in links_of(control, address_of(control, page)):
        table = tables[link.said("table") or page.tables[0].name]
        if table.columns:  # those of requests are the API's
            assert link.place.heads - LINKS <= {column.head for column in table.columns}, table.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_with_a_table_has_files_or_a_reason_for_none(page: Page) -> None:
    template = Path("web/templates", page.template).read_text(encoding="utf-8")
    assert bool(page.tables) is ("<table" in template and page.path not in WITHOUT)


def test_no_page_is_excused_that_is_none() -> None:
    assert WITHOUT.keys() <= {page.path for page in PAGES if not page.tables}


def test_both_formats_say_the_same(control: ControlProcess, tmp_path: Path) -> None:
    for url in ("/spend?format={}", "/keys?format={}", "/system?format={}&table=jobs", "/?format={}&table=latest"):
        lines = csv_rows(file_at(control, url.format("csv")).body)
        rows = parquet_rows(file_at(control, url.format("parquet")).body, tmp_path)
        assert [list(line) for line in lines] == [list(row) for row in rows]
        for line, row in zip(lines, rows, strict=True):
            assert {name for name, text in line.items() if not text} == {name for name in row if row[name] is None}


def test_numbers_are_numbers(control: ControlProcess, tmp_path: Path) -> None:
    answer = file_at(control, "/spend?format=parquet&by=user")
    assert answer.headers["content-disposition"] == 'attachment; filename="spend-by-user.parquet"'
    types = parquet_types(answer.body, tmp_path)
    whole = ("requests", "input_tokens", "cache_read_tokens", "output_tokens", "cost_nano_usd", "unpriced_requests")
    assert {types[name] for name in whole} == {"BIGINT"}
    assert {types[name] for name in ("cached_share", "cost_usd", "share", "change")} == {"DOUBLE"}
    assert (types["name"], types["estimated"]) == ("VARCHAR", "BOOLEAN")
    (row,) = (row for row in parquet_rows(answer.body, tmp_path) if row["id"] == "u-1")
    assert (row["requests"], row["input_tokens"], row["cache_read_tokens"], row["cached_share"]) == (1, 1234, 617, 0.5)
    assert (row["cost_nano_usd"], row["cost_usd"]) == (3_100_001, 0.003100001)
    latest = file_at(control, "/?format=parquet&table=latest").body
    assert parquet_types(latest, tmp_path)["started_at"] == "TIMESTAMP WITH TIME ZONE"
    began = [row["started_at"] for row in parquet_rows(latest, tmp_path)]
    assert began == sorted(began, reverse=True)
    assert time.time_ns() // 1000 - began[0] < 3600 * SECOND
    keys = parquet_rows(file_at(control, "/keys?format=parquet").body, tmp_path)
    limits = {row["name"]: (row["budget_nano_usd"], row["max_parallel"], row["tags"]) for row in keys}
    assert limits == {"team": (50 * 10**9, 3, []), "made": (2_500_000_000, None, ["a", "b"])}


def test_no_text_of_a_table_is_a_formula(control: ControlProcess) -> None:
    named = {row["name"] for row in csv_rows(file_at(control, "/models/aliases?format=csv").body)}
    assert named == {"'=fast", "second"}
    (team,) = csv_rows(file_at(control, "/people?format=csv&table=teams").body)
    (user,) = csv_rows(file_at(control, "/people?format=csv").body)
    assert (team["description"], user["name"], user["teams"]) == ("'-row", "'@da", '["Rowers"]')


# Requests: the API's file, of the same filter


@pytest.mark.parametrize("name", [each.name for each in FIELDS])
def test_requests_come_as_files_with_each_filter(control: ControlProcess, name: str, tmp_path: Path) -> None:
    page = control.as_operator(f"/requests?range=1h&{FILTERED[name][0]}").text
    shown = ids_in(page)
    assert len(shown) == 1
    links = Links(page).found
    assert [link.said("format") for link in links] == ["csv", "parquet"]
    for link in links:
        answer = control.as_operator(link.url)
        assert answer.status == 200, answer.text
        assert [row["id"] for row in read(answer, tmp_path)] == shown


def test_requests_come_as_files_with_no_filter_and_with_all(control: ControlProcess, tmp_path: Path) -> None:
    every = "&".join(said for said, _ in FILTERED.values())
    local = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - 1800))
    for query, count in (
        ("", len(FILTERED)),
        ("range=90d", len(FILTERED)),
        (every, 0),
        (f"from={local}", len(FILTERED)),
    ):
        page = control.as_operator(f"/requests?{query}").text
        assert len(ids_in(page)) == count, query
        for link in Links(page).found:
            answer = control.as_operator(link.url)
            assert answer.status == 200, answer.text
            assert sorted(str(row["id"]) for row in read(answer, tmp_path)) == sorted(ids_in(page))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_address_of_requests_leads_to_their_file_as_that_of_other_pages_does(
    control: ControlProcess, form: str, tmp_path: Path
) -> None:
    answer = control.as_operator(f"/requests?outcome=refused&before=1_x&format={form}")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"/api/usage/export?format={form}&since=")
    assert len(read(file_at(control, answer.headers["location"]), tmp_path)) == 1
