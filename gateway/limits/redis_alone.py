"""What this machine does while Redis is away: count alone, its share of each limit; or refuse what is limited.

Knows the limiter of one machine, by how many the limits are divided, and what was last heard of each of them. Does not
know Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import LimitsUnavailable, RequestRefused
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Admission, Left, LimitName, Plan, Reserve, Spent, Used
from gateway.limits.periods import Kind, Period
from gateway.limits.redis_rows import Settlement, Today, dates, needed_until, share

RETRY_AFTER = 1.0
"""Seconds: as often as Redis is tried."""

REMEMBERED = 8192
"""Plans whose share is kept."""

_SPENT_OF: dict[LimitName, str] = {"requests_per_month": "requests", "tokens_per_month": "tokens"}


@dataclass(slots=True, eq=False)
class AdmittedAlone(Admission):
    """Let in by this machine alone."""

    inner: Admission
    month: int


class Heard(NamedTuple):
    """A plan, and how it stood when Redis was last asked."""

    plan: Plan
    standing: tuple[Left, ...]


class Alone:
    """The limiter of an outage."""

    def __init__(self, local: EmbeddedLimiter, nodes: int, *, refuses: bool, today: Callable[[], Today]) -> None:
        self._local, self._nodes, self._refuses, self._today = local, nodes, refuses, today
        self._shares: dict[Plan, Plan] = {}

    def forget(self) -> None:
        """Another outage, or other rules: what was heard last is to be looked at anew."""
        self._shares.clear()

    async def admit(self, heard: Heard, reserve: Reserve) -> Admission:
        """Let a request in. Raises as any limiter; LimitsUnavailable where this is how it is wanted."""
        inner = await self._local.admit(self._share(heard), reserve)
        return AdmittedAlone(heard.plan, reserve, inner.standing, inner, self._today().month.id)

    async def refused(self, heard: Heard) -> RequestRefused | None:
        """What `admit` would raise for this machine's share. Raises LimitsUnavailable as `admit` does."""
        return await self._local.refused(self._share(heard))

    async def left(self, heard: Heard) -> tuple[Left, ...]:
        """How it stands with this machine's share. Raises LimitsUnavailable as `admit` does."""
        return await self._local.left(self._share(heard))

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

    def _share(self, heard: Heard) -> Plan:
        if self._refuses:
            raise LimitsUnavailable("Limits cannot be looked up at the moment.", retry_after=RETRY_AFTER)
        found = self._shares.get(heard.plan)
        if found is None:
            if len(self._shares) >= REMEMBERED:
                self._shares.clear()
            found = self._shares[heard.plan] = share(heard.plan, self._nodes)
            self._learn(heard)
        return found

    def _learn(self, heard: Heard) -> None:
        """Begin with this machine's part of what all of them had spent, so that nothing is spent twice."""
        left = {(each.subject, each.field): each.used for each in heard.standing}
        today = self._today()
        for subject in heard.plan.subjects:
            known = {said: left.get((subject.name, name), 0) for name, said in _SPENT_OF.items()}
            self.raise_spent(subject.id, today.month, Spent(**known))
            kind: Kind = subject.limits.budget_period
            budget = left.get((subject.name, "budget_nano_usd"), 0)
            self.raise_spent(subject.id, today.of(kind), Spent(nano_usd=budget))
