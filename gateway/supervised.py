"""One child process: started, heard, restarted when it dies, drained when told.

Knows one child. What it serves, and when all of them shall end, is the supervisor's business.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import gateway
from gateway import logs
from gateway.leash import (
    LEASH_VARIABLE,
    Drain,
    Failed,
    Leash,
    Looked,
    Order,
    Ready,
    Refused,
    Reload,
    Reloaded,
    ReloadOutcome,
    ReloadWanted,
    Report,
    Start,
    hold_as_supervisor,
)

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
HEALTHY_SECONDS = 30.0
"""A child that lived this long starts anew without waiting long."""

GONE_SECONDS = 10.0
"""How long a child that let go of its leash may take to exit."""

_ROOT = str(Path(gateway.__file__).parent.parent)

log = logs.get("supervisor")


class Supervised:
    """A child that lives until it is told to end."""

    def __init__(
        self,
        name: str,
        module: str,
        start: Callable[[], Awaitable[Start]],
        heed: Callable[[ReloadWanted], None] | None = None,
        bury: Callable[[], None] | None = None,
    ) -> None:
        """`heed` hears when the child wants something; `bury` is called whenever it has died, before it is started
        anew."""
        self.name = name
        self.ready = asyncio.Event()
        """Set while the child answers requests."""
        self.url = ""
        """Where it answers, once ready, if it chose that itself."""
        self.deaths = 0
        """Deaths in a row before it was ready."""
        self.last_words = ""
        """Why it died, as far as known."""
        self.generation = 0
        """Of the settings it was started with or has said it goes by."""
        self._module, self._start, self._heed, self._bury = module, start, heed, bury
        self._answers: dict[int, asyncio.Future[Reloaded | Refused | None]] = {}
        """Awaited, by the generation they are about."""
        self._leash: Leash[Order, Report] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ending = asyncio.Event()
        self._pause = SHORTEST_PAUSE

    async def live(self) -> None:
        """Run the child, again and again, until it has ended after being told to."""
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            born = loop.time()
            code = await self._live_once()
            if self._bury is not None:
                self._bury()
            if self._ending.is_set():
                return
            if loop.time() - born >= HEALTHY_SECONDS:
                self._pause = SHORTEST_PAUSE
            log.error("child died", child=self.name, code=code, again_in=self._pause, reason=self.last_words)
            await self._rest()

    async def drain(self) -> None:
        """Tell the child to finish and not to come back; told twice, it hurries."""
        self._ending.set()
        if self._leash is not None:
            await self._leash.say(Drain())
        elif self._process is not None:
            # It has not been told what it is: there is nothing to finish.
            self._process.terminate()

    def kill(self) -> None:
        """End the child at once and for good."""
        self._ending.set()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def reload(self, order: Reload, patience: float) -> Reloaded | Refused | None:
        """Hand new settings to the child; what it says to them. None when there is no child (one that is started later
        gets them at its start), when it dies, and when `patience` seconds have passed."""
        if self._leash is None:
            return None
        answer: asyncio.Future[Reloaded | Refused | None] = asyncio.get_running_loop().create_future()
        self._answers[order.generation] = answer
        try:
            async with asyncio.timeout(patience):
                await self._leash.say(order)
                return await answer
        except TimeoutError:
            log.error("child does not answer", child=self.name, generation=order.generation)
            return None
        finally:
            del self._answers[order.generation]

    async def tell(self, outcome: ReloadOutcome | Looked) -> None:
        """Let the child know, if there is one."""
        if self._leash is not None:
            await self._leash.say(outcome)

    async def _rest(self) -> None:
        """Wait before the next start, longer each time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _live_once(self) -> int:
        ours, theirs = socket.socketpair()
        self.last_words = ""
        with theirs:
            try:
                self._process = await _spawn(self._module, theirs)
            except OSError as error:  # no memory or no process left just now
                ours.close()
                self.deaths, self.last_words = self.deaths + 1, str(error)
                return os.EX_OSERR
        leash = await hold_as_supervisor(ours)
        try:
            await self._converse(leash)
            return await self._buried(self._process)
        finally:
            self._leash = self._process = None
            leash.drop()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_result(None)
            self.deaths += not self.ready.is_set()
            self.ready.clear()

    async def _converse(self, leash: Leash[Order, Report]) -> None:
        """Start the child and listen to it until it is gone."""
        hearing = asyncio.create_task(leash.hear())
        starting = asyncio.create_task(self._introduce(leash))
        # The child comes up while what it needs to know is still being found out.
        await asyncio.wait({starting, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        while (report := await hearing) is not None:
            self._note(report)
            hearing = asyncio.create_task(leash.hear())

    async def _introduce(self, leash: Leash[Order, Report]) -> None:
        """Tell the child what it is; whatever is said to it from then on comes behind."""
        start = await self._start()
        self._leash, self.generation = leash, start.generation
        ending = self._ending.is_set()
        await leash.say(start)
        if ending:
            await leash.say(Drain())

    def _note(self, report: Report) -> None:
        match report:
            case Ready(url=url):
                self.url, self.deaths = url, 0
                self.ready.set()
                log.info("child is ready", child=self.name)
            case Failed(error=error):
                self.last_words = error
            case Reloaded(generation=generation):
                self.generation = generation
                log.info("child goes by new settings", child=self.name, generation=generation)
                self._answer(generation, report)
            case Refused(generation=generation, error=error):
                log.error("child keeps its settings", child=self.name, generation=generation, reason=error)
                self._answer(generation, report)
            case ReloadWanted() if self._heed is not None:
                self._heed(report)

    def _answer(self, generation: int, report: Reloaded | Refused) -> None:
        answer = self._answers.get(generation)
        if answer is not None and not answer.done():
            answer.set_result(report)

    async def _buried(self, process: asyncio.subprocess.Process) -> int:
        try:
            return await asyncio.wait_for(process.wait(), GONE_SECONDS)
        except TimeoutError:
            log.error("child let go of its leash and did not exit", child=self.name)
            process.kill()
            return await process.wait()


async def _spawn(module: str, leash_end: socket.socket) -> asyncio.subprocess.Process:
    """Start a module in a process group of its own: Ctrl-C in a terminal is for the supervisor to hear alone."""
    descriptor = leash_end.fileno()
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH", ""))))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # never our code from whatever the working directory is
        "-m",
        "gateway.begin",
        module,
        pass_fds=(descriptor,),
        process_group=0,
        stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, LEASH_VARIABLE: str(descriptor), "PYTHONPATH": path},
    )
