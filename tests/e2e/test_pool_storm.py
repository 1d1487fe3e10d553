"""When every account of a pool refuses at once: what clients hear, who is asked meanwhile, and how it ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import SILENT, WELL, Accounts, accounts, limited
from tests.e2e.keyed import told
from tests.e2e.pooled import asked, asked_until, many, pool, pooled, statuses
from tests.e2e.wire import Answer
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil

ACCOUNTS = 8
PROBE_SECONDS = 1.0
ATTEMPTS = 4
WEEK = 7 * 86400

SETTINGS = f"""
[rests]
first_seconds = 0.5
longest_seconds = 3600
probe_seconds = {PROBE_SECONDS}

[retries]
attempts = {ATTEMPTS}
pause_seconds = 0.05
longest_wait_seconds = 0.0
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, ACCOUNTS) for name in ("storm", "wrong", "bare", "mixed")]
    tables.append(pool("later", provider.url, 1))
    with pooled(tmp_path_factory.mktemp("storm"), *tables, settings=SETTINGS) as made:
        yield made


def names(pool: str) -> list[str]:
    return [f"{pool}-{number}" for number in range(1, ACCOUNTS + 1)]


def total(provider: Accounts, pool: str) -> int:
    return sum(len(provider.of(name)) for name in names(pool))


def is_well(answer: Answer) -> bool:
    return answer.status == 200


async def test_a_storm_is_told_to_clients_spares_the_accounts_and_passes_by_itself(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    ends = time.monotonic() + 3.2
    for number, name in enumerate(names("storm")):
        provider[name] = limited(4 + number, until=ends + number)
    assert statuses(await many(gateway, 3, "storm/m", at_once=1)) == {429: 3}
    asked_for = total(provider, "storm")
    assert asked_for == ACCOUNTS, "each once; then all are known to rest"
    began = time.monotonic()
    for client in ("chat", "messages"):
        refused = await asked(gateway, "storm/m", client=client)
        assert told(client, refused)[0] == 429
        assert 1 <= int(refused.header("retry-after") or 0) <= 4
    assert statuses(await many(gateway, 100, "storm/m", at_once=30)) == {429: 100}
    probes = ACCOUNTS * (math.floor((time.monotonic() - began + 1) / PROBE_SECONDS) + 1)
    assert total(provider, "storm") - asked_for <= probes
    await asked_until(gateway, "storm/m", is_well, max(ends + 1.5 - time.monotonic(), 0))
    assert all(len(provider.of(name)) < 12 for name in names("storm"))


async def test_each_dialect_hears_of_the_rest_in_its_own_words(gateway: GatewayProcess, provider: Accounts) -> None:
    for name in names("mixed"):
        provider[name] = limited(30)
    await asked_until(gateway, "mixed/m", lambda _: total(provider, "mixed") == ACCOUNTS)
    words = {"chat": "rate_limit_exceeded", "responses": "rate_limit_exceeded", "messages": "rate_limit_error"}
    for client, word in words.items():
        answer = await asked(gateway, "mixed/m", client=client)
        assert told(client, answer) == (429, word)
        assert 20 <= int(answer.header("retry-after") or 0) <= 30


async def test_a_time_that_was_wrong_by_a_week_is_found_out_by_a_probe(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    for name in names("wrong"):
        provider[name] = limited(WEEK)
    await many(gateway, 2, "wrong/m", at_once=1)
    refused = await asked(gateway, "wrong/m")
    assert (refused.status, refused.header("retry-after")) == (429, "3600"), "no rest is longer than the longest"
    for name in names("wrong"):
        provider[name] = WELL
    await asked_until(gateway, "wrong/m", is_well, PROBE_SECONDS + 0.5)
    served = {answer.header("x-sluicegate-credential") for answer in await many(gateway, 60, "wrong/m", at_once=2)}
    assert len(served) == ACCOUNTS, "each is found out by a probe of its own"


async def test_without_a_time_rests_grow_and_end(gateway: GatewayProcess, provider: Accounts) -> None:
    for name in names("bare"):
        provider[name] = limited()
    began = time.monotonic()
    while time.monotonic() < began + 2.0:
        assert (await asked(gateway, "bare/m")).status == 429
    assert total(provider, "bare") <= ACCOUNTS * 5
    for name in names("bare"):
        provider[name] = WELL
    await asked_until(gateway, "bare/m", is_well, PROBE_SECONDS + 0.5)


async def test_of_two_refusals_the_one_that_asks_for_longer_counts(gateway: GatewayProcess, provider: Accounts) -> None:
    """Both requests are under way at once; the first answer asks for longer than the second."""
    provider["later-1"] = SILENT
    pending = [asyncio.create_task(asked(gateway, "later/m")) for _ in range(2)]
    await auntil(lambda: len(provider.of("later-1")) == 2)
    for asked_for, seconds in zip(provider.of("later-1"), (60, 2), strict=True):
        asked_for.mood = limited(seconds)
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        pending = [each for each in pending if not each.done()]
    refused = await asked(gateway, "later/m")
    assert refused.status == 429
    assert 55 <= int(refused.header("retry-after") or 0) <= 60
