"""From a limit without room to the error that a client hears: whose limit, how much, and when to come back.

Knows words and errors; does not know how anything is counted. Whatever is said here is for clients to read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.errors import BudgetSpent, LimitReached, QuotaSpent, RequestRefused
from gateway.limits.limiter import LimitName, Subject
from gateway.records import NANO_USD

NEVER = math.inf
"""How long one waits for a budget that does not begin anew."""

SOON_SECONDS = 1.0
"""How long one waits for requests that are running: nobody knows how long they take, and one of many ends soon."""


class Shortage(NamedTuple):
    """A limit that leaves no room."""

    subject: Subject
    field: LimitName
    wait_seconds: float
    """Until there may be room; `NEVER`, or `SOON_SECONDS` where what is left is set aside for running requests."""
    ends_us: int = 0
    """Unix microseconds at which the period ends for which it is spent; 0 where it is not spent, or for good."""


def refusal(shortages: Sequence[Shortage]) -> RequestRefused:
    """The error for the one that lasts longest: whoever heard of another would come back for nothing."""
    worst = max(shortages, key=lambda shortage: shortage.wait_seconds)
    if worst.wait_seconds == NEVER:
        return BudgetSpent(f"The {_owned(worst)} is spent.")
    if worst.ends_us:
        until = datetime.fromtimestamp(worst.ends_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"The {_owned(worst)} is spent; it begins anew at {until}."
        return QuotaSpent(message, retry_after=worst.wait_seconds, limit=worst.field)
    again = f"try again in {math.ceil(worst.wait_seconds)} s"
    if worst.field in _KINDS:
        message = f"What is left of the {_owned(worst)} is set aside for running requests: {again}."
    else:
        message = f"The {_owned(worst)} is reached: {again}."
    return LimitReached(message, retry_after=worst.wait_seconds, limit=worst.field)


def usd(nano_usd: int) -> str:
    """Money for people: `25.00 USD`, `0.0005 USD`; two decimals at least."""
    whole, rest = divmod(nano_usd, NANO_USD)
    return f"{whole}.{f'{rest:09d}'.rstrip('0'):0<2} USD"


_KINDS: dict[LimitName, str] = {"requests_per_month": "quota", "tokens_per_month": "quota", "budget_nano_usd": "budget"}
"""What the limits of periods are called; the others are limits."""

_UNITS: dict[LimitName, str] = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "max_parallel": "requests at once",
    "requests_per_month": "requests a month",
    "tokens_per_month": "tokens a month",
}


def _owned(shortage: Shortage) -> str:
    """Such as "quota of client key `app`, 1000 requests a month,"."""
    return f"{_KINDS.get(shortage.field, 'limit')} of {shortage.subject.name}, {_amount(shortage)},"


def _amount(shortage: Shortage) -> str:
    limits = shortage.subject.limits
    if shortage.field != "budget_nano_usd":
        return f"{getattr(limits, shortage.field)} {_UNITS[shortage.field]}"
    amount = usd(limits.budget_nano_usd or 0)
    return amount if limits.budget_period == "total" else f"{amount} a {limits.budget_period}"
