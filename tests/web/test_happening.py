"""What happens, as lines: whole at first, then what comes, changes and goes; once a second, nothing twice."""

from __future__ import annotations

import re
from datetime import UTC
from zoneinfo import ZoneInfo

from gateway.live.events import Finished, Gap, RunningNow
from gateway.usage.figures import HOUR, NOTHING, SECOND
from tests.gateway.usage.records import usage_record
from tests.web.followed import (
    NOW,
    RUNNING,
    Watching,
    line,
    messages,
    running,
    swapped,
    texts,
    written,
)
from web import happening


def test_what_is_said_comes_before_lines_and_both_with_one_id() -> None:
    said, lines = messages(written(RunningNow(1, 1, (RUNNING,)), Gap(3)))
    assert (said["event"], "id" in said) == ("told", False)
    assert (lines["id"], "event" in lines) == ("boot-2", False)
    (alone,) = messages(Watching().told(Gap(3)))
    assert (alone["event"], alone["id"]) == ("told", "boot-1")


def test_what_runs_is_told_whole_at_first() -> None:
    text = written(RunningNow(70, 40, (RUNNING,)))
    inner = swapped(text, "underway")
    for shown in ("streaming", "mock/gpt-4o", "≈ 120", "4.0 kB", "3.0 s"):
        assert shown in inner, shown
    assert 'hx-swap="innerMorph"' in text
    assert texts(text)["count"] == "70 under way, 40 streaming, the newest 50 shown"
    assert "Nothing runs" in swapped(written(RunningNow(0, 0, ())), "underway")


def test_of_what_runs_on_only_what_moves_is_told() -> None:
    watching = Watching()
    watching.told(RunningNow(2, 2, (running(1), running(2))))
    text = watching.told(RunningNow(2, 2, (running(1, output_tokens=180), running(2))), seconds=1)
    assert swapped(text, "underway") == ""
    assert texts(text) == {line(1): ["4.0 s", "≈ 180", "4.0 kB"], line(2): ["4.0 s", "≈ 120", "4.0 kB"]}


def test_lines_come_change_and_go_one_by_one() -> None:
    watching = Watching()
    watching.told(RunningNow(3, 2, (running(3), running(2, state="asking"), running(1))))
    text = watching.told(RunningNow(3, 3, (running(4), running(3), running(2))), seconds=1)
    inner = swapped(text, "underway")
    assert re.findall(r'<tr id="([^"]+)" data-at="\d+" data-new>', inner) == [line(4), line(2)]
    assert texts(text) == {"count": "3 under way, 3 streaming", line(1): None, line(3): ["4.0 s", "≈ 120", "4.0 kB"]}
    assert text.index("event: told") < text.index("hx-partial"), "what is gone makes room first"


def test_where_nothing_runs_any_more_that_is_said() -> None:
    watching = Watching()
    watching.told(RunningNow(1, 1, (RUNNING,)))
    assert "Nothing runs" in swapped(watching.told(RunningNow(0, 0, ()), seconds=1), "underway")
    assert RUNNING.id in swapped(watching.told(RunningNow(1, 1, (RUNNING,)), seconds=1), "underway")


def test_lines_are_told_once_a_second_and_counts_at_once() -> None:
    watching = Watching()
    watching.told(RunningNow(1, 1, (running(1),)))
    text = watching.told(RunningNow(2, 1, (running(2), running(1))), seconds=0.25)
    assert texts(text) == {"count": "2 under way, 1 streaming"}
    assert swapped(text, "underway") == ""
    assert watching.told(RunningNow(2, 1, (running(2, output_tokens=9), running(1))), seconds=0.25) == ""
    text = watching.told(seconds=0.5)
    assert line(2) in swapped(text, "underway"), "though nothing has happened since"
    assert texts(text) == {line(1): ["4.0 s", "≈ 120", "4.0 kB"]}


def test_time_goes_on_for_what_waits() -> None:
    watching = Watching()
    watching.told(RunningNow(1, 0, (running(1, state="asking", output_tokens=0, response_bytes=0),)))
    assert texts(watching.told(seconds=60)) == {line(1): ["1 min 3 s", NOTHING, NOTHING]}
    assert Watching().told() == ""


def test_what_has_just_begun_runs_for_a_moment() -> None:
    inner = swapped(written(RunningNow(1, 0, (running(1, started_at_us=NOW + 20_000),))), "underway")
    assert "100 ms" in inner


def test_what_has_ended_comes_on_top_the_latest_first() -> None:
    early = usage_record(started_at_us=NOW - 9_000_000, model="early", total_us=1)
    late = usage_record(started_at_us=NOW - 8_000_000, model="late", total_us=1)
    text = written(Finished((early,)), Finished((late,)))
    inner = swapped(text, "ended")
    assert inner.index("mock/late") < inner.index("mock/early")
    assert 'hx-swap="afterbegin"' in text
    assert inner.count('class="arrives" data-new') == 2


def test_whoever_comes_back_before_lines_are_told_has_not_heard_of_them() -> None:
    watching = Watching()
    assert messages(watching.told(Finished((usage_record(),))))[-1]["id"] == "boot-1"
    assert watching.told(Finished((usage_record(model="late"),)), seconds=0.25) == ""
    (said,) = messages(watching.told(Gap(1), seconds=0.25))
    assert "id" not in said
    text = watching.told(seconds=0.5)
    assert "mock/late" in swapped(text, "ended")
    assert messages(text)[-1]["id"] == "boot-3"


def test_for_more_than_anybody_reads_there_is_no_room_and_that_is_said() -> None:
    many = tuple(usage_record(started_at_us=NOW + number, model=f"m{number}") for number in range(60))
    text = written(Finished(many[:30]), Finished(many[30:]), Gap(5))
    assert swapped(text, "ended").count("<tr") == 50
    assert "mock/m59" in text
    assert "mock/m9<" not in text
    assert texts(text)["missed"] == "15 more are not shown."


def test_what_ended_before_is_shown_unless_it_was_long_ago_and_nobody_misses_the_rest() -> None:
    long_ago = usage_record(started_at_us=NOW - HOUR - 120 * SECOND, model="long-ago")
    many = tuple(usage_record(started_at_us=NOW - number, model=f"m{number}") for number in range(60))
    text = written(Finished((*many, long_ago), is_news=False))
    inner = swapped(text, "ended")
    assert (inner.count("<tr"), "mock/m0<" in inner, "long-ago" in inner) == (50, True, False)
    assert "missed" not in texts(text)
    assert swapped(written(Finished((long_ago,), is_news=False)), "ended") == ""


def test_times_are_those_of_whoever_looks() -> None:
    record = usage_record(started_at_us=1_795_219_200_000_000, total_us=0)
    for zone, clock in ((UTC, "00:00:00"), (ZoneInfo("Asia/Tokyo"), "09:00:00")):
        assert f"data-clock>{clock}<" in swapped(Watching(zone).told(Finished((record,))), "ended")


def test_of_what_is_wanted_of_all_that_runs_as_much_is_said_as_is_known() -> None:
    few, none = RunningNow(30, 10, (running(1), running(2))), RunningNow(1, 0, ())
    assert happening.count(few, narrows=True) == "2 of 30 under way"
    assert happening.count(RunningNow(900, 1, tuple(map(running, range(60)))), narrows=True) == (
        "at least 60 of 900 under way, the newest 50 shown"
    )
    text = Watching(narrows=True).told(none)
    assert texts(text)["count"] == "0 of 1 under way"
    assert "Nothing like that runs" in swapped(text, "underway")
