"""What went wrong, and when: so that pages have something to show that somebody would look for. Pure.

The outage lasts forty minutes of a working day, the evening is a slow one, and the storm of rate limits is never longer
ago than a day, for that is what pages show first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Incident:
    """A span of time (Unix microseconds) in which a provider does badly."""

    provider: str
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Incidents:
    """All of them."""

    outage: Incident
    """It answers 502 or not at all."""
    storm: Incident
    """It answers 429: somebody asks for more than was paid for."""
    slow: Incident
    """It takes three times as long."""


def incidents(since_us: int, until_us: int) -> Incidents:
    """Those of the time between two instants."""
    return Incidents(
        outage=_within("openai", _working_day(until_us, days=4, hour=14, minute=10), 40, (since_us, until_us)),
        storm=_within("anthropic", _latest(until_us, hour=10, minute=20, lasting=25), 25, (since_us, until_us)),
        slow=_within("gemini", _on_day(until_us, days=2, hour=18, minute=0), 270, (since_us, until_us)),
    )


def _within(provider: str, from_us: int, minutes: int, span: tuple[int, int]) -> Incident:
    """Where all time is too short for it, in its middle, and shorter."""
    since_us, until_us = span
    length = minutes * MINUTE_US
    if from_us < since_us:
        length = min(length, (until_us - since_us) // 8)
        from_us = since_us + (until_us - since_us) // 2
    return Incident(provider, from_us, from_us + length)


def _working_day(until_us: int, *, days: int, hour: int, minute: int) -> int:
    """The latest working day that is at least so many days ago."""
    at_us = _on_day(until_us, days=days, hour=hour, minute=minute)
    weekday = datetime.fromtimestamp(at_us // 1_000_000, UTC).weekday()
    return _on_day(until_us, days=days + max(0, weekday - 4), hour=hour, minute=minute)


def _latest(until_us: int, *, hour: int, minute: int, lasting: int) -> int:
    """The last time of day like this that is over, with so many minutes behind it."""
    at_us = _on_day(until_us, days=0, hour=hour, minute=minute)
    return at_us if at_us + lasting * MINUTE_US < until_us else _on_day(until_us, days=1, hour=hour, minute=minute)


def _on_day(until_us: int, *, days: int, hour: int, minute: int) -> int:
    today = datetime.fromtimestamp(until_us // 1_000_000, UTC).replace(hour=hour, minute=minute, second=0)
    return round((today - timedelta(days=days)).timestamp()) * 1_000_000
