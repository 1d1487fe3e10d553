"""Moments as people write them (RFC 3339, or a date) and as the gateway counts them: Unix microseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_instant(text: str) -> int:
    """Unix microseconds of an instant with its zone, or of the first moment of a day in UTC. ValueError for others."""
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a date such as 2026-12-31 or an instant such as 2026-12-31T18:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("an instant needs its zone: end it with Z for UTC, or with an offset such as +02:00")
    return (moment - EPOCH) // timedelta(microseconds=1)


def write_instant(unix_us: int) -> str:
    """RFC 3339 with microseconds, in UTC."""
    return (EPOCH + timedelta(microseconds=unix_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
