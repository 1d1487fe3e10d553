"""Gateways whose providers are pools of accounts that tests play, and how they are asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.e2e.accounts import key_of
from tests.e2e.spoken import BODIES, PATHS
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running

OTHER_KEY = "sk-another-key-of-the-tests"

START = f"""
[usage]
segment_seconds = 0.1

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"

[[client_keys]]
name = "other"
key  = "{OTHER_KEY}"
"""

SETTINGS = """
[rests]
first_seconds = 1.0

[retries]
pause_seconds = 0.05
longest_wait_seconds = 0.0
"""
"""Nobody is waited for when all rest, so that a test sees at once that they do."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def pool(name: str, url: str, accounts: int, more: str = "", **each: Any) -> str:
    """A provider with the accounts `name-1` and so on. `more` are lines of its own; `each` are settings of the
    accounts, one value for each. With `format = "anthropic"` among the lines the address is that of Anthropic's."""
    address = url if '"anthropic"' in more else f"{url}/v1"
    kind = "" if "format" in more else 'format = "openai_chat"\n'
    text = f'\n[[providers]]\nid = "{name}"\nbase_url = "{address}"\n{kind}{more}\n'
    for number in range(accounts):
        account = f"{name}-{number + 1}"
        text += f'\n[[providers.credentials]]\nname = "{account}"\napi_key = "{key_of(account)}"\n'
        text += "".join(f"{field} = {json.dumps(values[number])}\n" for field, values in each.items())
    return text


@contextmanager
def pooled(directory: Path, *tables: str, settings: str = SETTINGS, workers: int = 3) -> Iterator[GatewayProcess]:
    """A gateway with these providers."""
    directory.mkdir(exist_ok=True)
    with running(directory, START + settings + "".join(tables), workers=workers) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


def hello(
    model: str,
    *,
    client: str = "chat",
    stream: bool = False,
    key: str = CLIENT_KEY,
    headers: Mapping[str, str] = NO_HEADERS,
    **more: Any,
) -> bytes:
    """A whole request in the dialect of a client."""
    body = {**BODIES[client], "model": model, "stream": stream, **more}
    return request("POST", PATHS[client], json.dumps(body).encode(), key=key, headers=headers)


async def asked(gateway: GatewayProcess, model: str, **more: Any) -> Answer:
    """The answer to one request, on a connection of its own: any worker may have it."""
    return await ask(gateway.port, hello(model, **more))


async def many(gateway: GatewayProcess, count: int, model: str, *, at_once: int = 20, **more: Any) -> list[Answer]:
    """The answers to so many of the same."""
    room = asyncio.Semaphore(at_once)

    async def one() -> Answer:
        async with room:
            return await asked(gateway, model, **more)

    return await asyncio.gather(*(one() for _ in range(count)))


PAUSE_SECONDS = 0.01
"""Between one question and the next: the gateway has other things to do."""


async def asked_until(
    gateway: GatewayProcess, model: str, wanted: Callable[[Answer], object], seconds: float = 5.0, **more: Any
) -> Answer:
    """Ask the same again and again; the first answer that is as wanted. AssertionError when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not wanted(answer := await asked(gateway, model, **more)):
        assert time.monotonic() < deadline, f"still {answer}"
        await asyncio.sleep(PAUSE_SECONDS)
    return answer


async def in_turn(gateway: GatewayProcess, count: int, model: str, **more: Any) -> list[str]:
    """Which accounts answered, one request after another."""
    return [account_of(await asked(gateway, model, **more)) for _ in range(count)]


def account_of(answer: Answer) -> str:
    """Who answered."""
    assert answer.status == 200, answer
    return answer.header("x-sluicegate-credential") or ""


def statuses(answers: list[Answer]) -> dict[int, int]:
    """How many of each status."""
    return dict(Counter(answer.status for answer in answers))


def attempts(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Account, what went wrong, what was made of it and why, of each attempt in a usage record."""
    return [(each["credential"], each["error"], each["verdict"], each["reason"]) for each in record["attempts"]]
