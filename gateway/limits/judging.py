"""Whether a sheet has room for one more request, and how it stands. Pure.

Knows limits and counts. Does not know where sheets are, nor what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway.limits.limiter import LIMIT_NAMES, WINDOW_SECONDS, Left, LimitName, Reserve, Subject
from gateway.limits.periods import ENDLESS, Kind, Period
from gateway.limits.refusals import NEVER, SOON_SECONDS, Shortage
from gateway.limits.sheet import Days, Figures, Moment, Sheet, Taken

US = 1_000_000

_REQUESTS, _TOKENS = 0, 1
"""The figures of the last minute."""


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


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of a subject, as they are in the present day, week and month."""

    subject: Subject
    said: tuple[Said, ...]
    budget: Kind
    """The period of its budget."""
    needed_until: int
    """Unix seconds until which the counts behind these limits matter."""


def terms_of(subject: Subject, days: Days) -> Terms:
    """The limits that are set for a subject."""
    budget = subject.limits.budget_period
    month = _end("month", days)
    ends = (0, 0, 0, month, month, _end(budget, days))
    rows = ((figure, field, getattr(subject.limits, field)) for figure, field in enumerate(LIMIT_NAMES))
    said = tuple(_said(figure, field, limit, ends[figure]) for figure, field, limit in rows if limit is not None)
    return Terms(subject, said, budget, max((each.ends for each in said), default=0))


def is_full(terms: Terms, used: Figures) -> bool:
    """Whether one of the limits leaves no room."""
    for figure, _, limit, _, _ in terms.said:  # noqa: SIM110 - a generator costs every request more than all of this
        if used[figure] >= limit:
            return True
    return False


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


def standing_after(terms: Terms, used: Figures, own: Figures, moment: Moment) -> list[Left]:
    """How it stands right after a request was let in that takes `own`, from what was used before."""
    name = terms.subject.name
    window_us = round((moment.unix + WINDOW_SECONDS) * US)
    return [
        Left(name, field, limit, used[figure] + own[figure], window_us if figure <= _TOKENS else ends_us)
        for figure, field, limit, _, ends_us in terms.said
    ]


def own_of(reserve: Reserve, taken: Taken) -> Figures:
    """What a request that was let in takes of each limit."""
    return 1, taken.expected, 1, 1, reserve.tokens, reserve.nano_usd


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
