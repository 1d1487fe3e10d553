"""What this machine does while Redis is away: count alone, its share of each limit; or refuse what is limited.

Knows the limiter of one machine, by how many the limits are divided, and what was last heard of each of them. Does not
know Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.errors import LimitsUnavailable, RequestRefused
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Admission, Left, LimitName, Plan, Reserve, Spent, Used
from gateway.limits.periods import Period
from gateway.limits.redis_rows import Settlement, Today, dates, needed_until, share
from gateway.limits.refusals import NEVER, Shortage

RETRY_AFTER = 1.0
"""Seconds: as often as Redis is tried."""

REMEMBERED = 8192
"""Plans whose share is kept."""

AT_ONCE = 20
"""Plans that are looked at before requests have their turn."""

_WORDS: dict[LimitName, str] = {
    "requests_per_month": "requests",
    "tokens_per_month": "tokens",
    "budget_nano_usd": "nano_usd",
}
"""What the limits of periods are of, as a ledger names it."""


class AdmittedAlone(Admission, eq=False, kw_only=True):
    """Let in by this machine alone."""

    inner: Admission
    month: int


class _Heard(NamedTuple):
    """What Redis said last of the subjects of a plan."""

    plan: Plan
    today: Today
    spent: tuple[Spent, ...]
    """Of each subject: requests and tokens of the month, money of the period of its budget."""


class Alone:
    """The limiter of an outage."""

    def __init__(self, local: EmbeddedLimiter, nodes: int, *, refuses: bool, today: Callable[[], Today]) -> None:
        self._local, self._nodes, self._refuses, self._today = local, nodes, refuses, today
        self._shares: dict[Plan, Plan] = {}
        self._heard: dict[tuple[bytes, ...], _Heard] = {}

    def hear(self, plan: Plan, spent: tuple[Spent, ...]) -> None:
        """All machines together have spent this."""
        if len(self._heard) >= REMEMBERED:
            self._heard.clear()
        self._heard[plan.ids] = _Heard(plan, self._today(), spent)

    def hear_short(self, plan: Plan, short: Sequence[Shortage]) -> None:
        """These limits leave no room: those of periods, because all of it is spent."""
        gone = [each for each in short if each.field in _WORDS and (each.ends_us or each.wait_seconds == NEVER)]
        if not gone:
            return
        heard = self._heard.get(plan.ids)
        is_present = heard is not None and heard.today is self._today()
        spent = list(heard.spent) if heard is not None and is_present else [Spent()] * len(plan.subjects)
        for each in gone:
            place = plan.subjects.index(each.subject)
            spent[place] = spent[place]._replace(**{_WORDS[each.field]: getattr(each.subject.limits, each.field)})
        self.hear(plan, tuple(spent))

    def forget(self) -> None:
        """Another outage begins: what was heard last is to be looked at anew."""
        self._shares.clear()

    async def teach(self) -> None:
        """Tell the other processes of this machine what was heard, a little at a time."""
        for number, heard in enumerate([] if self._refuses else list(self._heard.values())):
            self._learn(heard)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        """Let a request in. Raises as any limiter; LimitsUnavailable where this is how it is wanted."""
        inner = await self._local.admit(self._share(plan), reserve)
        return AdmittedAlone(plan, reserve, inner.standing, inner=inner, month=self._today().month.id)

    async def refused(self, plan: Plan) -> RequestRefused | None:
        """What `admit` would raise for this machine's share. Raises LimitsUnavailable as `admit` does."""
        return await self._local.refused(self._share(plan))

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with this machine's share. Raises LimitsUnavailable as `admit` does."""
        return await self._local.left(self._share(plan))

    def settle(self, admission: AdmittedAlone, used: Used) -> list[Settlement]:
        """Count what was used; what the others are to hear of it when they can."""
        self._local.settle(admission.inner, used)
        today = self._today()
        rows = [
            Settlement(
                subject.id.hex(),
                counted_month=admission.month,
                requests=int(used.counted),
                used_tokens=used.tokens,
                used_nano_usd=used.nano_usd,
                needed_until=needed_until(subject.limits, today),
                **dates(today),
            )
            for subject in admission.plan.subjects
        ]
        return rows if used.counted or used.tokens or used.nano_usd else []

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """This machine's part of what the ledger knows."""
        self._local.raise_spent(subject_id, period, Spent(*(amount // self._nodes for amount in spent)))

    def _share(self, plan: Plan) -> Plan:
        if self._refuses:
            raise LimitsUnavailable("Limits cannot be looked up at the moment.", retry_after=RETRY_AFTER)
        found = self._shares.get(plan)
        if found is None:
            if len(self._shares) >= REMEMBERED:
                self._shares.clear()
            found = self._shares[plan] = share(plan, self._nodes)
            if (heard := self._heard.get(plan.ids)) is not None:
                self._learn(heard)
        return found

    def _learn(self, heard: _Heard) -> None:
        """Begin with this machine's part of what all of them had spent, so that it is not spent twice."""
        today = self._today()
        for subject, spent in zip(heard.plan.subjects, heard.spent, strict=True):
            if heard.today.month == today.month:
                self.raise_spent(subject.id, today.month, spent._replace(nano_usd=0))
            budget = today.of(subject.limits.budget_period)
            if heard.today.of(subject.limits.budget_period) == budget:
                self.raise_spent(subject.id, budget, Spent(spent.nano_usd))
