"""What limits count as spent does not change when requests become sums, and sums become nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import sql
from gateway.ledger import US, Counted, Ledger, periods_began_us
from gateway.limits.limiter import Spent
from gateway.limits.periods import Period
from gateway.records import ClientKey, LimitRule, Limits
from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from tests.gateway.upkeep.house import DAYS, FIRST, House, days, some_record, some_records, us

LAST = FIRST + timedelta(days=DAYS)
RESETS = {"key:a": us(FIRST, 30.5), "file": us(FIRST, 75.25)}

Said = dict[str, list[dict[str, Any]]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def spent(house: House, day_us: int, week_us: int, month_us: int, since_us: int) -> Said:
    """What every statement of the ledger says."""
    asked = {"day_us": day_us, "week_us": week_us, "month_us": month_us, "since_us": since_us}
    reset = {"reset_ids": list(RESETS), "reset_at": list(RESETS.values())}
    found = {
        "key": house.ask("usage/spent_by_key", **asked, **reset),
        "model": house.ask("usage/spent_by_model", **asked),
        **{owner: house.ask("usage/spent_by_owner", owner=owner, **asked) for owner in ("user", "team", "everybody")},
    }
    # Who has spent nothing need not be listed.
    return {per: sorted(filter(_has_spent, rows), key=str) for per, rows in found.items()}


def _has_spent(row: dict[str, Any]) -> bool:
    return any(value for value in row.values() if isinstance(value, int))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("since_us", [0, us(FIRST, 12)])
def test_it_is_the_same_before_and_after_requests_go(house: House, seed: int, since_us: int) -> None:
    """With periods that begin at midnight somewhere else, and keys that were counted from nothing in between."""
    periods = (us(FIRST, 87), us(FIRST, 35), us(FIRST, 12))
    begun = Beginnings(periods, RESETS)
    house.take(*some_records(150, seed=seed))
    before = spent(house, *periods, since_us)
    assert before["key"]
    assert before["model"]
    house.roll_up(begun)
    assert spent(house, *periods, since_us) == before
    for day in days():
        house.remove(day, begun=begun)
        assert spent(house, *periods, since_us) == before
    assert house.one("select count(*) from requests") == 0


def test_what_comes_late_is_counted_with_the_day_it_is_of(house: House) -> None:
    periods = (us(FIRST, 87), us(FIRST, 35), us(FIRST, 12))
    begun = Beginnings(periods, RESETS)
    records = some_records(150, seed=5)
    house.take(*records)
    before = spent(house, *periods, 0)
    house.connection.execute("delete from requests")
    house.take(*records[:70])
    house.remove(*days(), begun=begun)
    house.take(*records[70:])
    assert spent(house, *periods, 0) == before
    house.roll_up(begun)
    assert house.one("select count(*) from requests") == 0
    assert spent(house, *periods, 0) == before


@pytest.mark.parametrize("late_reset", [False, True])
def test_all_that_was_ever_spent_outlives_the_sums(
    house: House, late_reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(6)
    house.take(*some_records(150, seed=6), *(some_record(dice, LAST) for _ in range(20)))
    today = us(LAST)
    begun = Beginnings((today,), RESETS)
    house.roll_up(begun)
    house.remove(*days(), begun=begun)
    for number, day in enumerate(days()[1:], 1):
        if late_reset and number == 3:
            monkeypatch.setitem(RESETS, "key:b", us(LAST, 6))
            monkeypatch.setitem(RESETS, "key:a", us(LAST, 7))
        before = spent(house, today, today, today, 0)
        rolling.remove_sums(house.connection, day, RESETS, number)
        assert spent(house, today, today, today, 0) == before
    assert house.one("select count(distinct d) from usage_daily") == 1
    assert house.one("select count(*) < 40 from spent_before"), "one row for each whom a budget may count"


class Books:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.raised: list[tuple[Period, Spent]] = []

    def raise_spent(self, subject_id: bytes, period: Period, amount: Spent) -> None:
        self.raised.append((period, amount))

    def reset(self, subject_id: bytes) -> None:
        """Nothing is."""


async def test_budgets_are_raised_by_what_is_left_of_requests(house: House) -> None:
    """A budget that never begins anew, and one of the month, in Auckland, half a day ahead of the days of the store."""
    zone, now = "Pacific/Auckland", datetime(2026, 3, 4, 3, tzinfo=UTC)
    counted = Counted(
        keys=(ClientKey("app", id="key:a", limits=Limits(budget_nano_usd=1, budget_period="total")),),
        rules=(LimitRule("house", "everybody", Limits(budget_nano_usd=1, requests_per_month=1)),),
        time_zone=zone,
    )

    async def read(name: str, parameters: Any) -> list[dict[str, Any]]:
        return house.ask(name, **parameters)

    async def raised() -> list[tuple[Period, Spent]]:
        books = Books()
        ledger = Ledger(read, books, now.timestamp)
        await ledger.raise_to(await ledger.sum_up(counted))
        return sorted(books.raised)

    house.take(*some_records(150, seed=7), *some_february(40))
    before = await raised()
    assert [period.kind for period, _ in before] == ["month", "total"]
    begun = Beginnings(periods_began_us(zone, int(now.timestamp())))
    assert begun.of_periods[-1] == int(datetime(2026, 3, 1, tzinfo=ZoneInfo(zone)).timestamp()) * US
    for day in (FIRST - timedelta(days=1), *days(3)):
        house.remove(day, begun=begun)
        assert await raised() == before


def some_february(count: int) -> Iterator[Any]:
    """Records of the last day of the month before, in UTC; of some of them it is March where the operator lives."""
    dice = random.Random(8)
    return (some_record(dice, FIRST - timedelta(days=1)) for _ in range(count))


def test_statements_see_no_day_twice_while_it_is_removed(house: House) -> None:
    """Readers see one moment of the store."""
    house.take(*some_records(50, seed=9))
    house.roll_up()
    asked: Callable[[], Any] = lambda: reader.execute(sql.statement("usage/spent_by_owner"), parameters).fetchall()  # noqa: E731
    parameters = {"owner": "everybody", **dict.fromkeys(("day_us", "week_us", "month_us", "since_us"), 0)}
    reader = house.connection.cursor()
    before = asked()
    reader.begin()
    assert asked() == before
    house.remove(date(2026, 3, 1))
    assert asked() == before
    reader.commit()
    assert asked() == before
    reader.close()
