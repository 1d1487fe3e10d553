"""Which time a page shows where days went into sums, and how it says what its figures lack."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, tzinfo
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.usage import reach as reaching
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, HOUR
from gateway.usage.reach import Lack
from web.page import Visit
from web.reach import Reach, hours_note, notes_of, reach_of, times_note, unlisted

NOW = 1_795_324_830_000_000  # 2026-11-22 05:20:30 UTC
TODAY = NOW // DAY * DAY
TOKYO, KOLKATA = ZoneInfo("Asia/Tokyo"), ZoneInfo("Asia/Kolkata")
EVERYBODYS = Filter(since_us=0, until_us=1)


def reached(
    query: Mapping[str, str], *, kept_days: int = 1000, each: int = 1, zone: tzinfo = UTC, since_us: int | None = 0
) -> Reach:
    """Of a store with so many requests each day since then, of which days before the last `kept_days` are sums."""

    async def read(name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        if name == "usage/since":
            return [{"since_us": since_us}]
        first, last = parameters["since_us"] // DAY, (parameters["until_us"] - 1) // DAY
        return [
            {"day_us": day * DAY, "n": each, "kept": "sums" if day * DAY < TODAY - kept_days * DAY else "requests"}
            for day in range(first, min(last + 1, TODAY // DAY))
        ]

    site: Any = SimpleNamespace(read=read, around=SimpleNamespace(rolled_until_us=TODAY))
    browser: Any = None
    return asyncio.run(reach_of(site, Visit(browser=browser, now_us=NOW, query=query, zone=zone)))


@pytest.mark.parametrize("zone", [UTC, TOKYO, KOLKATA], ids=str)
@pytest.mark.parametrize("name", ["1h", "24h", "7d", "30d", "90d"])
def test_a_time_whose_requests_are_all_there_is_what_it_was(name: str, zone: tzinfo) -> None:
    visit = Visit(browser=None, now_us=NOW, query={"range": name}, zone=zone)  # type: ignore[arg-type] # nobody's
    found = reached({"range": name}, zone=zone)
    assert (found.span, found.zone) == (visit.span, zone)
    assert not found.takes_sums
    assert not found.in_days


@pytest.mark.parametrize(
    ("since_us", "compares"),
    [
        (None, False),
        (NOW - HOUR, False),
        (NOW - 10 * DAY, False),
        (NOW - 14 * DAY + HOUR, True),  # hardly anything of it is missing: nobody may have asked then
        (0, True),
    ],
)
def test_nothing_is_compared_with_a_time_that_is_known_in_part(since_us: int | None, compares: bool) -> None:
    found = reached({"range": "7d"}, since_us=since_us)
    assert found.compares(EVERYBODYS, "sums") is compares
    assert found.compares(EVERYBODYS, "requests") is compares


@pytest.mark.parametrize(("name", "kept_days"), [("7d", 5), ("7d", 10), ("30d", 20), ("30d", 40), ("90d", 100)])
def test_where_days_are_sums_a_time_is_cut_into_days_of_theirs(name: str, kept_days: int) -> None:
    """Be it days of the time itself or of the one that it is compared with."""
    found = reached({"range": name}, kept_days=kept_days, zone=TOKYO)
    assert found.in_days
    assert found.zone is UTC
    assert {start % DAY for start in found.span.starts} == {0}
    assert found.span.until_us == TODAY + DAY
    assert found.span.length_us == int(name[:-1]) * DAY
    assert found.span.query == {"range": name}
    assert found.takes_sums
    assert not found.lack(EVERYBODYS, "sums")
    assert found.compares(EVERYBODYS, "sums")


@pytest.mark.parametrize(("name", "kept_days"), [("1h", 0), ("24h", 1), ("24h", 2), ("7d", 14), ("30d", 60)])
def test_days_that_are_sums_and_not_looked_at_change_nothing(name: str, kept_days: int) -> None:
    assert not reached({"range": name}, kept_days=kept_days).in_days


def test_a_day_before_today_cannot_be_compared_with_a_part_of_a_day() -> None:
    found = reached({"range": "24h"}, kept_days=1)
    assert not found.takes_sums
    assert not found.lack(EVERYBODYS, "sums")
    assert not found.compares(EVERYBODYS, "sums")
    assert reached({"range": "24h"}, kept_days=2).compares(EVERYBODYS, "sums")


def test_dates_are_those_of_utc_where_their_days_are_sums() -> None:
    query = {"from": "2026-10-01", "to": "2026-10-03"}
    found = reached(query, kept_days=20, zone=TOKYO)
    assert (found.span.since_us % DAY, found.span.length_us) == (0, 3 * DAY)
    assert reached(query, kept_days=100, zone=TOKYO).span.since_us % DAY == 15 * HOUR
    one = reached({"from": "2026-10-01", "to": "2026-10-01"}, kept_days=20, zone=TOKYO)
    assert one.span.starts == (one.span.since_us,)


def test_a_local_time_that_somebody_chose_stays_what_it_is() -> None:
    query = {"from": "2026-10-01T10:00", "to": "2026-10-04T08:30"}
    found = reached(query, kept_days=20, zone=TOKYO)
    assert found.in_days
    assert found.span.since_us == reached(query, zone=TOKYO).span.since_us
    assert [start % DAY for start in found.span.starts] == [HOUR, 0, 0]
    assert found.lack(EVERYBODYS, "sums").cut == (found.span.since_us // DAY * DAY, found.span.until_us // DAY * DAY)
    short = reached({"from": "2026-10-01T10:00", "to": "2026-10-01T18:30"}, kept_days=20)
    assert not short.in_days
    assert not short.takes_sums
    assert short.lack(EVERYBODYS, "sums").cut


def test_many_requests_are_not_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "MANY", 1000)
    assert reached({"range": "90d"}, each=100).rolled_until_us == TODAY
    assert reached({"range": "90d"}, each=100).in_days
    assert not reached({"range": "90d"}, each=5).takes_sums
    week = reached({"range": "7d"}, each=100, zone=TOKYO)
    assert (week.rolled_until_us, week.in_days, week.zone) == (TODAY, False, TOKYO)
    assert reached({"range": "7d"}, each=100, zone=KOLKATA).rolled_until_us == 0, "where hours begin at half past"
    assert reached({"range": "24h"}, each=10_000).rolled_until_us == 0, "in which no day lies as a whole"


def test_what_is_missing_is_told_with_its_days() -> None:
    lack = Lack(cut=(DAY,), unknown=(2 * DAY, 5 * DAY), lost=(0,), fields=("endpoint", "key_ids", "least_cost"))
    cut, unknown, lost = (note.text for note in notes_of(lack))
    assert cut.startswith("Of 1970-01-02 (UTC) only sums of whole days are left (usage.retention_days)")
    assert "The requests of 2 days from 1970-01-03 to 1970-01-06 (UTC) are not kept any longer" in unknown
    assert "do not know endpoint, whose they were, cost at least: these days" in unknown
    assert lost.startswith("Of 1970-01-01 (UTC) nothing is kept any longer (usage.rollup_days)")
    assert notes_of(Lack()) == times_note(Lack()) == unlisted(Lack(), "/") == ()
    assert "do not know which name" in notes_of(Lack(unknown=(0,)), "which name")[0].text


def test_times_hours_and_lists_have_words_of_their_own() -> None:
    lack = Lack(unknown=(DAY,))
    assert "of these days times are kept for all keys together" in times_note(lack)[0].text
    assert hours_note(lack) == "Of 1970-01-02 (UTC) hours are not known any longer: they are not in this map."
    assert hours_note(Lack()) == ""
    (note,) = unlisted(lack, "/spend?range=90d")
    assert (note.link, note.action) == ("/spend?range=90d", "Their sums")
    assert unlisted(Lack(lost=(DAY,)), "/spend")[0].link == "", "there are none"
