"""Budgets and places of two gateways that count in one Redis: not overdrawn by a race, and nobody passes uncounted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from gateway import operator
from gateway.limits.limiter import LimitName
from gateway.limits.plans import Plans
from gateway.records import NANO_USD, ClientKey, Limits
from tests.e2e.keyed import CLIENTS, hello, told
from tests.e2e.limited import IN, OUT, at_once, code_of, flowing, toml_of
from tests.e2e.wire import CHAT, HELLO, ask, dialled, request
from tests.gateway.limits.counting import Node
from tests.gateway_process import GatewayProcess, running
from tests.issuing import Issuer
from tests.providers import MockProcess
from tests.redis_server import RedisServer, needs_redis, serving
from tests.waiting import auntil, until

pytestmark = needs_redis

COST = 10 * IN + 1000 * OUT
RESERVE = 200 * IN + 1000 * OUT
BUDGET = 10 * COST

KEYS = {
    "racing": Limits(budget_nano_usd=BUDGET),
    "parallel": Limits(max_parallel=4, budget_nano_usd=10**12),
    "leaving": Limits(max_parallel=1, requests_per_month=9, tokens_per_month=10**9),
    "refused": Limits(requests_per_minute=100),
}
MORE = """
[limits]
redis_url = "{redis}"
redis_timeout_seconds = 2
redis_away = "refuse"
nodes = 2

[[client_keys]]
name = "racing"
key  = "sk-racing-over-machines"
budget_usd = {budget}

[[client_keys]]
name = "parallel"
key  = "sk-parallel-over-machines"
max_parallel = 4
budget_usd = 1000

[[client_keys]]
name = "leaving"
key  = "sk-leaving-over-machines"
max_parallel = 1
requests_per_month = 9
tokens_per_month = 1000000000

[[client_keys]]
name = "refused"
key  = "sk-refused-over-machines"
requests_per_minute = 100

