"""The page of how long things take: percentiles, the week, targets, our own share; and headline numbers in words."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from gateway.usage import figures
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, Person, house_in
from web import headline
from web.headline import Totals, figures_of

MINUTE = 60_000_000


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


def ago(minutes: int) -> int:
    return time.time_ns() // 1000 - minutes * MINUTE


def fill(store: Store) -> None:
    store.add(
        *({"started_at_us": ago(number), "first_byte_us": 1_000 * number, "total_us": 9_000 * number,
           "overhead_us": 100 * number} for number in range(1, 60)),
        {"started_at_us": ago(3), "provider": "second", "model": "slow", "first_byte_us": 9_000_000},
        {"started_at_us": ago(3), "status": 502, "error": "upstream_closed", "first_byte_us": 50_000_000},
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["first", "total", "overhead", "nonsense"])
async def test_it_is_well_formed_empty_and_full(owner: Person, store: Store, metric: str) -> None:
    assert_well_formed((await owner.get(f"/latency?metric={metric}")).text)
    assert "No request was answered in this time" in owner.last.text  # type: ignore[union-attr] # just asked
    fill(store)
    for span in ("1h", "7d", "90d"):
        assert_well_formed((await owner.get(f"/latency?metric={metric}&range={span}")).text)


async def test_only_what_was_answered_counts(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/latency")).text
    assert "31 ms" in text
    assert "50.0 s" not in text
    assert "second/slow" in text


async def test_a_target_leads_to_itself_alone(owner: Person, store: Store) -> None:
    fill(store)
    link = re.search(r'<a class="row" href="([^"]+)">second/slow</a>', (await owner.get("/latency")).text)
    assert link is not None
    text = (await owner.get(html.unescape(link[1]))).text
    assert "9.0 s" in text
    assert "mock/gpt-4o" not in text
    assert "Clear all" in text


async def test_a_script_gets_the_same_numbers_as_the_drawing(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/latency?range=1h")).text
    found = re.search(r'data-zoom="([^"]+)"', text)
    assert found is not None
    said = orjson.loads(html.unescape(found[1]))
    assert [each["name"] for each in said["series"]] == ["p50", "p95", "p99"]
    assert len(said["at"]) == len(said["series"][0]["values"]) == 60
    assert None in said["series"][0]["values"]


# Headline numbers


def test_a_figure_says_its_change() -> None:
    now = Totals(requests=110, failed=11, cost_nano_usd=2_000_000_000, input_tokens=100, cache_read_tokens=50, keys=3)
    before = Totals(requests=100, failed=5, cost_nano_usd=4_000_000_000, input_tokens=100, cache_read_tokens=25, keys=3)
    by_label = {figure.label: figure for figure in figures_of(now, before, [])}
    assert (by_label["Requests"].value, by_label["Requests"].change.text) == ("110", "▲ +10 %")
    assert (by_label["Spend"].value, by_label["Spend"].change.text) == ("$2.00", "▼ \N{MINUS SIGN}50 %")
    assert (by_label["Errors"].value, by_label["Errors"].change.meaning) == ("10 %", "bad")
    assert (by_label["Cache read"].value, by_label["Cache read"].change.meaning) == ("50 %", "good")


def test_an_estimate_is_called_one() -> None:
    spend = figures_of(Totals(requests=2, cost_nano_usd=3_100_000, estimated=1), Totals(), [])[1]
    assert spend.value == "≈ $0.0031"
    assert spend.exact == "$0.0031, 1 request is an estimate"


def test_a_cost_that_nobody_knows_is_not_nothing() -> None:
    assert figures_of(Totals(requests=2, unpriced=2), Totals(), [])[1].value == figures.NOTHING


def test_without_streams_tokens_stand_in_for_their_speed() -> None:
    labels = [figure.label for figure in figures_of(Totals(output_tokens=5), Totals(), [])]
    assert "Output tokens" in labels
    fast = figures_of(Totals(tokens_per_second=52.4), Totals(), [])
    assert next(figure.value for figure in fast if figure.label == "Output, tokens/s") == "52"


def test_percentiles_of_pieces_are_weighed() -> None:
    rows: list[dict[str, int | None]] = [{"requests": 3, "p": 10}, {"requests": 1, "p": 50}, {"requests": 9, "p": None}]
    assert headline.weighed(rows, "p") == 20
    assert headline.weighed(rows[:1], "p") == 10
    assert headline.weighed([], "p") is None
