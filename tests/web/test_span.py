from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.usage.figures import DAY, HOUR, MINUTE
from web.span import LONGEST, MOST_PIECES, SPANS, USUAL, Span, span_of, typed_time

NOW = 1_795_324_830_000_000  # 2026-11-22 05:20:30 UTC
BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
ZONES = [UTC, BERLIN, KATHMANDU, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]


def at(instant_us: int, zone: tzinfo = UTC) -> str:
    return f"{datetime.fromtimestamp(instant_us / 1e6, zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("name", SPANS)
def test_a_usual_time_ends_with_the_piece_that_is_running(name: str, zone: tzinfo) -> None:
    span = span_of({"range": name}, NOW, zone)
    assert span.name == name
    assert span.query == {"range": name}
    assert span.starts[0] == span.since_us
    assert span.starts[-1] <= NOW < span.until_us
    assert span.until_us - NOW <= max(span.step_us, 25 * HOUR if span.step_us == DAY else 0)
    lengths = {later - sooner for sooner, later in pairwise((*span.starts, span.until_us))}
    assert lengths <= {span.step_us, DAY - HOUR, DAY + HOUR, DAY - HOUR // 2, DAY + HOUR // 2}


def test_days_begin_at_midnight_where_the_viewer_is() -> None:
    for zone in ZONES:
        span = span_of({"range": "30d"}, NOW, zone)
        assert {at(start, zone)[-5:] for start in span.starts} == {"00:00"}
        assert len(span.starts) == 30


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    span = span_of({"range": "30d"}, NOW, BERLIN)
    place = next(place for place, start in enumerate(span.starts) if at(start, BERLIN).startswith("2026-10-25"))
    since, until = span.ends(place)
    assert until - since == 25 * HOUR
    assert span.grain_us == HOUR
    assert span_of({"range": "30d"}, NOW, UTC).grain_us == DAY


def test_what_cannot_be_read_means_the_usual_time() -> None:
    for query in ({"range": "eternity"}, {"from": "yesterday"}, {"from": "2026-13-45"}, {"to": "2026-11-01"}, {}):
        assert span_of(query, NOW, UTC).name == USUAL
    assert span_of({}, NOW, UTC, "1h").name == "1h"


def test_a_time_somebody_chose_is_in_their_zone_and_its_last_day_is_meant_as_a_whole() -> None:
    span = span_of({"from": "2026-10-20", "to": "2026-10-22"}, NOW, BERLIN)
    assert (at(span.since_us, BERLIN), at(span.until_us, BERLIN)) == ("2026-10-20 00:00", "2026-10-23 00:00")
    assert span.query == {"from": "2026-10-20", "to": "2026-10-22"}
    exact = span_of({"from": "2026-10-20T10:15", "to": "2026-10-20T11:15"}, NOW, BERLIN)
    assert (at(exact.since_us, BERLIN), exact.length_us, exact.step_us) == ("2026-10-20 10:15", HOUR, MINUTE)
    assert span_of({"from": "2026-11-22T06:00"}, NOW, BERLIN).until_us == NOW


@pytest.mark.parametrize(
    ("query", "title", "fields"),
    [
        ({"from": "2026-10-20", "to": "2026-10-22"}, "2026-10-20 to 2026-10-22", ("20T00:00", "23T00:00")),
        ({"from": "2026-10-20", "to": "2026-10-20"}, "2026-10-20", ("20T00:00", "21T00:00")),
        (
            {"from": "2026-10-20T10:15", "to": "2026-10-20T11:15"},
            "2026-10-20 10:15 to 2026-10-20 11:15",
            ("20T10:15", "20T11:15"),
        ),
    ],
)
def test_a_time_somebody_chose_has_a_title_and_fields_to_choose_another(
    query: dict[str, str], title: str, fields: tuple[str, str]
) -> None:
    span = span_of(query, NOW, BERLIN)
    assert span.title == title
    since, until = typed_time(span, BERLIN)
    assert (since, until) == (f"2026-10-{fields[0]}", f"2026-10-{fields[1]}")
    again = span_of({"from": since, "to": until}, NOW, BERLIN)
    assert (again.since_us, again.until_us) == (span.since_us, span.until_us)


def test_without_an_end_or_a_choice_fields_are_empty() -> None:
    assert typed_time(span_of({"from": "2026-11-22T06:00"}, NOW, BERLIN), BERLIN) == ("2026-11-22T06:00", "")
    assert typed_time(span_of({}, NOW, BERLIN), BERLIN) == ("", "")


def test_a_time_that_is_none_or_too_long_is_made_one() -> None:
    assert span_of({"from": "2026-10-20", "to": "2026-10-19"}, NOW, UTC).name == USUAL
    assert span_of({"from": "1969-10-20", "to": "2026-10-19"}, NOW, UTC).name == USUAL
    assert span_of({"from": "1999-10-20", "to": "2026-10-19"}, NOW, UTC).length_us == LONGEST


@given(
    since=st.integers(0, 10**6),
    minutes=st.integers(1, 800 * 24 * 60),
    zone=st.sampled_from(ZONES),
)
def test_pieces_cover_the_time_and_are_not_too_many(since: int, minutes: int, zone: tzinfo) -> None:
    begin = datetime.fromtimestamp((NOW - since * MINUTE) // 10**6 - minutes * 60, zone)
    query = {"from": f"{begin:%Y-%m-%dT%H:%M}", "to": f"{datetime.fromtimestamp(NOW // 10**6, zone):%Y-%m-%dT%H:%M}"}
    span = span_of(query, NOW, zone)
    assert list(span.starts) == sorted(set(span.starts))
    assert span.starts[0] == span.since_us
    assert span.starts[-1] < span.until_us
    assert len(span.starts) <= 2 * MOST_PIECES
    assert all((start - span.since_us) % span.grain_us == 0 for start in span.starts)


@given(zone=st.sampled_from(ZONES), name=st.sampled_from(sorted(SPANS)), offset=st.floats(0, 0.999_999))
def test_every_instant_belongs_to_one_piece(zone: tzinfo, name: str, offset: float) -> None:
    span = span_of({"range": name}, NOW, zone)
    instant = span.since_us + int(offset * span.length_us)
    place = span.place((instant - span.since_us) // span.grain_us)
    since, until = span.ends(place)
    assert since <= instant < until


def test_rows_are_folded_into_pieces() -> None:
    span = Span("custom", "", 0, 3 * DAY, (0, DAY, 2 * DAY), DAY, {})
    assert span.folded([(0, "a"), (2, "b"), (2, "c"), (9, "out")]) == [["a"], [], ["b", "c"]]
    assert span.before == (-3 * DAY, 0)
    assert span.buckets == {"origin_us": 0, "step_us": DAY}
