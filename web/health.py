"""How a provider and its credentials are doing, in words. Pure.

Goes by what rests, what is paused, and how many attempts failed. Does not know where any of it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.management.rests import RestView
from gateway.usage import figures
from web.display import State
from web.tables import Column

FEW = 5
"""Attempts below which a share says nothing."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "rate_limit": "its rate limit is used up",
        "quota": "its quota or its balance is used up",
        "auth": "the provider does not accept its secret",
        "forbidden": "the provider does not let it do this",
        "not_found": "the provider does not know the model",
        "overloaded": "the provider is overloaded",
        "server": "the provider fails",
        "malformed": "the answer could not be read",
        "timeout": "no answer came in time",
        "closed": "the connection was closed before the end",
        "unreachable": "the provider cannot be reached",
        "breaker": "too many failures in a row",
    }
)
"""What a failure means, by the word of the verdicts."""

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "auth": "Replace the secret, or ask the provider why.",
        "forbidden": "See at the provider what this account may do.",
        "quota": "Pay, raise the quota at the provider, or wait until it begins anew.",
        "not_found": "Say in its models which ones it serves.",
        "unreachable": "See whether the address is right and the network leads there.",
    }
)
"""What to do about it, where somebody can do something."""


@dataclass(frozen=True, slots=True)
class Count:
    """Attempts of a time, and how many of them failed."""

    attempts: int = 0
    failed: int = 0

    @property
    def success(self) -> str:
        """The share that went well."""
        return figures.share(self.attempts - self.failed, self.attempts)

    @property
    def exact(self) -> str:
        """For the tooltip."""
        return f"{figures.exact_count(self.failed)} of {figures.exact_count(self.attempts)} attempts failed"

    @property
    def share(self) -> float:
        """Of those that went well, to sort by; -1 where there was none."""
        return (self.attempts - self.failed) / self.attempts if self.attempts else -1.0


def count_columns(of: str, head: str, time: str = "") -> tuple[Column, ...]:
    """What a file says of a count that each row has by this name; `time` ends the names of the columns."""
    return (
        Column(f"attempts{time}", "whole", head, lambda row: getattr(row, of).attempts),
        Column(f"failed_attempts{time}", "whole", head, lambda row: getattr(row, of).failed),
        Column(f"success{time}", "number", head, lambda row: share if (share := getattr(row, of).share) >= 0 else None),
    )


@dataclass(frozen=True, slots=True)
class Sign:
    """What is known of a provider, or of one credential."""

    problem: str | None = None
    """Why it is left out."""
    lacks: str = ""
    """What it cannot work without."""
    in_use: int = 1
    """Credentials that are not paused; 0 where all are."""
    resting: int = 0
    """How many of those are not used at all for now."""
    others: int = 0
    """What else is not used for now: models with a credential, models of all."""
    late: Count = Count()
    day: Count = Count()


def state_of(sign: Sign) -> State:
    """In a word or two."""
    seen = sign.late if sign.late.attempts else sign.day
    checks = (
        (sign.problem is not None, State("left out", "bad")),
        (bool(sign.lacks), State(sign.lacks, "warning")),
        (sign.in_use == 0, State("paused", "neutral")),
        (sign.in_use <= sign.resting, State("resting", "bad")),
        (seen.attempts >= FEW and 2 * seen.failed > seen.attempts, State("failing", "bad")),
        (sign.resting + sign.others > 0, State("partly resting", "warning")),
        (20 * seen.failed > seen.attempts, State("some failures", "warning")),
        (not seen.attempts, State("not asked", "neutral")),
    )
    return next((state for holds, state in checks if holds), State("well", "good"))


def in_words(reason: str) -> str:
    """What something rests for, or failed by."""
    return REASONS.get(reason, reason.replace("_", " ") or "a failure")


def is_whole(rest: RestView) -> bool:
    """Whether a credential is not used at all for it."""
    return rest.kind == "credential" and rest.hard


def count_of(row: Mapping[str, Any] | None, *, late: bool = False) -> Count:
    """What a row of `providers/standing` says; nothing for none."""
    if row is None:
        return Count()
    return Count(row["late_attempts"], row["late_failed"]) if late else Count(row["attempts"], row["failed"])


def wholly_resting(rests: Sequence[RestView]) -> int:
    """How many credentials are not used at all."""
    return len({rest.credential for rest in rests if is_whole(rest)})
