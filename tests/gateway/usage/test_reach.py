"""Of which days requests are gone, what of a time no figure has therefore, and when sums are worth asking."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.usage import reach
from gateway.usage.chosen import NOT_IN_HISTOGRAMS, NOT_IN_SUMS, Filter
from gateway.usage.figures import DAY, HOUR
from gateway.usage.reach import Gone, Known, Lack, Source, known_days, lack_of, whole_days

GONE = Gone(summed=(3 * DAY, 4 * DAY, 6 * DAY), lost=(2 * DAY,))
EVERYTHING = Filter(since_us=0, until_us=20 * DAY)


def test_days_are_those_of_which_a_time_has_a_part() -> None:
    assert GONE.within(4 * DAY + 1, 6 * DAY + 1) == Gone((4 * DAY, 6 * DAY))
    assert GONE.within(3 * DAY, 4 * DAY) == Gone((3 * DAY,))
    assert not GONE.within(5 * DAY, 6 * DAY)
    assert whole_days(GONE.summed, 3 * DAY, 5 * DAY - 1) == (3 * DAY,)


@pytest.mark.parametrize("name", ["key_ids", *NOT_IN_HISTOGRAMS])
@pytest.mark.parametrize("source", ["sums", "histograms", "requests"])
def test_what_a_source_does_not_know_its_figures_lack(name: str, source: Source) -> None:
    asked = replace(EVERYTHING, **{name: ("a",) if name == "key_ids" else "a"})
    unknown = {"sums": NOT_IN_SUMS, "histograms": NOT_IN_HISTOGRAMS, "requests": ()}[source]
    lack = lack_of(GONE, asked, source)
    assert lack.lost == GONE.lost
    assert lack.unknown == (GONE.summed if name in unknown or source == "requests" else ())
    assert lack.fields == ((name,) if name in unknown else ())


def test_of_days_that_lie_in_a_time_as_a_whole_sums_lack_nothing() -> None:
    assert lack_of(Gone(GONE.summed), EVERYTHING, "sums") == Lack()
    assert not lack_of(Gone(GONE.summed), EVERYTHING, "sums")


def test_of_a_day_that_a_time_cuts_sums_cannot_tell_the_part() -> None:
    lack = lack_of(GONE, EVERYTHING.at(3 * DAY + HOUR, 7 * DAY), "sums")
    assert lack == Lack(cut=(3 * DAY,))
    assert lack_of(GONE, EVERYTHING.at(3 * DAY, 7 * DAY - HOUR), "histograms") == Lack(cut=(6 * DAY,))
    assert lack_of(GONE, EVERYTHING, "requests").days == (2 * DAY, 3 * DAY, 4 * DAY, 6 * DAY)


def test_sums_are_asked_where_they_stand_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MANY", 100)
    known = Known(Gone(), {day * DAY: 30 for day in range(10)})
    assert known.sums_until(9 * DAY, (0, 10 * DAY)) == 9 * DAY
    assert known.sums_until(3 * DAY, (0, 10 * DAY)) == 0, "of three days"
    assert known.sums_until(9 * DAY, (HOUR, 4 * DAY)) == 0, "a part of a day is of requests"
    assert known.sums_until(9 * DAY, (HOUR, 4 * DAY), (4 * DAY, 5 * DAY)) == 9 * DAY
    assert known.sums_until(9 * DAY, (0, 3 * DAY), (0, 3 * DAY)) == 0, "each counts once"
    assert known.sums_until(0, (0, 10 * DAY)) == 0, "while it is not known which days are rolled up"


def test_days_are_known_by_what_is_kept_of_them() -> None:
    async def read(name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        assert (name, parameters) == ("rollups/known_days", {"since_us": 1, "until_us": 2})
        kept = ("nothing", "sums", "sums", "requests")
        return [{"day_us": day * DAY, "kept": word, "n": 7} for day, word in enumerate(kept)]

    assert asyncio.run(known_days(read, 1, 2)) == Known(Gone((DAY, 2 * DAY), (0,)), {3 * DAY: 7})
