"""The life of one child process: hear the start, build the application, serve it, drain, leave.

The only module that knows Granian. Does not know what it serves: an application is an ASGI callable with five verbs
more.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import signal
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable
from uuid import uuid4

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from gateway import logs
from gateway.end import end
from gateway.errors import GatewayError, SettingsError
from gateway.leash import (
    LEASH_VARIABLE,
    Drain,
    Drained,
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
    hold_as_child,
)
from gateway.settings.model import Settings
from gateway.settings.section import LogFormat, LogLevel

BACKLOG = 2048
"""Connections the kernel holds for us while we are busy."""

LAST_BYTES_SECONDS = 5.0
"""How long Granian may take to write what the application has already said, once nothing is in flight."""

CUT_SECONDS = 0.5
"""The same, when the drain is over with exchanges still running: they are cut."""

POLL_SECONDS = 0.005

CONNECTION_BUFFER_BYTES = 64 * 1024
"""Most bytes Granian holds for one connection in each direction: the largest request head, and a part of what a client
that stops reading may cost (`stream.window_bytes`)."""

COLLECTED_EVERY = (20_000, 20, 20)
"""Objects made before the collector looks at the young ones, and how often it looks at older ones too: a request makes
many objects and hardly a circle, and with Python's own figures the collector runs every few requests."""

RELOAD_SECONDS = 10.0
"""How long whoever has the settings read waits for the outcome."""

log = logs.get("child")

Message = MutableMapping[str, Any]

T = TypeVar("T")


class Application(Protocol):
    """What a child serves."""

    def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> Awaitable[None]:
        """Answer one request (ASGI)."""

    async def start(self) -> None:
        """Open what is needed; called once in the running event loop, before the first request."""

    def reload(self, settings: Settings, origins: Mapping[str, str]) -> None:
        """Go by these settings from the next request on; raises SettingsError to keep the old ones.

        `origins` says where each thing in them was said.
        """

    def begin_drain(self) -> None:
        """Answer 503 to readiness and to new exchanges from now on."""

    def in_flight(self) -> int:
        """How many exchanges are running."""

    async def stop(self) -> None:
        """End what still runs, flush and close; called once, last."""


class Reloads:
    """For an application that wants to know how reading the settings went, or to have them read: it has one as its
    attribute `reloads`, and `child` connects it before `start`."""

    def __init__(self, last: ReloadOutcome | None = None) -> None:
        self.last = last
        """How it went the last time."""
        self._say: Callable[[ReloadWanted], Awaitable[None]] | None = None
        self._waiting: dict[str, asyncio.Future[ReloadOutcome]] = {}
        self._looking: dict[str, asyncio.Future[Looked]] = {}

    async def ask(self, seconds: float = RELOAD_SECONDS) -> ReloadOutcome:
        """Have the supervisor read the settings; how that went. Raises TimeoutError."""
        return await self._want(self._waiting, ReloadWanted(uuid4().hex), seconds)

    async def look(self, seconds: float = RELOAD_SECONDS) -> Looked:
        """What the supervisor would read. Raises TimeoutError."""
        return await self._want(self._looking, ReloadWanted(uuid4().hex, only_look=True), seconds)

    async def _want(self, waiting: dict[str, asyncio.Future[T]], wanted: ReloadWanted, seconds: float) -> T:
        assert self._say is not None
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting[wanted.ticket] = answer
        try:
            async with asyncio.timeout(seconds):
                await self._say(wanted)
                return await answer
        finally:
            del waiting[wanted.ticket]

    def connect(self, say: Callable[[ReloadWanted], Awaitable[None]]) -> None:
        """Called by `child`: how to reach the supervisor."""
        self._say = say

    def hear_look(self, looked: Looked) -> None:
        """Called by `child`: that would be read."""
        answer = self._looking.get(looked.ticket)
        if answer is not None and not answer.done():
            answer.set_result(looked)

    def hear(self, outcome: ReloadOutcome) -> None:
        """Called by `child`: it went like this."""
        self.last = outcome
        for ticket in outcome.tickets:
            if (answer := self._waiting.get(ticket)) is not None and not answer.done():
                answer.set_result(outcome)


@runtime_checkable
class Reloadable(Protocol):
    """An application that has `Reloads`."""

    reloads: Reloads


def main(build: Callable[[Start], Application]) -> None:
    """Live the life of one child and exit: 0 when drained, 1 when it could not start or its server died."""
    descriptor = os.environ.pop(LEASH_VARIABLE, "")
    if not descriptor:
        sys.exit("this is started by `sluicegate serve`")
    let_each_finish()
    end(uvloop.run(_live(build, int(descriptor))))


def let_each_finish() -> None:
    """Have the threads of this process interrupt nobody when they wake up (`SCHED_BATCH`, sched(7)).

    A request goes from thread to thread several times. Where threads share a core, each would otherwise begin at once,
    in the midst of another's round, and two switches a request are paid for one that is needed. Called before there are
    threads; a policy that somebody has chosen stays, and so does the usual one where another is not allowed.
    """
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _live(build: Callable[[Start], Application], descriptor: int) -> int:
    leash = await hold_as_child(descriptor)
    start = await leash.hear()
    if not isinstance(start, Start):
        return 0
    logs.configure(*_logs_of(start.settings))
    child = Child(leash, start)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, child.end)
    try:
        return await child.live(build)
    except (GatewayError, SettingsError, OSError) as error:
        log.error("cannot start", reason=str(error))
        await leash.say(Failed(error=str(error)))
    except Exception as error:  # the edge of the process: whatever it was, the supervisor must hear of it
        log.exception("failed")
        await leash.say(Failed(error=repr(error)))
    return 1


