"""What the analytics store knows to be spent, told to whoever counts limits: what a counter has lost, as when a machine
or a Redis was lost, is not spent a second time.

Knows which subjects have budgets or quotas a month, and asks for what they spent in the present periods. It only ever
raises what is counted: usage records come a second later than the counts, and a counter knows more than they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from gateway.limits.limiter import Spent, Subject
from gateway.limits.periods import KINDS, Kind, Period, period_of
from gateway.limits.rules import subjects_of, target_subjects
from gateway.records import ClientKey, LimitRule, Limits, Target
from gateway.settings.instants import read_zone

US = 1_000_000

AT_ONCE = 200
"""Subjects that are raised before others in this process have their turn."""

Row = Mapping[str, Any]
Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement of the analytics store."""

Rules = tuple[LimitRule, ...]


class Counter(Protocol):
    """What counts limits."""

    def reset(self, subject_id: bytes) -> None:
        """Forget what a subject has used."""

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """Count at least so much in a period, where that is the present one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Whom limits count, and since when."""

    keys: Sequence[ClientKey]
    rules: Rules
    time_zone: str
    resets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By the id of a key: Unix microseconds at which it was counted from nothing the last time."""


class Due(NamedTuple):
    """What is to be counted at least."""

    subject_id: bytes
    period: Period
    spent: Spent
    key_id: str
    """Of the key, where the subject is one."""
    reset_at_us: int
    """When that was counted from nothing, as far as it was known when this was summed up."""


class _Said(NamedTuple):
    """What one row says of one subject."""

    subject: Subject
    row: Row
    key_id: str = ""
    """Of the key, where the subject is one."""


def _by_key(row: Row, counted: Counted, known: Mapping[str, ClientKey]) -> Iterator[_Said]:
    """A key that is gone is known by the name it had: it may still count for all keys of a rule together."""
    key = known.get(row["id"]) or ClientKey(row["name"], id=row["id"])
    yield from (_Said(each, row, key.id) for each in subjects_of(key, _of(counted.rules, "key")))


def _by_user(row: Row, counted: Counted, known: Mapping[str, ClientKey]) -> Iterator[_Said]:
    whose = ClientKey("", id="", user_id=row["id"])
    yield from (_Said(each, row) for each in subjects_of(whose, _of(counted.rules, "user")))


def _by_team(row: Row, counted: Counted, known: Mapping[str, ClientKey]) -> Iterator[_Said]:
    whose = ClientKey("", id="", team_id=row["id"])
    yield from (_Said(each, row) for each in subjects_of(whose, _of(counted.rules, "team")))


def _by_model(row: Row, counted: Counted, known: Mapping[str, ClientKey]) -> Iterator[_Said]:
    target = Target(row["provider"], row["model"])
    yield from (_Said(each, row) for each in target_subjects(target, counted.rules))


def _by_everybody(row: Row, counted: Counted, known: Mapping[str, ClientKey]) -> Iterator[_Said]:
    anybody = ClientKey("", id="")
    yield from (_Said(each, row) for each in subjects_of(anybody, _of(counted.rules, "everybody")))


OWNED = "usage/spent_by_owner"
"""The statement that sums up by owner of keys: which kind of owner is a parameter of it."""

STATEMENTS: Mapping[str, tuple[str, Callable[[Row, Counted, Mapping[str, ClientKey]], Iterator[_Said]]]] = (
    MappingProxyType(
        {
            "key": ("usage/spent_by_key", _by_key),
            "user": (OWNED, _by_user),
            "team": (OWNED, _by_team),
            "model": ("usage/spent_by_model", _by_model),
            "everybody": (OWNED, _by_everybody),
        }
    )
)
"""By whom or what is counted: the statement that sums it up, and whom a row of it is about."""


class Ledger:
    """Raises what `counter` counts to what the store at `read` knows."""

    def __init__(self, read: Read, counter: Counter, clock: Callable[[], float]) -> None:
        """`clock` tells Unix seconds."""
        self._read, self._counter, self._clock = read, counter, clock
        self._reset_at: dict[str, int] = {}

    def reset(self, key_id: str, subjects: Iterable[bytes], now_us: int) -> None:
        """A key is counted from nothing as of now. What was summed up before changes nothing of that any more."""
        self._reset_at[key_id] = now_us
        for subject in subjects:
            self._counter.reset(subject)

    async def sum_up(self, counted: Counted) -> list[Due]:
        """What each has spent in the present periods, as far as anything counts it. Raises ControlUnavailable."""
        zone, now = read_zone(counted.time_zone), int(self._clock())
        periods = {kind: period_of(kind, now, zone) for kind in KINDS}
        found = [one for per in STATEMENTS for one in await self._rows(per, counted, periods)]
        return [
            Due(subject.id, periods[kind], _spent(total, kind), key_id, counted.resets.get(key_id, 0))
            for subject, total, key_id in _added(found)
            for kind in sorted(_needed(subject.limits))
        ]

    async def raise_to(self, due: Sequence[Due]) -> None:
        """Have so much counted. What was reset since it was summed up is left as it is."""
        for at, one in enumerate(due, 1):
            if self._reset_at.get(one.key_id, 0) <= one.reset_at_us:
                self._counter.raise_spent(one.subject_id, one.period, one.spent)
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _rows(self, per: str, counted: Counted, periods: Mapping[Kind, Period]) -> list[_Said]:
        limits = [rule.limits for rule in _of(counted.rules, per)]
        if per == "key":
            limits += [key.limits for key in counted.keys if key.limits is not None]
        kinds = {kind for each in limits for kind in _needed(each)}
        if not kinds:
            return []
        parameters: dict[str, object] = {f"{kind}_us": periods[kind].starts * US for kind in KINDS if kind != "total"}
        parameters["since_us"] = min(periods[kind].starts for kind in kinds) * US
        if per == "key":
            parameters |= {"reset_ids": list(counted.resets), "reset_at": list(counted.resets.values())}
        statement, about = STATEMENTS[per]
        if statement == OWNED:
            parameters["owner"] = per
        known = {key.id: key for key in counted.keys}
        return [one for row in await self._read(statement, parameters) for one in about(row, counted, known)]


def periods_began_us(time_zone: str, now: int) -> tuple[int, ...]:
    """The instants at which the present day, week and month began, in Unix microseconds; `now` is in Unix seconds."""
    zone = read_zone(time_zone)
    return tuple(period_of(kind, now, zone).starts * US for kind in KINDS if kind != "total")


def _of(rules: Rules, per: str) -> Rules:
    """The rules of a kind that count what a ledger can know."""
    return tuple(rule for rule in rules if rule.per == per and _needed(rule.limits))


def _needed(limits: Limits) -> set[Kind]:
    """The periods in which something is counted that the ledger knows."""
    kinds: set[Kind] = {limits.budget_period} if limits.budget_nano_usd is not None else set()
    has_quota = limits.requests_per_month is not None or limits.tokens_per_month is not None
    return kinds | {"month"} if has_quota else kinds


def _added(said: Iterable[_Said]) -> list[tuple[Subject, dict[str, int], str]]:
    """What all rows say of each subject, together: some are counted as one."""
    found: dict[bytes, tuple[Subject, dict[str, int], str]] = {}
    for subject, row, key_id in said:
        total = found.setdefault(subject.id, (subject, {}, key_id))[1]
        for name in FIGURES:
            total[name] = total.get(name, 0) + row[name]
    return list(found.values())


FIGURES = (*(f"{kind}_nano_usd" for kind in KINDS), "month_tokens", "month_requests")
"""Columns of the statements."""


def _spent(total: Mapping[str, int], kind: Kind) -> Spent:
    money = total[f"{kind}_nano_usd"]
    return Spent(money, total["month_tokens"], total["month_requests"]) if kind == "month" else Spent(money)
