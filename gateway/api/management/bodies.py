"""What was said in a request and in its answer, on all sides, over HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from gateway.errors import Unacceptable, UnknownResource
from gateway.management import bodies
from gateway.records.captures import Body, CapturedAnswer, CapturedAttempt, CapturedRequest
from gateway.settings.instants import Moment, write_instant

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Shown

TAG = "usage"


class BodyView(Shown, frozen=True, kw_only=True):
    """A body."""

    text: Annotated[str | None, Meta(description="What is kept of it, where that is text.")]
    base64: Annotated[str | None, Meta(description="What is kept of it, where that is no text.")]
    size: Annotated[int, Meta(description="Bytes that it had.")]
    cut: Annotated[bool, Meta(description="Only its beginning is kept (`capture.max_bytes`).")]
    same_as: Annotated[
        str | None,
        Meta(description="It is the same as another one, and shown there: `request`, `attempts.0.answer`."),
    ]


class HeaderView(Shown, frozen=True, kw_only=True):
    """A header, in the order in which it was sent."""

    name: str
    value: Annotated[str, Meta(description="`[redacted]` in the place of a secret.")]


class RequestView(Shown, frozen=True, kw_only=True):
    """What was asked."""

    method: str
    url: Annotated[str, Meta(description="Path and query where it was asked of the gateway.")]
    headers: list[HeaderView]
    body: BodyView


class AnswerView(Shown, frozen=True, kw_only=True):
    """What was answered."""

    status: int
    headers: list[HeaderView]
    body: Annotated[BodyView, Meta(description="Of a stream, its events as they went by.")]


class AttemptView(Shown, frozen=True, kw_only=True):
    """What was said with a provider."""

    provider: str
    model: str
    credential: str
    request: Annotated[RequestView | None, Meta(description="As it was sent; none where nobody was asked.")]
    answer: Annotated[AnswerView | None, Meta(description="As it came; none where nobody answered.")]
    error: Annotated[str | None, Meta(description="Kind of failure, where it was none in an answer.")]


class Bodies(Shown, frozen=True, kw_only=True):
    """What was said on all sides of an exchange."""

    id: str
    started_at: Moment
    request: Annotated[RequestView, Meta(description="What the client asked.")]
    attempts: Annotated[list[AttemptView], Meta(description="In the order of the usage record.")]
    answer: Annotated[
        AnswerView | None, Meta(description="What the client got; none where it left before it got anything.")
    ]


async def show_bodies(asked: Asked[Desk, None, None]) -> Bodies:
    """All of it."""
    found = await bodies.read_bodies(asked.office, asked.actor, asked.path["id"])
    return Bodies(
        id=found.id,
        started_at=write_instant(found.started_at_us),
        request=_request(found.request),
        attempts=[_attempt(attempt) for attempt in found.attempts],
        answer=_answer(found.answer),
    )


async def delete_bodies(asked: Asked[Desk, None, None]) -> None:
    """For good."""
    await bodies.delete_bodies(asked.office, asked.actor, asked.path["id"])


def _attempt(attempt: CapturedAttempt) -> AttemptView:
    return AttemptView(
        provider=attempt.provider,
        model=attempt.model,
        credential=attempt.credential,
        request=None if attempt.request is None else _request(attempt.request),
        answer=_answer(attempt.answer),
        error=attempt.error,
    )


def _request(said: CapturedRequest) -> RequestView:
    return RequestView(method=said.method, url=said.url, headers=_headers(said.headers), body=_body(said.body))


def _answer(said: CapturedAnswer | None) -> AnswerView | None:
    if said is None:
        return None
    return AnswerView(status=said.status, headers=_headers(said.headers), body=_body(said.body))


def _headers(headers: Iterable[tuple[str, str]]) -> list[HeaderView]:
    return [HeaderView(name=name, value=value) for name, value in headers]


def _body(body: Body) -> BodyView:
    text = None if body.same_as else _text(body)
    raw = None if text is not None or body.same_as else b64encode(body.kept).decode()
    return BodyView(text=text, base64=raw, size=body.size, cut=body.cut, same_as=body.same_as or None)


def _text(body: Body) -> str | None:
    """The body as text, if it is one; a character that was cut in two is left out."""
    try:
        return body.kept.decode()
    except UnicodeDecodeError as error:
        if body.cut and error.reason == "unexpected end of data":
            return body.kept[: error.start].decode()
        return None


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/usage/{id}/bodies",
        id="show_bodies",
        summary="What was said in a request",
        description="Headers and bodies on all sides, redacted, where they were captured on this machine "
        "(`[capture]`). That somebody has looked is in the audit log.",
        tag=TAG,
        permission=bodies.READ,
        answer=Bodies,
        errors=(UnknownResource, Unacceptable),
        run=show_bodies,
    ),
    Operation(
        method="DELETE",
        path="/api/usage/{id}/bodies",
        id="delete_bodies",
        summary="Delete what was said in a request",
        description="The usage record stays.",
        tag=TAG,
        permission=bodies.WRITE,
        status=204,
        errors=(UnknownResource,),
        run=delete_bodies,
    ),
)
