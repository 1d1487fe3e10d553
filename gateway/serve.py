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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from gateway import __version__, claims, logs
from gateway.catalog.presets import presets
from gateway.claims import CannotServe
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import SettingsError, StateUnavailable
from gateway.leash import ReloadWanted, Start
from gateway.reloading import Reloading
from gateway.settings.addresses import is_loopback, split_listen
from gateway.settings.demo import DEMO_KEY, add_demo, enliven
from gateway.settings.load import Loaded, find_files, read
from gateway.settings.model import Settings
from gateway.settings.origins import DEMO, add_demo_origins
from gateway.settings.remarks import warnings
from gateway.settings.watch import Watch
from gateway.shared.memory import SharedMemory, prepare
from gateway.store.generations import shared_file
from gateway.store.session import Session
from gateway.store.state import StateUnusable, Where, database_of, engine_of, make_ready
from gateway.supervised import Supervised
from gateway.unlock import begin

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
    lively: bool = False
    """Whether the demo has a history and somebody who asks."""
    history: int = 0
    """Requests of that history."""
    worker: str = "gateway.worker"
    control: str = "gateway.control"
    mock: str = "gateway.demo"


@dataclass(frozen=True, slots=True)
class Said:
    """What the operator says: to `serve`, in the environment, in files."""

    plan: Plan
    environ: Mapping[str, str]

    def read(self) -> Loaded:
        """As it stands now. Raises SettingsError."""
        return read(self.plan.config, self.environ, options=self.plan.options, presets=presets())

    def find_files(self) -> tuple[Path, ...]:
        """The files it stands in, also when it is wrong."""
        return find_files(self.plan.config, self.environ)


def run(plan: Plan, environ: Mapping[str, str] = os.environ) -> int:
    """Serve until told to end; the exit code. What keeps the gateway from starting is one line on standard error."""
    started = time.time()
    # A reload asked for before anything is loaded has been done by loading.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        said = Said(plan, environ)
        watch = Watch(said.find_files())
        loaded = said.read()
        settings = loaded.settings
        logs.configure(settings.server.log_format, settings.server.log_level)
        with _claimed(plan, settings) as listen:
            make_ready(database_of(settings))
            open_vault(settings)
            check_exposure(settings)
            prepare_memory(settings)
            asyncio.run(Supervisor(said, loaded, watch, listen=listen, started=started).live())
    except (SettingsError, CannotServe, StateUnusable, KeyUnusable) as error:
        sys.stderr.write(f"sluicegate: {error}\n")
        return 1
    return 0


def open_vault(settings: Settings) -> None:
    """See that there is a key that opens what the database holds, and make key and secrets where there are none: no
    child could tell one client key from another without. Raises KeyUnusable and StateUnusable."""
    with _session(database_of(settings)) as session, session.alone():
        begin(session, settings)


def check_exposure(settings: Settings) -> None:
    """Raises CannotServe when others could reach a gateway that belongs to nobody; StateUnusable. A configuration with
    client keys is enough for one that is not meant to have people."""
    host, _ = split_listen(settings.server.listen)
    if settings.client_keys or is_loopback(host) or _count_admins(database_of(settings)):
        return
    raise CannotServe(
        f"{settings.server.listen} is an address that others can reach, and nobody looks after this gateway yet: "
        "run `sluicegate user add --role owner` first, add [[client_keys]], or listen on 127.0.0.1"
    )


def prepare_memory(settings: Settings) -> None:
    """See that there is memory for the children to share. Raises CannotServe."""
    path = shared_file(Path(settings.server.data_dir))
    try:
        prepare(path, settings.server.workers)
    except OSError as error:
        raise CannotServe(f"{path} cannot be used: {error.strerror}") from error


def give_back(path: Path, worker: int, workers: int) -> None:
    """What a dead worker held in shared memory is free again. Raises OSError."""
    try:
        with closing(SharedMemory(path)) as memory:
            memory.release(worker)
    except (FileNotFoundError, ValueError) as error:
        # Without one no worker would start again. Those that run keep what they have mapped, until they end.
        log.error("shared memory was taken away: a new one is made", reason=str(error))
        prepare(path, workers)


def _count_admins(where: Where) -> int:
    with _session(where) as session:
        return int(session.rows("people/admins")[0]["admins"])


def _has_owner(where: Where) -> bool:
    with _session(where) as session:
        return bool(session.rows("people/other_owners", {"id": ""})[0]["owners"])


