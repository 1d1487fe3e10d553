"""What pages ask by day, and how long requests took: the same from sums and histograms as from requests."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, fields, replace

import sql
from gateway.usage.chosen import NOT_IN_HISTOGRAMS, NOT_IN_SUMS, Filter
from tests.gateway.upkeep.house import DAYS, EVERYTHING, FIRST, House, counted, day_of, days, some_records, us
from tests.gateway.usage.records import usage_record

LAST = FIRST + timedelta(days=DAYS)

ANSWERED: dict[str, dict[str, Any]] = {
    "one key": {"key": "key:a"},
    "a key of the file": {"key": "file"},
    "some keys": {"key_ids": ("key:b", "file")},
    "no keys": {"key_ids": ()},
    "a user": {"user": "u1"},
    "a team": {"team": "t1"},
    "a provider": {"provider": "mock"},
    "a model": {"model": "claude"},
    "a credential": {"credential": "x"},
    "several at once": {"team": "t1", "model": "gpt-4o", "credential": "y"},
}

NOT_ANSWERED: dict[str, Any] = {
    "requested_model": "mock/gpt-4o",
    "endpoint": "/v1/chat/completions",
    "outcome": "ok",
    "error": "upstream_error",
    "tag": "blue",
    "stream": True,
    "retried": True,
    "lossy": False,
    "tools": False,
    "usage_source": "estimated",
    "other_model": False,
    "least_total_us": 5_000_000,
    "least_cost": 5,
    "search": "gpt",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All days are rolled up; of the first two the requests are gone."""
    made = House(tmp_path_factory.mktemp("house"))
    made.take(*RECORDS)
    made.roll_up()
    made.remove(*days(2))
    yield made
    made.store.close()


RECORDS = some_records(250, seed=1)


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.parametrize("rolled_until", [None, FIRST + timedelta(days=3), LAST])
def test_sums_answer_what_they_know(house: House, name: str, rolled_until: Any) -> None:
    asked = ANSWERED[name]
    found = house.sums(rolled_until, replace(EVERYTHING, **asked))
    assert found == {whose: sums for whose, sums in counted(RECORDS).items() if _is_meant(whose, asked)}


def _is_meant(whose: tuple[Any, ...], asked: dict[str, Any]) -> bool:
    said = dict(zip(("day", "key", "name", "user", "team", "provider", "model", "credential"), whose, strict=True))
    return all(said["key"] in value if name == "key_ids" else said[name] == value for name, value in asked.items())


@pytest.mark.parametrize("name", NOT_ANSWERED)
def test_what_sums_do_not_know_comes_from_requests_alone(house: House, name: str) -> None:
    meant = replace(EVERYTHING, **{name: NOT_ANSWERED[name]})
    rows = house.query("select count(*) as n from chosen($f)", f=meant.parameter())
    for rolled_until in (None, LAST):
        assert sum(sums[0] for sums in house.sums(rolled_until, meant).values()) == rows[0]["n"]


def test_every_field_of_a_filter_is_one_or_the_other() -> None:
    """One that nobody thought of would be passed over."""
    known = {name for asked in ANSWERED.values() for name in asked} | NOT_ANSWERED.keys() | {"since_us", "until_us"}
    assert {field.name for field in fields(Filter)} == known
    assert refused_by("sums_answer") == NOT_ANSWERED.keys() == set(NOT_IN_SUMS)
    histograms = NOT_ANSWERED.keys() | refused_by("histograms_answer")
    assert histograms == set(NOT_IN_HISTOGRAMS)


def refused_by(macro: str) -> set[str]:
    """Fields of a filter that a macro does not want to be said."""
    text = [each.text for each in sql.migrations("analytics") if f"macro {macro}(" in each.text][-1]
    refused = re.search(rf"macro {macro}\(f\) as(.*?);", text, re.DOTALL)
    assert refused is not None
    return set(re.findall(r"\(f\)\['(\w+)'\] is null", refused[1]))


@pytest.mark.parametrize(
    ("since", "until"), [(12.5, 60), (25, 95.25), (48, 120), (0, 24), (49, 50), (23.5, 24.5), (71, 97), (60, 60)]
)
def test_parts_of_days_come_from_requests_where_there_are_any(house: House, since: float, until: float) -> None:
    meant = replace(EVERYTHING, since_us=us(FIRST, since), until_us=us(FIRST, until))
    within = [record for record in RECORDS if meant.since_us <= record.started_at_us < meant.until_us]
    gone = [
        record
        for record in within
        if day_of(record) < FIRST + timedelta(days=2)
        and not (meant.since_us <= us(day_of(record)) and us(day_of(record), 24) <= meant.until_us)
    ]
    left = counted(record for record in within if record not in gone)
    for rolled_until in (None, FIRST + timedelta(days=3), LAST):
        assert house.sums(rolled_until, meant) == left


