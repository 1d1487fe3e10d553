"""A gateway of three workers in front of the mock in its four dialects, with prices, and client keys that have limits.

Knows how keys are made and what is counted of them in the shared memory. Which requests they are for is the tests'
business.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from gateway import operator
from gateway.limits.books import Books
from gateway.limits.limiter import LimitName
from gateway.limits.rules import subjects_of
from gateway.records import ClientKey, Limits
from gateway.settings.objects import LimitRules
from gateway.shared.memory import SharedMemory
from gateway.store.generations import shared_file
from tests.e2e.wire import CHAT, HELLO, Answer, Wire, ask, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.issuing import Issuer
from tests.waiting import until

MORE = """
[[providers]]
id       = "responses"
format   = "openai_responses"
base_url = "{mock}/v1"

[[providers]]
id       = "messages"
format   = "anthropic"
base_url = "{mock}"

[[providers]]
id       = "gemini"
format   = "gemini"
base_url = "{mock}"

[[providers]]
id       = "free"
format   = "openai_chat"
base_url = "{mock}/v1"

[[prices]]
model  = "free/priced*"
input  = 1.0
output = 5.0
"""
"""Nobody knows what other models of `free` cost."""

PRICE = """
[[prices]]
model  = "{provider}/*"
input  = 1.0
output = 5.0
"""
PRICED = {"openai_chat": "mock", "openai_responses": "responses", "anthropic": "messages", "gemini": "gemini"}
"""Providers by dialect. A token in is 1,000 nano-USD at all of them, one out 5,000."""

MODELS = {
    "openai_chat": "mock/gpt-4o-mini",
    "openai_responses": "responses/gpt-5.5",
    "anthropic": "messages/claude-sonnet-4-5",
    "gemini": "gemini/gemini-3-pro",
}
IN, OUT = 1000, 5000

_numbers = count()


@dataclass
class Key:
    """A client key with limits."""

    secret: str
    record: ClientKey
    memory: SharedMemory

    @property
    def used(self) -> dict[LimitName, int]:
        """What counts against each of its limits, what is set aside included."""
        (subject,) = subjects_of(self.record, ())
        return {left.field: left.used for left in self._books.left(subject)}

    @cached_property
    def _books(self) -> Books:
        return Books(self.memory, None)


class Limited(NamedTuple):
    """Such a gateway, and a hand that makes keys for it."""

    gateway: GatewayProcess
    issuer: Issuer
    memory: SharedMemory

    def key(self, **said: Any) -> Key:
        """A new key with these limits, and whatever else its spec says."""
        name = f"limited-{next(_numbers)}"
        secret = self.issuer.create(name, **said)
        with closing(sqlite3.connect(self.issuer.path)) as connection:
            ((key_id,),) = connection.execute("select id from client_keys where name = ?", (name,)).fetchall()
        return Key(secret, ClientKey(name, id=f"key:{key_id}", limits=limits_of(**said)), self.memory)

    async def chat(self, key: Key, model: str = "mock/gpt-4o-mini", **more: Any) -> Answer:
        """The answer to a chat with this key, on a connection of its own."""
        return await ask(self.gateway.port, chat_with(key, model, **more))

    def records(self, key: Key, number: int) -> list[dict[str, Any]]:
        """The usage records of a key, once there are so many."""

        def found() -> list[dict[str, Any]]:
            answer = operator.ask(
                self.gateway.data_dir, "/api/usage", {"last": "1h", "limit": 5000, "key": key.record.name}
            )
            rows: list[dict[str, Any]] = answer["rows"]
            return rows if len(rows) >= number else []

        rows = until(found, 15, every=0.05)
        assert len(rows) == number
        assert len({row["id"] for row in rows}) == number
        return rows


def limits_of(**said: Any) -> Limits | None:
    """Of a spec."""
    return Limits.of(LimitRules(**{name: said[name] for name in LimitRules.__struct_fields__ if name in said}))


def chat_with(key: Key, model: str = "mock/gpt-4o-mini", *, stream: bool = False, **more: object) -> bytes:
    """A whole chat request with a key."""
    body = {"model": model, "messages": HELLO, "stream": stream, **more}
    return request("POST", CHAT, json.dumps(body).encode(), key=key.secret)


def toml_of(mock_url: str, more: str = "") -> str:
    """Its configuration."""
    prices = "".join(PRICE.format(provider=provider) for provider in PRICED.values())
    return configuration(mock_url, MORE.format(mock=mock_url) + prices + more)


@contextmanager
def limited(directory: Path, mock_url: str, more: str = "", *, workers: int = 3) -> Iterator[Limited]:
    """Such a gateway, until the end of the block."""
    issuer = Issuer(directory / "data")
    with running(directory, toml_of(mock_url, more), workers=workers) as gateway:
        gateway.complete()
        yield Limited(gateway, issuer, SharedMemory(shared_file(gateway.data_dir)))


async def at_once(port: int, requests: list[bytes], *, connections: int = 100) -> list[Answer]:
    """The answers to many requests, in their order, as many at a time as there are connections."""
    waiting = iter(list(enumerate(requests)))
    answers: dict[int, Answer] = {}

    async def take() -> None:
        for number, asked in waiting:
            answers[number] = await ask(port, asked)

    await asyncio.gather(*(take() for _ in range(min(connections, len(requests)))))
    return [answers[number] for number in range(len(requests))]


@asynccontextmanager
async def flowing(port: int, requests: list[bytes]) -> AsyncIterator[list[Wire]]:
    """Connections on which the answers to these requests have begun to flow."""
    wires: list[Wire] = []
    try:
        for asked in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
            wires.append(Wire(reader, writer))
            wires[-1].send(asked)
        for wire in wires:
            assert (await wire.head()).status == 200
        yield wires
    finally:
        for wire in wires:
            wire.abort()


def code_of(answer: Answer) -> str:
    """The code of a refusal in OpenAI's dialect."""
    return str(answer.error["code"])


def spent_of(rows: list[dict[str, Any]]) -> int:
    """What all of these cost, nano-USD."""
    return sum(row["cost_nano_usd"] or 0 for row in rows)


def fields_of(answer: Answer) -> dict[str, Any]:
    """The error object of any dialect."""
    fields = json.loads(answer.body)
    found: dict[str, Any] = (fields[0] if isinstance(fields, list) else fields)["error"]
    return found
