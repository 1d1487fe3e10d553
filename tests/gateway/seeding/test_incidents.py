"""What went wrong lies where somebody would look for it, whenever the history was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.seeding.incidents import MINUTE_US, Incident, incidents

DAY_US = 24 * 60 * MINUTE_US


def us(at: datetime) -> int:
    return round(at.timestamp()) * 1_000_000


def when(incident: Incident) -> tuple[datetime, float]:
    began = datetime.fromtimestamp(incident.from_us / 1_000_000, UTC)
    return began, (incident.until_us - incident.from_us) / MINUTE_US


@pytest.mark.parametrize("day", range(7))
@pytest.mark.parametrize("hour", [0, 9, 10, 15, 23])
def test_each_has_its_time(day: int, hour: int) -> None:
    now = datetime(2026, 11, 16, hour, 41, 7, tzinfo=UTC) + timedelta(days=day)
    found = incidents(us(now) - 30 * DAY_US, us(now))
    outage, minutes = when(found.outage)
    assert (outage.weekday() < 5, outage.hour, outage.minute, minutes) == (True, 14, 10, 40)
    assert timedelta(days=3) < now - outage < timedelta(days=8)
    storm, minutes = when(found.storm)
    assert minutes == 25
    assert timedelta(minutes=25) <= now - storm <= timedelta(days=1, minutes=25), "pages show the last day first"
    slow, minutes = when(found.slow)
    assert (slow.hour, minutes) == (18, 270)
    assert now - slow > timedelta(minutes=270)


@pytest.mark.parametrize("hours", [1, 5, 24, 72])
def test_a_short_history_has_them_too(hours: int) -> None:
    until_us = us(datetime(2026, 11, 18, 9, 41, tzinfo=UTC))
    since_us = until_us - hours * 60 * MINUTE_US
    found = incidents(since_us, until_us)
    for incident in (found.outage, found.storm, found.slow):
        assert since_us <= incident.from_us < incident.until_us <= until_us
