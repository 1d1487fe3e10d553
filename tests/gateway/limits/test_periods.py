from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.periods import ENDLESS, KINDS, TOTAL, Kind, period_of
from gateway.settings.instants import read_instant, read_zone

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
STRANGE = ("America/Sao_Paulo", "America/St_Johns", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Santiago")
"""Where clocks are or were changed around midnight."""


def seconds(text: str) -> int:
    return read_instant(text) // 1_000_000


def local(unix_seconds: int, zone: str) -> str:
    return datetime.fromtimestamp(unix_seconds, ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("kind", "zone", "at", "starts", "ends"),
    [
        ("day", "UTC", "2026-05-12T23:59:59Z", "2026-05-12T00:00:00+00:00", "2026-05-13T00:00:00+00:00"),
        ("day", "UTC", "2026-05-12T00:00:00Z", "2026-05-12T00:00:00+00:00", "2026-05-13T00:00:00+00:00"),
        ("day", "Asia/Kolkata", "2026-05-12T18:30:00Z", "2026-05-13T00:00:00+05:30", "2026-05-14T00:00:00+05:30"),
        ("week", "UTC", "2026-05-17T23:59:59Z", "2026-05-11T00:00:00+00:00", "2026-05-18T00:00:00+00:00"),
        ("week", "UTC", "2026-05-18T00:00:00Z", "2026-05-18T00:00:00+00:00", "2026-05-25T00:00:00+00:00"),
        ("week", "UTC", "2027-01-01T12:00:00Z", "2026-12-28T00:00:00+00:00", "2027-01-04T00:00:00+00:00"),
        ("month", "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
        ("month", "UTC", "2026-02-28T12:00:00Z", "2026-02-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
        ("month", "UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("month", "America/New_York", "2026-06-01T03:59:59Z", "2026-05-01T00:00:00-04:00", "2026-06-01T00:00:00-04:00"),
        # The month in which clocks go forward is an hour shorter, and begins and ends by its own time.
        ("month", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        # No midnight on this day in Beirut: the clock goes from 24:00 to 01:00.
        ("day", "Asia/Beirut", "2026-03-29T12:00:00Z", "2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"),
        # Midnight comes twice in Havana: the day begins with the first.
        ("day", "America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
    ],
)
def test_a_period_begins_and_ends_at_midnight_where_it_is(
    kind: Kind, zone: str, at: str, starts: str, ends: str
) -> None:
    period = period_of(kind, seconds(at), ZoneInfo(zone))
    assert (period.kind, local(period.starts, zone), local(period.ends, zone)) == (kind, starts, ends)


def test_what_has_no_end_is_one_period() -> None:
    assert period_of("total", 0, UTC) is period_of("total", 2**40, UTC) is TOTAL
    assert TOTAL.ends == ENDLESS > 2**40


def test_a_day_that_a_country_left_out_is_in_no_period() -> None:
    before = period_of("day", seconds("2011-12-30T09:59:59Z"), ZoneInfo("Pacific/Apia"))
    after = period_of("day", seconds("2011-12-30T10:00:00Z"), ZoneInfo("Pacific/Apia"))
    assert (after.id - before.id, before.ends) == (2, after.starts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_period_has_the_same_number_in_every_time_zone(kind: Kind) -> None:
    noon = seconds("2026-05-13T12:00:00Z")
    assert len({period_of(kind, noon, ZoneInfo(zone)).id for zone in ("UTC", "Europe/Berlin", "America/New_York")}) == 1


@given(
    st.sampled_from(KINDS[:-1]),
    st.sampled_from(ZONES + STRANGE),
    st.integers(0, 4_000_000_000),
)
def test_periods_follow_each_other_without_a_gap(kind: Kind, zone_name: str, at: int) -> None:
    zone = read_zone(zone_name)
    period = period_of(kind, at, zone)
    assert period.starts <= at < period.ends
    following = period_of(kind, period.ends, zone)
    assert following.starts <= period.ends < following.ends
    assert following.id > period.id
    assert period_of(kind, period.ends - 1, zone) == period
