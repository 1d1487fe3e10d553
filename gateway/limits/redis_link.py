"""One connection to a Redis or Valkey, shared by everything a process asks there. The one home of the library.

Knows how it is made, kept, given up and made anew, and how questions share it: whatever is asked in one turn of the
event loop leaves in one piece, and the answers come back in the order of the questions. Does not know what is asked.

Nobody waits longer than the timeout. A connection whose oldest question is not answered by then is given up, with all
that was asked on it; while there is none, questions are refused at once, and one task tries again every second. Only a
connection that the server has closed is made anew while those who ask wait: a server that restarts, or that ends idle
connections, is back within milliseconds. Nothing said here contains the address: it may hold a password.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from gateway import logs

PROBE_SECONDS = 1.0
"""How often a server that is away is tried."""

GRACE_SECONDS = 0.02
"""For answers that are here but not read, where this process itself was held up."""

SETTLED_SECONDS = 1.0
"""A connection that lasted less is not made anew at once: the next one would last no longer."""

log = logs.get("gateway.limits.redis")

Argument = bytes | str | int
Words = tuple[Argument, ...]
Answer = asyncio.Future[Any]
Orphan = Callable[[Answer], None]

_UNFIT = re.compile(
    r"\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|MISCONF|NOREPLICAS|OOM|NOAUTH|NOPERM|MOVED|ASK|TRYAGAIN|BUSY)\b"
)
"""Errors of a server that does not do what it is there for, whatever it is asked; with Redis 6 they stand within the
text where a script met them (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors)."""


class Away(Exception):
    """The server does not answer, or not as it should; the text says why."""


class Unfit(Away):
    """It answers, but is not to be asked for now: a replica, one that is loading its data, one without memory."""


class Refused(Exception):
    """It refused this question, and goes on answering others."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and the name the server knows it by."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """The script with this text."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class Told(NamedTuple):
    """Whom a link tells what happens to it."""

    prepare: Callable[[], Awaitable[None]]
    """Called on each new connection before anybody else may ask; may raise Away or Refused."""
    away: Callable[[str], None]
    """The server is away, and why: once, however long it is."""
    back: Callable[[float], None]
    """It answers again, after so many seconds."""


class Link:
    """The connection to the server at `url`; `seconds` is what a question may take. Lives in one event loop."""

    def __init__(self, url: str, seconds: float, told: Told, *, name: str = "sluicegate") -> None:
        # Version 2 of the protocol: nothing comes unasked. Raises ValueError for an address that is none.
        self._pool = ConnectionPool.from_url(
            url, protocol=2, client_name=name, socket_timeout=None, socket_connect_timeout=seconds
        )
        self._seconds, self._told = seconds, told
        self._open: _Open | None = None
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()
        self._reason = "not connected"
        self._away_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_here(self) -> bool:
        """Whether the server answers."""
        return self._ready.is_set()

    def begin(self) -> None:
        """Connect, and stay connected until `end`. Whoever asks meanwhile waits for the first try."""
        self._task = asyncio.create_task(self._live())

    async def end(self) -> None:
        """Let go of the server."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def ask(self, *words: Argument, orphan: Orphan | None = None) -> Any:
        """What the server answers to a command. Raises Away, Refused; takes no longer than the timeout. `orphan` gets
        the answer where whoever asked is cancelled before it is here."""
        until = asyncio.get_running_loop().time() + self._seconds
        if not self._settled.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._settled.wait()
        if self._open is None or not self._ready.is_set():
            raise Away(self._reason)
        answer = self._open.ask(words, until)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if orphan is not None:
                answer.add_done_callback(orphan)
            raise

    async def run(self, script: Script, *words: Argument, orphan: Orphan | None = None) -> Any:
        """What a script answers; `words` are the number of its keys, the keys and the arguments."""
        try:
            return await self.ask("EVALSHA", script.sha, *words, orphan=orphan)
        except NoScriptError:  # it was never there, or the server has been restarted: nothing was done
            return await self.ask("EVAL", script.text, *words, orphan=orphan)

    def post(self, script: Script, *words: Argument) -> Answer:
        """The same where the server is here, without waiting; fails as well with NoScriptError: then nothing was done,
        and what was asked behind it may have been."""
        until = asyncio.get_running_loop().time() + self._seconds
        if self._open is None:
            answer: Answer = asyncio.get_running_loop().create_future()
            answer.set_exception(Away(self._reason))
            return answer
        return self._open.ask(("EVALSHA", script.sha, *words), until)

    async def load(self, script: Script) -> None:
        """Have the server know a script, for whoever prepares a new connection."""
        await self._early("SCRIPT", "LOAD", script.text)

    async def prepare(self, script: Script, *words: Argument) -> Any:
        """The same for whoever prepares a new connection, which nobody else may use yet."""
        try:
            return await self._early("EVALSHA", script.sha, *words)
        except NoScriptError:
            return await self._early("EVAL", script.text, *words)

    async def _early(self, *words: Argument) -> Any:
        if self._open is None:
            raise Away(self._reason)
        return await self._open.ask(words, asyncio.get_running_loop().time() + self._seconds)

    def restart(self, reason: str) -> None:
        """Prepare a connection anew: what the server knows is not what it was told."""
        if self._open is not None and self._ready.is_set():
            self._ready.clear()
            self._settled.clear()
            self._open.abandon(reason)

    # Its life

    async def _live(self) -> None:
        try:
            while True:
                patient = await self._connect_and_serve()
                self._ready.clear()
                if patient:
                    self._settled.clear()
                    continue
                self._settled.set()
                if self._away_since is None:
                    self._away_since = asyncio.get_running_loop().time()
                    self._told.away(self._reason)
                await asyncio.sleep(PROBE_SECONDS)
        finally:
            self._ready.clear()
            self._settled.set()

    async def _connect_and_serve(self) -> bool:
        """One connection, from its making to its end. Whether it had served and the server has closed it, so that
        another one is worth waiting for."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call] # the library's
        loop, since = asyncio.get_running_loop(), None
        try:
            async with asyncio.timeout(self._seconds):
                await connection.connect()  # type: ignore[no-untyped-call] # the library's
            self._open = _Open(connection)
            await self._told.prepare()
            self._note_here()
            since = loop.time()
            await self._open.broken
        except (Away, Refused, RedisError, OSError) as error:
            self._reason = str(error) or type(error).__name__
            return isinstance(error, _Closed) and since is not None and loop.time() - since > SETTLED_SECONDS
        except Exception:  # whoever prepares may fail in any way; without this task nobody would ever try again
            log.exception("a connection to Redis could not be prepared")
            self._reason = "it could not be prepared"
        finally:
            await self._shut(connection)
        return False

    def _note_here(self) -> None:
        self._ready.set()
        self._settled.set()
        if self._away_since is not None:
            seconds = asyncio.get_running_loop().time() - self._away_since
            self._away_since = None
            self._told.back(seconds)

    async def _shut(self, connection: AbstractConnection) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.end(self._reason)
        with suppress(RedisError, OSError):
            await connection.disconnect(nowait=True)


class _Closed(Away):
    """The server, or something on the way, has ended the connection."""


class _Question(NamedTuple):
    until: float
    answer: Answer


class _Open:
    """A connection, and what waits for an answer on it."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self.broken: asyncio.Future[None] = self._loop.create_future()
        """Ends with Away when the connection is no good any more."""
        self._waiting: deque[_Question] = deque()
        self._unsent: list[bytes] = []
        self._to_send = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None
        self._tasks = (asyncio.create_task(self._write()), asyncio.create_task(self._read()))

    def ask(self, words: Words, until: float) -> Answer:
        """What the server answers; fails with Away, Refused or NoScriptError. Who stops waiting stops nobody else."""
        answer = self._loop.create_future()
        if self.broken.done():
            answer.set_exception(Away("the connection is broken"))
            return answer
        self._unsent.append(hiredis.pack_command(words))  # type: ignore[arg-type] # of any length
        self._to_send.set()
        self._waiting.append(_Question(until, answer))
        if self._watch is None:
            self._watch = self._loop.call_at(until, self._look, answer)
        return answer

    def abandon(self, reason: str) -> None:
        """Have it end; another one is worth waiting for."""
        self._break(_Closed(reason))

    def end(self, reason: str) -> None:
        """Whoever still waits hears why there is no answer."""
        self._break(Away(reason))
        if self._watch is not None:
            self._watch.cancel()
        for task in self._tasks:
            task.cancel()
        for question in self._waiting:
            if not question.answer.done():
                question.answer.set_exception(Away(reason))
                question.answer.exception()  # nobody may be waiting any more
        self._waiting.clear()

    async def _write(self) -> None:
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                packed = b"".join(self._unsent)
                self._unsent.clear()
                await self._connection.send_packed_command(packed, check_health=False)
        except (RedisError, OSError) as error:
            self._break(_Closed(str(error)))

    async def _read(self) -> None:
        try:
            while True:
                self._give(await self._answer())
        except (RedisError, OSError) as error:
            self._break(_Closed(str(error)))

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response(disconnect_on_error=False)
        except ResponseError as error:
            return error

    def _give(self, reply: Any) -> None:
        answer = self._waiting.popleft().answer
        if not isinstance(reply, ResponseError):
            if not answer.done():
                answer.set_result(reply)
            return
        error = _meaning(reply)
        if not answer.done():
            answer.set_exception(error)
        if isinstance(error, Unfit):
            self._break(error)

    def _look(self, oldest: Answer, *, again: bool = False) -> None:
        """The time of the question that was the oldest is up."""
        self._watch = None
        if not self._waiting:
            return
        until, answer = self._waiting[0]
        if answer is not oldest or self._loop.time() < until:
            self._watch = self._loop.call_at(until, self._look, answer)
        elif not again:
            # If it was this process that did not get to it, the answer has come, and is about to be read.
            self._watch = self._loop.call_later(GRACE_SECONDS, lambda: self._look(answer, again=True))
        else:
            self._break(Away("it did not answer in time"))

    def _break(self, error: Away) -> None:
        if not self.broken.done():
            self.broken.set_exception(error)
            self.broken.exception()  # it may be that nobody awaits it yet


def _meaning(error: ResponseError) -> Exception:
    """What an error answer is to whoever asked. The library takes the first word off those that it knows."""
    if isinstance(error, NoScriptError):
        return error
    said = f"{type(error).__name__}: {error}"
    known = type(error) is not ResponseError
    return Unfit(said) if known or _UNFIT.search(said) else Refused(str(error))