class Child:
    """One child process, between its first order and its exit."""

    def __init__(self, leash: Leash[Report, Order], start: Start) -> None:
        self._leash, self._start, self._settings = leash, start, start.settings
        self._application: Application | None = None
        self._reloads = Reloads(start.outcome)
        """The application's, if it has them."""
        self._waiting: Reload | None = None
        """Came while the application was starting."""
        self._ended, self._hurried = asyncio.Event(), asyncio.Event()

    def end(self) -> None:
        """Begin to drain; asked a second time, stop waiting for what runs."""
        (self._hurried if self._ended.is_set() else self._ended).set()

    async def live(self, build: Callable[[Start], Application]) -> int:
        """Serve until told to end; the exit code. Raises what `build` and `start` raise."""
        hearing = asyncio.create_task(self._obey())
        # A child that cannot hear is one that nobody can end.
        hearing.add_done_callback(lambda _: self._ended.set())
        lock = await self._lock_socket()
        if self._ended.is_set():
            return 0
        application = build(self._start)
        if isinstance(application, Reloadable):
            self._reloads, heard = application.reloads, self._reloads.last
            if heard is not None:
                self._reloads.hear(heard)
        self._reloads.connect(self._leash.say)
        await application.start()
        self._application = application
        if self._waiting is not None:
            await self._leash.say(self._reload(self._waiting))
        server = _server(application, self._start)
        try:
            return await self._serve(application, server)
        finally:
            hearing.cancel()
            if lock is not None:
                os.close(lock)

    async def _serve(self, application: Application, server: Server) -> int:
        # What start-up made stays until the end: the collector need not look at it even once.
        gc.freeze()
        gc.set_threshold(*COLLECTED_EVERY)
        gc.enable()  # see `begin`
        serving = asyncio.ensure_future(server.serve())
        ended = asyncio.create_task(self._ended.wait())
        await _until(lambda: serving.done() or _listens(self._start))
        if not serving.done():
            await self._leash.say(Ready())
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            reason = f"the server ended unasked: {serving.exception()!r}"
            log.error(reason)
            await self._leash.say(Failed(error=reason))
            await application.stop()
            return 1
        await self._drain(application)
        await self._leave(application, server, serving)
        return 0

    async def _obey(self) -> None:
        while True:
            match await self._leash.hear():
                case Reload() as order if self._application is None:
                    self._waiting = order
                case Reload() as order:
                    await self._leash.say(self._reload(order))
                case ReloadOutcome() as outcome:
                    self._reloads.hear(outcome)
                case Looked() as looked:
                    self._reloads.hear_look(looked)
                case Drain():
                    self.end()
                case None:
                    return  # the supervisor is gone, and with it whoever would drain or restart us
                case Start():
                    log.error("started twice")

    def _reload(self, order: Reload) -> Report:
        # Before the application, which may know better: it adds what the database says.
        self._go_by_logs(self._settings, order.settings)
        wrong = self._try(order)
        if wrong:
            self._go_by_logs(order.settings, self._settings)
            return Refused(generation=order.generation, error=wrong)
        self._settings = order.settings
        return Reloaded(generation=order.generation)

    def _try(self, order: Reload) -> str:
        """Have the application go by new settings; why it does not."""
        assert self._application is not None
        try:
            self._application.reload(order.settings, order.origins)
        except (GatewayError, SettingsError, OSError) as error:
            return str(error)
        except Exception as error:  # what goes by the old settings well shall not end with the new ones
            log.exception("new settings failed")
            return repr(error)
        return ""

    def _go_by_logs(self, old: Settings, new: Settings) -> None:
        if _logs_of(old) != _logs_of(new):
            logs.configure(*_logs_of(new))

    async def _drain(self, application: Application) -> None:
        application.begin_drain()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.server.drain_seconds
        await _until(lambda: not application.in_flight() or loop.time() > deadline or self._hurried.is_set())

    async def _leave(self, application: Application, server: Server, serving: asyncio.Future[None]) -> None:
        patience = CUT_SECONDS if application.in_flight() else LAST_BYTES_SECONDS
        await application.stop()
        server.stop()  # type: ignore[no-untyped-call] # Granian leaves it without types
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), patience)
        await self._leash.say(Drained())

    async def _lock_socket(self) -> int | None:
        """Hold the lock beside our Unix socket: one process at a time serves it and clears what a dead one left."""
        if self._start.uds is None:
            return None
        path = Path(self._start.uds)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        await _until(lambda: _locked(lock) or self._ended.is_set())
        return lock


def _logs_of(settings: Settings) -> tuple[LogFormat, LogLevel]:
    return settings.server.log_format, settings.server.log_level


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 # what is asked for has no event of its own
        await asyncio.sleep(POLL_SECONDS)


def _server(application: Application, start: Start) -> Server:
    settings = start.settings.server
    if start.uds:
        # Left by a process that was killed; we hold the lock, so nobody serves it.
        Path(start.uds).unlink(missing_ok=True)
    server = Server(
        application,
        start.host,
        start.port,
        uds=Path(start.uds) if start.uds else None,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=start.uds is None,  # what the control process tells, a worker makes messages of
        backlog=BACKLOG,
        backpressure=settings.max_requests,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(settings.header_timeout_seconds * 1000), max_buffer_size=CONNECTION_BUFFER_BYTES
        ),
        log_enabled=False,
    )
    server.uds_permissions = 0o600
    return server


def _listens(start: Start) -> bool:
    """Whether this process already accepts connections: Granian opens its socket in a thread and does not say when."""
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):
            descriptor = int(entry.name)
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as copy:
                if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and _is_ours(copy.getsockname(), start):
                    return True
    return False


def _is_ours(name: Any, start: Start) -> bool:
    return name == start.uds if start.uds else (isinstance(name, tuple) and name[1] == start.port)
