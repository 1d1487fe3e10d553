"""The overview of many days: the same whether requests are asked or the sums of days."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from gateway.usage import reach
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, house_in
from web.lookback import COUNTED, Lookback, look_back
from web.page import Visit
from web.span import span_of

NOW = time.time_ns() // 1000
TODAY = NOW // DAY * DAY


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MANY", 10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


def fill(store: Store) -> None:
    """Requests of forty days, of two keys and models; some of each kind of end."""
    ends: list[dict[str, Any]] = [
        {},
        {"status": 502, "error": "upstream_closed"},
        {"status": 429, "error": "rate_limited", "provider": None, "model": None, "attempts": ()},
        {"status": 499, "error": "client_disconnected"},
        {"cost_nano_usd": None, "cost_source": "unpriced"},
        {"usage_source": "estimated", "first_byte_us": 1_000_000},
    ]
    store.add(
        *(
            {
                "started_at_us": NOW - number * 11 * HOUR,
                "key": f"key-{number % 2}",
                "key_id": f"key:{number % 2}",
                "model": f"model-{number % 3}",
                "first_byte_us": 10_000 + number * 1_000,
                **ends[number % len(ends)],
            }
            for number in range(90)
        )
    )


def roll_up(store: Store) -> None:
    for ago in range(1, 42):
        day = (datetime.fromtimestamp(TODAY / 1e6, UTC) - timedelta(days=ago)).date()
        rolling.catch_up(store.connection, day, Beginnings(), NOW)


async def looked(
    house: House, *, rolled: bool, key_ids: tuple[str, ...] | None = None, span: str = "30d", zone: str = "UTC"
) -> Lookback:
    house.around.rolled_until_us = TODAY if rolled else 0
    browser: Any = None
    visit = Visit(browser=browser, now_us=NOW, query={"range": span}, zone=ZoneInfo(zone))
    return await look_back(house.site, visit, key_ids)


@pytest.mark.parametrize("span", ["7d", "30d"])
@pytest.mark.parametrize("key_ids", [None, ("key:1",), ()])
async def test_sums_say_what_requests_say(
    house: House, store: Store, key_ids: tuple[str, ...] | None, span: str
) -> None:
    fill(store)
    roll_up(store)
    one = await looked(house, rolled=False, key_ids=key_ids, span=span)
    other = await looked(house, rolled=True, key_ids=key_ids, span=span)
    assert other.reach.takes_sums
    assert not one.reach.takes_sums
    for name in ("requests", "failed", "refused", "gone", "unpriced", "estimated", "input_tokens", "keys"):
        assert getattr(one.now, name) == getattr(other.now, name), name
        assert getattr(one.before, name) == getattr(other.before, name), name
    assert (one.now.cost_nano_usd or None) == other.now.cost_nano_usd
    for column in ("requests", "ok", "failed", "refused", "gone", "cost_nano_usd", "cache_read_tokens"):
        assert [sum(row[column] for row in rows) for rows in one.pieces] == [
            sum(row[column] for row in rows) for rows in other.pieces
        ], column
    assert spent(one) == spent(other)
    assert [(row["id"], row["cost_nano_usd"]) for row in one.keys] == [
        (row["id"], row["cost_nano_usd"]) for row in other.keys
    ]
    assert one.errors == other.errors
    assert [(row["name"], row["attempts"], row["failed"]) for row in one.providers] == [
        (row["name"], row["attempts"], row["failed"]) for row in other.providers
    ]


def spent(found: Lookback) -> dict[tuple[int, str], int]:
    return {(place, name): int(row["cost_nano_usd"] or 0) for place, name, row in found.models}


@pytest.mark.parametrize("span", ["7d", "30d"])
async def test_percentiles_of_histograms_are_within_a_bucket(house: House, store: Store, span: str) -> None:
    fill(store)
    roll_up(store)
    one, other = await looked(house, rolled=False, span=span), await looked(house, rolled=True, span=span)
    for name in ("p50_first_byte_us", "p95_first_byte_us", "tokens_per_second"):
        exact, found = getattr(one.now, name), getattr(other.now, name)
        assert 0.85 < found / exact < 1.15, name
    pairs = list(zip(one.providers, other.providers, strict=True))
    assert pairs
    assert all(0.85 < found["p50_us"] / exact["p50_us"] < 1.15 for exact, found in pairs)


async def test_pieces_shorter_than_a_day_have_what_happened_in_them(house: House, store: Store) -> None:
    """Percentiles too: histograms are of hours."""
    fill(store)
    roll_up(store)
    one, other = await looked(house, rolled=False, span="7d"), await looked(house, rolled=True, span="7d")
    for exact, found in zip(one.pieces, other.pieces, strict=True):
        assert len(exact) == len(found)
        for row, same in zip(exact, found, strict=True):
            assert {name: row[name] for name in COUNTED} == {name: same[name] for name in COUNTED}
            assert (row["p50_first_byte_us"] is None) == (same["p50_first_byte_us"] is None)


async def test_sums_are_asked_only_where_there_are_many_requests(
    house: House, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    roll_up(store)
    assert not (await looked(house, rolled=False)).reach.takes_sums
    assert (await looked(house, rolled=True)).reach.takes_sums
    assert not (await looked(house, rolled=True, span="24h")).reach.takes_sums, "in which no day lies as a whole"
    monkeypatch.setattr(reach, "MANY", 1000)
    assert not (await looked(house, rolled=True)).reach.takes_sums


async def test_pieces_that_begin_within_an_hour_are_of_requests(house: House, store: Store) -> None:
    fill(store)
    roll_up(store)
    assert (await looked(house, rolled=True, span="7d", zone="Europe/Berlin")).reach.takes_sums
    assert not (await looked(house, rolled=True, span="7d", zone="Asia/Kolkata")).reach.takes_sums
    assert (await looked(house, rolled=True, span="30d", zone="Asia/Kolkata")).reach.in_days


async def test_the_page_is_the_same_either_way(house: House, store: Store) -> None:
    await add(house.office, "olga", "owner", password=PASSWORD)
    olga = await house.signed_in("olga@example.com")
    for rolled in (0, TODAY):
        house.around.rolled_until_us = rolled
        assert (await olga.get("/?range=30d")).status == 200
    fill(store)
    roll_up(store)
    for span in ("7d", "90d"):
        assert (await olga.get(f"/?range={span}")).status == 200


def test_days_of_sums_begin_at_midnight_utc() -> None:
    assert {start % DAY for start in span_of({"range": "30d"}, NOW, UTC).starts} == {0}
