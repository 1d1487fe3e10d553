"""Whose a seat is where there are only so many: a person's, however many sessions, tokens and keys they show."""

from __future__ import annotations

from gateway.store.keys import ID_PREFIX

from .office import Actor, Office


async def person(office: Office, actor: Actor) -> str:
    """The same for all that is one person's: of a client key whoever owns it, be it a team. Whoever looks around in a
    demo is told by their address. Raises StateUnavailable."""
    if actor.user_id is not None:
        return f"user:{actor.user_id}"
    key_id = actor.id or ""
    if actor.kind != "key" or not key_id.startswith(ID_PREFIX):
        return f"{actor.kind}:{actor.id or actor.address or actor.name}"
    parameters = {"id": key_id.removeprefix(ID_PREFIX)}
    row = await office.read(lambda session: session.row("keys/found", parameters))
    owners = {} if row is None else {"user": row["user_id"], "team": row["team_id"]}
    return next((f"{kind}:{owner}" for kind, owner in owners.items() if owner), f"key:{key_id}")
