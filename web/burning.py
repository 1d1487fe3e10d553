"""Budgets and quotas: how much is used, what was left of them over time, and when they will be used up if it goes on
like this. Pure: what was spent is handed in, and so is the present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from gateway.records import Whom
from gateway.usage import figures
from gateway.usage.figures import DAY, HOUR
from web.display import Meaning

WARNED = 0.8

WIDTH, HEIGHT = 200, 40
"""Of a course, as it is drawn."""

MOST_POINTS = 62
"""Of a course: the days of two months. Of longer ones several days are one."""

TOLD_APART = 100
"""What is recorded and what is counted are the same as long as they differ by less than such a part of the whole."""

BUDGET = "budget_nano_usd"

NAMES: Mapping[str, str] = MappingProxyType(
    {BUDGET: "budget", "tokens_per_month": "tokens a month", "requests_per_month": "requests a month"}
)

MORE_COUNTED = "requests that ended just now, that began before the period did, or whose records are not kept"
MORE_RECORDED = "the limit hears within minutes of what it missed"
"""Why the one may be more than the other."""


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
    held: int = 0
    """What is set aside for running requests; it is not in `used`."""
    reset_at_us: int = 0
    """When somebody had it counted from nothing the last time; 0 for never."""
    whom: Whom = Whom("everybody")

    @property
    def since_us(self) -> int:
        """Since when it counts; 0 for ever."""
        return max(self.began_us, self.reset_at_us)


class Point(NamedTuple):
    """An instant of a course."""

    at_us: int
    spent: int
    """Since the point before."""
    left: int
    is_ahead: bool = False
    """It is expected."""


@dataclass(frozen=True, slots=True)
class Course:
    """What was left of a budget or a quota, and what will be."""

    points: tuple[Point, ...]
    """From all of it at the beginning up to now, where it is as the limit counts, and how it goes on."""
    recorded: int
    """What records say was used."""
    note: str
    """Why that is not what is counted; empty where it is."""
    line: str
    ahead: str
    """As `points` of an SVG: what was, and what is expected; the latter is empty where nobody can tell."""
    now_x: float
    spent_x: float | None
    """Where it is used up; None where it lasts, or was used up before."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One of them, in words."""

    ration: Ration
    subject: str
    what: str
    used: str
    most: str
    left: str
    held: str
    """What is set aside; empty for nothing."""
    share: float
    label: str
    meaning: Meaning
    resets_at_us: int
    exhausted_at_us: int | None
    """When it is used up at the pace of its period; None where it lasts, or nobody can tell."""
    link: str = ""
    """Where that is of which it is; empty where whoever looks may not see it, or it is of several."""
    spend: str = ""
    """Where its spend over its period is; empty where no filter means that."""
    course: Course | None = None
    """None where whoever looks may not see it, or nobody can tell."""
    is_others: bool = False
    """Whether the course is that of others' requests as well, which whoever looks may not see."""

    @property
    def show(self) -> str:
        """What shows its figures: `money` or `count`."""
        return "money" if self.ration.field == BUDGET else "count"


def burns_of(rations: Iterable[Ration], now_us: int) -> Iterator[Burn]:
    """Those that are used up most, first."""
    known = sorted(rations, key=lambda ration: -ration.used / max(1, ration.most))
    return (_burn(ration, now_us) for ration in known)


def _burn(ration: Ration, now_us: int) -> Burn:
    show = figures.money if ration.field == BUDGET else figures.count
    share = ration.used / max(1, ration.most)
    used, most = show(ration.used), show(ration.most)
    return Burn(
        ration=ration,
        subject=ration.subject.replace("`", ""),
        what=NAMES.get(ration.field, ration.field),
        used=used,
        most=most,
        left=show(max(ration.most - ration.used, 0)),
        held=show(ration.held) if ration.held else "",
        share=share,
        label=f"{used} of {most} used",
        meaning="bad" if share >= 1 else "warning" if share >= WARNED else "good",
        resets_at_us=ration.resets_at_us,
        exhausted_at_us=exhausted_at(ration, now_us),
    )


