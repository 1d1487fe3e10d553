"""Instants and time zones as settings and answers say them: a date, or date and time with its distance from UTC (RFC
3339); a zone by its name in the time zone database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

Moment = Annotated[str, Meta(description="RFC 3339, in UTC.", extra_json_schema={"format": "date-time"})]
"""An instant as answers show it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:[Zz]|[+-]\d{2}:\d{2})"
_INSTANT = re.compile(f"{_DATE}(?:{_TIME})?")
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*){0,2}")


def read_instant(text: str) -> int:
    """Unix time in microseconds; a date is its first moment in UTC. Raises ValueError with a text to show."""
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        said = datetime.fromisoformat(text.upper())
        at = said if said.tzinfo else said.replace(tzinfo=UTC)
        return (at - EPOCH) // timedelta(microseconds=1)
    except ValueError:
        raise ValueError("expected a date such as 2030-01-31, or an instant such as 2030-01-31T12:00:00Z") from None


def write_instant(unix_us: int) -> str:
    """RFC 3339 with microseconds, in UTC."""
    return (EPOCH + timedelta(microseconds=unix_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def write_moment(unix_us: int | None) -> str | None:
    """The same of what may not have happened; nothing stays nothing."""
    return None if unix_us is None else write_instant(unix_us)


def read_zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises ValueError with a text to show."""
    try:
        if not _ZONE.fullmatch(name):
            raise ValueError
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError("expected a time zone such as Europe/Berlin, or UTC") from None