@pytest.mark.parametrize("by", [None, "key", "user", "team", "provider", "model", "credential"])
def test_days_are_added_up_by_whatever_is_asked(house: House, by: str | None) -> None:
    asked = {"filter": EVERYTHING.parameter(), "by": by, "limit": 10_000}
    rows = house.ask("rollups/by_day", rolled_until_us=0, **asked)
    assert rows == house.ask("rollups/by_day", rolled_until_us=us(LAST), **asked)
    assert sum(row["requests"] for row in rows) == len(RECORDS)
    assert sum(row["cost_nano_usd"] for row in rows) == sum(record.cost_nano_usd or 0 for record in RECORDS)
    assert {row["day"] for row in rows} == set(days())
    if by == "model":
        assert {row["name"] for row in rows} == {None, "mock/gpt-4o", "mock/gpt-4o-mini", "other/claude"}


def test_rows_are_as_many_as_wanted(house: House) -> None:
    asked = {"filter": EVERYTHING.parameter(), "by": "key", "rolled_until_us": 0}
    assert len(house.ask("rollups/by_day", limit=3, **asked)) == 3


def test_a_bucket_is_near_to_what_is_in_it(house: House) -> None:
    """From a microsecond to an hour."""
    rows = house.query(
        "select i as us, time_in(bucket_of(i)) as middle from (select unnest($some) as i)", some=SOME_TIMES
    )
    assert all(abs(row["middle"] - row["us"]) <= 0.04 * row["us"] + 1 for row in rows)
    assert house.one("select bucket_of(0) = bucket_of(1)")
    assert house.one("select bucket_of(-5) = bucket_of(1)")


SOME_TIMES = sorted({round(1.013**power) for power in range(1, 1690)})


def percentiles(house: House, rolled_until_us: int, meant: Filter = EVERYTHING, metric: str = "total") -> list[Any]:
    asked = {"filter": meant.parameter(), "metrics": [metric], "step_us": 86_400_000_000, "origin_us": us(FIRST)}
    rows = house.ask("rollups/percentiles", rolled_until_us=rolled_until_us, **asked)
    return [row for row in rows if row["piece"] is not None]


@pytest.mark.parametrize("metric", ["total", "first_byte", "overhead"])
def test_percentiles_are_the_same_from_either(house: House, metric: str) -> None:
    rows = percentiles(house, 0, metric=metric)
    assert rows == percentiles(house, us(LAST), metric=metric)
    assert [row["piece"] for row in rows] == list(range(DAYS))
    answered = [record for record in RECORDS if record.error is None and getattr(record, f"{metric}_us") is not None]
    assert sum(row["requests"] for row in rows) == len(answered)
    for row, day in zip(rows, days(), strict=True):
        times = sorted(getattr(record, f"{metric}_us") for record in answered if day_of(record) == day)
        for name, share in (("p50_us", 0.5), ("p90_us", 0.9), ("p95_us", 0.95), ("p99_us", 0.99)):
            exact = next(time for rank, time in enumerate(times, 1) if rank >= share * len(times))
            assert row[name] == pytest.approx(exact, rel=0.041, abs=3)


def test_histograms_do_not_know_whose_a_request_was(house: House) -> None:
    of_provider = percentiles(house, us(LAST), replace(EVERYTHING, provider="mock"))
    assert len(of_provider) == DAYS
    for asked in ({"key": "key:a"}, {"key_ids": ("key:a",)}, {"user": "u1"}, {"team": "t1"}, {"credential": "x"}):
        rows = percentiles(house, us(LAST), replace(EVERYTHING, **asked))
        assert [row["piece"] for row in rows] == [2, 3, 4], "of the others there are no requests any more"
        assert rows == percentiles(house, 0, replace(EVERYTHING, **asked))


def test_only_answered_requests_are_measured(tmp_path: Path) -> None:
    house = House(tmp_path)
    refused = {"status": 429, "error": "rate_limited"}
    house.take(
        usage_record(started_at_us=us(FIRST, 1), total_us=10_000),
        usage_record(started_at_us=us(FIRST, 2), total_us=10, **refused),
    )
    before = percentiles(house, 0)
    house.roll_up()
    assert before == percentiles(house, us(LAST))
    assert [row["requests"] for row in before] == [1]
    house.store.close()


def test_what_was_not_rolled_up_yet_is_not_left_out(tmp_path: Path) -> None:
    """Whoever believes that days are rolled up which are not misses them: the midnight that is handed in counts."""
    house = House(tmp_path)
    records = some_records(40, seed=3)
    random.Random(4).shuffle(records)
    house.take(*records[:20])
    house.roll_up()
    house.take(*records[20:])
    assert house.sums() == counted(records)
    assert house.sums(LAST) == counted(records[:20])
    house.roll_up()
    assert house.sums(LAST) == counted(records)
    house.store.close()


def test_the_struct_of_a_filter_has_its_fields() -> None:
    assert asdict(EVERYTHING).keys() <= EVERYTHING.parameter().keys()
