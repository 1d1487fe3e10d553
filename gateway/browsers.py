"""What a browser is told with every answer that is not inference, and under which address it knows us.

Knows headers. Does not know who asks, nor what is answered. `guarding` is for whoever serves: the control process puts
it around everything, a worker around what it answers itself.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from gateway.settings.model import ServerSettings

Headers = list[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

CLIENT = b"x-sluicegate-client"
SCHEME = b"x-sluicegate-scheme"
HOST = b"x-sluicegate-host"
SOCKET = b"x-sluicegate-socket"
"""What a worker says to the control process of a request from outside: the client's address, and scheme and host as the
browser asked for them. Proxies that are trusted have been asked; nothing else says these things. `SOCKET` says that the
client has asked for a WebSocket, which browsers open for the page of anybody."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Ours alone, and no inline script or style: https://www.w3.org/TR/CSP3/."""

GUARDS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not `no-referrer`: with it browsers call the origin of our own forms `null`, and it must be told from others.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
"""On every answer."""

ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")
"""For a year, on answers that went over TLS. Of other names below ours we know nothing: no `includeSubDomains`."""

NO_STORE = (b"cache-control", b"no-store")
"""Where an answer does not say otherwise: it may hold what only its reader is to see."""

FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")

AUTHORITY = re.compile(rb"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
"""Host and port, as they may go into a link: nothing that a browser, a shell or a header could read as more."""


def guarded(headers: Iterable[tuple[bytes, bytes]], *, secure: bool) -> Headers:
    """The headers of an answer with those that are missing; one that is there already is left as it is."""
    kept = list(headers)
    said = {name.lower() for name, _ in kept}
    wanted = (*GUARDS, NO_STORE, ONLY_TLS) if secure else (*GUARDS, NO_STORE)
    return kept + [each for each in wanted if each[0] not in said]


def guarding(send: Send, *, secure: bool) -> Send:
    """`send` (ASGI), adding them to the head of each answer; `secure` says whether the browser came over TLS."""

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": guarded(message["headers"], secure=secure)}
        await send(message)

    return adding


def is_secure(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request that a worker has passed on came over TLS, as far as a trusted proxy says."""
    return headers.get(SCHEME) == b"https"


def origin_of(headers: Mapping[bytes, bytes], server: ServerSettings) -> str:
    """Scheme, host and port as the browser sees us: `server.public_url` where it is set, else what a worker says.

    Whoever asks chooses the host. Where a link outlives the request, as in a mail, `public_url` is the one to trust.
    """
    if server.public_url:
        return server.public_url.rstrip("/")
    scheme = "https" if is_secure(headers) else "http"
    host = headers.get(HOST) or headers.get(b"host") or b""
    return f"{scheme}://{host.decode()}" if AUTHORITY.fullmatch(host) else f"{scheme}://{server.listen}"
