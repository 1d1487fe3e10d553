"""Keeps what a worker goes by as fresh as the database: the client keys, and the configuration beside the file.

Knows the words in shared memory, the numbers in the database, and what to read when they differ. Does not know what
becomes of it: followers are told. Nothing here fails open, and nothing that is known already waits for the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes

from gateway import logs
from gateway.access.keys import KeyRing, SaidKey
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import StateUnavailable
from gateway.management.stored import read_objects
from gateway.records import ClientKey, IssuedKey
from gateway.settings.model import Settings
from gateway.settings.stored import StoredObject
from gateway.store.generations import CLASSES, Generations
from gateway.store.keys import changed_keys
from gateway.store.session import Session
from gateway.store.state import State
from gateway.unlock import SECRET_BYTES, Unlocked, unlock

POLL_SECONDS = 0.5
"""How often the database is asked whether something has changed that nobody on this machine told of."""

PATIENCE_SECONDS = 1.0
"""How long a request waits, at most, for a change that it heard of to become known."""

DOUBT_SECONDS = 2.0
"""Without an answer of the database for so long, a key that is not known may be a new one."""

FIRST_SECONDS = 2.0
"""How long a worker waits for the first answer before it serves what its configuration file says."""

log = logs.get("gateway.freshness")


@dataclass(frozen=True, slots=True)
class Followers:
    """Who is told what is new, in the event loop."""

    keys: Callable[[frozenset[str]], None]
    """Keys have changed, or their time has come; the ids are of those that go by another secret than before."""
    configuration: Callable[[Sequence[StoredObject]], None]
    """The database says this of the configuration now."""
    use: Callable[[ClientKey], None]
    """A key was used for something that leaves no usage record."""


@dataclass(frozen=True, slots=True)
class News:
    """What the database said, all of it at one moment."""

    numbers: Mapping[str, int]
    """How often each class of things has changed."""
    keys: Sequence[IssuedKey] | None = None
    """Those that have changed; None where none has."""
    whole: bool = False
    """There are no other keys."""
    objects: Sequence[StoredObject] | None = None
    """The configuration of the database, where it has changed."""
    trouble: str = ""
    """Why that could not be opened, if so."""


class Freshness:
    """The client keys of a worker, and its ear for changes. `state` is asked by nobody else: a change must not wait."""

    def __init__(self, state: State, generations: Generations, settings: Settings, followers: Followers) -> None:
        self._state, self._generations, self._settings, self._followers = state, generations, settings, followers
        # Of this process, until the server's own is known: the keys of the configuration file work without a database.
        self.ring = KeyRing(token_bytes(SECRET_BYTES))
        self.ring.doubtful = True
        self.shown = generations.words[: len(CLASSES)]
        self.seen = memoryview(bytearray(self.shown.nbytes)).cast("Q")
        self._said: tuple[SaidKey, ...] = ()
        self._numbers: dict[str, int] = {}
        self._is_unlocked = self._fails = False
        self._trouble = ""
        self._refreshing: asyncio.Task[None] | None = None
        self._poll_at = self._answered_at = 0.0

    async def start(self) -> None:
        """Read everything for the first time; where that takes too long it goes on by itself."""
        self._answered_at = asyncio.get_running_loop().time()
        await asyncio.wait((self._refresh(),), timeout=FIRST_SECONDS)

    def say(self, said: Sequence[SaidKey]) -> None:
        """The configuration file has these client keys from now on."""
        self._said = tuple(said)
        self._followers.keys(self.ring.say(self._said))

    async def get(self, headers: dict[bytes, bytes]) -> ClientKey:
        """The record of the key that a request carries, which is noted as used. Raises as `KeyRing.get`."""
        await self.catch_up()
        key = self.ring.get(headers)
        self._followers.use(key)
        return key

    async def catch_up(self) -> None:
        """Until everything is as it was when this was called, or nobody can tell at the moment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while self.shown != self.seen and not self._fails:
            left = deadline - loop.time()
            if left <= 0:
                self.ring.doubtful = True
                return
            await asyncio.wait((self._refresh(),), timeout=left)

    def tick(self) -> None:
        """Called some ten times a second: hear what was told, ask now and then, and see whose time has come."""
        now = asyncio.get_running_loop().time()
        if now - self._answered_at > DOUBT_SECONDS:
            self.ring.doubtful = True
        if now >= self._poll_at or (self.shown != self.seen and not self._fails):
            self._refresh()
        if self.ring.has_expired():
            self._followers.keys(frozenset())

    async def close(self) -> None:
        """Ask no more."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait((self._refreshing,))
        await self._state.close()

    def _refresh(self) -> asyncio.Task[None]:
        """The reading that is under way, or a new one."""
        if self._refreshing is None or self._refreshing.done():
            loop = asyncio.get_running_loop()
            self._poll_at = loop.time() + POLL_SECONDS
            self._refreshing = loop.create_task(self._read())
        return self._refreshing

    async def _read(self) -> None:
        before = self.shown.tolist()  # what is told later than this may not be in the answer
        try:
            if not self._is_unlocked:
                await self._unlock()
            self._take(await self._state.read(self._look), before)
        except (StateUnavailable, KeyUnusable) as error:
            self._note(str(error))
        except Exception:
            log.exception("what is new could not be read")
            self._note("")

    async def _unlock(self) -> None:
        """Learn the secret that digests of the database are made under, which the first process to ask makes."""

        def unlocked(session: Session) -> Unlocked | None:
            return unlock(session, self._settings) if session.rows("vault/secrets") else None

        found = await self._state.read(unlocked)
        if found is None:
            found = await self._state.write(lambda session: unlock(session, self._settings))
        self.ring.rekey(found.secrets.keys, self._said)
        self._is_unlocked = True

    def _look(self, session: Session) -> News:
        """What has changed since the last time. On the state's thread."""
        numbers: dict[str, int] = {row["name"]: row["value"] for row in session.rows("generations/all")}
        known = self._numbers
        keys: Sequence[IssuedKey] | None = None
        objects: Sequence[StoredObject] | None = None
        trouble = ""
        # Numbers that are lower than before are those of another database: a copy that was put back.
        whole = numbers["keys"] < known.get("keys", numbers["keys"] + 1)
        if numbers["keys"] != known.get("keys"):
            keys = changed_keys(session, 0 if whole else known["keys"])
        if numbers["configuration"] != known.get("configuration"):
            try:
                # Every time anew: the vault may have got another key.
                objects = read_objects(session, unlock(session, self._settings).vault)
            except KeyUnusable as error:  # no reason to go on with a key that was revoked
                trouble = str(error)
        return News(numbers, keys, whole, objects, trouble)

    def _take(self, news: News, before: Sequence[int]) -> None:
        self._answered_at = asyncio.get_running_loop().time()
        self._fails = self.ring.doubtful = False
        self._tell(news.trouble)
        self._numbers.update(news.numbers)
        if news.trouble:
            del self._numbers["configuration"]  # to be read again
        for index, name in enumerate(CLASSES):
            number = news.numbers[name]
            self._generations.show(name, number)  # its author may be on another machine, or dead
            self.seen[index] = max(before[index], number)
        if news.keys is not None:
            self._followers.keys(self.ring.update(news.keys, whole=news.whole))
        if news.objects is not None:
            self._followers.configuration(news.objects)

    def _note(self, trouble: str) -> None:
        """It failed. What is known holds; what is not known may be new."""
        self._fails = self.ring.doubtful = True
        self._tell(trouble or self._trouble)

    def _tell(self, trouble: str) -> None:
        """Say it once, and when it is over."""
        if trouble and trouble != self._trouble:
            log.warning("keys and configuration may be out of date", reason=trouble)
        elif self._trouble and not trouble:
            log.info("keys and configuration are fresh again")
        self._trouble = trouble
