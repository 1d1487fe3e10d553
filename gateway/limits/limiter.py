"""What a limiter is asked and what it answers, whoever counts: one machine (`embedded`) or several (`redis`).

Knows the words both share; counts nothing itself. Money is nano-USD, times ending in `_us` are Unix microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, get_args

from msgspec import Struct

from gateway.errors import RequestRefused
from gateway.records import ClientKey, LimitRule, Limits, Target

LimitName = Literal[
    "requests_per_minute",
    "tokens_per_minute",
    "max_parallel",
    "requests_per_month",
    "tokens_per_month",
    "budget_nano_usd",
]
"""A field of `Limits` that holds a limit."""

LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)

TOLD: Mapping[LimitName, str] = MappingProxyType(
    {
        "requests_per_minute": "requests",
        "tokens_per_minute": "tokens",
        "requests_per_month": "requests",
        "tokens_per_month": "tokens",
    }
)
"""The limits that clients hear of with each answer, and what they count."""

WINDOW_SECONDS = 60
"""A minute of the limits a minute: so many buckets of one second, the running one among them."""

FIRST_OUTPUT = 1000
"""Tokens that a request is expected to use beyond its input, as long as its subject has settled none."""

AVERAGE_OVER = 8
"""Weight of what was known of that: each settled request moves the average by an eighth of the difference."""

LARGEST_TOKENS = 2**36
LARGEST_NANO_USD = 2**43
"""The most that one request is taken to use, about 8,800 USD, whatever it asks for and a provider reports: sums of it
stay exact in the integers of the shared memory and in the doubles of Redis."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a limit counts."""

    name: str
    """For people: such as "client key `app`"."""
    id: bytes
    """Sixteen bytes; what is counted belongs to these, and stays where they stay."""
    limits: Limits


@dataclass(slots=True, eq=False)
class Plan:
    """The subjects that are asked together, each with a limit at least."""

    subjects: tuple[Subject, ...]
    ids: tuple[bytes, ...] = field(init=False)
    """Of the subjects."""
    has_budget: bool = field(init=False)
    """Money is limited."""
    counts_use: bool = field(init=False)
    """Tokens are, or money."""

    def __post_init__(self) -> None:
        every = [subject.limits for subject in self.subjects]
        self.ids = tuple(subject.id for subject in self.subjects)
        self.has_budget = any(limits.budget_nano_usd is not None for limits in every)
        self.counts_use = self.has_budget or any(
            limit is not None for limits in every for limit in (limits.tokens_per_minute, limits.tokens_per_month)
        )


class Reserve(Struct, frozen=True, gc=False):
    """What is set aside for a request until it settles."""

    tokens: int
    """The most it can use, input and output."""
    nano_usd: int
    """The most it can cost."""
    input_tokens: int = 0
    """What its input is likely to be; what it uses beyond is expected from what its subject used before."""


def bounded(reserve: Reserve) -> Reserve:
    """The same, no larger than what can be counted."""
    tokens, nano_usd = reserve.tokens, reserve.nano_usd
    if tokens <= LARGEST_TOKENS and nano_usd <= LARGEST_NANO_USD:
        return reserve
    return Reserve(min(tokens, LARGEST_TOKENS), min(nano_usd, LARGEST_NANO_USD), reserve.input_tokens)


class Used(Struct, frozen=True, gc=False):
    """What a request really used."""

    tokens: int
    nano_usd: int
    counted: bool = True
    """False: no provider was asked, so that it does not count as a request either."""


UNUSED = Used(0, 0, counted=False)


class Left(Struct, frozen=True, gc=False):
    """How it stands with one limit of one subject."""

    subject: str
    field: LimitName
    limit: int
    """Nano-USD where it is of money."""
    used: int
    """What is set aside for running requests included; it can be more than `limit`."""
    resets_at_us: int
    """When all of it is free again if nothing is used until then; 0 where no time does that."""
    held: int = 0
    """What of a quota or budget is only set aside for running requests."""

    @property
    def remaining(self) -> int:
        """What is left of it."""
        left = self.limit - self.used
        return left if left > 0 else 0


Stand = tuple[int, int, int]
"""A limit, what remains of it, and when it resets, Unix microseconds; 0 where no time does that."""

Standing = Mapping[str, Stand]
"""How it stands with the limits that clients hear of, by what they count: of several that count the same, with the
tightest. Bare tuples, since every request makes some."""


def tightest(left: Iterable[Left]) -> dict[str, Stand]:
    """How it stands with all of these together."""
    standing: dict[str, Stand] = {}
    for each in left:
        if (kind := TOLD.get(each.field)) is not None:
            tighten(standing, kind, (each.limit, each.remaining, each.resets_at_us))
    return standing


def tighten(standing: dict[str, Stand], kind: str, stand: Stand) -> None:
    """Add a limit, where it is tighter than what is known; of equals the one that lasts longest."""
    known = standing.get(kind)
    if known is None or (stand[1], -stand[2]) < (known[1], -known[2]):
        standing[kind] = stand


class Spent(NamedTuple):
    """What the ledger knows of a subject in a period."""

    nano_usd: int = 0
    tokens: int = 0
    requests: int = 0
    """Tokens and requests have quotas by month only, and are not looked at for other periods."""


class Admission(Struct, eq=False):
    """A request that was let in. It is settled exactly once: a second time changes nothing."""

    plan: Plan
    reserve: Reserve
    standing: Standing
    """How it stood right after."""
    settled: bool = False


class Limiter(Protocol):
    """Lets requests in as far as limits allow, and counts what they used."""

    def follow(self, rules: tuple[LimitRule, ...], time_zone: str) -> None:
        """Go by these rules from now on, and by the days, weeks and months of this zone. ValueError for an unknown
        one. What was counted stays counted."""
        ...

    def plan(self, key: ClientKey) -> Plan | None:
        """Whom a request with this key is counted for; None where nothing limits it."""
        ...

    def target_plan(self, target: Target) -> Plan | None:
        """Whom an attempt at this target is counted for; None where nothing limits it."""
        ...

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        """Let a request in, for all of its subjects or for none. Raises LimitReached, QuotaSpent, BudgetSpent, and
        LimitsUnavailable where nobody can tell."""
        ...

    def admit_at_once(self, plan: Plan, reserve: Reserve) -> Admission | None:
        """The same, where nobody has to be asked for it; else None, and nothing is done."""
        ...

    def settle(self, admission: Admission, used: Used) -> None:
        """Put what was used in the place of what was set aside."""
        ...

    async def refused(self, plan: Plan) -> RequestRefused | None:
        """What `admit` would raise now; None where it would let a request in, which nobody asks for. Raises
        LimitsUnavailable where nobody can tell."""
        ...

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with each limit of each subject. Raises LimitsUnavailable where nobody can tell."""
        ...
