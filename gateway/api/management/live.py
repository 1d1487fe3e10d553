"""What happens, told while it happens: an event stream, and who may watch what of it.

Knows questions, and whether whoever watches still may. Where events come from and how they go out is the business of
`gateway/live`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import Meta

from gateway.errors import ControlUnavailable, InvalidRequest, NotPermitted, NotSignedIn
from gateway.live.events import KINDS, Kind
from gateway.live.stream import parts, write_events
from gateway.live.wanted import Sight, Wanted
from gateway.management import seats, standing
from gateway.management.office import Actor
from gateway.usage.chosen import Outcome

from .desk import Desk
from .operation import Answer, Answerable, Asked, Flow, Operation
from .schemas import Query
from .usage import OWN, READ, visible_keys

TAG = "live"
SYSTEM = "system:read"

PERMISSION = f"{READ}|{OWN}|{SYSTEM}"

EVENT_STREAM = "text/event-stream"

HEADERS = (("x-accel-buffering", "no"),)
"""nginx is not to hold it back."""

DESCRIPTION = """\
An event stream (`text/event-stream`) without an end. Each event has an `id`, a name in `event` and JSON in `data`:

- `hello`: the first one.
- `running`: everything under way that you may see, in the place of what was said before; four times a second at most,
and only when something has changed.
- `finished`: requests that have ended, in the words of `/api/usage`.
- `gap`: more have ended of which nothing is told, `missed` so many; null where nobody knows, or where you hear of some
requests only.
- `system`: processor, memory, workers, the way of records into the store; every two seconds, with `system:read`.
- `end`: the last one, where the gateway ends it, and `why`: `signed_out`, `slow`, `unavailable` (the database does not
answer) or `closing`.

It is told of the gateway that is asked, and of no other machine. With `Last-Event-ID` it goes on behind that event, or
says `gap`. A client key sees its own requests, a member those of
their keys and teams. While nothing happens, there is a comment every ten seconds."""

SOCKET_DESCRIPTION = """\
The same events as `/api/live`, with the same parameters, over a WebSocket: one text message each, `{"id", "event",
"data"}`, and `{"event": "heartbeat"}` while nothing happens. Nothing is expected from the client. A browser that comes
with a session must come from a page of this gateway. Closed with 4401 when whoever watches may not any more, with 1013
when they took nothing for too long, with 1001 when the gateway stops."""


class LiveQuery(Query, frozen=True, kw_only=True):
    """What of it is wanted."""

    events: (
        Annotated[
            str,
            Meta(
                pattern=r"^(running|finished|system)(,(running|finished|system))*$(?!\n)",
                max_length=60,
                description="Which of `running`, `finished` and `system`, with commas between; all that you may see "
                "where unset.",
            ),
        ]
        | None
    ) = None
    key: Annotated[str, Meta(min_length=1, max_length=200, description="Name or id of one client key.")] | None = None
    model: (
        Annotated[str, Meta(min_length=1, max_length=400, description="A model, as asked for or as sent.")] | None
    ) = None
    provider: Annotated[str, Meta(min_length=1, max_length=64, description="Id of a provider.")] | None = None
    outcome: Annotated[Outcome | None, Meta(description="How those ended that are told in `finished`.")] = None
    after: (
        Annotated[
            str, Meta(min_length=1, max_length=64, description="What `Last-Event-ID` says, where that cannot be.")
        ]
        | None
    ) = None
    seconds: (
        Annotated[int, Meta(ge=0, le=86_400, description="How long it goes on; until somebody ends it where unset.")]
        | None
    ) = None


async def watch(asked: Asked[Desk, None, LiveQuery]) -> Answerable:
    """From now on."""
    actor, query = asked.actor, asked.query
    kinds = _kinds(actor, query.events)
    wanted = Wanted(kinds=kinds, key=query.key, model=query.model, provider=query.provider, outcome=query.outcome)
    sight = await _sight(asked.office, actor)
    last_id = query.after or asked.headers.get("last-event-id", "")
    who = await seats.person(asked.office, actor)
    viewer = asked.office.around.feed.subscribe(sight, wanted, who=who, last_id=last_id)
    told = parts(viewer, partial(_review, asked.office, actor), write_events, seconds=query.seconds)
    return Answer(of=Flow(told, viewer.leave), headers=HEADERS)


async def watch_by_socket(asked: Asked[Desk, None, LiveQuery]) -> Answerable:
    """Raises InvalidRequest: what asks for a WebSocket never gets here, for a worker turns it into `watch`."""
    raise InvalidRequest("This address is for WebSockets; over plain HTTP the same is told at /api/live.")


def _kinds(actor: Actor, said: str | None) -> frozenset[Kind]:
    """What somebody gets. Raises NotPermitted for what they may not see and ask for by name."""
    allowed = frozenset(kind for kind in KINDS if actor.may(*((SYSTEM,) if kind == "system" else (READ, OWN))))
    if said is None:
        return allowed
    named = frozenset(kind for kind in KINDS if kind in said.split(","))
    if not named <= allowed:
        raise NotPermitted(f"You may not see these: {', '.join(sorted(named - allowed))}.")
    return named


async def _sight(desk: Desk, actor: Actor) -> Sight:
    """What somebody may see. Raises StateUnavailable."""
    if not actor.may(READ, OWN):
        return Sight(key_ids=frozenset(), system=actor.may(SYSTEM))
    keys = await visible_keys(desk, actor)
    return Sight(key_ids=None if keys is None else frozenset(keys), system=actor.may(SYSTEM))


async def _review(desk: Desk, actor: Actor) -> Sight | None:
    """What they may see by now; None where that is nothing. Raises StateUnavailable."""
    try:
        now = await standing.still(desk, actor)
    except NotSignedIn:
        return None
    return await _sight(desk, now) if now.may(READ, OWN, SYSTEM) else None


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/live",
        id="watch_live",
        summary="What happens, while it happens",
        description=DESCRIPTION,
        tag=TAG,
        permission=PERMISSION,
        query=LiveQuery,
        media_type=EVENT_STREAM,
        errors=(ControlUnavailable,),
        run=watch,
    ),
    Operation(
        method="GET",
        path="/api/live/ws",
        id="watch_live_by_socket",
        summary="The same over a WebSocket",
        description=SOCKET_DESCRIPTION,
        tag=TAG,
        permission=PERMISSION,
        query=LiveQuery,
        status=101,
        errors=(ControlUnavailable,),
        run=watch_by_socket,
    ),
)
