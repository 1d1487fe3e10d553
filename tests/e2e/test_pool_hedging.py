"""A second target is asked when the first says nothing for too long: who wins, what the loser hears, what is booked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import SILENT, TEXT, USED, WELL, Accounts, Mood, accounts, refusing
from tests.e2e.pooled import SETTINGS, account_of, asked, attempts, hello, pool, pooled
from tests.e2e.wire import dialled
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil

HEDGE_MS = 150

MORE = f"""
[[combos]]
name     = "hedged"
targets  = ["one/m", "two/m"]
hedge_ms = {HEDGE_MS}

[[combos]]
name     = "growing"
targets  = ["one/m", "two/m"]
next_on  = ["context_too_long"]
hedge_ms = {HEDGE_MS}

[[combos]]
name     = "three"
targets  = ["one/m", "two/m", "three/m"]
hedge_ms = {HEDGE_MS}

[[prices]]
model  = "*"
input  = 1.0
output = 2.0
"""

COST = USED * 1000 + USED * 2000
"""Nano-USD of one answer."""

TOO_LONG = refusing(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.")
BROKEN = refusing(500, "server_error", "It is broken.")
LOST = ("hedge_lost", None, None)

kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 1) for name in ("one", "two", "three")]
    settings = SETTINGS.replace("[rests]", "[rests]\nenabled = false")
    with pooled(tmp_path_factory.mktemp("hedging"), *tables, MORE, settings=settings) as made:
        yield made


@pytest.fixture(autouse=True)
def all_is_well(provider: Accounts) -> None:
    provider.forget()


@kinds
async def test_who_answers_in_time_has_no_rival(gateway: GatewayProcess, provider: Accounts, stream: bool) -> None:
    assert account_of(await asked(gateway, "hedged", stream=stream)) == "one-1"
    assert provider.counts() == {"one-1": 1}


@kinds
async def test_the_faster_one_answers_and_the_slower_one_is_let_go_at_once(
    gateway: GatewayProcess, provider: Accounts, stream: bool, tag: str
) -> None:
    provider["one-1"] = SILENT
    answer = await asked(gateway, "hedged", stream=stream, headers={"user-agent": tag})
    answered_at = time.monotonic()
    assert account_of(answer) == "two-1"
    assert (TEXT + "two-1").encode() in answer.body
    left_at = await asyncio.to_thread(provider.left, "one-1")
    assert left_at - answered_at < 0.25
    first, second = provider.asked
    assert second.at - first.at >= HEDGE_MS / 1000 / 2
    record = gateway.record(tag)
    assert attempts(record) == [("one-1", *LOST), ("two-1", None, None, None)]
    assert (record["input_tokens"], record["output_tokens"], record["cost_nano_usd"]) == (USED, USED, COST)
    assert (record["provider"], record["credential"], record["status"]) == ("two", "two-1", 200)
    assert record["overhead_us"] < 100_000, "waiting for two at once is waiting once"
    assert record["upstream_us"] <= record["total_us"]


@kinds
async def test_the_first_one_may_still_win(gateway: GatewayProcess, provider: Accounts, stream: bool, tag: str) -> None:
    provider["one-1"] = provider["two-1"] = SILENT
    answering = asyncio.create_task(asked(gateway, "hedged", stream=stream, headers={"user-agent": tag}))
    await auntil(lambda: len(provider.asked) == 2)
    provider["one-1"] = WELL
    assert account_of(await answering) == "one-1"
    await asyncio.to_thread(provider.left, "two-1")
    record = gateway.record(tag)
    assert attempts(record) == [("two-1", *LOST), ("one-1", None, None, None)]
    assert record["cost_nano_usd"] == COST


async def test_the_first_token_decides_not_the_head(gateway: GatewayProcess, provider: Accounts) -> None:
    """A stream that has begun to flow is not given up for one that began later."""
    provider["one-1"] = Mood(chunks=6, pace=HEDGE_MS / 1000 / 3)
    answer = await asked(gateway, "hedged", stream=True)
    assert account_of(answer) == "one-1"
    assert provider.counts() == {"one-1": 1}


@kinds
async def test_a_failure_before_the_time_is_up_is_an_ordinary_one(
    gateway: GatewayProcess, provider: Accounts, stream: bool, tag: str
) -> None:
    provider["one-1"] = BROKEN
    answer = await asked(gateway, "hedged", stream=stream, headers={"user-agent": tag})
    assert account_of(answer) == "two-1"
    first, second = provider.asked
    assert second.at - first.at < HEDGE_MS / 1000
    assert attempts(gateway.record(tag))[0] == ("one-1", "upstream_status_500", "next_credential", "server")


@kinds
async def test_when_both_fail_the_next_target_is_asked_and_else_the_client_hears_it(
    gateway: GatewayProcess, provider: Accounts, stream: bool
) -> None:
    slow = refusing(500, "server_error", "It is broken.", wait=HEDGE_MS / 1000 * 2)
    provider["one-1"] = provider["two-1"] = slow
    answer = await asked(gateway, "three", stream=stream)
    assert (account_of(answer), answer.header("x-sluicegate-attempts")) == ("three-1", "3")
    refused = await asked(gateway, "hedged", stream=stream)
    assert (refused.status, refused.error["message"]) == (500, "It is broken.")
    assert refused.header("x-sluicegate-attempts") == "2"


async def test_one_that_fails_in_a_race_leaves_it_to_the_other(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["one-1"] = provider["two-1"] = SILENT
    answering = asyncio.create_task(asked(gateway, "growing"))
    await auntil(lambda: len(provider.asked) == 2)
    provider["one-1"] = TOO_LONG
    await auntil(lambda: provider.of("one-1")[0].over)
    provider["two-1"] = WELL
    assert account_of(await answering) == "two-1"


async def test_a_request_s_own_fault_ends_the_race(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["one-1"] = provider["two-1"] = SILENT
    answering = asyncio.create_task(asked(gateway, "hedged"))
    await auntil(lambda: len(provider.asked) == 2)
    provider["one-1"] = TOO_LONG
    refused = await answering
    assert (refused.status, refused.header("x-sluicegate-credential")) == (400, "one-1")
    await asyncio.to_thread(provider.left, "two-1")


@kinds
async def test_a_client_that_leaves_frees_both(
    gateway: GatewayProcess, provider: Accounts, stream: bool, tag: str
) -> None:
    provider["one-1"] = provider["two-1"] = SILENT
    async with dialled(gateway.port) as wire:
        wire.send(hello("hedged", stream=stream, headers={"user-agent": tag}))
        await auntil(lambda: len(provider.asked) == 2)
        left_at = time.monotonic()
        wire.abort()
        freed_at = [await asyncio.to_thread(provider.left, name) for name in ("one-1", "two-1")]
    assert max(freed_at) - left_at < 0.25
    record = gateway.record(tag)
    assert (record["status"], record["output_tokens"], len(record["attempts"])) == (499, 0, 2)
    assert record["usage_source"] == "estimated", "the prompt was sent, and is paid for once"
