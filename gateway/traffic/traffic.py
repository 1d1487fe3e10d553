"""Asking without end, as often as the history goes on with. Knows when; what is asked is `turns`.

When nobody takes requests any more, what still runs is given up at once: whoever ends a demo does not want to wait for
its own clients.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import lru_cache
from pathlib import Path
from random import Random

from gateway import claims
from gateway.seeding.kept import DAYS, REQUESTS, kept_in
from gateway.seeding.rhythm import HOUR_US, rate_at
from gateway.settings.demo import may_be_asked
from gateway.settings.model import Settings

from .asking import Gateway, ask
from .turns import Turn, Turns

FIRST_A_SECOND, FIRST_SECONDS = 1.5, 60.0
"""Requests, on average, and how long: whoever has just started it wants to see something."""
LEAST_A_SECOND = 0.2
"""Afterwards, at an hour at which hardly anybody would ask. By day they are as many as the history goes on with, or its
charts would end in a wall."""
DAY_US = 86_400_000_000

WAVE_SECONDS = 240.0
WAVE = 0.5
"""How much more or less there are in the course of a wave."""

AT_ONCE = 40
"""Requests; of more the oldest is given up, as by somebody who has lost patience."""

LOOK_SECONDS = 0.5


class Traffic:
    """Of one gateway: the one that runs on a data directory."""

    def __init__(
        self, settings: Settings, mock_url: str, *, requests: int = REQUESTS, chance: Random | None = None
    ) -> None:
        """`settings` are those that the gateway goes by; asked for is what is at `mock_url` by them, as often as a
        history of so many requests ended."""
        self._data_dir, self._mock_url = Path(settings.server.data_dir), mock_url
        self._requests = requests
        self._chance = chance or Random()  # noqa: S311 - nothing is hidden by it
        self.follow(settings)
        self._asking: dict[asyncio.Task[None], None] = {}
        """Oldest first."""

    def follow(self, settings: Settings) -> None:
        """The gateway goes by these now: what leads elsewhere by them is not asked for any more."""
        self._turns = Turns(self._chance, may_be_asked(settings, self._mock_url))

    async def run(self) -> None:
        """Ask until cancelled."""
        self._since = asyncio.get_running_loop().time()
        try:
            while True:
                await asyncio.sleep(self._pause())
                gateway = self._gateway()
                if gateway is None:
                    await asyncio.sleep(LOOK_SECONDS)
                elif (turn := self._turns.next()) is not None:
                    self._begin(gateway, turn)
        finally:
            self._give_up()
            await asyncio.gather(*self._asking, return_exceptions=True)

    def _gateway(self) -> Gateway | None:
        """The one that runs, if it is one that has people for a demo."""
        running, kept = claims.find(self._data_dir), kept_in(self._data_dir)
        return Gateway(running.url, kept.secrets) if running is not None and kept is not None and kept.secrets else None

    def _pause(self) -> float:
        at = asyncio.get_running_loop().time()
        a_second = FIRST_A_SECOND if at - self._since < FIRST_SECONDS else self._usual(time.time_ns() // 1000)
        return self._chance.expovariate(a_second * (1 + WAVE * math.sin(at * math.tau / WAVE_SECONDS)))

    def _begin(self, gateway: Gateway, turn: Turn) -> None:
        if len(self._asking) >= AT_ONCE:
            next(iter(self._asking)).cancel()
        task = asyncio.create_task(self._ask(gateway, turn))
        self._asking[task] = None
        task.add_done_callback(self._asking.pop)

    async def _ask(self, gateway: Gateway, turn: Turn) -> None:
        if await ask(gateway, turn) == "gone":
            self._give_up()

    def _give_up(self) -> None:
        for task in self._asking:
            if task is not asyncio.current_task():
                task.cancel()

    def _usual(self, at_us: int) -> float:
        """Requests a second at this time of the day and the week, after a history that ended with the day before."""
        until_us = at_us // DAY_US * DAY_US
        return max(LEAST_A_SECOND, _rate(self._requests, until_us, at_us // HOUR_US * HOUR_US))


@lru_cache(maxsize=1)
def _rate(requests: int, until_us: int, at_us: int) -> float:
    return rate_at(requests, until_us - round(DAYS * DAY_US), until_us, at_us)
