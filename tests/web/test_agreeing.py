"""Pages agree with each other and with the API, however many requests there are, and after days of them went into sums:
what each of them says is held against the records themselves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.api.management.history import DaysQuery, LatencyQuery, show_days, show_latency
from gateway.api.management.usage import UsageQuery, show_usage
from gateway.upkeep.days import begin_us
from gateway.upkeep.upkeep import Upkeep
from gateway.usage import figures, reach
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, HOUR
from gateway.usage.ingest_thread import IngestThread
from tests.gateway.upkeep.house import House as Kept
from tests.web.agreed import (
    DAYS,
    KEPT_DAYS,
    LARGE,
    NOW,
    RECORDS,
    SMALL,
    TODAY,
    VERY_LONG_US,
    Stand,
    counts,
    counts_by,
    have_done,
    said,
    upkeep_of,
)
from tests.web.visiting import house_in
from web import headline
from web.pages import aliases, latency, models, overview, requests, spend


@pytest.fixture(scope="module")
def looked_after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kept, Upkeep]]:
    """A store whose older days went into sums."""
    kept = Kept(tmp_path_factory.mktemp("kept"))
    kept.take(*RECORDS)
    thread = IngestThread(kept.ingest)
    thread.start()
    jobs = upkeep_of(kept, thread)
    asyncio.run(have_done(jobs))
    yield kept, jobs
    thread.stop()
    kept.store.end()


@pytest.fixture(params=[SMALL, LARGE])
async def stand(
    request: pytest.FixtureRequest,
    looked_after: tuple[Kept, Upkeep],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stand]:
    if request.param == LARGE:
        monkeypatch.setattr(reach, "MANY", 1)
    kept, jobs = looked_after
    store: Any = SimpleNamespace(read=kept.store.read)
    async with house_in(tmp_path, store=store) as house:
        yield Stand(kept, house, jobs, RECORDS)


RANGES: dict[str, dict[str, str]] = {
    "a day": {"range": "24h"},
    "a week": {"range": "7d"},
    "a month": {"range": "30d"},
    "three months": {"range": "90d"},
    "everything": {"from": said(TODAY - (DAYS + 5) * DAY), "to": said(TODAY)},
    "a day that is gone": {"from": said(TODAY - 50 * DAY), "to": said(TODAY - 50 * DAY)},
    "some days that are gone": {"from": said(TODAY - 50 * DAY), "to": said(TODAY - 41 * DAY)},
    "some that are there": {"from": said(TODAY - 8 * DAY), "to": said(TODAY - 3 * DAY)},
    "half and half": {"from": said(TODAY - 26 * DAY), "to": said(TODAY - 15 * DAY)},
}
ZONES = ("America/New_York", "Asia/Kolkata")


async def test_the_jobs_have_done_what_is_tested(stand: Stand) -> None:
    since, until = TODAY - KEPT_DAYS * DAY, NOW + 1
    (left,) = await stand.kept.store.read("usage/count", {})
    assert left["requests"] == len(stand.within(since, until)) < len(stand.records)
    assert len(await stand.kept.store.read("rollups/known_days", {"since_us": 0, "until_us": until})) == DAYS - 1


@pytest.mark.parametrize(("name", "zone"), [*zip(RANGES, cycle(ZONES), strict=False)])
async def test_all_say_the_same_of_a_time(stand: Stand, name: str, zone: str) -> None:
    query, where = RANGES[name], ZoneInfo(zone)
    found = await stand.looked(query, where)
    span = found.reach.span
    truth = counts(stand.within(span.since_us, span.until_us))
    assert not found.notes
    assert (found.now.requests, found.now.cost_nano_usd or 0) == (truth["requests"], truth["cost"])
    assert sum(row["requests"] for rows in found.pieces for row in rows) == truth["requests"]
    assert sum(row["ok"] for rows in found.pieces for row in rows) == truth["ok"]

    page = await stand.load(overview, query, where)
    assert page.figures[0].exact == figures.exact_count(truth["requests"])
    assert sum(sum(each.values) for each in page.spend.series) == truth["cost"]

    money = await stand.load(spend, query, where)
    assert money.figures[0].exact == headline.spent(truth["cost"], 0, truth["unpriced"])[1]
    assert money.figures[2].exact == figures.exact_count(truth["requests"])
    assert sum(line.requests for line in money.lines) == truth["requests"]
    assert sum(line.cost_nano_usd or 0 for line in money.lines) == truth["cost"]
    assert sum(sum(each.values) for each in money.chart.series) == truth["cost"]
    assert not money.notes

    times = await stand.load(latency, query, where)
    assert sum(target.requests for target in times.targets) == truth["ok"]
    assert not times.notes


@pytest.mark.parametrize("kind", spend.KINDS)
@pytest.mark.parametrize("name", ["a week", "three months", "half and half"])
async def test_spend_is_the_same_by_whatever_it_is_looked_at(stand: Stand, name: str, kind: str) -> None:
    page = await stand.load(spend, {"by": kind, **RANGES[name]})
    span = await stand.span(RANGES[name])
    truth = counts_by(stand.within(span.since_us, span.until_us), kind)
    assert {line.name: line.cost_nano_usd or 0 for line in page.lines} == truth
    assert sum(sum(each.values) for each in page.chart.series) == sum(truth.values())


async def test_each_piece_of_the_chart_has_its_own(stand: Stand) -> None:
    """Pieces of several days too: none is left out, none is in another."""
    found = await stand.looked(RANGES["everything"])
    span = found.reach.span
    for place, rows in enumerate(found.pieces):
        truth = counts(stand.within(*span.ends(place)))
        assert sum(row["requests"] for row in rows) == truth["requests"]
    chart = (await stand.load(spend, RANGES["everything"])).chart
    for place in range(len(span.starts)):
        assert sum(each.values[place] for each in chart.series) == counts(stand.within(*span.ends(place)))["cost"]


@pytest.mark.parametrize("name", ["a week", "a month", "some days that are gone", "half and half"])
async def test_the_time_before_is_known_too(stand: Stand, name: str) -> None:
    found = await stand.looked(RANGES[name])
    truth = counts(stand.within(*found.reach.span.before))
    assert (found.before.requests, found.before.cost_nano_usd or 0) == (truth["requests"], truth["cost"])
    assert found.before.p50_first_byte_us is not None


async def test_the_api_says_what_pages_say(stand: Stand) -> None:
    found = await stand.looked({"range": "90d"})
    days = await stand.asked(show_days, DaysQuery(days=89))
    since = begin_us(days.since)
    truth = counts(stand.within(since, NOW + 1))
    assert sum(row.requests for row in days.rows) == truth["requests"] == found.now.requests
    assert sum(row.cost_nano_usd for row in days.rows) == truth["cost"] == found.now.cost_nano_usd
    times = await stand.asked(show_latency, LatencyQuery(days=89))
    assert sum(row.requests for row in times.rows) == truth["ok"]


@pytest.mark.parametrize(("by", "kind"), [("model", "model"), ("provider", "provider"), ("key", "key")])
async def test_the_command_line_says_what_pages_say(stand: Stand, by: Any, kind: str) -> None:
    """Of a time that begins within a day whose requests are gone, what cannot be told is named."""
    since = (NOW - 60 * DAY) // 1
    found = await stand.asked(show_usage, UsageQuery(last="60d", by=by))
    cut = since // DAY * DAY
    truth = stand.within(cut + DAY, NOW + 1)
    name = "id" if by == "key" else "name"
    assert {row[name]: row["cost_nano_usd"] or 0 for row in found.rows} == counts_by(truth, kind)
    assert sum(row["requests"] for row in found.rows) == len(truth)
    assert sum(row["errors"] for row in found.rows) == len(truth) - counts(truth)["ok"]
    assert [begin_us(day) for day in found.not_in_rows] == [cut]
    gone = [cut + number * DAY for number in range(60 - KEPT_DAYS)]
    assert [begin_us(day) for day in found.not_in_times] == (gone if by == "key" else gone[:1])


async def test_percentiles_are_of_answered_requests_wherever_they_are_shown(stand: Stand) -> None:
    for by in ("provider", "model", "key"):
        for row in (await stand.asked(show_usage, UsageQuery(last="50d", by=by))).rows:
            assert 20_000 < row["p50_total_us"] < row["p95_total_us"] < VERY_LONG_US / 10
            assert 9_000 < row["p50_first_byte_us"] < row["p95_first_byte_us"] < 1_000_000
    for name in ("a day", "a week", "three months"):
        page = await stand.load(latency, {"metric": "total", **RANGES[name]})
        assert max(max(target.total_us) for target in page.targets) < VERY_LONG_US / 10
        assert max(value or 0 for each in page.percentiles.series for value in each.values) < VERY_LONG_US / 10


async def test_providers_are_told_by_their_attempts(stand: Stand) -> None:
    for name in ("a day", "a week", "three months", "some days that are gone"):
        found = await stand.looked(RANGES[name])
        span, truth, failed = found.reach.span, Counter[str](), Counter[str]()
        for record in stand.within(span.since_us, span.until_us):
            for attempt in record.attempts:
                if attempt.error != "client_disconnected":
                    truth[attempt.provider] += 1
                    failed[attempt.provider] += attempt.error is not None
        assert {row["name"]: row["attempts"] for row in found.providers} == truth
        assert {row["name"]: row["failed"] for row in found.providers} == dict(failed)
        answered = {record.provider for record in stand.within(span.since_us, span.until_us) if record.error is None}
        assert {row["name"] for row in found.providers if row["p50_us"]} == answered


async def test_what_went_wrong_is_known_of_every_day(stand: Stand) -> None:
    found = await stand.looked({"range": "90d"})
    span = found.reach.span
    truth = Counter(record.error for record in stand.within(span.since_us, span.until_us) if record.error)
    assert {row["name"]: row["requests"] for row in found.errors} == truth


async def test_keys_are_counted_of_every_day(stand: Stand) -> None:
    found = await stand.looked({"range": "30d"})
    assert found.now.keys == found.before.keys == 3
    found = await stand.looked({"range": "90d"})
    assert (found.now.keys, found.before.keys) == (3, 0), "the time before 90 days is known in part alone"
    truth = counts_by(stand.within(found.reach.span.since_us, NOW + 1), "key")
    assert {row["id"]: row["cost_nano_usd"] for row in found.keys} == truth


async def test_models_are_used_as_they_were(stand: Stand) -> None:
    page = await stand.load(models, {"range": "90d"})
    assert not page.notes
    span = await stand.span({"range": "90d"})
    assert page.is_utc is False
    lines = {line.name: (line.requests, line.cost_nano_usd) for line in page.lines if line.requests}
    truth = stand.within(span.since_us, span.until_us)
    for name, (count, cost) in lines.items():
        of_it = [record for record in truth if f"{record.provider}/{record.model}" == name]
        assert (count, cost) == (len(of_it), counts(of_it)["cost"])


# What cannot be told


async def test_a_filter_that_sums_do_not_know_says_which_days_it_lacks(stand: Stand) -> None:
    page = await stand.load(spend, {"range": "90d", "endpoint": "/v1/chat/completions"})
    (note,) = page.notes
    first = said((await stand.span({"range": "90d"})).since_us)
    last = said(TODAY - (KEPT_DAYS + 1) * DAY)
    assert f"from {first} to {last} (UTC)" in note.text
    assert "do not know endpoint" in note.text
    truth = counts(stand.within(TODAY - KEPT_DAYS * DAY, NOW + 1))
    assert sum(line.cost_nano_usd or 0 for line in page.lines) == truth["cost"]
    assert sum(sum(each.values) for each in page.chart.series) == truth["cost"]
    assert {line.change.text for line in page.lines} == {""}


async def test_times_of_one_key_are_known_of_requests_alone(stand: Stand) -> None:
    page = await stand.load(latency, {"range": "90d", "key": "key:a"})
    (note,) = page.notes
    assert "do not know key" in note.text
    of_key = [record for record in stand.within(TODAY - KEPT_DAYS * DAY, NOW + 1) if record.key_id == "key:a"]
    assert sum(target.requests for target in page.targets) == counts(of_key)["ok"]
    assert {figure.change.text for figure in page.figures} == {""}
    found = await stand.looked({"range": "90d"}, key_ids=("key:a",))
    (note,) = found.notes
    assert "How long requests took is not known of 69 days" in note.text
    of_key = [record for record in stand.within(found.reach.span.since_us, NOW + 1) if record.key_id == "key:a"]
    assert (found.now.requests, found.now.cost_nano_usd) == (len(of_key), counts(of_key)["cost"])


async def test_a_part_of_a_day_that_is_gone_is_not_made_up(stand: Stand) -> None:
    noon = TODAY - 40 * DAY + 12 * HOUR
    query = {"from": _instant(noon), "to": _instant(noon + 5 * HOUR)}
    for page in (overview, spend, latency):
        context = await stand.load(page, query)
        (note,) = context.notes
        assert f"Of {said(noon // DAY * DAY)} (UTC) only sums of whole days are left" in note.text
        assert context.is_empty
    longer = {"from": _instant(noon), "to": _instant(noon + 2 * DAY)}
    found = await stand.looked(longer)
    truth = counts(stand.within(noon // DAY * DAY + DAY, noon // DAY * DAY + 2 * DAY))
    assert found.now.requests == truth["requests"]
    assert "Of 2 days from" in found.notes[0].text
    assert found.before.requests == 0, "of which parts are missing too"


def _instant(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%dT%H:%M}"


async def test_a_list_of_requests_says_which_days_have_none_any_longer(stand: Stand) -> None:
    page = await stand.load(requests, {"range": "90d", "model": "mini"})
    (note,) = page.notes
    assert "are not kept any longer" in note.text
    assert note.link == "/spend?range=90d&model=mini"
    assert (await stand.load(requests, {"range": "7d"})).notes == ()
    names = await stand.load(aliases, {"range": "90d"})
    assert "by which name of ours" in names.notes[0].text


async def test_the_map_of_hours_is_of_days_whose_hours_are_known(stand: Stand) -> None:
    page = await stand.load(latency, {"range": "90d"})
    assert "hours are not known any longer" in page.hours_note
    shaded = [square for line in page.hours.lines for square in line.squares if square.shade]
    hours = {
        (moment.weekday(), moment.hour)
        for record in stand.within(TODAY - KEPT_DAYS * DAY, NOW + 1)
        if record.error is None
        for moment in [datetime.fromtimestamp(record.started_at_us / 1e6, UTC)]
    }
    assert len(shaded) == len(hours)
    assert (await stand.load(latency, {"range": "7d"})).hours_note == ""


async def test_days_of_which_nothing_is_left_are_told(stand: Stand) -> None:
    before = (datetime.fromtimestamp(TODAY / 1e6, UTC) - timedelta(days=60)).date()
    lost = [day for day in (TODAY - ago * DAY for ago in range(DAYS)) if begin_us(before) > day]
    connection = stand.kept.connection
    connection.begin()
    connection.execute("update rolled set kept = 'nothing' where d < $d and kept = 'sums'", {"d": before})
    connection.commit()
    try:
        found = await stand.looked({"range": "90d"})
        assert f"Of {len([day for day in lost if day >= found.reach.span.since_us])} days from" in found.notes[0].text
        assert "usage.rollup_days" in found.notes[0].text
        assert found.before.requests == 0
    finally:
        connection.execute("update rolled set kept = 'sums' where d < $d", {"d": before})


async def test_the_filter_is_the_same_for_all(stand: Stand) -> None:
    found = await stand.looked({"range": "30d"})
    asked = Filter(since_us=0, until_us=1)
    assert found.reach.now(asked)["since_us"] == found.reach.span.since_us
    assert found.reach.before(asked)["until_us"] == found.reach.span.since_us
