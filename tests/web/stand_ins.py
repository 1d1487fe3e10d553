"""Parts of the control process that stand in for it where a page is looked at: nobody rests, nobody asks, limits count
what a test says, and so does the supervisor."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import LimitsUnavailable
from gateway.leash import Looked, ReloadOutcome
from gateway.limits.limiter import LIMIT_NAMES, Left, Plan
from gateway.pools.board import Rest, Told, Which
from gateway.records import Credential, Target
from gateway.routing.standing import Figures, Standing


class NobodyRests:
    """Pools in which all is well, unless a test says who rests."""

    def __init__(self) -> None:
        self.resting: tuple[Rest, ...] = ()

    def rests(self, now_us: int) -> tuple[Rest, ...]:
        return self.resting

    def standing(self, credential: Credential, model: str, now_us: int) -> Standing:
        return Standing()

    def figures(self, credential: Credential) -> Figures:
        return Figures()

    def told(self, credential: Credential, now_us: int) -> Told:
        return Told()

    def end_rests(self, which: Which, now_us: int) -> int:
        return 0

    def let_try(self, which: Which, now_us: int) -> int:
        return 0

    def succeeded(self, credential: Credential, target: Target, waited_us: int, now_us: int) -> None:
        """Nothing rests that could recover."""


class Counts:
    """Whoever counts limits: says of each how much a test says is used."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        """By the limit's name."""
        self.resets_at_us = 0
        self.is_away = False
        self.resets: list[str] = []
        """Ids of keys that were counted from nothing."""

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        if self.is_away:
            raise LimitsUnavailable("Limits cannot be looked up at the moment.")
        return tuple(
            Left(subject.name, name, most, self.used.get(name, 0), self.resets_at_us)
            for subject in plan.subjects
            for name in LIMIT_NAMES
            if (most := getattr(subject.limits, name)) is not None
        )

    def reset(self, key_id: str, subjects: Sequence[bytes], now_us: int) -> None:
        self.resets.append(key_id)


class NobodyAsks:
    """Queries of which none runs."""

    def running(self, who: str) -> str | None:
        return None


class Supervisor:
    """Whoever reads settings: says what a test wants, and remembers that it was asked."""

    def __init__(self) -> None:
        self.last: ReloadOutcome | None = None
        self.looked: Looked | None = None
        """None does not answer."""
        self.asked = 0

    async def ask(self) -> ReloadOutcome:
        self.asked += 1
        if self.last is None:
            raise TimeoutError
        return self.last

    async def look(self) -> Looked:
        if self.looked is None:
            raise TimeoutError
        return self.looked
