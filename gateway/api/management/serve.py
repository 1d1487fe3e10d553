"""The management API over HTTP: every request goes the same way, whatever its operation.

Who asks, may they, what do they say, carry it out, write the answer. Knows rows of the table, requests and answers.
Does not know how somebody proves who they are, where repeated answers are kept, nor any resource: those are handed in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, Protocol
from urllib.parse import quote

import msgspec
from blacksheep import Application, Content, Request, Response, StreamedContent
from blacksheep.exceptions import MessageAborted

from gateway import logs
from gateway.browsers import GUARDS, NO_STORE, SOCKET
from gateway.errors import ClientDisconnected, GatewayError, MethodNotAllowed, UnknownEndpoint
from gateway.live.hearing import Receive, heard, while_there
from gateway.management.office import Actor

from .etags import is_known, read_if_match, version_tag
from .idempotency import KEY_HEADER, IdempotentAnswers, Repeatable, Written, digest_of, once, read_key
from .operation import ANYONE, JSON, Answer, Answerable, Asked, Document, Flow, OfficeT, Operation
from .paging import Page, envelope, next_link
from .problems import unexpected, write_problem
from .reading import read_body, read_content, read_names, read_query

PREFIX = b"/api"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SAFE = frozenset(("GET", "HEAD"))

GUARDED = (*GUARDS, NO_STORE)
"""On every answer."""

log = logs.get("gateway.api")


class Entrance(Protocol):
    """How the API learns who asks."""

    async def identify(self, request: Request) -> Actor:
        """Whoever shows a session, a token or a key. Raises NotSignedIn, or what is wrong with the key."""

    def anybody(self, request: Request) -> Actor:
        """Whoever it is, without a look at what they show: of the kind `anybody`, with an address."""

    def check_origin(self, request: Request, actor: Actor) -> None:
        """Raises NotPermitted when a page of somebody else may have made a browser send this. Asked before whatever is
        not GET, and before a WebSocket; of somebody who did not come by cookie there is nothing to fear but a forged
        login."""


class ManagementApi(Generic[OfficeT]):
    """The operations of a table, served."""

    def __init__(
        self,
        operations: Sequence[Operation],
        *,
        office: OfficeT,
        entrance: Entrance,
        answers: IdempotentAnswers,
        new_id: Callable[[], str],
    ) -> None:
        """`new_id` gives UUIDs for requests."""
        self._operations, self._office = operations, office
        self._entrance, self._answers, self._new_id = entrance, answers, new_id

    def add_to(self, app: Application) -> None:
        """Serve the operations in `app`. What has no row is answered here too, by a fallback before the one that is
        there: the pages have to be added first. So is what others raise and nobody there answers."""

        async def refuse(app: Application, request: Request, error: GatewayError) -> Response:
            request_id = self._new_id()
            return _respond(write_problem(error, request_id), request_id)

        app.exceptions_handlers[GatewayError] = refuse
        for operation in self._operations:
            answer = self._answer_with(operation)
            app.router.add(operation.method, operation.path, answer)
            if operation.method == "GET":
                app.router.add_head(operation.path, answer)
        app.router.fallback = self._otherwise(app)

    def _answer_with(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            request_id = self._new_id()
            written = await self._settle(request_id, lambda: self._serve(operation, request, request_id))
            response = _respond(written, request_id)
            if written.flow is not None:
                kind = (written.flow.media_type or operation.media_type or JSON).encode()
                response.content = StreamedContent(kind, _heard(written.flow, request))
            return response

        return answer

    async def _settle(self, request_id: str, perform: Callable[[], Awaitable[Written]]) -> Written:
        """The answer, or the problem that came of trying."""
        try:
            return await perform()
        except GatewayError as error:
            return write_problem(error, request_id)
        except MessageAborted:
            return write_problem(ClientDisconnected("The client has left."), request_id)
        except Exception:  # the edge of the API: whatever it was, it stays in the log
            log.exception("failed", request=request_id)
            return unexpected(request_id)

    async def _serve(self, operation: Operation, request: Request, request_id: str) -> Written:
        content = await read_content(request, operation.max_body_bytes if operation.body is not None else 0)
        actor = await self._admit(operation, request)
        asked = self._read(operation, request, actor, content)

        async def perform() -> Written:
            running = operation.run(asked)
            return _write(
                operation,
                request,
                await (while_there(_receive(request), running) if operation.abandonable else running),
            )

        key = read_key(_values(request, KEY_HEADER)) if operation.idempotent else None
        if key is None:
            return await perform()
        who = f"{actor.kind}:{actor.id or actor.name}"
        target = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        repeatable = Repeatable(who, key, digest_of(request.method, target, content or b""))
        return await once(self._answers, repeatable, lambda: self._settle(request_id, perform))

    async def _admit(self, operation: Operation, request: Request) -> Actor:
        anyone = operation.permission == ANYONE
        actor = self._entrance.anybody(request) if anyone else await self._entrance.identify(request)
        operation.admit(actor)
        if request.method not in SAFE or request.get_first_header(SOCKET) is not None:
            self._entrance.check_origin(request, actor)
        return actor

    def _read(
        self, operation: Operation, request: Request, actor: Actor, content: bytes | None
    ) -> Asked[OfficeT, msgspec.Struct | None, msgspec.Struct | None]:
        headers = _headers(request)
        return Asked(
            actor=actor,
            office=self._office,
            path=read_names(request.route_values),
            query=read_query(operation.query, request.scope["query_string"]),
            body=read_body(operation, content, headers.get("content-type")),
            if_match=read_if_match(headers.get("if-match")) if operation.takes_version else None,
            headers=headers,
        )

    def _otherwise(self, app: Application) -> Callable[[Request], Awaitable[Response]]:
        elsewhere = app.router.fallback

        async def otherwise(request: Request) -> Response:
            path = request.url.path.lower()
            if path == PREFIX or path.startswith(PREFIX + b"/") or elsewhere is None:
                return await self._refuse(app, request)
            answer: Response = await elsewhere.handler(request)
            return answer

        return otherwise

    async def _refuse(self, app: Application, request: Request) -> Response:
        """The answer where there is no operation: OPTIONS, 405 or 404."""
        await read_content(request, 0)
        request_id, path = self._new_id(), request.url.path
        methods = [method for method in METHODS if app.router.get_matching_route(method, path) is not None]
        allow = (("allow", ", ".join((*methods, "OPTIONS"))),)
        if not methods:
            return _respond(write_problem(UnknownEndpoint("There is nothing at this address."), request_id), request_id)
        if request.method == "OPTIONS":
            return _respond(Written(204, allow, b""), request_id)
        refusal = write_problem(MethodNotAllowed(f"{request.method} does not work here."), request_id)
        return _respond(refusal._replace(headers=(*refusal.headers, *allow)), request_id)


def _write(operation: Operation, request: Request, result: Answerable) -> Written:
    """What a function returned, as it goes out."""
    answer = result if isinstance(result, Answer) else Answer(of=result)
    headers = [*answer.headers]
    if answer.location is not None:
        headers.append(("location", quote(answer.location, safe="/%")))
    if isinstance(answer.of, Document):
        return _write_document(operation, request, answer.of, headers)
    if isinstance(answer.of, Flow):
        return _write_flow(operation, request, answer.of, headers)
    version = answer.version if answer.version is not None else getattr(answer.of, "version", None)
    if operation.versioned and version is not None:
        headers.append(("etag", version_tag(version)))
    if isinstance(answer.of, Page) and answer.of.next_cursor is not None:
        scope = request.scope
        headers.append(("link", next_link(scope["raw_path"], scope["query_string"], answer.of.next_cursor)))
    if answer.of is None:
        return Written(operation.status, tuple(headers), b"")
    shown = envelope(answer.of) if isinstance(answer.of, Page) else answer.of
    return Written(operation.status, (("content-type", JSON), *headers), msgspec.json.encode(shown))


def _write_document(
    operation: Operation, request: Request, document: Document, headers: list[tuple[str, str]]
) -> Written:
    if document.etag is not None:
        headers.append(("etag", document.etag))
        said = _values(request, "If-None-Match")
        if is_known(", ".join(said) if said else None, document.etag):
            return Written(304, tuple(headers), b"")
    return Written(operation.status, (("content-type", operation.media_type or JSON), *headers), document.content)


def _write_flow(operation: Operation, request: Request, flow: Flow, headers: list[tuple[str, str]]) -> Written:
    head = (("content-type", flow.media_type or operation.media_type or JSON), *headers)
    if request.method == "HEAD":
        flow.end()
        return Written(operation.status, head, b"")
    return Written(operation.status, head, b"", flow)


def _heard(flow: Flow, request: Request) -> Callable[[], AsyncIterator[bytes]]:
    """The parts of a flow, as the web framework takes them."""
    return partial(heard, flow.parts, flow.end, _receive(request))


def _receive(request: Request) -> Receive:
    receive: Receive = request.content.receive  # type: ignore[union-attr] # of every content that comes by ASGI
    return receive


def _respond(written: Written, request_id: str) -> Response:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in written.headers if name != "content-type"]
    media_type = dict(written.headers).get("content-type")
    content = Content(media_type.encode(), written.body) if media_type is not None else None
    return Response(written.status, [*GUARDED, (b"x-request-id", request_id.encode()), *headers], content)


def _headers(request: Request) -> dict[str, str]:
    """By name in lower case; what comes several times is one list."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        known, said = name.lower().decode("latin-1"), value.decode("latin-1")
        headers[known] = f"{headers[known]}, {said}" if known in headers else said
    return headers


def _values(request: Request, name: str) -> list[str]:
    return [value.decode("latin-1") for value in request.get_headers(name.lower().encode())]
