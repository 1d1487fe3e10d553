"""Responses that were kept, for the clients they were given to: show, delete, list the input, cancel.

Knows paths, methods and answers. Does not know how responses are kept, nor how a provider that keeps its own is asked:
a store and a function are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

import orjson
from blacksheep import Application, Content, Request, Response

from gateway.errors import InvalidRequest, MethodNotAllowed, UnknownEndpoint, UnknownResponse
from gateway.formats.passing import renamed_reply
from gateway.records import ClientKey, StoredResponse
from gateway.relay.replies import WAITING_STATUSES
from gateway.store.responses import Given

from .admission import Keys, check_endpoint
from .input_items import check_include, page, read_question

PREFIX = "/v1/responses/"
ENDPOINT = "/v1/responses"
"""Whoever may ask for responses may look at them."""

SHAPE = re.compile(r"/v1/responses/([^/]+)(/[a-z_]+)?")

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": ("GET", "DELETE"),
        "/input_items": ("GET",),
        "/cancel": ("POST",),
    }
)
"""What may be done, by what follows the id."""

JSON = b"application/json"
NO_STORE = (b"cache-control", b"no-store")

TOLD_ON = frozenset((b"retry-after", b"x-request-id"))
"""Headers of a provider's answer that the client gets, besides the type of its content."""

Headers = list[tuple[bytes, bytes]]

FetchNative = Callable[[StoredResponse, ClientKey, str, str], Awaitable[tuple[int, Headers, bytes]]]
"""Asks the provider that keeps a response: the record, the key of who asks, a method, and a path below its base URL
with the query. Gives status, headers with names in lower case, and body; raises ModelForbidden and UpstreamError."""

Answer = Callable[[StoredResponse, ClientKey, Request], Awaitable[Response]]


class Store(Protocol):
    """What is needed of the store."""

    async def find(self, response_id: str, key: str) -> StoredResponse | None:
        """The response of this key with this id."""

    async def led_to(self, response_id: str, key: str) -> list[Given]:
        """What this response answers."""

    async def delete(self, response_id: str, key: str) -> bool:
        """Forget it; whether it was there."""


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that a path below PREFIX takes; empty where nothing is."""
    found = SHAPE.fullmatch(path)
    return METHODS.get(found[2] or "", ()) if found else ()


class ResponsesApi:
    """The endpoints below PREFIX."""

    def __init__(self, store: Store, keys: Keys, fetch_native: FetchNative) -> None:
        self._store, self._keys, self._fetch_native = store, keys, fetch_native
        self._answers: dict[tuple[str, str], Answer] = {
            ("GET", ""): self._show,
            ("DELETE", ""): self._delete,
            ("GET", "/input_items"): self._list_input,
            ("POST", "/cancel"): self._cancel,
        }

    def add_to(self, app: Application) -> None:
        """Serve these endpoints in `app`, which must know how to answer a GatewayError."""

        async def answer(request: Request) -> Response:
            return await self._answer(request)

        for method in sorted({method for methods in METHODS.values() for method in methods}):
            app.router.add(method, f"{PREFIX}*", answer)

    async def _answer(self, request: Request) -> Response:
        # The path as the server decoded it, which is what was decided on before; not the application's own reading.
        path, method = request.scope["path"], request.method
        key = await self._keys.get({name.lower(): value for name, value in request.headers})
        check_endpoint(key, ENDPOINT)
        found = SHAPE.fullmatch(path)
        if found is None or not methods_of(path):
            raise UnknownEndpoint(f"Unknown request URL: {method} {path}.")
        answer = self._answers.get((method, found[2] or ""))
        if answer is None:
            raise MethodNotAllowed(f"Not allowed to {method} on {path}.")
        record = await self._store.find(found[1], key.id)
        if record is None:
            raise UnknownResponse(f"Response with id '{found[1]}' not found.")
        return await answer(record, key, request)

    async def _show(self, record: StoredResponse, key: ClientKey, request: Request) -> Response:
        if request.query.get("stream", [""])[-1] == "true":
            raise InvalidRequest("A stored response cannot be streamed; ask for it without `stream`.", param="stream")
        if record.native:
            return await self._ask_provider(record, key, request)
        check_include(request.query)
        return Response(200, [NO_STORE], Content(JSON, _kept(record, record.response)))

    async def _delete(self, record: StoredResponse, key: ClientKey, request: Request) -> Response:
        if record.native:
            answer = await self._ask_provider(record, key, request)
            if answer.status < 300 or answer.status == 404:
                await self._store.delete(record.id, record.key)
            return answer
        await self._store.delete(record.id, record.key)
        return _json({"id": record.id, "object": "response", "deleted": True})

    async def _list_input(self, record: StoredResponse, key: ClientKey, request: Request) -> Response:
        if record.native:
            return await self._ask_provider(record, key, request)
        question = read_question(request.query)
        _kept(record, record.input)
        return _json(page(await self._store.led_to(record.id, record.key), question))

    async def _cancel(self, record: StoredResponse, key: ClientKey, request: Request) -> Response:
        if record.native:
            return await self._ask_provider(record, key, request)
        # In OpenAI's own words. Here no response is made in the background.
        raise InvalidRequest("Cannot cancel a synchronous response.")

    async def _ask_provider(self, record: StoredResponse, key: ClientKey, request: Request) -> Response:
        found = SHAPE.fullmatch(request.scope["path"])
        assert found is not None
        path = f"/responses/{quote(record.id, safe='')}{found[2] or ''}"
        if query := request.scope.get("query_string", b""):
            path += "?" + query.decode("latin-1")
        status, headers, body = await self._fetch_native(record, key, request.method, path)
        kind = dict(headers).get(b"content-type", JSON)
        if status == 200 and not found[2]:
            body = renamed_reply(body, b'"model"', record.model)
        told = [(name, value) for name, value in headers if name in TOLD_ON]
        if status in WAITING_STATUSES and b"retry-after" not in dict(told):
            told.append((b"retry-after", b"1"))
        return Response(status, [NO_STORE, *told], Content(kind, body))


def _kept(record: StoredResponse, text: bytes | None) -> bytes:
    if text is None:
        raise UnknownResponse(f"Response with id '{record.id}' was not kept: it is larger than `responses.max_bytes`.")
    return text


def _json(fields: Mapping[str, Any]) -> Response:
    return Response(200, [NO_STORE], Content(JSON, orjson.dumps(fields)))
