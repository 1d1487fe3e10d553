"""Where changes are made: by whom, in which state, remembered in the audit log, and told to the workers.

Knows how a change is carried out, whichever it is. Does not know keys, users or settings: each has a module of its own
beside this one. Knows no HTTP either: the API, the pages and the command line all come here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from secrets import randbits
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import orjson

from gateway.credentials.vault import Vault, fingerprint
from gateway.errors import NotPermitted
from gateway.settings.model import Settings
from gateway.store.generations import Class, Generations
from gateway.store.session import Session
from gateway.store.state import State
from gateway.unlock import Secrets, Unlocked, unlock
from gateway.usage.meter import uuid7

ActorKind = Literal["user", "token", "operator", "key", "anybody", "system"]

_NO_TEAMS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")

Told = Mapping[str, Any]
"""What the audit log keeps of a thing."""

Unlock = Callable[[Session], Unlocked]
"""Finds the vault that opens what a database holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks for something, and what they may do."""

    kind: ActorKind
    name: str
    """How the audit log calls them: an e-mail address, the name of a token or key, `operator`."""
    permissions: frozenset[str] = frozenset()
    id: str | None = None
    """Of the user, token or key."""
    user_id: str | None = None
    teams: Mapping[str, str] = field(default_factory=lambda: _NO_TEAMS)
    """The user's role in each team they belong to, by the team's id."""
    session_id: str | None = None
    by_cookie: bool = False
    """Whether a browser sent what proves who they are by itself."""
    address: str | None = None

    def may(self, *permissions: str) -> bool:
        """Whether they have one of these."""
        return not self.permissions.isdisjoint(permissions)

    def require(self, *permissions: str) -> None:
        """Raises NotPermitted unless they have one of these."""
        if not self.may(*permissions):
            raise NotPermitted(f"This needs the permission {' or '.join(f'`{each}`' for each in permissions)}.")

    @property
    def led_teams(self) -> frozenset[str]:
        """Teams in which they are an admin."""
        return frozenset(team for team, role in self.teams.items() if role == "admin")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is made to."""

    kind: str
    id: str | None = None
    name: str | None = None


class Change:
    """One change, while its transaction is open."""

    def __init__(self, session: Session, actor: Actor, now_us: int, unlock: Unlock) -> None:
        self.session, self.actor, self.now_us = session, actor, now_us
        self._unlock = unlock
        self._noted = 0
        self.counted: dict[Class, int] = {}
        """Generations this change has made."""

    @cached_property
    def vault(self) -> Vault:
        """What opens and seals secrets: of the key that the database has at this moment, for it may be changed at any
        time, by another process too, but not within this transaction. Raises KeyUnusable."""
        return self._unlock(self.session).vault

    def count(self, name: Class) -> int:
        """The generation this change makes of a class of things, the same one however often it is asked for."""
        if name not in self.counted:
            row = self.session.row("generations/count", {"name": name})
            assert row is not None  # the migration has put every class there
            self.counted[name] = row["value"]
        return self.counted[name]

    def note(self, action: str, subject: Subject, before: Told | None = None, after: Told | None = None) -> None:
        """Write it into the audit log. What is secret must be a fingerprint by now."""
        actor = self.actor
        self._noted += 1
        self.session.run(
            "audit/note",
            {
                # A microsecond each, so that they are in order.
                "id": new_id(self.now_us + self._noted),
                "at": self.now_us,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
                "address": actor.address,
                "action": action,
                "target_kind": subject.kind,
                "target_id": subject.id,
                "target_name": subject.name,
                "before": _text(before),
                "after": _text(after),
            },
        )


@dataclass(frozen=True, slots=True)
class Declared:
    """What configuration file, environment and command line say."""

    settings: Settings
    origins: Mapping[str, str]
    """Where each thing was said, by its path."""


class Office:
    """The state and everything a change of it needs."""

    def __init__(
        self,
        state: State,
        generations: Generations,
        secrets: Secrets,
        declared: Declared,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`secrets` are the gateway's own; `clock` gives Unix nanoseconds."""
        self.state, self.secrets = state, secrets
        self.declared = declared
        """What the file says now; whoever hears of another replaces it."""
        self.settings = declared.settings
        """What is in force: with what the database says. Replaced likewise."""
        self.generations, self._clock = generations, clock

    @property
    def now_us(self) -> int:
        """Unix time in microseconds."""
        return self._clock() // 1000

    def unlock(self, session: Session) -> Unlocked:
        """The vault that opens what the database holds at this moment. Raises KeyUnusable."""
        return unlock(session, self.declared.settings)

    async def read(self, work: Callable[[Session], T]) -> T:
        """What `work` reads. Raises StateUnavailable."""
        return await self.state.read(work)

    async def change(self, actor: Actor, work: Callable[[Change], T]) -> T:
        """Make one change: all of it is kept before this returns, and told to every process at once; or none of it is.

        Raises StateUnavailable, Conflict, and whatever `work` raises.
        """
        now_us = self.now_us

        def perform(session: Session) -> tuple[T, dict[Class, int]]:
            change = Change(session, actor, now_us, self.unlock)
            return work(change), change.counted

        done, counted = await self.state.write(perform)
        for name, value in counted.items():
            self.generations.show(name, value)
        return done

    def fingerprint(self, secret: str) -> str:
        """What may be shown of a secret."""
        return fingerprint(secret, self.secrets.keys)


def new_id(now_us: int) -> str:
    """An id for something made now; ids sort by age, to the microsecond (RFC 9562, 6.2, method 3)."""
    milliseconds, microseconds = divmod(now_us, 1000)
    return uuid7(milliseconds, (microseconds << 12) // 1000 << 62 | randbits(62))


def _text(said: Told | None) -> str | None:
    return None if said is None else orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
