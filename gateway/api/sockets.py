"""WebSockets: what `/api/live` tells, as messages. The control process knows no WebSocket and is asked over HTTP.

Knows handshakes, and how many there may be. Who may watch what is for the control process to say: it hears the same
headers as with any other request, and that its answer goes to a WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from gateway.browsers import SOCKET
from gateway.errors import AmbiguousRequest, ControlUnavailable
from gateway.relay.bridge import GOING_AWAY, Bridge
from gateway.relay.forward import Forward
from gateway.relay.sink import Headers, Message, Receive, Send

PATH = "/api/live/ws"
FEED = "/api/live"

PROTO = b"x-forwarded-proto"
_SCHEMES = MappingProxyType({b"ws": b"http", b"wss": b"https"})
"""Some proxies say those there, too."""

OWN_PREFIX = b"sec-websocket-"
"""Headers that are between the client and us."""


def as_request(scope: Message) -> Message:
    """The handshake as the GET that it is. Raises AmbiguousRequest for one with a body, which no handshake has."""
    said: Headers = scope["headers"]
    if any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in said):
        raise AmbiguousRequest("A WebSocket is asked for without a body.")
    headers = [
        (name, _SCHEMES.get(value, value) if name == PROTO else value)
        for name, value in said
        if not name.startswith(OWN_PREFIX)
    ]
    scheme = _SCHEMES.get(scope["scheme"].encode(), b"http").decode()
    return {**scope, "type": "http", "method": "GET", "scheme": scheme, "headers": headers}


class Sockets:
    """Those of one worker."""

    def __init__(self, forward: Forward, most: Callable[[], int]) -> None:
        """`most`: how many there may be at the moment."""
        self._forward, self._most = forward, most
        self._open: set[Bridge] = set()

    def close(self) -> None:
        """The worker stops: everybody is sent away, and nobody comes any more."""
        self._most = _none
        for bridge in list(self._open):
            bridge.close(GOING_AWAY)

    async def serve(self, asked: Message, receive: Receive, send: Send, known: Headers) -> None:
        """Answer a handshake, which is `asked` for as a request, and pass on what happens until somebody ends it.
        Raises ControlUnavailable, before there is an answer."""
        if (await receive())["type"] != "websocket.connect":
            return
        if len(self._open) >= self._most():
            raise ControlUnavailable("There are as many WebSockets already as may be.", retry_after=10)
        bridge = Bridge(send)
        self._open.add(bridge)
        try:
            scope = {**asked, "path": FEED, "raw_path": FEED.encode()}
            await bridge.run(self._forward.ask(scope, bridge, known=[*known, (SOCKET, b"1")]), receive)
        finally:
            self._open.discard(bridge)


def _none() -> int:
    return 0
