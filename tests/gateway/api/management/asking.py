"""Requests to the sample, in this process, and what must be true of every answer."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import orjson
from blacksheep import Application

from gateway.api.management.serve import GUARDED
from tests.gateway.api.application import Answer

from .sample import Answers, Shelf, application


class Sample:
    """The sample's application and what is behind it."""

    def __init__(self) -> None:
        self.shelf, self.answers = Shelf(), Answers()
        self.app: Application = application(self.shelf, self.answers)

    async def ask(
        self, method: str, target: str, body: Any = None, *, who: str = "writer", **headers: str | bytes
    ) -> Answer:
        """The answer; a body that is not bytes goes out as JSON, `if_match` stands for `If-Match`."""
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        said = {"authorization": f"Bearer {who}"} if who else {}
        if body is not None:
            said["content-type"] = "application/json"
        said |= {name.replace("_", "-"): value for name, value in headers.items() if isinstance(value, str)}
        answer = await send(self.app, method, target, content, said)
        assert dict(GUARDED).items() <= {k.encode(): v.encode() for k, v in answer.headers.items()}.items()
        assert len(answer.headers["x-request-id"]) == 36
        if answer.status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status
            same = answer.json()["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
            assert same == ("idempotency-replayed" not in answer.headers)
        return answer

    async def refused(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a problem."""
        answer = await self.ask(method, target, body, **headers)
        return answer.status, answer.json()["code"]


async def send(app: Application, method: str, target: str, content: bytes, headers: dict[str, str]) -> Answer:
    """What the application says, its body in two pieces where there is one."""
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
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    pieces = [(content[:5], True), (content[5:], False)]
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not pieces:  # and it does not leave either
            await asyncio.Event().wait()
        body, more = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": more}

    async def say(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, say)
    return Answer(messages)
