"""Exchanges as a worker takes them down, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from random import getrandbits
from typing import Any

from gateway.records.captures import Flow, Taken, TakenTry
from gateway.usage.meter import uuid7

KEY = bytes(range(32))

ROOM = 1024 * 1024

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: api.example.com\r\nx-api-key: sk-ant-of-ours\r\nx-team: blue\r\n\r\n"


def id_at(when: datetime) -> str:
    """The id of an exchange that began then."""
    return uuid7(round(when.timestamp() * 1000), getrandbits(74))


def flow(body: bytes, room: int = ROOM) -> Flow:
    """A body that went by in three pieces."""
    made, third = Flow(room), len(body) // 3
    for piece in (body[:third], body[third : 2 * third], body[2 * third :]):
        made.add(piece)
    return made


def tried(**more: Any) -> TakenTry:
    """An attempt that was answered."""
    said: dict[str, Any] = {
        "provider": "anthropic",
        "model": "claude",
        "credential": "first",
        "scheme": "https",
        "head": HEAD,
        "body": flow(b'{"model":"claude"}'),
        "status": 200,
        "headers": [(b"content-type", b"application/json")],
        "answer": flow(b'{"type":"message"}'),
        **more,
    }
    return TakenTry(**said)


def taken(**more: Any) -> Taken:
    """An exchange of one attempt."""
    said: dict[str, Any] = {
        "id": id_at(datetime.now(UTC)),
        "started_at_us": 1,
        "method": "POST",
        "target": "/v1/chat/completions",
        "headers": [(b"authorization", b"Bearer sk-client-key"), (b"accept", b"*/*")],
        "body": flow(b'{"model":"fast"}'),
        "tries": [tried()],
        "status": 200,
        "answer_headers": [(b"content-type", b"application/json")],
        "answer": flow(b'{"object":"chat.completion"}'),
        "secrets": frozenset(),
        **more,
    }
    return Taken(**said)
