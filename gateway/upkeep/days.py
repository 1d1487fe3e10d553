"""Days of usage records. A day begins at midnight UTC, wherever anybody lives. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

DAY_US = 86_400_000_000

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as the store has times: UTC, and none of them says so


def day_of(us: int) -> date:
    """The day that an instant is in. Instants are Unix microseconds."""
    return moment_of(us).date()


def begin_us(day: date) -> int:
    """The first instant of a day."""
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def moment_of(us: int) -> datetime:
    """An instant as statements take it."""
    return EPOCH + timedelta(microseconds=us)


def first_kept(today: date, days: int) -> date:
    """The first of as many whole days before today; the first of all where `days` is 0, which means for ever."""
    return today - timedelta(days=min(days, (today - date.min).days)) if days else date.min
