"""Pools and limits as the control process sees them: it sends nothing and lets nothing in, but looks, corrects, and has
what is spent counted again where it was lost.

Knows the shared memory of the machine, and the Redis that several may share. Does not know the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.errors import LimitsUnavailable
from gateway.ledger import Counted, Ledger, Read, periods_began_us
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Left, Plan
from gateway.limits.remote import remote_of
from gateway.pools.board import Board
from gateway.pools.mirror import Mirror, credentials_of
from gateway.records import ClientKey, Credential, LimitRule
from gateway.settings.model import Settings
from gateway.shared.memory import SharedMemory
from gateway.store.generations import shared_file

PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.05


class Oversight:
    """Of one data directory, in one event loop, from `start` to `close`."""

    def __init__(self, data_dir: Path, settings: Settings, read: Read) -> None:
        """`read` asks the analytics store. Raises OSError and ValueError where the memory was not prepared,
        SettingsError for a Redis that cannot be one."""
        memory = SharedMemory(shared_file(data_dir))
        self.board = Board(memory, settings.rests)
        """Who rests, and how busy everybody is."""
        local = EmbeddedLimiter(memory, None)
        self._remote = remote_of(settings.limits, local)
        self._credentials = credentials_of(settings)
        self._mirroring: asyncio.Task[None] | None = None
        self.limiter = self._remote or local
        """Whoever counts limits. It is not asked to let anything in here."""
        self._ledger = Ledger(read, self.limiter, time.time)
        self._rules: tuple[LimitRule, ...] = ()
        self._outages = 0
        self._time_zone = settings.limits.time_zone

    async def start(self) -> None:
        """Connect to what is shared with other machines, if there is anything."""
        if self._remote is not None:
            await self._remote.start()
            mirror = Mirror(self.board, self._find, self._remote.share_rests)
            self._mirroring = asyncio.create_task(mirror.run())

    async def close(self) -> None:
        """Let go of it."""
        if self._mirroring is not None:
            self._mirroring.cancel()
            with suppress(asyncio.CancelledError):
                await self._mirroring
        if self._remote is not None:
            await self._remote.close()

    def follow(self, settings: Settings, rules: tuple[LimitRule, ...]) -> None:
        """Go by these from now on."""
        self.board.follow(settings.rests)
        self._credentials = credentials_of(settings)
        self.limiter.follow(rules, settings.limits.time_zone)
        self._rules, self._time_zone = rules, settings.limits.time_zone

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with the limits of these subjects. Raises LimitsUnavailable."""
        return await self.limiter.left(plan)

    async def left_anywhere(self, plan: Plan) -> tuple[Left, ...]:
        """The same, counted by all machines that count together. Raises LimitsUnavailable where only this one can
        tell."""
        if self._remote is not None and not self._remote.is_here:
            raise LimitsUnavailable("Limits cannot be looked up at the moment.", retry_after=1)
        return await self.limiter.left(plan)

    @property
    def rules(self) -> tuple[LimitRule, ...]:
        """Those that hold."""
        return self._rules

    @property
    def is_here(self) -> bool | None:
        """Whether whoever counts for several machines answers; None where this one counts alone."""
        return None if self._remote is None else self._remote.is_here

    @property
    def outages(self) -> int:
        """How often they ceased to, since the start."""
        return 0 if self._remote is None else self._remote.outages

    def periods_began_us(self) -> tuple[int, ...]:
        """The instants at which the present periods of budgets and quotas began, in Unix microseconds."""
        return periods_began_us(self._time_zone, int(time.time()))

    def reset(self, key_id: str, subjects: Sequence[bytes], now_us: int) -> None:
        """Count a key from nothing."""
        self._ledger.reset(key_id, subjects, now_us)

    async def post(self, keys: Sequence[ClientKey], resets: Mapping[str, int]) -> int:
        """Raise what is counted to what the analytics store knows; how much there was to raise. Raises
        ControlUnavailable."""
        counted = Counted(keys=keys, rules=self._rules, time_zone=self._time_zone, resets=resets)
        await self._connected()
        if not self._is_steady():
            return 0
        due = await self._ledger.sum_up(counted)
        if not self._is_steady():
            return 0
        await self._ledger.raise_to(due)
        return len(due)

    async def _connected(self) -> None:
        """Until there is a connection, or was time enough for one: the first time is right after the start."""
        for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
            if self._remote is None or self._remote.is_here:
                break
            await asyncio.sleep(LOOK_SECONDS)

    def _is_steady(self) -> bool:
        """Whether all that was spent on this machine is told where it is counted. After an outage workers have yet to
        tell it, and it would be counted twice: the next time is soon enough."""
        if self._remote is None:
            return True
        outages, self._outages = self._outages, self._remote.outages
        return self._remote.is_here and outages == self._outages

    def _find(self, provider: str, name: str) -> Credential | None:
        return self._credentials.get((provider, name))
