"""What is answered when something does not work: `application/problem+json` (RFC 9457).

Knows errors and the members of a problem. Its `type` is `/api/problems/<code>`, a reference that can be followed: the
answer there says in a sentence what the code means. What else is told of an unexpected error is the request's id, under
which the log has the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.errors import Conflict, GatewayError, ManagedByFile, Unacceptable, UnknownResource
from gateway.relay.replies import WAITING_STATUSES

from .idempotency import KEY_HEADER, Written
from .operation import ANYONE, Asked, Operation
from .schemas import Shown

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/problems/"

HEADERS = frozenset(("Content-Type", "If-Match", KEY_HEADER))
"""What an error's `param` may name that is neither in the body nor in the query."""

OF_A_BODY = (Unacceptable, Conflict, ManagedByFile)
"""Errors whose `param` names a field of the body: `limits.requests`."""


class Fault(Shown, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with a request, and where."""

    detail: str
    pointer: Annotated[str, Meta(description="In the body: a JSON pointer as a URI fragment.")] | None = None
    parameter: Annotated[str, Meta(description="A parameter of the query.")] | None = None
    header: Annotated[str, Meta(description="A header of the request.")] | None = None


class Problem(Shown, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was not answered as it was meant (RFC 9457)."""

    type: Annotated[str, Meta(description="Where the code is explained; `about:blank` where nothing is.")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Meta(description="The id of the request, as the log has it.")]
    code: Annotated[str, Meta(description="The same in every release.")]
    errors: tuple[Fault, ...] = ()


class ProblemType(Shown, frozen=True, kw_only=True):
    """What a code of a problem means."""

    code: str
    status: int
    title: str
    description: str


def problem_of(error: GatewayError, request_id: str) -> Problem:
    """The problem that tells of an error."""
    known = TYPES.get(error.code)
    return Problem(
        type=PREFIX + error.code if known else "about:blank",
        title=known.title if known else _title(error.code),
        status=error.status,
        detail=error.message,
        instance=f"urn:uuid:{request_id}",
        code=error.code,
        errors=() if error.param is None else (_fault(error, error.param),),
    )


def write_problem(error: GatewayError, request_id: str) -> Written:
    """The answer that tells of an error; one that passes by itself says when to ask again."""
    headers: tuple[tuple[str, str], ...] = (("content-type", MEDIA_TYPE),)
    if error.retry_after is not None or error.status in WAITING_STATUSES:
        headers += (("retry-after", str(max(1, math.ceil(error.retry_after or 1)))),)
    return Written(error.status, headers, msgspec.json.encode(problem_of(error, request_id)))


def unexpected(request_id: str) -> Written:
    """The answer to an error nobody thought of: nothing of it is told."""
    return write_problem(GatewayError("Something went wrong; the gateway's log says what, under this id."), request_id)


def _fault(error: GatewayError, param: str) -> Fault:
    if param in HEADERS:
        return Fault(detail=error.message, header=param)
    if param.startswith("#"):
        return Fault(detail=error.message, pointer=param)
    if isinstance(error, OF_A_BODY):
        return Fault(detail=error.message, pointer="#/" + param.replace(".", "/"))
    return Fault(detail=error.message, parameter=param)


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _tree(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _types() -> Mapping[str, ProblemType]:
    found: dict[str, ProblemType] = {}
    for kind in _tree(GatewayError):
        meaning = " ".join((kind.__doc__ or "").split())
        found.setdefault(
            kind.code, ProblemType(code=kind.code, status=kind.status, title=_title(kind.code), description=meaning)
        )
    return MappingProxyType(found)


TYPES = _types()
"""What each code means, by code: for every error there is."""


async def explain(asked: Asked[object, None, None]) -> ProblemType:
    """What a code means."""
    found = TYPES.get(asked.path["code"])
    if found is None:
        raise UnknownResource("There is no problem with this code.")
    return found


OPERATIONS = (
    Operation(
        method="GET",
        path=PREFIX + "{code}",
        id="explain_problem",
        summary="What the code of a problem means",
        description="The `type` of every problem leads here.",
        tag="api",
        permission=ANYONE,
        answer=ProblemType,
        run=explain,
    ),
)
