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
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web import ranks
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


@pytest.mark.parametrize("kind", spend.KINDS)
async def test_what_has_a_colour_is_called_as_the_table_calls_it(store: Store, kind: str) -> None:
    store.add({"user_id": "u", "team_id": "t", "key_id": "key:1", "started_at_us": NOW - HOUR})
    asked = {"filter": Filter(since_us=NOW - DAY, until_us=NOW).parameter(), "rolled_until_us": 0}
    named = {row["name"] for row in await store.read("spend/summed", {**asked, "by": kind})}
    assert set(await ranks.ranked(store.read, lambda: 0, kind)) == named


async def test_a_time_of_few_names_gives_each_a_colour_whatever_the_house_spends(owner: Person, store: Store) -> None:
    for number in range(8):
        store.add({"started_at_us": NOW - 2 * HOUR, "cost_nano_usd": 9 * DOLLAR, "model": f"large-{number}"})
    store.add(
        {"started_at_us": NOW - HOUR, "cost_nano_usd": 2, "model": "small", "key": "one", "key_id": "key:1"},
        {"started_at_us": NOW - HOUR, "cost_nano_usd": 1, "model": "smaller", "key": "one", "key_id": "key:1"},
    )
    text = (await owner.get("/spend?key=key:1")).text
    series = re.findall(r'<li><span class="swatch series-([0-8])"></span><span class="name" title="([^"]+)"', text)
    assert [name for _, name in series] == ["mock/small", "mock/smaller"]
    assert "0" not in {tint for tint, _ in series}
    assert len({tint for tint, _ in series}) == 2
    swatches = dict(re.findall(r'title="(mock/[a-z]+)"><span class="swatch series-([0-8])"', text))
    assert swatches == {name: tint for tint, name in series}


async def test_what_has_no_name_is_none_in_the_chart_and_the_table(owner: Person, store: Store) -> None:
    store.add({"started_at_us": NOW - HOUR, "cost_nano_usd": DOLLAR, "user_id": None})
    text = (await owner.get("/spend?by=user")).text
    assert re.findall(r'<span class="name" title="([^"]+)"', text) == ["none"]
    assert "other" not in re.findall(r'<span class="name"[^>]*>([^<]+)<', text)


async def test_a_sum_says_how_much_of_it_is_an_estimate(owner: Person, store: Store) -> None:
    fill(store)
    store.add({"started_at_us": NOW - HOUR, "cost_nano_usd": DOLLAR, "model": "mini", "usage_source": "estimated"})
    text = html.unescape((await owner.get("/spend")).text)
    figures = dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd class=\"value\"[^>]*>([^<]+)</dd>", text))
    assert (figures["Spend"], figures["A request"]) == ("≈ $5.00", "≈ $1.25")
    assert figures["30 days at this pace"].startswith("≈ ")
    assert 'title="$5.00, 2 requests are estimates, without 1 request that has no price"' in text
    assert 'title="$2.00, 2 requests are estimates">≈ $2.00</td>' in text
    assert '<span class="total" title="$2.00, some of it an estimate">≈ $2.00</span>' in text


@pytest.mark.parametrize("rolled", [0, NOW // DAY * DAY])
async def test_headline_figures_have_their_course(
    house: House, owner: Person, store: Store, rolled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.around.rolled_until_us = rolled
    monkeypatch.setattr(reach, "MANY", 1)
    for days in range(1, 6):
        store.add({"started_at_us": NOW - days * DAY, "cost_nano_usd": days * DOLLAR})
    text = (await owner.get("/spend")).text
    assert len(re.findall(r'<dd class="spark"><svg[^>]*><polyline', text)) == 5


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
