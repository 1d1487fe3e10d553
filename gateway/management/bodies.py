"""What was said in an exchange, for those who may read that; each look and each deletion is in the audit log.

Knows who may, and where the key is that captures are sealed under. Does not know how they are kept: `captures` does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.captures import reading
from gateway.captures.places import folder_of
from gateway.captures.sealed import CaptureUnreadable
from gateway.credentials.keyfile import KeyUnusable
from gateway.credentials.vault import Vault
from gateway.errors import Unacceptable, UnknownResource
from gateway.management.office import Actor, Office, Subject
from gateway.records.captures import Capture
from gateway.unlock import captures_key

READ, WRITE = "bodies:read", "bodies:write"


async def read_bodies(office: Office, actor: Actor, request_id: str) -> Capture:
    """What was kept of an exchange, once it is noted who looks at it. Raises NotPermitted, UnknownResource,
    StateUnavailable, and Unacceptable where it is there and cannot be read."""
    actor.require(READ)
    try:
        key = await office.read(lambda session: captures_key(session, office.declared.settings))
        if key is None:
            raise _unknown(request_id)
        found = await asyncio.to_thread(reading.open_capture, _folder(office), request_id, Vault(key))
    except (CaptureUnreadable, KeyUnusable) as error:
        raise Unacceptable(f"What was said cannot be read: {error}.") from None
    if found is None:
        raise _unknown(request_id)
    await _note(office, actor, "bodies.read", request_id)
    return found


async def delete_bodies(office: Office, actor: Actor, request_id: str) -> None:
    """Nothing of what was said is kept any more. Raises NotPermitted, UnknownResource, StateUnavailable."""
    actor.require(WRITE)
    if not await asyncio.to_thread(reading.is_kept, _folder(office), request_id):
        raise _unknown(request_id)
    # First of all, so that nothing disappears without a trace.
    await _note(office, actor, "bodies.delete", request_id)
    await asyncio.to_thread(reading.forget, _folder(office), request_id)


async def forget_shown(office: Office, actor: Actor, request_id: str) -> None:
    """What was kept for nobody but who asked, and was looked at, is kept no more: its record says that nothing is.
    Raises NotPermitted, OSError."""
    actor.require(READ)
    await asyncio.to_thread(reading.forget, _folder(office), request_id)


async def _note(office: Office, actor: Actor, action: str, request_id: str) -> None:
    await office.change(actor, lambda change: change.note(action, Subject("request", request_id)))


def _folder(office: Office) -> Path:
    return folder_of(Path(office.declared.settings.server.data_dir))


def _unknown(request_id: str) -> UnknownResource:
    return UnknownResource(
        f"Nothing is kept here of what was said in the request {request_id}: it was not captured, its time is over, or "
        "another machine has it."
    )
