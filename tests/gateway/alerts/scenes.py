"""Figures of machines that are well or not, and what is found in them: what tests of alerts are written with."""

from __future__ import annotations

from typing import Any

from gateway.alerts.course import Alert, Notice
from gateway.alerts.figures import Disk, Failing, Figures, Prices, Ration, Refused, Spool
from gateway.alerts.rules import HOUR_US, MINUTE_US, Condition
from gateway.records import NANO_USD

NOON = 1_780_000_000_000_000
"""2026-05-28 20:26:40 UTC."""

GB = 10**9


def ration(used: float, most: float = 10.0, *, name: str = "app", began_us: int = 0) -> Ration:
    """A key that has used so many dollars of its budget."""
    money, whose = (round(used * NANO_USD), round(most * NANO_USD)), f"client key `{name}`"
    return Ration(name, whose, "budget_nano_usd", *money, 0, began_us)


def refused(minutes: float | None, **more: Any) -> Refused:
    """A credential that has rested for so long; None where it does not, and is not proven either."""
    since_us = None if minutes is None else NOON - round(minutes * MINUTE_US)
    fields = {"provider": "openai", "credential": "first", "models": (), "reason": "auth", "is_last": False}
    return Refused(**{**fields, "since_us": since_us, **more})


def failing(failed: int, requests: int = 100, provider: str = "openai") -> Failing:
    return Failing(provider, requests, failed, "server")


def prices(hours: float = 1, error: str = "", doubted: tuple[str, ...] = (), *, is_tried: bool = True) -> Prices:
    return Prices(NOON - round(hours * HOUR_US), error, is_tried, doubted)


def spool(minutes: float | None = None, size: int = 0, trouble: str = "") -> Spool:
    return Spool(None if minutes is None else NOON - round(minutes * MINUTE_US), size, 100, trouble)


def disk(used: int) -> Disk:
    """So many GB of a hundred."""
    return Disk("/data", used * GB, 100 * GB)


def well(**changes: Any) -> Figures:
    """Nothing is wrong, but what is said."""
    fields = {"rations": [], "refused": [], "failing": [], "prices": prices(), "spool": spool(), "disk": disk(50)}
    return Figures(**{**fields, **changes})


def condition(**changes: Any) -> Condition:
    """A budget that is nearly spent."""
    fields = {
        "fingerprint": "budget/app/budget_nano_usd",
        "kind": "budget",
        "subject": "client key `app`",
        "severity": "warning",
        "text": "client key `app` has used 83 % of its budget",
        "detail": "8.31 USD of 10.00 USD.",
        "advice": "See what is spent on.",
        "figure": 83.1,
        "threshold": 80,
        "unit": "%",
        "since_us": NOON,
        "level": 80,
    }
    return Condition(**{**fields, **changes})


def notice(**changes: Any) -> Notice:
    """That it was told."""
    fields = {
        "alert": "1",
        "event": "opened",
        "kind": "budget",
        "severity": "warning",
        "subject": "client key `app`",
        "text": "client key `app` has used 83 % of its budget",
        "detail": "8.31 USD of 10.00 USD.",
        "advice": "See what is spent on.",
        "figure": 83.1,
        "threshold": 80,
        "unit": "%",
        "since_us": NOON,
        "at_us": NOON,
        "node": "",
    }
    return Notice(**{**fields, **changes})


def alert(**changes: Any) -> Alert:
    """The same as it is kept."""
    fields = {
        "id": "1",
        "fingerprint": "budget/app/budget_nano_usd",
        "kind": "budget",
        "node": "",
        "level": 80,
        "notice": notice(),
        "seen_at_us": NOON,
        "sent_at_us": NOON,
        "silenced_at_us": None,
    }
    return Alert(**{**fields, **changes})
