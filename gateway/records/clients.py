"""Who asks: client keys, what they may use, and their limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from gateway.records.money import NANO_USD
from gateway.records.targets import ANY

BudgetPeriod = Literal["day", "week", "month", "total"]


class SaidLimits(Protocol):
    """Limits as an operator says them; None where there is none."""

    @property
    def requests_per_minute(self) -> int | None:
        """Requests a minute."""

    @property
    def tokens_per_minute(self) -> int | None:
        """Tokens a minute."""

    @property
    def max_parallel(self) -> int | None:
        """Requests at once."""

    @property
    def requests_per_month(self) -> int | None:
        """Requests a calendar month."""

    @property
    def tokens_per_month(self) -> int | None:
        """Tokens a calendar month."""

    @property
    def budget_usd(self) -> float | None:
        """USD a period."""

    @property
    def budget_period(self) -> BudgetPeriod:
        """Which period."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of whoever or whatever they are for; None where there is none. Money is nano-USD."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    requests_per_month: int | None = None
    tokens_per_month: int | None = None
    budget_nano_usd: int | None = None
    budget_period: BudgetPeriod = "month"

    @classmethod
    def of(cls, said: SaidLimits) -> Limits | None:
        """The limits that were said; None where there are none."""
        budget = None if said.budget_usd is None else round(said.budget_usd * NANO_USD)
        limits = cls(
            said.requests_per_minute,
            said.tokens_per_minute,
            said.max_parallel,
            said.requests_per_month,
            said.tokens_per_month,
            budget,
            said.budget_period,
        )
        return None if limits == cls(budget_period=said.budget_period) else limits


@dataclass(frozen=True, slots=True)
class LimitRule:
    """Limits of users, teams, models, keys, or of everybody together."""

    name: str
    per: Literal["key", "user", "team", "model", "everybody"]
    limits: Limits
    match: str = "*"
    """Pattern of ids of users and teams, of names of keys, of `provider/model`."""
    together: bool = False
    """All that match are counted as one."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key we issue to a client, as the relay needs it: never the key itself."""

    name: str
    models: tuple[str, ...] = ANY
    strict: bool = False
    """Refuse what a translation would have to drop."""
    id: str = field(kw_only=True)
    """What belongs to a key belongs to its id. The name where it stands in the configuration file, else `key:<uuid>`,
    which no name there can be."""
    providers: tuple[str, ...] = ANY
    """Patterns of the providers it may use."""
    credentials: tuple[str, ...] = ANY
    """Patterns of the credentials it may use, `provider/name` each."""
    endpoints: tuple[str, ...] = ANY
    """Patterns of the paths it may use, as in the endpoint table."""
    expires_at_us: int | None = None
    """Unix time in microseconds from which it is refused."""
    paused: bool = False
    user_id: str | None = None
    team_id: str | None = None
    tags: tuple[str, ...] = ()
    limits: Limits | None = None
    """None where it has none."""
    allow_unpriced: bool = False
    """Its budget may be spent on models whose price nobody knows."""
    capture: bool = True
    """What is said in its requests may be kept, where captures are wanted."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A client key of the database, as a worker hears of it."""

    digest: bytes = field(repr=False)
    """What it is found by."""
    key: ClientKey
    revoked: bool = False


class Whom(NamedTuple):
    """Of whom a subject counts what is used, as usage records have it."""

    per: str
    """`key`, `user`, `team`, `model` or `everybody`."""
    of: str = ""
    """The id of the one; of a model `provider/model`. Empty where several are counted as one."""
    rule: str = ""
    """The rule that says so; empty for a limit of a key's own."""
    match: str = "*"
    """Pattern of those that are counted as one."""
