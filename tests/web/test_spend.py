"""What it costs: by whom or what, beside the time before, as a table and as a file; budgets and how long they last."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.usage import reach
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.pages import spend

NOW = time.time_ns() // 1000
DOLLAR = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def fill(store: Store) -> None:
    store.add(
        {"started_at_us": NOW - HOUR, "cost_nano_usd": 3 * DOLLAR, "key_id": "key:1", "key": "one"},
        {"started_at_us": NOW - 2 * HOUR, "cost_nano_usd": DOLLAR, "model": "mini", "usage_source": "estimated"},
        {"started_at_us": NOW - 3 * HOUR, "cost_nano_usd": None, "cost_source": "unpriced", "model": "odd"},
        {"started_at_us": NOW - 40 * DAY, "cost_nano_usd": 2 * DOLLAR},
        {"started_at_us": NOW - 80 * DAY, "cost_nano_usd": 2 * DOLLAR},
    )


@pytest.mark.parametrize("kind", [*spend.KINDS, "nonsense"])
@pytest.mark.parametrize("rolled", [0, NOW // DAY * DAY])
async def test_it_is_well_formed_empty_and_full(
    house: House, owner: Person, store: Store, kind: str, rolled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.around.rolled_until_us = rolled
    monkeypatch.setattr(reach, "MANY", 1)
    assert_well_formed((await owner.get(f"/spend?by={kind}")).text)
    fill(store)
    for span in ("24h", "30d", "90d"):
        answer = await owner.get(f"/spend?by={kind}&range={span}")
        assert answer.status == 200
        assert_well_formed(answer.text)


async def test_the_dearest_come_first_with_their_change_and_share(owner: Person, store: Store) -> None:
    fill(store)
    text = html.unescape((await owner.get("/spend")).text)
    names = re.findall(r'<a class="row" href="[^"]+">([^<]+)</a>', text)
    assert names == ["mock/gpt-4o", "mock/mini", "mock/odd"]
    for shown in ("$3.00", "75 %", "▲ +50 %", "≈ $1.00", "not known", "$4.00", "1 request went to models without"):
        assert shown in text, shown


@pytest.mark.parametrize(("sort", "first"), [("name", "mock/gpt-4o"), ("-name", "mock/odd"), ("cost", "mock/odd")])
async def test_it_is_sorted_as_one_asks(owner: Person, store: Store, sort: str, first: str) -> None:
    fill(store)
    text = html.unescape((await owner.get(f"/spend?sort={sort}")).text)
    assert re.findall(r'<a class="row" href="[^"]+">([^<]+)</a>', text)[0] == first
    assert f'aria-sort="{"descending" if sort[0] == "-" else "ascending"}"' in text


async def test_a_line_leads_to_its_requests(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/spend?by=key")).text
    link = re.search(r'<a class="row" href="([^"]+)">', text)
    assert link is not None
    assert html.unescape(link[1]) == "/requests?range=30d&key=key%3A1"


async def test_the_table_is_a_file_too(owner: Person, store: Store) -> None:
    fill(store)
    answer = await owner.get("/spend?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="spend-by-model.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["name"], row["cost_nano_usd"], row["cost_usd"], row["estimated"]) for row in rows] == [
        ("mock/gpt-4o", "3000000000", "3.0", "false"),
        ("mock/mini", "1000000000", "1.0", "true"),
        ("mock/odd", "", "", "false"),
    ]
    assert [(row["share"], row["former_cost_nano_usd"], row["change"]) for row in rows] == [
        ("0.75", "2000000000", "0.5"),
        ("0.25", "0", ""),
        ("0.0", "0", ""),
    ]
    assert [row["cache_read_tokens"] for row in rows] == ["3", "3", "3"]


async def test_a_file_is_of_what_is_looked_at(owner: Person, store: Store) -> None:
    fill(store)
    answer = await owner.get("/spend?by=key&format=parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == 'attachment; filename="spend-by-key.parquet"'


async def test_names_of_strangers_are_text(owner: Person, store: Store) -> None:
    for evil in CORPUS:
        store.add({"started_at_us": NOW - HOUR, "key": evil, "model": evil, "provider": evil, "credential": evil,
                   "key_id": evil, "user_id": evil, "team_id": evil})  # fmt: skip
    for kind in spend.KINDS:
        assert_harmless((await owner.get(f"/spend?by={kind}")).text)
