"""Whether somebody who was let in before would be let in now, and what they may do by now.

For answers that go on for long: whoever watches shall not go on with it once their session is over, their token
revoked, their key paused. Asking is no use of a session: one that is left alone ends when its time is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import orjson

from gateway.access.keys import refusal
from gateway.access.roles import permissions_of
from gateway.assemble import keys_of
from gateway.errors import NotSignedIn
from gateway.store.keys import ID_PREFIX
from gateway.store.session import Row

from .keys import STATUSES
from .office import Actor, ActorKind, Office
from .sessions import idle_limit_us
from .teams import memberships

OVER = "What this was asked with is not honoured any more."


async def still(office: Office, actor: Actor) -> Actor:
    """The actor as they are now. Raises NotSignedIn, StateUnavailable."""
    look = _LOOKS.get(actor.kind)
    return actor if look is None else await look(office, actor)


async def _user(office: Office, actor: Actor) -> Actor:
    if actor.session_id is None:  # whoever looks around in a demo
        return actor
    now_us = office.now_us
    parameters = {"id": actor.session_id, "now_us": now_us, "idle_since_us": now_us - idle_limit_us(office)}
    row, teams = await _found(office, actor, "sessions/standing", parameters)
    return replace(actor, name=row["email"], permissions=permissions_of(row["role"]), teams=teams)


async def _token(office: Office, actor: Actor) -> Actor:
    row, teams = await _found(office, actor, "tokens/standing", {"id": actor.id, "now_us": office.now_us})
    return replace(actor, permissions=permissions_of(row["role"], orjson.loads(row["scopes"])), teams=teams)


async def _found(
    office: Office, actor: Actor, statement: str, parameters: Mapping[str, object]
) -> tuple[Row, dict[str, str]]:
    found = await office.read(
        lambda session: (session.row(statement, parameters), memberships(session, actor.user_id or ""))
    )
    row, teams = found
    if row is None:
        raise NotSignedIn(OVER)
    return row, teams


async def _key(office: Office, actor: Actor) -> Actor:
    key_id, now_us = actor.id or "", office.now_us
    if key_id.startswith(ID_PREFIX):
        parameters = {"id": key_id.removeprefix(ID_PREFIX)}
        row = await office.read(lambda session: session.row("keys/found", parameters))
        stands = row is not None and not any(applies(row, now_us) for _, applies in STATUSES)
    else:
        said = (key for _, key in keys_of(office.settings) if key.id == key_id)
        stands = any(refusal(key, now_us) is None for key in said)
    if not stands:
        raise NotSignedIn(OVER)
    return actor


_LOOKS: Mapping[ActorKind, Callable[[Office, Actor], Awaitable[Actor]]] = MappingProxyType(
    {"user": _user, "token": _token, "key": _key}
)
"""Those who can lose what they show. The operator's token is a file."""
