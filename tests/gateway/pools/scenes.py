"""Who there is, a clock that stands until it is moved, and verdicts: what scripts about pools are written with."""

from __future__ import annotations

from gateway.records import Credential, Target
from gateway.routing.verdicts import Verdict

NOON = 1_750_000_000_000_000
SECOND = 1_000_000

MAIN = Credential("openai", "main", "sk-one")
SPARE = Credential("openai", "spare", "sk-two")
GPT = Target("openai", "gpt-5")
MINI = Target("openai", "gpt-5-mini")


class Clock:
    """Unix microseconds."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        """What time it is."""
        return self.now

    def go(self, seconds: float) -> int:
        """Move on, or back; what time it is then."""
        self.now += round(seconds * SECOND)
        return self.now


def rate_limit(seconds: float | None = None, *, hard: bool = True) -> Verdict:
    """A model rests."""
    return Verdict("next_credential", "model", hard, seconds, "rate_limit")


def quota(seconds: float | None = None) -> Verdict:
    """A credential rests as a whole."""
    return Verdict("next_credential", "credential", True, seconds, "quota")


SERVER = Verdict("next_credential", "model", False, None, "server")
