"""The first look at every request: inference, the worker's own small application, the control process, or nothing.

Paths are compared as the server decoded them, once, here; nothing behind this decides on another reading of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.access.keys import presented_key
from gateway.access.tokens import kind_of
from gateway.browsers import CLIENT, HOST, SCHEME, guarded, guarding
from gateway.errors import (
    AmbiguousRequest,
    ControlUnavailable,
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimeout,
    RequestTooLarge,
    UnknownEndpoint,
)
from gateway.relay.bridge import denying
from gateway.relay.forward import Forward
from gateway.relay.sink import Headers, Message, Receive, Send, Sink

from .address import query_secrets
from .client_address import TrustedProxies
from .cors import Cors
from .endpoints import find
from .failures import write_problem, write_refusal
from .head import check_head, check_target
from .inference import Inference
from .responses import PREFIX as RESPONSES_PREFIX
from .responses import methods_of
from .sockets import PATH as SOCKET_PATH
from .sockets import Sockets, as_request

Application = Callable[[Message, Receive, Send], Awaitable[None]]

OWN_PATHS = frozenset(("/healthz", "/readyz", "/metrics", "/v1/models", "/v1beta/models"))
OWN_PREFIXES = ("/v1/models/", "/v1beta/models/", RESPONSES_PREFIX)
READ_METHODS = ("GET", "HEAD")
FORWARDED_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""What pages and the management API know. Others are not passed on: a router remembers every name it has met."""

CLOSE = (b"connection", b"close")
API = "/api/"
KEY, KEY_ID = b"x-sluicegate-key", b"x-sluicegate-key-id"
KEY_IN_ADDRESS = "A key does not belong in an address, which logs and browsers keep: send it in a header."
FORWARDED_BODY_BYTES = 8 * 1024 * 1024
"""Largest body passed on to the control process."""

SMALL_BODY_BYTES = 64 * 1024
"""As much as forms have; there is room for such a body always."""

LARGE_BODIES_BYTES = 64 * 1024 * 1024
"""What all bodies together may hold beyond that, on their way to the control process: who sends them is not known."""

FORWARDED_BODY_SECONDS = 60.0
"""How long such a body may take to arrive."""

WINDOW_BYTES = 256 * 1024


