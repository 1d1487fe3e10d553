"""Takes in a request body: of the right type, within the limit, in time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.errors import ClientDisconnected, InvalidRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from gateway.records import Endpoint
from gateway.relay.sink import Receive, pending

if TYPE_CHECKING:
    from gateway.relay.exchange import Exchange


def check_type(endpoint: Endpoint, headers: dict[bytes, bytes]) -> bytes:
    """The content type of a request; raises UnsupportedMediaType when the endpoint does not read it."""
    declared = headers.get(b"content-type", b"")
    if declared == b"application/json" and endpoint.body == "json" and b"content-encoding" not in headers:
        return declared
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise UnsupportedMediaType("Request bodies must not be compressed.")
    kind = declared.partition(b";")[0].strip().lower()
    if endpoint.body == "multipart":
        if kind != b"multipart/form-data":
            raise UnsupportedMediaType("This endpoint takes multipart/form-data.")
    elif kind and kind != b"application/json" and not kind.endswith(b"+json"):
        raise UnsupportedMediaType("This endpoint takes application/json.")
    return declared


def declared_length(headers: dict[bytes, bytes], limit: int) -> int:
    """The declared length of a body, -1 where it is not declared; raises RequestTooLarge before anything is read."""
    text = headers.get(b"content-length")
    if text is None:
        return -1
    if not text.isdigit():
        raise InvalidRequest("The content-length of the request is not a number.")
    length = int(text)
    if length > limit:
        raise RequestTooLarge(f"The request body is larger than {limit} bytes.")
    return length


async def read_body(exchange: Exchange, receive: Receive, length: int, limit: int) -> bytes:
    """The whole body. Raises RequestTooLarge at the first byte too many, ClientDisconnected, RequestTimeout.

    The relay's clock cancels the wait for a piece when it takes too long.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        waiting = receive()
        exchange.body_wait = future = pending(waiting)
        try:
            message = await (waiting if future is None else future)
        except asyncio.CancelledError:
            raise RequestTimeout("The request body did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            exchange.gone = True
            raise ClientDisconnected("The client left while sending its request.")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise RequestTooLarge(f"The request body is larger than {limit} bytes.")
        # Granian says `more_body` even when all declared bytes have come; asking again would cost a thread hop.
        if size == length or not message.get("more_body"):
            exchange.body_wait = None
            return b"".join((*parts, part)) if parts else part
        parts.append(part)
        exchange.times.heard_ns = time.monotonic_ns()