[[client_keys]]
name = "free"
key  = "sk-free-over-machines"
"""


class Machines(NamedTuple):
    one: GatewayProcess
    other: GatewayProcess
    redis: RedisServer
    node: Node

    async def used(self, name: str, key_id: str = "") -> dict[LimitName, int]:
        """What Redis counts of a key."""
        plan = Plans().of_key(ClientKey(name, id=key_id or name, limits=KEYS[name]))
        assert plan is not None
        async with self.node.counting() as limiter:
            return {left.field: left.used for left in await limiter.left(plan)}

    def records(self, name: str, number: int) -> list[dict[str, Any]]:
        """The usage records of a key at both, once there are so many."""

        def found() -> list[dict[str, Any]]:
            query: dict[str, str | int] = {"last": "1h", "limit": 2000, "key": name}
            answers = [operator.ask(each.data_dir, "/api/usage", query) for each in (self.one, self.other)]
            rows = [row for answer in answers for row in answer["rows"]]
            return rows if len(rows) >= number else []

        return until(found, 15, every=0.05)


@pytest.fixture(scope="module")
def machines(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    directory = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        redis = stack.enter_context(serving())
        toml = toml_of(mock.url, MORE.format(redis=redis.url(), budget=BUDGET / NANO_USD))
        for name in ("one", "other", "node"):
            (directory / name).mkdir()
        one, other = (stack.enter_context(running(directory / name, toml)) for name in ("one", "other"))
        yield Machines(one.complete(), other.complete(), redis, Node(redis, directory / "node"))
        for gateway in (one, other):
            assert gateway.close() == 0, gateway.tail()


def chatting(name: str, model: str, *, stream: bool = False) -> bytes:
    body = {"model": model, "messages": HELLO, "max_tokens": 1000, "stream": stream}
    return request("POST", CHAT, json.dumps(body).encode(), key=f"sk-{name}-over-machines")


def spent(rows: list[dict[str, Any]]) -> int:
    return sum(row["cost_nano_usd"] or 0 for row in rows)


async def test_two_hundred_at_once_at_two_gateways_cannot_overdraw_a_budget_for_ten(machines: Machines) -> None:
    models = [f"mock/gpt;first=150ms;input=10;output={200 + number % 9 * 100}" for number in range(200)]
    asked = [chatting("racing", model) for model in models]
    answers = await asyncio.gather(
        at_once(machines.one.port, asked[::2], connections=50),
        at_once(machines.other.port, asked[1::2], connections=50),
    )
    assert {answer.status for each in answers for answer in each} == {200, 429}
    rows = machines.records("racing", 200)
    assert spent(rows) <= BUDGET + RESERVE
    assert await machines.used("racing") == {"budget_nano_usd": spent(rows)}
    asked_again = 0
    while True:
        asked_again += 1
        port = (machines.one, machines.other)[asked_again % 2].port
        answer = await ask(port, chatting("racing", "mock/gpt;input=10;output=1000"))
        if answer.status != 200 and code_of(answer) == "insufficient_quota":
            break
    rows = machines.records("racing", 200 + asked_again)
    assert BUDGET <= spent(rows) <= BUDGET + RESERVE
    assert await machines.used("racing") == {"budget_nano_usd": spent(rows)}


async def test_places_are_shared_and_free_again_at_once(machines: Machines) -> None:
    endless = chatting("parallel", "mock/gpt;chunks=2000;pace=50ms", stream=True)
    plain = chatting("parallel", "mock/gpt")
    async with flowing(machines.one.port, [endless] * 2) as at_one, flowing(machines.other.port, [endless] * 2):
        assert [(await ask(gateway.port, plain)).status for gateway in machines[:2]] == [429, 429]
        at_one[0].abort()
        await auntil_used(machines, "parallel", "max_parallel", 3)
        assert (await ask(machines.other.port, plain)).status == 200
    await auntil_used(machines, "parallel", "max_parallel", 0)
    rows = machines.records("parallel", 7)
    assert (await machines.used("parallel"))["budget_nano_usd"] == spent(rows) > 0


async def auntil_used(machines: Machines, name: str, field: LimitName, amount: int) -> None:
    deadline = time.monotonic() + 5
    while (await machines.used(name))[field] != amount:
        assert time.monotonic() < deadline


async def test_a_client_that_leaves_while_redis_thinks_about_it_holds_nothing(
    machines: Machines, mock: MockProcess, tag: str
) -> None:
    machines.redis.freeze()
    try:
        async with dialled(machines.one.port) as leaving:
            leaving.send(chatting("leaving", f"mock/gpt;first=60s;tag={tag}"))
            await auntil(lambda: machines.one.total("sluicegate_requests_in_flight") == 1)
            leaving.abort()
    finally:
        machines.redis.thaw()
    await auntil(lambda: machines.one.total("sluicegate_requests_in_flight") == 0)
    await auntil_used(machines, "leaving", "max_parallel", 0)
    row = machines.one.record("first=60s;tag=" + tag)
    billed = row["input_tokens"] + row["output_tokens"]
    assert (await machines.used("leaving"))["tokens_per_month"] == billed, "what its provider was sent, if anything"
    assert (await ask(machines.other.port, chatting("leaving", "mock/gpt"))).status == 200


async def test_a_key_that_is_revoked_while_redis_thinks_about_it_holds_nothing(
    machines: Machines, mock: MockProcess, tag: str
) -> None:
    """Its client hears so at once; what is admitted afterwards is given back."""
    issuer = Issuer(machines.one.data_dir)
    secret = issuer.create("leaving-now", max_parallel=1, requests_per_month=9, tokens_per_month=10**9)
    body = {"model": f"mock/gpt;first=60s;tag={tag}", "messages": HELLO}
    machines.redis.freeze()
    try:
        async with dialled(machines.one.port) as wire:
            wire.send(request("POST", CHAT, json.dumps(body).encode(), key=secret))
            await auntil(lambda: machines.one.total("sluicegate_requests_in_flight") == 1)
            issuer.revoke("leaving-now")
            assert (await wire.answer()).status == 401
    finally:
        machines.redis.thaw()
    await auntil(lambda: machines.one.total("sluicegate_requests_in_flight") == 0)
    row = machines.one.record("first=60s;tag=" + tag)
    assert row["attempts"] == []
    used = await machines.used("leaving", row["key_id"])
    assert used == {"max_parallel": 0, "requests_per_month": 0, "tokens_per_month": 0}
    assert not mock.requests(tag)


async def test_while_nobody_can_tell_what_is_limited_is_refused(machines: Machines) -> None:
    """In every dialect, with when to come back; what is not limited is none of its business."""
    gateway = machines.one
    limited, free = "sk-refused-over-machines", "sk-free-over-machines"
    machines.redis.freeze()
    try:
        refused = {client: await ask(gateway.port, hello(client, "mock/gpt", limited)) for client in CLIENTS}
        passed = [await ask(gateway.port, hello(client, "mock/gpt", free)) for client in CLIENTS]
    finally:
        machines.redis.thaw()
    assert {client: told(client, answer) for client, answer in refused.items()} == {
        "chat": (503, "limits_unavailable"),
        "responses": (503, "limits_unavailable"),
        "messages": (529, "overloaded_error"),
        "gemini": (503, "UNAVAILABLE"),
    }
    assert {answer.header("retry-after") for answer in refused.values()} == {"1"}
    assert {answer.status for answer in passed} == {200}
    await auntil(lambda: gateway.said().count("Redis does not answer") == gateway.said().count("answers again"))
    assert (await ask(gateway.port, hello("chat", "mock/gpt", limited))).status == 200