def exhausted_at(ration: Ration, now_us: int) -> int | None:
    """The instant at which it is used up if it goes on as in its period so far, and begins anew no sooner."""
    since_us = ration.since_us
    passed = now_us - since_us
    if not since_us or passed < DAY // 24 or not ration.used or ration.used >= ration.most:
        return None
    at_us = since_us + passed * ration.most // ration.used
    return at_us if not ration.resets_at_us or at_us < ration.resets_at_us else None


def step_of(ration: Ration) -> int:
    """How long the pieces are in which its course is told: hours of a period of a day, days of others."""
    is_short = ration.began_us and 0 < ration.resets_at_us - ration.began_us <= DAY + HOUR
    return HOUR if is_short else DAY


def course_of(ration: Ration, spent: Mapping[int, int], since_us: int, now_us: int) -> Course:
    """What was left of it since then, by what was spent in which piece: by when it began, in whole steps since 1970."""
    at = _ends(since_us, now_us, step_of(ration))
    pieces = [0] * len(at)
    for piece_us, amount in sorted(spent.items()):
        # A piece of which the beginning is before all of this counts from there.
        place = next((number for number, end in enumerate(at) if piece_us < end), len(at) - 1)
        pieces[place] += amount
    recorded = sum(pieces)
    left = [ration.most - used for used in accumulate(pieces)]
    left[-1] = ration.most - ration.used
    known = (Point(since_us, 0, ration.most), *(Point(*each) for each in zip(at, pieces, left, strict=True)))
    ahead = _ahead(ration, now_us)
    until_us = ration.resets_at_us or max(now_us, ahead[-1].at_us if ahead else 0)
    scale = _Scale(since_us, max(until_us, since_us + 1), max(ration.most, 1))
    exhausted_us = exhausted_at(ration, now_us)
    return Course(
        points=(*known, *ahead),
        recorded=recorded,
        note=_note(ration, recorded),
        line=scale.line(known),
        ahead=scale.line((known[-1], *ahead)) if ahead else "",
        now_x=scale.x(now_us),
        spent_x=None if exhausted_us is None else scale.x(exhausted_us),
    )


def _ends(since_us: int, now_us: int, step_us: int) -> list[int]:
    """The ends of the pieces of a course, up to now; not too many."""
    first = since_us // step_us * step_us + step_us
    whole = list(range(first, now_us, step_us))
    every = -(-(len(whole) + 1) // MOST_POINTS)
    return [*whole[every - 1 :: every], now_us]


def _ahead(ration: Ration, now_us: int) -> tuple[Point, ...]:
    """How it goes on at the pace of its period: until it is used up, or begins anew."""
    left, since_us = ration.most - ration.used, ration.since_us
    exhausted_us = exhausted_at(ration, now_us)
    if exhausted_us is not None:
        return (Point(exhausted_us, left, 0, is_ahead=True),)
    passed, remaining = now_us - since_us, ration.resets_at_us - now_us
    if not since_us or passed < DAY // 24 or remaining <= 0 or left <= 0:
        return ()
    spent = ration.used * remaining // passed
    return (Point(ration.resets_at_us, spent, left - spent, is_ahead=True),)


class _Scale(NamedTuple):
    """Where instants and amounts are on a drawing."""

    since_us: int
    until_us: int
    most: int

    def x(self, at_us: int) -> float:
        return round(WIDTH * (at_us - self.since_us) / (self.until_us - self.since_us), 1)

    def line(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(each.at_us)},{self._y(each.left)}" for each in points)

    def _y(self, left: int) -> float:
        return round(HEIGHT * (1 - min(max(left / self.most, 0.0), 1.0)), 1)


def _note(ration: Ration, recorded: int) -> str:
    if abs(ration.used - recorded) * TOLD_APART <= ration.most:
        return ""
    show = figures.money if ration.field == BUDGET else figures.count
    return f"{show(recorded)} of it recorded: {MORE_COUNTED if ration.used > recorded else MORE_RECORDED}"
