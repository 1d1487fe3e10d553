"""How often and how fast a request is tried again, when it no longer is, and what becomes of one whose client left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.e2e.accounts import ENDLESSLY, SILENT, WELL, Accounts, Mood, accounts, limited, refusing
from tests.e2e.pooled import account_of, asked, attempts, hello, pool, pooled
from tests.e2e.wire import dialled
from tests.gateway_process import GatewayProcess, get
from tests.waiting import auntil

PAUSE = 0.2
WORKERS = 3

SETTINGS = f"""
[rests]
first_seconds = 1.0
probe_seconds = 0
breaker_failures = 0

[retries]
pause_seconds = {PAUSE}
longest_wait_seconds = 3.0
"""

OVERLOADED = refusing(503, "server_is_overloaded", "The server is overloaded.")


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    names = ("alone", "late", "paused", "silent", "awaited", "back", "challenged")
    tables = [pool(name, provider.url, 1) for name in names]
    tables.append(pool("many", provider.url, 8))
    tables.append(pool("held", provider.url, 1, max_parallel=[1]))
    with pooled(tmp_path_factory.mktemp("attempts"), *tables, settings=SETTINGS, workers=WORKERS) as made:
        yield made


async def test_four_requests_are_made_at_most_with_pauses_that_grow(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    provider["alone-1"] = OVERLOADED
    answer = await asked(gateway, "alone/m")
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (503, "4")
    moments = [each.at for each in provider.of("alone-1")]
    assert len(moments) == 4
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    for pause, least in zip(pauses, (PAUSE, 2 * PAUSE, 4 * PAUSE), strict=True):
        assert pause >= least * 0.8
    # One and the next may look alike where the machine stalls in the first.
    assert pauses[-1] > pauses[0]


async def test_a_challenge_of_cloudflare_is_nothing_against_the_key(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    challenge = refusing(403, "-", headers=(("cf-mitigated", "challenge"),), until=time.monotonic() + PAUSE / 2)
    provider["challenged-1"] = challenge
    assert account_of(await asked(gateway, "challenged/m")) == "challenged-1"
    assert len(provider.of("challenged-1")) == 2


async def test_of_eight_accounts_four_are_asked_for_one_request(gateway: GatewayProcess, provider: Accounts) -> None:
    for number in range(1, 9):
        provider[f"many-{number}"] = limited(30)
    assert (await asked(gateway, "many/m")).status == 429
    assert {name: count for name, count in provider.counts().items() if name.startswith("many")} == {
        f"many-{number}": 1 for number in range(1, 5)
    }


async def test_nothing_is_tried_again_once_the_client_has_a_byte(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider["late-1"] = Mood(error_at=2, code="server_error")
    answer = await asked(gateway, f"late/{tag}", stream=True)
    assert b"Hello from" in answer.body
    assert len(provider.of("late-1")) == 1
    assert [each[1] for each in attempts(gateway.record(tag))] == ["upstream_error"]


async def test_a_client_that_leaves_in_a_pause_is_forgotten(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider["paused-1"] = OVERLOADED
    async with dialled(gateway.port) as wire:
        wire.send(hello(f"paused/{tag}"))
        await auntil(lambda: len(provider.of("paused-1")) == 3)  # the next pause is the longest
        provider["paused-1"] = WELL
        wire.close()
        record = await asyncio.to_thread(gateway.record, tag)
    assert len(provider.of("paused-1")) == 3
    assert (record["status"], record["input_tokens"]) == (499, 0)
    assert len(record["attempts"]) == 3


async def test_a_client_that_leaves_while_all_rest_never_had_anybody_asked(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider["awaited-1"] = limited(2)
    assert (await asked(gateway, "awaited/m", headers={"user-agent": "first"})).status == 429
    asked_for = len(provider.of("awaited-1"))
    provider["awaited-1"] = WELL
    async with dialled(gateway.port) as wire:
        wire.send(hello("awaited/m", headers={"user-agent": tag}))
        await auntil(lambda: gateway.total("sluicegate_requests_in_flight") >= 1)
        wire.close()
        record = await asyncio.to_thread(gateway.record, tag)
    assert len(provider.of("awaited-1")) == asked_for
    assert (record["attempts"], record["provider"], record["cost_nano_usd"] or 0) == ([], None, 0)


async def test_a_request_waits_for_an_account_that_is_soon_back(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["back-1"] = limited(1)
    assert (await asked(gateway, "back/m")).status == 429
    provider["back-1"] = WELL
    assert account_of(await asked(gateway, "back/m")) == "back-1"
    first, second = provider.of("back-1")
    assert second.at - first.at >= 0.9


async def test_what_a_killed_worker_had_under_way_is_under_way_no_longer(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    provider["held-1"] = ENDLESSLY
    async with dialled(gateway.port) as wire:
        wire.send(hello("held/m", stream=True))
        assert (await wire.head()).status == 200
        assert (await asked(gateway, "held/m")).status == 429, "it may have one request at once"
        killed = gateway.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
    provider["held-1"] = WELL
    await auntil(lambda: len(set(gateway.workers()) - set(killed)) == WORKERS and answers(gateway), 20)
    assert account_of(await asked(gateway, "held/m")) == "held-1"


def answers(gateway: GatewayProcess) -> bool:
    """Whether its workers listen again."""
    try:
        get(gateway.url + "/readyz")
    except OSError:
        return False
    return True


async def test_a_provider_is_free_at_once_when_its_client_leaves(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["silent-1"] = SILENT
    async with dialled(gateway.port) as wire:
        wire.send(hello("silent/m"))
        await auntil(lambda: len(provider.of("silent-1")) == 1)
        left_at = time.monotonic()
        wire.abort()
        freed_at = await asyncio.to_thread(provider.left, "silent-1")
    assert freed_at - left_at < 0.25
    assert len(provider.of("silent-1")) == 1