class Front:
    """One callable for the whole public port."""

    def __init__(self, inference: Inference, application: Application, forward: Forward, sockets: Sockets) -> None:
        self._inference = inference
        self._infer = inference.serve
        self._application = application
        self.forward = forward
        self.sockets = sockets
        self.cors: Cors | None = None
        self.proxies = TrustedProxies()
        self._room = Room(LARGE_BODIES_BYTES)

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request (ASGI)."""
        asked = find(scope["path"])
        try:
            if asked is not None and scope["method"] != "OPTIONS":
                return self._infer(asked, scope, receive, send)
        except KeyError:  # a WebSocket has no method, which costs others no look; nothing else is done in here
            pass
        return self._elsewhere(scope, receive, send)

    async def _elsewhere(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        try:
            check_target(scope)
            check_head(scope, dict(scope["headers"]))
        except AmbiguousRequest as error:
            self._refuse(scope, send, error, [CLOSE])
            return
        if find(path) is not None:
            self._options(scope, send, b"POST, OPTIONS")
        elif path in OWN_PATHS or path.startswith(OWN_PREFIXES):
            await self._own(scope, receive, send)
        elif path.startswith(("/v1/", "/v1beta/")):
            self._refuse(scope, send, UnknownEndpoint(f"Unknown request URL: {method} {path}."), [])
        elif method not in FORWARDED_METHODS:
            allowed = (b"allow", ", ".join(sorted(FORWARDED_METHODS)).encode())
            self._refuse(scope, send, MethodNotAllowed(f"Not allowed to {method} on {path}."), [allowed])
        else:
            await self._forwarded(scope, receive, send)

    async def _own(self, scope: Message, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        methods = methods_of(path) if path.startswith(RESPONSES_PREFIX) else READ_METHODS
        allowed = ", ".join((*methods, "OPTIONS")).encode()
        if method in methods:
            send = guarding(send, secure=self._is_secure(scope))
            await self._application(scope, receive, self._with_cors(scope, send))
        elif not methods:
            self._refuse(scope, send, UnknownEndpoint(f"Unknown request URL: {method} {path}."), [])
        elif method == "OPTIONS":
            self._options(scope, send, allowed)
        else:
            self._refuse(scope, send, MethodNotAllowed(f"Not allowed to {method} on {path}."), [(b"allow", allowed)])

    async def _forwarded(self, scope: Message, receive: Receive, send: Send) -> None:
        body = Body(self._room)
        try:
            await self._inference.keys.catch_up()
            known = self._known(scope)
            async with asyncio.timeout(FORWARDED_BODY_SECONDS):
                await body.read(receive)
            await self.forward.serve(scope, receive, send, body=b"".join(body.parts), known=known)
        except TimeoutError:
            self._refuse(scope, send, RequestTimeout("The request body did not arrive in time."), [CLOSE])
        except AmbiguousRequest as error:
            self._refuse(scope, send, error, [CLOSE])
        except (ControlUnavailable, InvalidRequest, RequestTooLarge) as error:
            later = [(b"retry-after", b"2")] if error.status == 503 else []
            # What was not read stands where the next request would begin.
            self._refuse(scope, send, error, later if body.complete else [*later, CLOSE])
        finally:
            body.let_go()

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        """The handshake of a WebSocket, as a request; where it is refused, the answer to one."""
        asked: Message = {**scope, "method": "GET"}
        try:
            asked = as_request(scope)
            check_target(asked)
            check_head(asked, dict(asked["headers"]))
            if scope["path"] != SOCKET_PATH:
                raise UnknownEndpoint(f"There is no WebSocket at {scope['path']}.")
            await self._inference.keys.catch_up()
            await self.sockets.serve(asked, receive, send, self._known(asked))
        except (AmbiguousRequest, ControlUnavailable, InvalidRequest, UnknownEndpoint) as error:
            later = [(b"retry-after", b"%d" % (error.retry_after or 2))] if error.status == 503 else []
            self._refuse(asked, denying(send), error, [*later, CLOSE])

    def _known(self, scope: Message) -> Headers:
        """What the control process may believe of a request. Raises InvalidRequest for a secret in the address."""
        keys = self._inference.keys.ring
        for secret in query_secrets(scope["query_string"]):
            if keys.find(secret) is not None or kind_of(secret.decode("latin-1")) == "api_token":
                raise InvalidRequest(KEY_IN_ADDRESS, param="key")
        seen = self.proxies.seen(scope)
        known = [(SCHEME, seen.scheme.encode()), (HOST, seen.host)]
        if seen.client is not None:
            known.append((CLIENT, seen.client.encode()))
        key = keys.find(presented_key(dict(scope["headers"])))
        return [*known, (KEY, key.name.encode()), (KEY_ID, key.id.encode())] if key is not None else known

    def _is_secure(self, scope: Message) -> bool:
        return self.proxies.seen(scope).scheme == "https"

    def _options(self, scope: Message, send: Send, methods: bytes) -> None:
        headers = [(b"allow", methods)]
        if self.cors is not None:
            headers += self.cors.preflight(dict(scope["headers"]), methods)
        Sink(send, WINDOW_BYTES).answer(204, guarded(headers, secure=self._is_secure(scope)), b"")

    def _refuse(self, scope: Message, send: Send, error: GatewayError, headers: Headers) -> None:
        status, body, kind = _notice(scope, error)
        if self.cors is not None:
            headers = headers + self.cors.headers_for(dict(scope["headers"]))
        length = (b"content-length", b"%d" % len(body))
        sent = b"" if scope["method"] == "HEAD" else body
        said = guarded([(b"content-type", kind), length, *headers], secure=self._is_secure(scope))
        Sink(send, WINDOW_BYTES).answer(status, said, sent)

    def _with_cors(self, scope: Message, send: Send) -> Send:
        """`send`, adding to the head what lets a browser's page read it."""
        allowed = self.cors.headers_for(dict(scope["headers"])) if self.cors is not None else []
        if not allowed:
            return send

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *allowed]}
            await send(message)

        return adding


class Room:
    """Memory for large bodies: so many bytes of all of them at once."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, size: int) -> None:
        """Raises ControlUnavailable where there is not so much left."""
        if size > self.left:
            raise ControlUnavailable("Too many large requests are on their way at the moment.", retry_after=2)
        self.left -= size


class Body:
    """One body, while it is read and passed on."""

    def __init__(self, room: Room) -> None:
        self._room, self._taken, self._size = room, 0, 0
        self.parts: list[bytes] = []
        self.complete = False

    async def read(self, receive: Receive) -> None:
        """All of it. Raises AmbiguousRequest, RequestTooLarge, ControlUnavailable."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":  # of chunks that are none, too; a part is not passed on as a whole
                raise AmbiguousRequest("The request body broke off.")
            self._add(message.get("body", b""))
            if not message.get("more_body"):
                self.complete = True
                return

    def let_go(self) -> None:
        """It is needed no more."""
        self._room.left += self._taken
        self._taken = 0
        self.parts.clear()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > FORWARDED_BODY_BYTES:
            raise RequestTooLarge(f"The request body is larger than {FORWARDED_BODY_BYTES} bytes.")
        more = max(0, self._size - SMALL_BODY_BYTES) - self._taken
        self._room.take(more)
        self._taken += more
        self.parts.append(part)


def _notice(scope: Message, error: GatewayError) -> tuple[int, bytes, bytes]:
    """An error for whoever asks: words for a browser, the shape of its dialect for a program."""
    headers = dict(scope["headers"])
    if b"text/html" in headers.get(b"accept", b""):
        return error.status, error.message.encode() + b"\n", b"text/plain; charset=utf-8"
    if scope["path"].startswith(API):
        return *write_problem(error), b"application/problem+json"
    return *write_refusal(error, scope["path"], headers), b"application/json"
