"""The worker's own application, asked in this process: requests in, answers out, no socket."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import orjson
from blacksheep import Application

from gateway.access.keys import KeyRing, SaidKey
from gateway.records import ClientKey

KEY = "sk-team"


class KnownKeys:
    """Client keys that never change."""

    def __init__(self, *said: SaidKey) -> None:
        self.ring = KeyRing(b"secret", said)
        self.shown = self.seen = memoryview(b"")

    async def catch_up(self) -> None:
        """Nothing is ever new."""

    async def get(self, headers: dict[bytes, bytes]) -> ClientKey:
        """As the ring has it."""
        return self.ring.get(headers)


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.lower().decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        fields: dict[str, Any] = self.json()["error"]
        return fields


async def ask(app: Application, method: str, target: str, *, key: str = KEY) -> Answer:
    """The answer to a request for a path and a query, both as they stand in a URL."""
    raw, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"authorization", f"Bearer {key}".encode())] if key else [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return Answer(messages)
