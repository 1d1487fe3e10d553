"""The supervisor: claims port and data directory, starts the children, keeps them alive, drains them in order.

Knows who runs and in which order they end. Serves nothing itself and imports no web framework: it shall stay small and
never be the reason for anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import structs

from gateway import __version__, claims, logs
from gateway.catalog.presets import presets
from gateway.claims import CannotServe
from gateway.errors import SettingsError
from gateway.leash import Reload, Start
from gateway.settings.addresses import is_loopback, split_listen
from gateway.settings.demo import DEMO_KEY, add_demo
from gateway.settings.load import load
from gateway.settings.model import Settings
from gateway.settings.remarks import warnings
from gateway.store.state import StateUnusable, database_of, make_ready
from gateway.supervised import Supervised

FIXED = ("listen", "workers", "data_dir", "max_requests", "header_timeout_seconds")
"""Server settings that hold from start to end: sockets and processes are made of them."""

TRIES = 3
"""Deaths of a worker that never was ready, after which starting is given up."""

DRAIN_GRACE_SECONDS = 8.0
"""Beyond the cap on draining, what a worker may take to cut what is left, flush and exit."""

LAST_INGEST_SECONDS = 5.0
"""What the control process may take to finish; then it is hurried, and after as long again killed."""

log = logs.get("supervisor")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `serve` was asked to do."""

    config: Path | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Settings of the command line, by option."""
    demo: bool = False
    worker: str = "gateway.worker"
    control: str = "gateway.control"
    mock: str = "gateway.demo"

    def load(self, environ: Mapping[str, str]) -> Settings:
        """The settings as they are said now. Raises SettingsError."""
        return load(self.config, environ, options=self.options, presets=presets())


def run(plan: Plan, environ: Mapping[str, str] = os.environ) -> int:
    """Serve until told to end; the exit code. What keeps the gateway from starting is one line on standard error."""
    started = time.time()
    # A reload asked for before anything is loaded has been done by loading.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        settings = plan.load(environ)
        logs.configure(settings.server.log_format, settings.server.log_level)
        with _claimed(plan, settings) as listen:
            make_ready(database_of(settings))
            asyncio.run(Supervisor(plan, settings, listen=listen, started=started).live(environ))
    except (SettingsError, CannotServe, StateUnusable) as error:
        sys.stderr.write(f"sluicegate: {error}\n")
        return 1
    return 0


@contextmanager
def _claimed(plan: Plan, settings: Settings) -> Iterator[tuple[str, int]]:
    """Address and port, held together with the data directory. Raises CannotServe."""
    host, port = split_listen(settings.server.listen)
    if plan.demo and not is_loopback(host):
        raise CannotServe("--demo has a key that everybody knows: it listens on a loopback address only")
    os.umask(0o077)
    lock = claims.claim_data_dir(Path(settings.server.data_dir))
    try:
        with claims.claim_port(host, port) as held:
            yield host, held.getsockname()[1]
    finally:
        claims.withdraw(Path(settings.server.data_dir))
        os.close(lock)


class Supervisor:
    """All children of one gateway, from the first start to the last exit."""

    def __init__(self, plan: Plan, settings: Settings, *, listen: tuple[str, int], started: float) -> None:
        self._plan, self._said, self._started_at_us = plan, settings, round(started * 1e6)
        self._host, self._port = listen
        self._data_dir = Path(settings.server.data_dir)
        self._generation = 1
        self._signals = 0
        self._ended = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()
        self._mock = Supervised("mock", plan.mock, self._start_of_mock) if plan.demo else None
        self._control = Supervised("control", plan.control, self._start_of_control)
        self._workers = [
            Supervised(f"worker-{index}", plan.worker, partial(self._start_of_worker, index))
            for index in range(settings.server.workers)
        ]
        self._lives: dict[Supervised, asyncio.Task[None]] = {}

    async def live(self, environ: Mapping[str, str]) -> None:
        """Run everything until told to end. Raises CannotServe when it does not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload, environ)
        for child in self._needed:
            self._lives[child] = asyncio.create_task(child.live())
        self._lives[self._control] = asyncio.create_task(self._control.live())
        try:
            if await self._come_up():
                self._announce()
                await self._ended.wait()
        finally:
            await self._wind_down()

    @property
    def _needed(self) -> list[Supervised]:
        """Children without which nothing is answered."""
        return [*self._workers, self._mock] if self._mock else self._workers

    async def _come_up(self) -> bool:
        """Whether all that is needed is ready; False when told to end before."""
        while not all(child.ready.is_set() for child in self._needed):
            for child in self._needed:
                if child.deaths >= TRIES or (child.deaths and child.last_words):
                    raise CannotServe(f"{child.name} does not start: {child.last_words or 'see what it said above'}")
            if self._ended.is_set():
                return False
            await asyncio.sleep(0.005)
        return True

    def _announce(self) -> None:
        url = f"http://{claims.place(self._host, self._port)}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        announcement = claims.Announcement(pid=os.getpid(), url=url, version=__version__, started_at=now)
        claims.announce(self._data_dir, announcement)
        for warning in warnings(self._settings):
            log.warning(warning)
        lines = [f"Sluicegate answers on {url}", *(demo_lines(url) if self._mock else ())]
        with suppress(OSError):
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

    @property
    def _settings(self) -> Settings:
        """What children go by: what the operator said, and what the demo adds."""
        return add_demo(self._said, self._mock.url) if self._mock else self._said

    async def _start_of_worker(self, index: int) -> Start:
        return await self._start(index=index, host=self._host, port=self._port)

    async def _start_of_control(self) -> Start:
        return await self._start(uds=str(claims.control_socket(self._data_dir)))

    async def _start(self, *, index: int = 0, host: str = "", port: int = 0, uds: str | None = None) -> Start:
        if self._mock and not self._mock.url:
            await self._mock.ready.wait()
        return Start(
            settings=self._settings,
            index=index,
            demo=self._plan.demo,
            host=host,
            port=port,
            uds=uds,
            started_at_us=self._started_at_us,
        )

    async def _start_of_mock(self) -> Start:
        assert self._mock is not None
        # Started anew it must be where the settings of the others say it is.
        port = urlsplit(self._mock.url).port or 0
        return Start(settings=self._said, demo=True, host="127.0.0.1", port=port, started_at_us=self._started_at_us)

    def _end(self) -> None:
        """A signal to end: the first drains, the second cuts what still runs, the third kills."""
        self._signals += 1
        self._ended.set()
        if self._signals == 2:
            log.warning("hurrying")
            for worker in self._workers:
                self._run(worker.drain())
        elif self._signals > 2:
            for child in self._lives:
                child.kill()

    def _reload(self, environ: Mapping[str, str]) -> None:
        """Read the settings again; wrong ones change nothing."""
        try:
            said = self._plan.load(environ)
        except SettingsError as error:
            log.error("settings refused, the old ones stay", reason=str(error))
            return
        self._said = self._with_fixed(said)
        self._generation += 1
        logs.configure(said.server.log_format, said.server.log_level)
        log.info("settings read", generation=self._generation)
        for warning in warnings(self._settings):
            log.warning(warning)
        order = Reload(settings=self._settings, generation=self._generation)
        for child in (*self._workers, self._control):
            self._run(child.reload(order))

    def _with_fixed(self, said: Settings) -> Settings:
        """New settings with what cannot change while we run left as it is."""
        server = self._said.server
        kept = {name: getattr(server, name) for name in FIXED if getattr(said.server, name) != getattr(server, name)}
        for name in kept:
            log.warning(f"server.{name} changes with the next start only")
        return structs.replace(said, server=structs.replace(said.server, **kept))

    def _run(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _wind_down(self) -> None:
        """Workers first: what they leave behind is taken by the control process, which therefore ends after them."""
        log.info("draining", seconds=self._said.server.drain_seconds)
        await self._finish(self._workers, self._said.server.drain_seconds + DRAIN_GRACE_SECONDS)
        await self._finish([self._control], LAST_INGEST_SECONDS, LAST_INGEST_SECONDS)
        if self._mock:
            await self._finish([self._mock], LAST_INGEST_SECONDS)
        log.info("ended")

    async def _finish(self, children: list[Supervised], *patience: float) -> None:
        """Drain children, hurry them after each patience but the last, kill them after that."""
        lives = {self._lives[child]: child for child in children}
        for seconds in patience:
            await asyncio.gather(*(child.drain() for life, child in lives.items() if not life.done()))
            await asyncio.wait(lives, timeout=seconds)
        for life, child in lives.items():
            if not life.done():
                log.error("killed: it did not end in time", child=child.name)
                child.kill()
        await asyncio.wait(lives)


def demo_lines(url: str) -> tuple[str, str]:
    """What a newcomer pastes, and what they open."""
    body = '{"model":"fast","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
    headers = f"-H 'Authorization: Bearer {DEMO_KEY}' -H 'Content-Type: application/json'"
    curl = f"curl -N {url}/v1/chat/completions {headers} -d '{body}'"
    return f"Try it: {curl}", f"Open:   {url}/"
