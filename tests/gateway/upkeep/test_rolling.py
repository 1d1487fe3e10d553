"""However often and in whatever order days are rolled up, removed and added to, sums are those of all records."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from msgspec.structs import replace

from gateway.records import AttemptRecord
from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from tests.gateway.upkeep.house import (
    DAYS,
    EVERYTHING,
    FIRST,
    NOTHING_BEGUN,
    House,
    counted,
    day_of,
    days,
    some_record,
    some_records,
    us,
)
from tests.gateway.usage.records import usage_record

LAST = FIRST + timedelta(days=DAYS)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def test_sums_of_a_day_are_those_of_its_records(house: House) -> None:
    records = some_records(200, seed=1)
    house.take(*records)
    house.roll_up()
    assert house.stale() == []
    assert house.sums(LAST) == house.sums() == counted(records)
    rows = house.query("select sum(n) as n, min(d) as d, max(d) as e from usage_daily")
    assert rows == [{"n": 200, "d": FIRST, "e": LAST - timedelta(days=1)}]


def test_rolling_up_again_changes_nothing(house: House) -> None:
    house.take(*some_records(50, seed=2))
    house.roll_up()
    tables = ("usage_daily", "latency_hourly", "rolled")
    before = [sorted(house.connection.execute(f"from {table}").fetchall(), key=str) for table in tables]
    for day in days():
        rolling.catch_up(house.connection, day, NOTHING_BEGUN, 1)
    assert [sorted(house.connection.execute(f"from {table}").fetchall(), key=str) for table in tables] == before


def test_a_day_is_stale_once_a_record_comes_late(house: House) -> None:
    dice = random.Random(3)
    first, late = some_record(dice, FIRST), some_record(dice, FIRST)
    house.take(first)
    house.roll_up()
    assert house.stale() == []
    house.take(late)
    assert house.stale() == [FIRST]
    house.roll_up()
    assert house.sums(LAST) == counted([first, late])


def test_today_is_not_over(house: House) -> None:
    house.take(*some_records(20, seed=4, days=1))
    assert house.stale(FIRST) == []
    assert house.stale(FIRST + timedelta(days=1)) == [FIRST]


def test_a_record_that_came_late_for_a_day_without_requests_goes_into_its_sums(house: House) -> None:
    records = some_records(100, seed=5)
    house.take(*records[:80])
    house.roll_up()
    house.remove(*days(2))
    house.take(*records[80:])
    assert house.sums() == counted(records), "even before"
    house.roll_up()
    assert house.one("select count(*) from requests where ts < $d", d=FIRST + timedelta(days=2)) == 0
    assert house.sums() == house.sums(LAST) == counted(records)
    kept = [row["kept"] for row in house.query("select kept from rolled order by d")]
    assert kept == ["sums", "sums", "requests", "requests", "requests"]


def test_a_day_that_was_never_rolled_up_is_when_its_requests_go(house: House) -> None:
    records = some_records(60, seed=6)
    house.take(*records)
    house.remove(*days())
    assert house.one("select count(*) from requests") == 0
    assert house.sums() == counted(records)
    assert house.one("select cast(sum(n) as bigint) from rolled") == 60


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_things_leaves_the_same_sums(house: House, seed: int) -> None:
    dice = random.Random(seed)
    records = some_records(120, seed=seed)
    waiting = list(records)
    while waiting:
        batch, waiting = waiting[: (size := dice.randrange(1, 30))], waiting[size:]
        house.take(*batch)
        for _ in range(dice.randrange(3)):
            dice.choice(
                (
                    house.roll_up,
                    lambda: house.remove(dice.choice(days())),
                    lambda: rolling.catch_up(house.connection, dice.choice(days()), NOTHING_BEGUN, 1),
                    lambda: house.remove(dice.choice(days()), begun=Beginnings((us(FIRST, dice.randrange(100)),))),
                )
            )()
        assert house.sums() == counted(records[: len(records) - len(waiting)])
    house.roll_up()
    assert house.sums(LAST) == house.sums() == counted(records)


def test_a_step_that_fails_leaves_everything_as_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    records = some_records(40, seed=7)
    house.take(*records)
    house.roll_up()

    def fail(*arguments: object) -> None:
        raise duckdb.IOException("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(rolling, "_mark", fail)
        for step in (rolling.catch_up, rolling.remove_requests):
            with pytest.raises(duckdb.IOException):
                step(house.connection, FIRST, NOTHING_BEGUN, 1)
    assert house.one("select count(*) from requests") == 40
    assert house.sums(LAST) == house.sums() == counted(records)


def test_targets_that_were_tried_in_vain_are_counted_as_such(house: House) -> None:
    tried = (
        AttemptRecord("other", "claude", "x", 500, "upstream_error", 5),
        AttemptRecord("other", "claude", "y", 500, "upstream_error", 5),
        AttemptRecord("mock", "gpt-4o", "first", 200, None, 5),
    )
    house.take(usage_record(started_at_us=us(FIRST, 1), attempts=tried))
    house.roll_up()
    rows = house.query(
        """select provider, model, credential, n, n_asked, n_tried, n_attempts, n_attempts_failed
        from usage_daily order by provider, credential nulls first"""
    )
    assert [tuple(row.values()) for row in rows] == [
        ("mock", "gpt-4o", "first", 1, 1, 1, 1, 0),
        ("other", "claude", None, 0, 0, 1, 0, 0),
        ("other", "claude", "x", 0, 0, 0, 1, 1),
        ("other", "claude", "y", 0, 0, 0, 1, 1),
    ]
    assert [whose[5] for whose in house.sums(LAST)] == ["mock"], "those have had no request"


def test_requests_are_told_apart_by_when_somebody_began_to_count(house: House) -> None:
    hours = (1, 5, 9, 13, 17)
    for key in ("key:a", "key:b"):
        house.take(
            *(
                usage_record(started_at_us=us(FIRST, hour), key=key, key_id=key, cost_nano_usd=10**hour)
                for hour in hours
            )
        )
    begun = Beginnings((us(FIRST, 12), us(FIRST - timedelta(days=3))), {"key:a": us(FIRST, 4), "key:c": us(FIRST, 2)})
    house.remove(FIRST, begun=begun)
    rows = house.query(
        "select key, epoch_us(since) as since, cost_nano_usd as cost from usage_daily where n > 0 order by key, since"
    )
    assert [(row["key"], (row["since"] - us(FIRST)) // 3_600_000_000, row["cost"]) for row in rows] == [
        ("key:a", 0, 10),
        ("key:a", 4, 10**5 + 10**9),
        ("key:a", 12, 10**13 + 10**17),
        ("key:b", 0, 10 + 10**5 + 10**9),
        ("key:b", 12, 10**13 + 10**17),
    ]


def test_hours_are_kept_apart_as_long_as_there_are_requests(house: House) -> None:
    house.take(*(usage_record(started_at_us=us(FIRST, hour), total_us=1000 * 2**hour) for hour in range(6)))
    house.roll_up()
    totals = "select count(distinct h) as hours, cast(sum(n) as bigint) as n from latency_hourly where metric = 'total'"
    assert house.query(totals) == [{"hours": 6, "n": 6}]
    house.remove(FIRST)
    assert house.query(totals) == [{"hours": 1, "n": 6}]
    assert house.one("select min(h) = max(h) and min(h) = $d from latency_hourly", d=FIRST)


def test_what_is_not_kept_at_all_was_spent_all_the_same(house: House) -> None:
    records = some_records(100, seed=8)
    house.take(*records)
    house.roll_up()
    house.remove(*days(3))
    resets = {"key:a": us(FIRST, 30)}
    for before, now_us in (
        (FIRST + timedelta(days=1), 5),
        (FIRST + timedelta(days=2), 3),
        (FIRST + timedelta(days=2), 4),
    ):
        rolling.remove_sums(house.connection, before, resets, now_us)
    assert [row["kept"] for row in house.query("select kept from rolled order by d")] == [
        "nothing", "nothing", "sums", "requests", "requests",
    ]  # fmt: skip
    left = [record for record in records if day_of(record) >= FIRST + timedelta(days=2)]
    assert house.sums() == counted(left)
    spent = house.one("select cast(sum(cost_nano_usd) as bigint) from spending where key is not null")
    assert spent == sum(record.cost_nano_usd or 0 for record in records if record.key is not None)
    assert house.one("select count(*) from latency_hourly where h < $d", d=FIRST + timedelta(days=2)) == 0


def test_a_record_for_a_day_of_which_nothing_is_kept_is_spent_too(house: House) -> None:
    dice = random.Random(9)
    first, late = (some_record(dice, FIRST) for _ in range(2))
    whole = usage_record(started_at_us=us(FIRST, 3), cost_nano_usd=5)
    house.take(first, whole)
    house.remove(FIRST)
    rolling.remove_sums(house.connection, LAST, {}, 1)
    house.take(late)
    house.roll_up()
    assert house.one("select kept from rolled") == "sums"
    rolling.remove_sums(house.connection, LAST, {}, 2)
    assert house.one("select n from rolled") == 3
    spent = house.one("select cast(coalesce(sum(cost_nano_usd), 0) as bigint) from spending where key is not null")
    assert spent == sum(one.cost_nano_usd or 0 for one in (first, late, whole) if one.key is not None)


def test_the_kinds_of_failures_are_told_apart(house: House) -> None:
    house.take(*some_records(200, seed=10))
    house.roll_up()
    whole = "cast(sum(n_ok) as bigint), cast(sum(n_refused) as bigint), cast(sum(n_failed) as bigint)"
    whole += ", cast(sum(n_left) as bigint), cast(sum(n_unpriced) as bigint), cast(sum(n_estimated) as bigint)"
    raw = """count(*) filter (where outcome(status, error) = 'ok'),
    count(*) filter (where outcome(status, error) = 'refused'),
    count(*) filter (where outcome(status, error) = 'failed'),
    count(*) filter (where outcome(status, error) = 'left'), count(*) filter (where cost_source = 'unpriced'),
    count(*) filter (where usage_source = 'estimated')"""
    expected = house.connection.execute(f"select {raw} from requests").fetchall()
    assert all(expected[0])
    assert house.connection.execute(f"select {whole} from usage_daily").fetchall() == expected
    for until in (0, us(LAST)):
        asked = {"f": EVERYTHING.parameter(), "until": until}
        assert house.connection.execute(f"select {whole} from daily($f, $until)", asked).fetchall() == expected


def test_kinds_of_errors_and_attempts_are_those_of_requests(house: House) -> None:
    records = some_records(200, seed=12)
    house.take(*records)
    house.roll_up()
    house.remove(*days(2))
    errors = Counter(record.error for record in records if record.error)
    attempts = Counter(attempt.provider for record in records for attempt in record.attempts)
    failed = Counter(attempt.provider for record in records for attempt in record.attempts if attempt.error)
    assert 0 < failed.total() < attempts.total()
    asked = {"f": EVERYTHING.parameter()}
    for until in (0, us(LAST)):
        rows = house.query(
            "select error, cast(sum(n) as bigint) as n from daily($f, $until) where error is not null group by error",
            **asked,
            until=until,
        )
        assert {row["error"]: row["n"] for row in rows} == errors
        rows = house.query(
            """select provider, cast(sum(n_attempts) as bigint) as n, cast(sum(n_attempts_failed) as bigint) as failed
            from tried($f, $until) group by provider""",
            **asked,
            until=until,
        )
        assert {row["provider"]: row["n"] for row in rows} == attempts
        assert {row["provider"]: row["failed"] for row in rows} == failed


@pytest.mark.parametrize("asked", [{}, {"key": "key:a"}, {"team": "t1"}, {"provider": "mock"}, {"credential": "x"}])
def test_attempts_are_the_same_from_either_whatever_is_filtered_by(house: House, asked: dict[str, str]) -> None:
    """Of requests that one target answered all attempts count, those with others too, which sums do not know."""
    house.take(*some_records(100, seed=13))
    house.roll_up()
    meant = {"f": replace(EVERYTHING, **asked).parameter()}
    found = "select cast(sum(n_attempts) as bigint) from tried($f, $until)"
    assert house.one(found, **meant, until=0) == house.one(found, **meant, until=us(LAST)) > 0


def test_a_file_of_the_archive_brings_back_what_is_missing_once(house: House, tmp_path: Path) -> None:
    records = some_records(50, seed=11, days=1)
    house.take(*records)
    path = house.spool / "day.parquet"
    house.ask("rollups/archive_day", d=FIRST, path=str(path))
    house.connection.execute("delete from requests where rowid % 3 != 0")
    missing = 50 - house.one("select count(*) from requests")
    assert 0 < missing < 50
    assert rolling.bring_back(house.connection, FIRST, path) == missing
    assert rolling.bring_back(house.connection, FIRST, path) == 0
    assert rolling.bring_back(house.connection, date(2026, 4, 1), path) == 0, "of its day alone"
    house.roll_up()
    assert house.sums() == counted(records)
    house.remove(FIRST)
    assert rolling.bring_back(house.connection, FIRST, path) == 0, "they are in its sums"
    assert house.sums() == counted(records)
