"""What would become of a request, over HTTP. Who may ask for which client key is known here; what is told is found out
by `gateway.explaining`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.api.endpoints import BY_PATH, find
from gateway.api.endpoints import Asked as AskedFor
from gateway.errors import ControlUnavailable, Unacceptable, UnknownResource
from gateway.explaining.answer import Explanation
from gateway.explaining.question import Question
from gateway.management import keys
from gateway.management.office import Actor
from gateway.records import ClientKey

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Body

TAG = "explain"
READ = "configuration:read"

EVERYBODYS = "usage:read"
"""Needed to ask without a client key: what is left of limits is what everybody has used."""

MOST_BODY_BYTES = 32 * 1024 * 1024

PLACE = "{model}"

HeaderName = Annotated[str, Meta(min_length=1, max_length=100)]
HeaderText = Annotated[str, Meta(max_length=8000)]


class Explain(Body, frozen=True, kw_only=True):
    """A request that is not to be sent."""

    endpoint: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=500,
            description="Its path, as clients ask for it or as the table of endpoints has it.",
        ),
    ] = "/v1/chat/completions"
    model: Annotated[str, Meta(max_length=300, description="For paths with `{model}`: the one that stands there.")] = ""
    key: (
        Annotated[
            str, Meta(max_length=300, description="Name or id of the client key; `null`: none, who may do everything.")
        ]
        | None
    ) = None
    body: Annotated[msgspec.Raw, Meta(description="The body, whatever it is; of a form its fields as an object.")]
    headers: Annotated[
        dict[HeaderName, HeaderText],
        Meta(max_length=100, description="Such as tell a conversation, or `x-sluicegate-strict`."),
    ] = msgspec.field(default_factory=dict)
    bodies: Annotated[bool, Meta(description="Whether to tell what each target would be sent.")] = False


async def explain(asked: Asked[Desk, Explain, None]) -> Explanation:
    """The client's own mistakes are told, and are none of this request."""
    return await told(asked.office, asked.actor, asked.body)


async def told(desk: Desk, actor: Actor, said: Explain, holds: ClientKey | None = None) -> Explanation:
    """What would become of a request, asked with a key that the actor may ask for, or has shown to hold. Raises
    NotPermitted, UnknownResource, Unacceptable, ControlUnavailable."""
    actor.require(READ)
    key = holds or await _key(desk, actor, said.key)
    found = _endpoint(said)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in said.headers.items())
    question = Question(found.endpoint, found.model, bytes(said.body), headers, key, bodies=said.bodies)
    return await desk.around.explain(question)


async def _key(desk: Desk, actor: Actor, wanted: str | None) -> ClientKey | None:
    """The key that the actor may ask for. Raises NotPermitted, UnknownResource."""
    if wanted is None:
        actor.require(EVERYBODYS)
        return None
    return await keys.get_client_key(desk, actor, wanted)


def _endpoint(said: Explain) -> AskedFor:
    """Raises Unacceptable."""
    path = said.endpoint
    if path in BY_PATH and PLACE in path:
        if not said.model:
            raise Unacceptable(f"Say which `model` stands in the path {path}.", param="#/model")
        path = path.replace(PLACE, said.model)
    found = find(path)
    if found is None:
        raise Unacceptable(f"There is no endpoint {path}.", param="#/endpoint")
    return found


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/explain",
        id="explain",
        summary="What would become of a request",
        description="Nothing is sent. The answer tells which targets and credentials would be asked in which order and "
        "why, who is passed over, what is left of the limits that apply, what it would cost, and what translation "
        "would lose; URLs in it are not fetched. What is wrong with the request is part of the answer. Members may ask "
        "for their own keys and those of their teams.",
        tag=TAG,
        permission=READ,
        body=Explain,
        answer=Explanation,
        errors=(ControlUnavailable, Unacceptable, UnknownResource),
        max_body_bytes=MOST_BODY_BYTES,
        run=explain,
    ),
)