@contextmanager
def _session(where: Where) -> Iterator[Session]:
    engine = engine_of(where)
    try:
        with closing(engine.open()) as session:
            yield session
    except engine.trouble as error:
        raise StateUnusable(f"{engine.place} cannot be used: {' '.join(str(error).split())}") from error


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

    def __init__(self, said: Said, loaded: Loaded, watch: Watch, *, listen: tuple[str, int], started: float) -> None:
        plan, server = said.plan, loaded.settings.server
        self._plan, self._started_at_us = plan, round(started * 1e6)
        self._host, self._port = listen
        self._data_dir = Path(server.data_dir)
        self._signals = 0
        self._ended = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()
        self._mock = Supervised("mock", plan.mock, self._start_of_mock) if plan.demo else None
        self._control = Supervised("control", plan.control, self._start_of_control, self._heed)
        self._workers = [self._worker(index) for index in range(server.workers)]
        self._lives: dict[Supervised, asyncio.Task[None]] = {}
        # Who asks in a demo must know what leads where.
        children = (*self._workers, self._control, *([self._mock] if self._mock and plan.lively else ()))
        self._reloading = Reloading(said, loaded, children, finish=self._finished, watch=watch)

    def _worker(self, index: int) -> Supervised:
        start, bury = partial(self._start_of_worker, index), partial(self._bury, index)
        return Supervised(f"worker-{index}", self._plan.worker, start, self._heed, bury)

    def _bury(self, index: int) -> None:
        try:
            give_back(shared_file(self._data_dir), index, len(self._workers))
        except OSError as error:
            log.error("what a worker held is not free", worker=index, reason=str(error))

    async def live(self) -> None:
        """Run everything until told to end. Raises CannotServe when it does not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.ask)
        reloads = asyncio.create_task(self._reloading.live())
        for child in self._needed:
            self._lives[child] = asyncio.create_task(child.live())
        self._lives[self._control] = asyncio.create_task(self._control.live())
        try:
            if await self._come_up():
                self._announce()
                self._run(self._invite())
                await self._ended.wait()
        finally:
            reloads.cancel()
            await self._wind_down()

    def _heed(self, report: ReloadWanted) -> None:
        if report.only_look:
            self._run(self._control.tell(self._reloading.look(report.ticket)))
        else:
            self._reloading.ask(report)

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

    @property
    def _url(self) -> str:
        return f"http://{claims.place(self._host, self._port)}"

    def _announce(self) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        announcement = claims.Announcement(pid=os.getpid(), url=self._url, version=__version__, started_at=now)
        claims.announce(self._data_dir, announcement)
        listed = [name for name, preset in presets().items() if preset.price_list]
        for warning in warnings(self._reloading.finished().settings, listed):
            log.warning(warning)
        _say(f"Sluicegate answers on {self._url}", *(demo_lines(self._url) if self._mock else ()))

    async def _invite(self) -> None:
        """Say how the first owner is made, where there is none: there, and not in the log."""
        settings = self._reloading.finished().settings
        try:
            if not await asyncio.to_thread(_has_owner, database_of(settings)):
                # Not with the others: who has an owner does not need what it brings along.
                _say(await import_module("gateway.first_owner").invite(settings, self._url))
        except (StateUnusable, StateUnavailable, KeyUnusable) as error:
            log.warning("no setup link: `sluicegate user setup-link` makes one", reason=str(error))

    def _finished(self, loaded: Loaded) -> Loaded:
        """What children go by: what the operator said, and what the demo adds."""
        if self._mock is None:
            return loaded
        settings = add_demo(loaded.settings, self._mock.url)
        origins = add_demo_origins(loaded.origins, settings)
        if self._plan.lively:
            settings, own = enliven(settings, loaded.origins)
            origins |= dict.fromkeys(own, DEMO)
        return replace(loaded, settings=settings, origins=origins)

    async def _start_of_worker(self, index: int) -> Start:
        return await self._start(index=index, host=self._host, port=self._port)

    async def _start_of_control(self) -> Start:
        return await self._start(uds=str(claims.control_socket(self._data_dir)))

    async def _start(self, *, index: int = 0, host: str = "", port: int = 0, uds: str | None = None) -> Start:
        if self._mock and not self._mock.url:
            await self._mock.ready.wait()
        loaded = self._reloading.finished()
        return Start(
            settings=loaded.settings,
            origins=dict(loaded.origins),
            generation=self._reloading.generation,
            outcome=self._reloading.outcome,
            index=index,
            demo=self._plan.demo,
            lively=self._plan.lively,
            history=self._plan.history,
            host=host,
            port=port,
            uds=uds,
            started_at_us=self._started_at_us,
        )

    async def _start_of_mock(self) -> Start:
        assert self._mock is not None
        # Started anew it must be where the settings of the others say it is.
        port = urlsplit(self._mock.url).port or 0
        settings = self._reloading.loaded.settings
        return Start(
            settings=settings,
            generation=self._reloading.generation,
            demo=True,
            lively=self._plan.lively,
            history=self._plan.history,
            host="127.0.0.1",
            port=port,
            started_at_us=self._started_at_us,
        )

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

    def _run(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _wind_down(self) -> None:
        """Workers first: what they leave behind is taken by the control process, which therefore ends after them."""
        seconds = self._reloading.loaded.settings.server.drain_seconds
        log.info("draining", seconds=seconds)
        await self._finish(self._workers, seconds + DRAIN_GRACE_SECONDS)
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


def _say(*lines: str) -> None:
    """Say it on standard output, if anybody listens there."""
    with suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines if line))
        sys.stdout.flush()


def demo_lines(url: str) -> tuple[str, str]:
    """What a newcomer pastes, and what they open."""
    body = '{"model":"fast","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
    headers = f"-H 'Authorization: Bearer {DEMO_KEY}' -H 'Content-Type: application/json'"
    curl = f"curl -N {url}/v1/chat/completions {headers} -d '{body}'"
    return f"Try it: {curl}", f"Open:   {url}/"
