"""The limiter of several machines, for whoever has said where they count. It alone knows that the library may be
missing: nothing of it is loaded before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from gateway.errors import SettingsError
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Limiter, Spent
from gateway.limits.periods import Period
from gateway.settings.model import LimitSettings

KEY = "limits.redis_url"


class Remote(Limiter, Protocol):
    """A limiter that asks somebody else, in one event loop, from `start` to `close`."""

    async def start(self) -> None:
        """Connect. Whoever asks meanwhile waits, but no longer than the timeout."""
        ...

    async def close(self) -> None:
        """Say what is left to say, as long as there is somebody to say it to, and let go."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether whoever is asked answers."""
        ...

    @property
    def outages(self) -> int:
        """How often they ceased to."""
        ...

    def reset(self, subject_id: bytes) -> None:
        """Forget what a subject has used, as soon as somebody answers."""
        ...

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """Count at least what the ledger knows of a period, as soon as somebody answers."""
        ...

    async def share_rests(self, said: Sequence[str]) -> Sequence[bytes] | None:
        """Tell the other machines of rests and hear of theirs (`gateway.pools.mirror`); None where nobody answers."""
        ...


def remote_of(settings: LimitSettings, local: EmbeddedLimiter) -> Remote | None:
    """What counts together with other machines; None where this one counts alone. Raises SettingsError."""
    if not settings.redis_url:
        return None
    try:
        made: Remote = import_module("gateway.limits.redis").RedisLimiter(settings, local)
    except ImportError as error:
        message = f"`{KEY}` is set, and redis is not installed: pip install 'sluicegate[redis]'"
        raise SettingsError(message, key=KEY) from error
    except ValueError as error:
        raise SettingsError("expected redis://user:password@host:port/number, or rediss://", key=KEY) from error
    return made
