"""The overview of many days: the same whether requests are asked or the sums of days."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, house_in
from web import lookback
from web.lookback import Lookback, look_back
from web.page import Visit
from web.span import span_of

NOW = time.time_ns() // 1000
TODAY = NOW // DAY * DAY


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


async def looked(house: House, *, rolled: bool, key_ids: tuple[str, ...] | None = None) -> Lookback:
    house.around.rolled_until_us = TODAY if rolled else 0
    browser: Any = None
    visit = Visit(browser=browser, now_us=NOW, query={"range": "30d"})
    return await look_back(house.site, visit, key_ids)


@pytest.mark.parametrize("key_ids", [None, ("key:1",), ()])
async def test_sums_say_what_requests_say(house: House, store: Store, key_ids: tuple[str, ...] | None) -> None:
    fill(store)
    roll_up(store)
    one, other = await looked(house, rolled=False, key_ids=key_ids), await looked(house, rolled=True, key_ids=key_ids)
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
    assert [dict(row) for row in one.errors] == [dict(row) for row in other.errors]


def spent(found: Lookback) -> dict[tuple[int, str], int]:
    return {(place, name): int(row["cost_nano_usd"] or 0) for place, name, row in found.models}


async def test_percentiles_of_histograms_are_within_a_bucket(house: House, store: Store) -> None:
    fill(store)
    roll_up(store)
    one, other = await looked(house, rolled=False), await looked(house, rolled=True)
    for name in ("p50_first_byte_us", "p95_first_byte_us"):
        exact, found = getattr(one.now, name), getattr(other.now, name)
        assert 0.85 < found / exact < 1.15


async def test_sums_are_asked_only_for_days_and_only_where_there_are_many(house: House, store: Store) -> None:
    await looked(house, rolled=False)
    assert "overview/days" not in store.asked
    await looked(house, rolled=True)
    assert "overview/days" in store.asked
    store.asked.clear()
    house.around.rolled_until_us = TODAY
    browser: Any = None
    await look_back(house.site, Visit(browser=browser, now_us=NOW, query={"range": "7d"}), None)
    assert "overview/days" not in store.asked


async def test_the_page_is_the_same_either_way(house: House, store: Store) -> None:
    await add(house.office, "olga", "owner", password=PASSWORD)
    olga = await house.signed_in("olga@example.com")
    for rolled in (0, TODAY):
        house.around.rolled_until_us = rolled
        assert (await olga.get("/?range=30d")).status == 200
    fill(store)
    roll_up(store)
    assert (await olga.get("/?range=90d")).status == 200


def test_a_percentile_of_nothing_is_none() -> None:
    assert lookback._percentile([], 0.5) is None
    assert lookback._percentile([{"us": 5, "n": 3}, {"us": 9, "n": 1}], 0.5) == 5
    assert lookback._percentile([{"us": 9, "n": 1}, {"us": 5, "n": 3}], 0.95) == 9


def test_days_of_sums_begin_at_midnight_utc() -> None:
    assert {start % DAY for start in span_of({"range": "30d"}, NOW, UTC).starts} == {0}
