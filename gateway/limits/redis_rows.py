"""Plans, settlements and answers as the scripts write them: rows of words. Pure.

Knows the order of the words in `lua/admit.lua` and `lua/settle.lua`. Asks nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypedDict

from gateway.limits.limiter import (
    LARGEST_NANO_USD,
    LARGEST_TOKENS,
    WINDOW_SECONDS,
    Left,
    LimitName,
    Plan,
    Reserve,
    Spent,
    Subject,
    Used,
)
from gateway.limits.periods import ENDLESS, TOTAL, Kind, Period
from gateway.limits.refusals import NEVER, SOON_SECONDS, Shortage
from gateway.records import Limits

US = 1_000_000

LIMITS: tuple[LimitName, ...] = (
    "requests_per_minute",
    "tokens_per_minute",
    "max_parallel",
    "requests_per_month",
    "tokens_per_month",
    "budget_nano_usd",
)
"""In the order of the scripts."""

_MINUTES = 2
"""The first so many are limits a minute."""
_KINDS: dict[Kind, str] = {"day": "d", "week": "w", "month": "m", "total": "t"}
_NONE = "-"
_SPENT = -1
_SPENDABLE = 2
"""The last so many are set aside before they are spent."""
_ADMITTED_WORDS = 2 + len(LIMITS) + _SPENDABLE
_LOOKED_WORDS = _ADMITTED_WORDS + _MINUTES


class Today(NamedTuple):
    """The periods that a moment is in."""

    day: Period
    week: Period
    month: Period

    @property
    def text(self) -> str:
        """Their numbers."""
        return f"{self.day.id} {self.week.id} {self.month.id}"

    def of(self, kind: Kind) -> Period:
        """The one of this kind."""
        return {"day": self.day, "week": self.week, "month": self.month}.get(kind, TOTAL)


class Dates(TypedDict):
    """Fields of a settlement."""

    day: int
    week: int
    month: int


class Settlement(NamedTuple):
    """A row for `settle.lua`: what a subject held for requests, and what they used."""

    subject: str
    running: int = 0
    expected: int = 0
    tokens: int = 0
    nano_usd: int = 0
    second: int = 0
    """In which it was counted in the window; 0 where the window is to stay as it is."""
    counted_month: int = 0
    requests: int = 0
    """To add to those of that month; below zero to take back, from the window as well."""
    window_tokens: int = 0
    beyond: int | None = None
    """Tokens beyond its input; None where there is nothing to learn from."""
    used_tokens: int = 0
    used_nano_usd: int = 0
    needed_until: int = 0
    """Unix seconds until which what is counted by period matters; 0 for good."""
    day: int = 0
    week: int = 0
    month: int = 0

    @property
    def text(self) -> str:
        """As the script reads it."""
        return " ".join([_NONE if word is None else str(word) for word in self])


def merged(rows: Iterable[Settlement]) -> list[Settlement]:
    """As few rows as tell the same of periods and of what was held. Windows are not told any more: a minute is over by
    the time anybody hears of it."""
    sums: dict[tuple[object, ...], Settlement] = {}
    for row in rows:
        key = (row.subject, row.counted_month, row.day, row.week, row.month)
        sums[key] = _sum(sums[key], row) if key in sums else row._replace(second=0, window_tokens=0, beyond=None)
    return list(sums.values())


def _sum(one: Settlement, other: Settlement) -> Settlement:
    ends = (one.needed_until, other.needed_until)
    return one._replace(
        running=one.running + other.running,
        expected=one.expected + other.expected,
        tokens=one.tokens + other.tokens,
        nano_usd=one.nano_usd + other.nano_usd,
        requests=one.requests + other.requests,
        used_tokens=one.used_tokens + other.used_tokens,
        used_nano_usd=one.used_nano_usd + other.used_nano_usd,
        needed_until=0 if 0 in ends else max(ends),
    )


def settled(held: Settlement, subject: Subject, reserve: Reserve, used: Used) -> Settlement:
    """What was held of a subject, with what was used in its place; when that was is to be filled in."""
    tokens, nano_usd = min(max(used.tokens, 0), LARGEST_TOKENS), min(max(used.nano_usd, 0), LARGEST_NANO_USD)
    in_window = tokens if subject.limits.tokens_per_minute is not None else 0
    return held._replace(
        requests=0 if used.counted else -1,
        window_tokens=in_window,
        beyond=max(tokens - reserve.input_tokens, 0) if in_window else None,
        used_tokens=tokens,
        used_nano_usd=nano_usd,
    )


def held(plan: Plan, reply: Sequence[int], reserve: Reserve, today: Today) -> tuple[Settlement, ...]:
    """What a request that was let in holds of each subject: only what there is a limit on."""
    return tuple(
        _held(subject, words, reserve, today.month.id)
        for subject, words in zip(plan.subjects, admitted_words(reply), strict=True)
    )


def _held(subject: Subject, words: Sequence[int], reserve: Reserve, month: int) -> Settlement:
    limits = subject.limits
    has_window = limits.requests_per_minute is not None or limits.tokens_per_minute is not None
    return Settlement(
        subject.id.hex(),
        running=1,
        expected=words[1],
        tokens=0 if limits.tokens_per_month is None else reserve.tokens,
        nano_usd=0 if limits.budget_nano_usd is None else reserve.nano_usd,
        second=words[0] if has_window else 0,
        counted_month=month,
    )


def dates(today: Today) -> Dates:
    """When something was used, as fields of a settlement."""
    return {"day": today.day.id, "week": today.week.id, "month": today.month.id}


def needed_until(limits: Limits, today: Today) -> int:
    """Unix seconds until which what is counted by period matters; 0 for good. All of it is counted for whoever has any
    limit, so that a quota that is given during a month knows what was used in it."""
    ends = {until(today.month)}
    if limits.budget_nano_usd is not None:
        ends.add(until(today.of(limits.budget_period)))
    return 0 if 0 in ends else max(ends)


def until(period: Period) -> int:
    """The Unix second at which a period ends; 0 where it does not."""
    return 0 if period.ends == ENDLESS else period.ends


def subject_row(subject: Subject, today: Today) -> str:
    """A subject as `admit.lua` reads it."""
    limits = subject.limits
    kind = None if limits.budget_nano_usd is None else _KINDS[limits.budget_period]
    words = [*(getattr(limits, name) for name in LIMITS), kind, needed_until(limits, today)]
    return " ".join([subject.id.hex(), *(_NONE if word is None else str(word) for word in words)])


def raise_row(subject_id: bytes, period: Period, spent: Spent) -> str:
    """What the ledger knows, as `raise.lua` reads it."""
    nano_usd, tokens, requests = spent
    return f"{subject_id.hex()} {_KINDS[period.kind]} {period.id} {nano_usd} {tokens} {requests} {until(period)}"


def admitted_words(reply: Sequence[int]) -> Iterator[Sequence[int]]:
    """Of each subject, what the script says of a request that was let in: its second, the tokens expected of it, then
    what is used of each limit, and of the last two how much of it is set aside."""
    return (reply[at : at + _ADMITTED_WORDS] for at in range(2, len(reply), _ADMITTED_WORDS))


def spent_after(plan: Plan, reply: Sequence[int]) -> tuple[Spent, ...]:
    """What each subject has used for good: requests and tokens of the month, money of the period of its budget."""
    return tuple(Spent(words[7] - words[9], words[6] - words[8], words[5]) for words in admitted_words(reply))


def standing_after(plan: Plan, reply: Sequence[int], unix: float, today: Today) -> tuple[Left, ...]:
    """How it stands right after a request was let in."""
    window_us = round((unix + WINDOW_SECONDS) * US)
    return tuple(
        left
        for subject, words in zip(plan.subjects, admitted_words(reply), strict=True)
        for left in _left(subject, words, (window_us, window_us), today)
    )


def standing(plan: Plan, reply: Sequence[int], unix: float, today: Today) -> tuple[Left, ...]:
    """How it stands, looked at."""
    found = (reply[at : at + _LOOKED_WORDS] for at in range(2, len(reply), _LOOKED_WORDS))
    return tuple(
        left
        for subject, words in zip(plan.subjects, found, strict=True)
        for left in _left(subject, words, _free_us(words, unix), today)
    )


def _free_us(words: Sequence[int], unix: float) -> tuple[int, int]:
    requests, tokens = (round((unix + milliseconds / 1000) * US) for milliseconds in words[-_MINUTES:])
    return requests, tokens


def _left(subject: Subject, words: Sequence[int], free_us: tuple[int, int], today: Today) -> Iterator[Left]:
    for place, name in enumerate(LIMITS):
        limit = getattr(subject.limits, name)
        if limit is not None:
            resets_us = free_us[place] if place < _MINUTES else _period_of(subject, name, today) * US
            held = words[2 + place + _SPENDABLE] if place >= len(LIMITS) - _SPENDABLE else 0
            yield Left(subject.name, name, limit, words[2 + place], resets_us, held)


def _period_of(subject: Subject, name: LimitName, today: Today) -> int:
    """When the period of a quota or budget ends, in Unix seconds; 0 where nothing ends."""
    if name == "max_parallel":
        return 0
    return until(today.of(subject.limits.budget_period if name == "budget_nano_usd" else "month"))


def shortages(plan: Plan, reply: Sequence[int], unix: float, today: Today) -> list[Shortage]:
    """The limits that leave no room."""
    return [_shortage(plan.subjects[reply[at]], reply[at + 1 : at + 3], unix, today) for at in range(1, len(reply), 3)]


def _shortage(subject: Subject, words: Sequence[int], unix: float, today: Today) -> Shortage:
    name, milliseconds = LIMITS[words[0]], words[1]
    if milliseconds != _SPENT:
        return Shortage(subject, name, milliseconds / 1000 or SOON_SECONDS)
    ends = _period_of(subject, name, today)
    return Shortage(subject, name, max(ends - unix, 0.0), ends * US) if ends else Shortage(subject, name, NEVER)


def share(plan: Plan, nodes: int) -> Plan:
    """The plan of one of several machines that count for themselves: limits divided by them, rounded up."""
    return Plan(tuple(replace(subject, limits=_share(subject.limits, nodes)) for subject in plan.subjects))


def _share(limits: Limits, nodes: int) -> Limits:
    said = {name: getattr(limits, name) for name in LIMITS}
    return replace(limits, **{name: math.ceil(limit / nodes) for name, limit in said.items() if limit is not None})
