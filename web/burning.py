"""Budgets and quotas: how much is used, and when the rest will be if it goes on like this. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.usage import figures
from gateway.usage.figures import DAY
from web.display import Meaning

WARNED = 0.8
MOST = 20
"""Lines shown: those that are used up most."""


class Ration(NamedTuple):
    """A budget or a quota, as limits have it."""

    subject: str
    field: str
    """`budget_nano_usd`, `tokens_per_month` or `requests_per_month`."""
    used: int
    most: int
    began_us: int
    """When its period began; 0 where it never begins anew."""
    resets_at_us: int
    """When it begins anew; 0 for never."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One of them, in words."""

    ration: Ration
    subject: str
    what: str
    used: str
    most: str
    share: float
    label: str
    meaning: Meaning
    resets_at_us: int
    exhausted_at_us: int | None
    """When it is used up at the pace of its period; None where it lasts, or nobody can tell."""


NAMES = {"budget_nano_usd": "budget", "tokens_per_month": "tokens a month", "requests_per_month": "requests a month"}


def burns_of(rations: Iterable[Ration], now_us: int) -> Iterator[Burn]:
    """Those that are used up most, first."""
    known = sorted(rations, key=lambda ration: -ration.used / max(1, ration.most))
    return (_burn(ration, now_us) for ration in known[:MOST])


def _burn(ration: Ration, now_us: int) -> Burn:
    show = figures.money if ration.field == "budget_nano_usd" else figures.count
    share = ration.used / max(1, ration.most)
    used, most = show(ration.used), show(ration.most)
    return Burn(
        ration=ration,
        subject=ration.subject.replace("`", ""),
        what=NAMES.get(ration.field, ration.field),
        used=used,
        most=most,
        share=share,
        label=f"{used} of {most} used",
        meaning="bad" if share >= 1 else "warning" if share >= WARNED else "good",
        resets_at_us=ration.resets_at_us,
        exhausted_at_us=exhausted_at(ration, now_us),
    )


def exhausted_at(ration: Ration, now_us: int) -> int | None:
    """The instant at which it is used up if it goes on as in its period so far, and begins anew no sooner."""
    passed = now_us - ration.began_us
    if not ration.began_us or passed < DAY // 24 or not ration.used or ration.used >= ration.most:
        return None
    at_us = ration.began_us + passed * ration.most // ration.used
    return at_us if not ration.resets_at_us or at_us < ration.resets_at_us else None
