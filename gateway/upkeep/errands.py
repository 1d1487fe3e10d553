"""What is done once because somebody asked for it, and takes too long to be waited for: one at a time, remembered.

Knows when it began and how it ended. Does not know what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from gateway import logs
from gateway.errors import Conflict, GatewayError

LONGEST_ERROR = 500
"""Characters kept of why one failed."""

LAST_SECONDS = 0.5
"""How long one that ends is waited for."""

log = logs.get("gateway.upkeep.errands")

Said = Mapping[str, int | float]
"""Figures of how it went."""


class Errand(Struct, frozen=True, kw_only=True):
    """One of them."""

    name: str
    began_at_us: int
    ended_at_us: int | None = None
    """None while it is done."""
    error: str | None = None
    """Why it failed, if it did."""
    said: Said = {}


class Errands:
    """Those of one process, in one event loop."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self.last: Errand | None = None
        """The one that is being done, or was done last."""
        self._clock_us = clock_us
        self._doing: asyncio.Task[None] | None = None

    def begin(self, name: str, work: Callable[[], Awaitable[Said]]) -> Errand:
        """Have it done from now on. Raises Conflict while another one is being done."""
        if self.last is not None and self.last.ended_at_us is None:
            raise Conflict(f"`{self.last.name}` is being done: one at a time.")
        self.last = begun = Errand(name=name, began_at_us=self._clock_us())
        self._doing = asyncio.create_task(self._do(begun, work))
        return begun

    async def done(self) -> Errand:
        """Wait for the one that has begun; how it went."""
        assert self._doing is not None
        await asyncio.wait((self._doing,))
        assert self.last is not None
        return self.last

    async def end(self) -> None:
        """Give up what is being done, unless it is as good as done."""
        if self._doing is not None and not (await asyncio.wait((self._doing,), timeout=LAST_SECONDS))[0]:
            self._doing.cancel()
            await asyncio.wait((self._doing,))

    async def _do(self, begun: Errand, work: Callable[[], Awaitable[Said]]) -> None:
        error, said = None, {}
        try:
            said = dict(await work())
        except asyncio.CancelledError:
            error = "it was given up, since the process ended"
            raise
        except GatewayError as refused:
            error = refused.message
        except Exception as failure:  # it may fail in any way, and whoever asked is told
            log.exception("an errand failed", errand=begun.name)
            error = f"{type(failure).__name__}: {failure}"
        finally:
            short = None if error is None else error[:LONGEST_ERROR]
            self.last = replace(begun, ended_at_us=self._clock_us(), error=short, said=said)
