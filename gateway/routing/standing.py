"""What is known of credentials and targets when an attempt is chosen, and the questions asked to learn it.

Where it is kept, and how the processes of a machine share it, is not known here: `gateway.pools` answers.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gateway.records import Credential, Target


class Standing(NamedTuple):
    """Whether a credential, or a target, rests."""

    until_us: int = 0
    """Unix microseconds at which the rest ends; 0 where it does not rest."""
    hard: bool = False
    """A hard rest is not to be broken; what rests softly is only tried last."""
    reason: str = ""
    """What for: `rate_limit`, `quota`, `auth`, `server`, `unreachable`."""
    probe_due: bool = False
    """One request may try it although it rests."""


AVAILABLE = Standing()
"""Of whatever does not rest."""


class Figures(NamedTuple):
    """What strategies go by."""

    in_flight: int = 0
    """Requests under way, over all processes of this machine."""
    latency_us: int = 0
    """How long the first token took of late; 0 where nobody knows."""
    headroom: float = 1.0
    """The share of its rate limits that is left, 0 to 1; 1 where nobody knows."""


UNKNOWN = Figures()
"""Of whatever was never used."""


class Board(Protocol):
    """Tells how credentials and targets stand. Asked for each request: answers take no lock."""

    def is_calm(self, credentials: tuple[Credential, ...], target: Target, now_us: int) -> bool:
        """Whether nothing at all is the matter with any of these at a target, nor with the target. The same tuple is
        to be asked about again and again: where to look is remembered by it."""

    def standing(self, credential: Credential, model: str, now_us: int) -> Standing:
        """How a credential stands for a model: the later of its own rest and the model's with it."""

    def target_standing(self, target: Target, now_us: int) -> Standing:
        """Whether the circuit breaker of a target is open."""

    def figures(self, credential: Credential) -> Figures:
        """What strategies go by among credentials."""

    def target_figures(self, target: Target) -> Figures:
        """What strategies go by among targets."""

    def take_turn(self, name: str, sticky: int = 1) -> int:
        """The next number of a count by that name, exact over all processes; it goes on every `sticky` calls."""

    def peek_turn(self, name: str, sticky: int = 1) -> int:
        """What `take_turn` would say, which stays as it is."""

    def claim_probe(self, credential: Credential, model: str, now_us: int) -> bool:
        """Whether the caller may try a credential that rests. Each time one is due, it is true for one caller only."""

    def claim_target_probe(self, target: Target, now_us: int) -> bool:
        """The same of a target whose breaker is half open."""

    def holder(self, session: bytes, now_us: int) -> bytes | None:
        """Name of the credential that a session is bound to; None where there is none. Sessions have a name for each
        pool: `affinity.pooled`."""
