"""A gateway with client keys in its database, and requests with them in every client's dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.e2e.spoken import BODIES, PATHS
from tests.e2e.wire import Answer, ask, dialled, events, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.issuing import Issuer
from tests.waiting import auntil

CLIENTS = ("chat", "responses", "messages", "gemini")

ENDPOINTS = {**PATHS, "gemini": "/v1beta/models/{model}:generateContent"}
"""Where each asks when it wants no stream."""

MORE = """
[[providers.credentials]]
name    = "spare"
api_key = "sk-spare-of-the-tests"

[[providers]]
id       = "free"
format   = "openai_chat"
base_url = "{mock}/v1"

[[providers]]
id       = "keeping"
format   = "openai_responses"
base_url = "{mock}/v1"

[[aliases]]
name   = "fast"
target = "mock/gpt-4o-mini"

[[combos]]
name    = "both"
targets = ["free/gpt-4o-mini;status=500", "mock/gpt-4o-mini"]
"""


class Keyed(NamedTuple):
    """A gateway, and a hand that changes its keys."""

    gateway: GatewayProcess
    issuer: Issuer


@contextmanager
def keyed(directory: Path, mock_url: str, more: str = "", *, workers: int = 1) -> Iterator[Keyed]:
    """Such a gateway, until the end of the block."""
    issuer = Issuer(directory / "data")
    toml = configuration(mock_url, MORE.format(mock=mock_url) + more)
    with running(directory, toml, workers=workers) as gateway:
        yield Keyed(gateway, issuer)


def hello(client: str, model: str, key: str, *, stream: bool = False) -> bytes:
    """A whole request."""
    body = {**BODIES[client], **({} if client == "gemini" else {"model": model, "stream": stream})}
    path = PATHS.get(client) or f"/v1beta/models/{quote(model, safe='')}:{'streamG' if stream else 'g'}enerateContent"
    query = "?alt=sse" if client == "gemini" and stream else ""
    return request("POST", path + query, json.dumps(body).encode(), key=key)


async def answered(gateway: GatewayProcess, client: str, model: str, key: str) -> Answer:
    """What a client hears that wants no stream."""
    return await ask(gateway.port, hello(client, model, key))


def told(client: str, answer: Answer) -> tuple[int, str]:
    """Status of a refusal and the word for it in the client's dialect, where the error object has its usual place."""
    error: dict[str, Any] = answer.json()["error"]
    return answer.status, error[{"messages": "type", "gemini": "status"}.get(client, "code")]


@asynccontextmanager
async def streaming(gateway: GatewayProcess, requests: list[bytes]) -> AsyncIterator[list[asyncio.Task[Answer]]]:
    """The answers to these requests, each of which has begun to flow."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(dialled(gateway.port)) for _ in requests]
        for wire, request in zip(wires, requests, strict=True):
            wire.send(request)
        answers = [asyncio.create_task(wire.answer()) for wire in wires]
        flowing = len(requests)
        await auntil(lambda: gateway.total("sluicegate_streams_open") >= flowing, 10)
        yield answers
        for answer in answers:
            answer.cancel()


def complaint(body: bytes) -> dict[str, Any]:
    """The error in the last event that has one."""
    said = [json.loads(data) for data in events(body) if data.startswith(b"{")]
    errors = [each.get("error") or (each.get("response") or {}).get("error") for each in said]
    found: dict[str, Any] = next(each for each in reversed(errors) if each)
    return found
