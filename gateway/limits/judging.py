"""Whether a sheet has room for one more request, and how it stands. Pure.

Knows limits and counts. Does not know where sheets are, nor what is done about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.limits.limiter import LIMIT_NAMES, TOLD, WINDOW_SECONDS, Left, LimitName, Stand, Subject, tighten
from gateway.limits.periods import ENDLESS, Kind, Period
from gateway.limits.refusals import NEVER, SOON_SECONDS, Shortage
from gateway.limits.sheet import Days, Figures, Moment, Room, Sheet

US = 1_000_000

_REQUESTS, _TOKENS = 0, 1
"""The figures of the last minute."""

_SPENDABLE = (4, 5)
"""The figures that are set aside before they are spent."""

_UNLIMITED = 2**63
"""More than anything can come to."""


class Said(NamedTuple):
    """A limit that is set."""

    figure: int
    """Which of the figures counts against it."""
    field: LimitName
    limit: int
    ends: int
    """Unix seconds at which the period of a quota or budget ends; 0 for the other limits."""
    ends_us: int
    """The same in microseconds; 0 also where it never ends."""


Told = tuple[str, int, int, int, int, int]
"""What limits count; place in a `Room`, and limit, of a minute; those of a month, and when that ends. Where there is no
limit it is more than anything can come to. A bare tuple, since every request takes some apart."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of a subject, as they are in the present day, week and month."""

    subject: Subject
    said: tuple[Said, ...]
    budget: Kind
    """The period of its budget."""
    needed_until: int
    """Unix seconds until which the counts behind these limits matter."""
    ceilings: Figures
    """By figure what it must stay below."""
    told: tuple[Told, ...]
    """The limits that a client hears of with each answer."""


def terms_of(subject: Subject, days: Days) -> Terms:
    """The limits that are set for a subject."""
    budget = subject.limits.budget_period
    month = _end("month", days)
    ends = (0, 0, 0, month, month, _end(budget, days))
    rows = ((figure, field, getattr(subject.limits, field)) for figure, field in enumerate(LIMIT_NAMES))
    said = tuple(_said(figure, field, limit, ends[figure]) for figure, field, limit in rows if limit is not None)
    ceilings = _ceilings(said)
    needed_until = max((each.ends for each in said), default=0)
    return Terms(subject, said, budget, needed_until, ceilings, tuple(_told(ceilings, month)))


def shortages(terms: Terms, sheet: Sheet, moment: Moment) -> list[Shortage]:
    """What the limits lack that leave no room, and until when."""
    used, spent = sheet.used(terms.budget), sheet.spent(terms.budget)
    short = [said for said in terms.said if used[said.figure] >= said.limit]
    return [_shortage(terms.subject, said, sheet, moment, spent=spent[said.figure]) for said in short]


def standing(terms: Terms, sheet: Sheet, moment: Moment) -> tuple[Left, ...]:
    """How it stands with the limits of a subject."""
    used, spent = sheet.used(terms.budget), sheet.spent(terms.budget)
    empty = [sheet.seconds_until_empty(moment.monotonic, tokens=tokens) for tokens in (False, True)]
    if used[_TOKENS] > spent[_TOKENS]:
        empty[_TOKENS] = WINDOW_SECONDS  # what is set aside now leaves no earlier than that
    return tuple(
        Left(
            terms.subject.name,
            said.field,
            said.limit,
            used[said.figure],
            round((moment.unix + empty[said.figure]) * US) if said.figure <= _TOKENS else said.ends_us,
            max(used[said.figure] - spent[said.figure], 0) if said.figure in _SPENDABLE else 0,
        )
        for said in terms.said
    )


def untouched(terms: Terms, moment: Moment) -> tuple[Left, ...]:
    """How it stands with the limits of a subject for which nothing was counted."""
    now_us = round(moment.unix * US)
    return tuple(
        Left(terms.subject.name, said.field, said.limit, 0, now_us if said.figure <= _TOKENS else said.ends_us)
        for said in terms.said
    )


def tell(standing: dict[str, Stand], terms: Terms, room: Room, moment: Moment) -> None:
    """Add to `standing` how it stands right after a request was let in, by the room that it left."""
    for kind, of_minute, a_minute, of_month, a_month, month_us in terms.told:
        left, left_of_month = room[of_minute], room[of_month]
        if left < left_of_month:
            stand = a_minute, left if left > 0 else 0, moment.minute_us
        else:  # of equals that which lasts longer
            stand = a_month, left_of_month if left_of_month > 0 else 0, month_us
        if kind in standing:
            tighten(standing, kind, stand)
        else:
            standing[kind] = stand


def _ceilings(said: Iterable[Said]) -> Figures:
    limits = {each.figure: each.limit for each in said}
    a, b, c, d, e, f = (limits.get(figure, _UNLIMITED) for figure in range(len(LIMIT_NAMES)))
    return a, b, c, d, e, f


def _told(ceilings: Figures, month_ends: int) -> Iterator[Told]:
    for kind in dict.fromkeys(TOLD.values()):
        of_minute, of_month = (place for place, counted in enumerate(TOLD.values()) if counted == kind)
        a_minute, a_month = (ceilings[LIMIT_NAMES.index(name)] for name, counted in TOLD.items() if counted == kind)
        if min(a_minute, a_month) < _UNLIMITED:
            yield kind, of_minute, a_minute, of_month, a_month, month_ends * US


def _said(figure: int, field: LimitName, limit: int, ends: int) -> Said:
    return Said(figure, field, limit, ends, 0 if ends == ENDLESS else ends * US)


def _shortage(subject: Subject, said: Said, sheet: Sheet, moment: Moment, *, spent: int) -> Shortage:
    if spent < said.limit:
        return Shortage(subject, said.field, SOON_SECONDS)
    if said.figure <= _TOKENS:
        wait = sheet.seconds_until(said.limit, moment.monotonic, tokens=said.figure == _TOKENS)
        return Shortage(subject, said.field, wait)
    if said.ends == ENDLESS:
        return Shortage(subject, said.field, NEVER)
    return Shortage(subject, said.field, max(said.ends - moment.unix, 0.0), said.ends * US)


def _end(kind: Kind, days: Days) -> int:
    if kind == "total":
        return ENDLESS
    period: Period = getattr(days, kind)
    return period.ends
