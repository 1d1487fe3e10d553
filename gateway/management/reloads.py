"""The configuration file while the gateway runs: how reading it went, having it read again, and what that would change.

Knows who may ask, and how two sets of settings differ, thing by thing; of a secret only whether it is another one. Does
not know how anything is read: that is the supervisor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gateway.errors import ControlUnavailable
from gateway.management.configured import LISTED
from gateway.management.office import Actor, Office
from gateway.settings.model import Settings
from gateway.settings.origins import path_of
from gateway.settings.stored import SETTINGS, VALUE, Kind, part

READ, WRITE = "system:read", "system:write"

KEYS = "client key"

Values = Mapping[str, Any]
Things = dict[tuple[str, str], Values]


class Outcome(Protocol):
    """How reading the configuration file went."""

    @property
    def generation(self) -> int:
        """Of the settings that hold."""

    @property
    def at_us(self) -> int:
        """Unix time in microseconds."""

    @property
    def error(self) -> str:
        """Why the old settings stay; empty when they do not."""

    @property
    def children(self) -> Mapping[str, str]:
        """What became of it in each process."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """Paths of settings that change with the next start only."""


class Look(Protocol):
    """What reading the file again would give."""

    @property
    def settings(self) -> Settings | None:
        """None where they are wrong."""

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each thing in them is said."""

    @property
    def error(self) -> str:
        """Why they would be refused."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """Paths of settings that would change with the next start only."""


class Reloads(Protocol):
    """The supervisor, as far as it reads settings."""

    @property
    def last(self) -> Outcome | None:
        """How it went the last time; None where nobody knows."""

    async def ask(self) -> Outcome:
        """Have the settings read; how that went. Raises TimeoutError."""

    async def look(self) -> Look:
        """What it would read. Raises TimeoutError."""


@dataclass(frozen=True, slots=True)
class Differing:
    """A thing of the file that is another one there than what holds."""

    kind: str
    """`setting`, a kind of objects, or `client key`."""
    name: str
    before: Values | None
    """In the names of the file, secrets as fingerprints; None for what is new."""
    after: Values | None
    """None for what is gone."""
    origin: str
    """Where the file says it; empty for what it does not."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What would change if the file were read again."""

    error: str
    """Why it would be refused; empty where it would be taken."""
    differing: tuple[Differing, ...]
    waiting: tuple[str, ...]
    """Paths of settings that would change with the next start only."""


def last_reload(actor: Actor, reloads: Reloads) -> Outcome | None:
    """How reading the file went the last time; None where nobody knows yet. Raises NotPermitted."""
    actor.require(READ)
    return reloads.last


async def reload(actor: Actor, reloads: Reloads) -> Outcome:
    """Have it read again. Raises NotPermitted, ControlUnavailable."""
    actor.require(WRITE)
    try:
        return await reloads.ask()
    except TimeoutError:
        raise ControlUnavailable("The supervisor does not answer.", retry_after=1) from None


async def pending(office: Office, actor: Actor, reloads: Reloads) -> Pending:
    """What reading it again would change. Raises NotPermitted, ControlUnavailable."""
    actor.require(READ)
    try:
        look = await reloads.look()
    except TimeoutError:
        raise ControlUnavailable("The supervisor does not answer.", retry_after=1) from None
    if look.settings is None:
        return Pending(look.error, (), ())
    held, said = things(office.declared.settings, office.fingerprint), things(look.settings, office.fingerprint)
    differing = (
        Differing(kind, name, held.get((kind, name)), said.get((kind, name)), _origin(look.origins, kind, name))
        for kind, name in dict.fromkeys((*said, *held))
        if held.get((kind, name)) != said.get((kind, name))
    )
    return Pending("", tuple(differing), look.waiting)


def things(settings: Settings, fingerprint: Callable[[str], str]) -> Things:
    """Everything that settings say, by kind and name; secrets are fingerprints."""
    found: Things = {}
    for path in SETTINGS:
        section, _, name = path.partition(".")
        value = msgspec.to_builtins(getattr(getattr(settings, section), name))
        found["setting", path] = _hidden("setting", path, {VALUE: value}, fingerprint)
    for kind, listed in LISTED.items():
        found.update({(kind, name): _hidden(kind, name, values, fingerprint) for name, values in listed(settings)})
    found.update(_keys(settings, fingerprint))
    return found


def _hidden(kind: Kind, name: str, values: Values, fingerprint: Callable[[str], str]) -> Values:
    plain, secrets = part(kind, name, values)
    return {**plain, **{place: fingerprint(secret) for place, secret in secrets.items()}}


def _keys(settings: Settings, fingerprint: Callable[[str], str]) -> Iterator[tuple[tuple[str, str], Values]]:
    for key in settings.client_keys:
        values = msgspec.to_builtins(key)
        secrets = {
            name: fingerprint(text) for name in key.secrets if isinstance(text := values.get(name), str) and text
        }
        yield (KEYS, key.name), {**values, **secrets}


def _origin(origins: Mapping[str, str], kind: str, name: str) -> str:
    return origins.get(f"client_keys.{name}" if kind == KEYS else path_of(kind, name), "")
