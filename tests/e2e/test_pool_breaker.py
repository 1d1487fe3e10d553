"""The circuit breaker of a target, over three workers: when it opens, what clients hear, and what closes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import SILENT, WELL, Accounts, accounts, limited, refusing
from tests.e2e.pooled import account_of, asked, asked_until, many, pool, pooled, statuses
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil

FAILURES = 4
OPEN_SECONDS = 1

SETTINGS = f"""
[rests]
first_seconds = 0.05
longest_backoff_seconds = 0.1
probe_seconds = 0
breaker_failures = {FAILURES}
breaker_seconds = {OPEN_SECONDS}
breaker_longest_seconds = 2

[retries]
attempts = 1
pause_seconds = 0.01
longest_wait_seconds = 0.0
"""

BROKEN = refusing(500, "server_error", "It is broken.")
BAD = refusing(400, "invalid_request_error", "There is no such field.")

SAYS_NOTHING = {
    "bad": BAD,
    "busy": limited(0.001),
    "stranger": refusing(401, "invalid_api_key"),
}
"""Answers to a try that tell nothing of the target, by the name of its pool."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 1) for name in ("opens", "closes", "left", "row", *SAYS_NOTHING)]
    tables += [pool(name, provider.url, 3) for name in ("several", "lots")]
    with pooled(tmp_path_factory.mktemp("breaker"), *tables, settings=SETTINGS) as made:
        yield made


async def open_it(gateway: GatewayProcess, provider: Accounts, name: str) -> None:
    """By as many failures in a row as it takes."""
    provider[f"{name}-1"] = BROKEN
    assert statuses(await many(gateway, FAILURES, f"{name}/m", at_once=1)) == {500: FAILURES}
    assert len(provider.of(f"{name}-1")) == FAILURES


async def half_open(gateway: GatewayProcess, provider: Accounts, name: str) -> None:
    """Ask until the one request is made that tries it."""
    before = len(provider.of(f"{name}-1"))
    await asked_until(gateway, f"{name}/m", lambda _: len(provider.of(f"{name}-1")) > before)


async def test_it_opens_after_failures_in_a_row_and_refuses_at_once(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    await open_it(gateway, provider, "opens")
    answers = await many(gateway, 60, "opens/m")
    assert statuses(answers) == {503: 60}
    assert {answer.header("retry-after") for answer in answers} == {str(OPEN_SECONDS)}
    assert {answer.error["code"] for answer in answers} == {"all_resting"}
    assert len(provider.of("opens-1")) <= FAILURES + 1, "nobody is sent there"


async def test_an_answer_in_between_begins_the_count_anew(gateway: GatewayProcess, provider: Accounts) -> None:
    for _ in range(3):
        provider["row-1"] = BROKEN
        assert statuses(await many(gateway, FAILURES - 1, "row/m", at_once=1)) == {500: FAILURES - 1}
        provider["row-1"] = WELL
        assert (await asked(gateway, "row/m")).status == 200


async def test_half_open_one_request_tries_and_its_answer_closes_it(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    await open_it(gateway, provider, "closes")
    provider["closes-1"] = SILENT
    asked_for = len(provider.of("closes-1"))
    trying = asyncio.create_task(asked_until(gateway, "closes/m", lambda answer: answer.status != 503))
    await auntil(lambda: len(provider.of("closes-1")) > asked_for)
    assert statuses(await many(gateway, 10, "closes/m")) == {503: 10}, "nobody else, until that one knows"
    provider["closes-1"] = WELL
    assert (await trying).status == 200
    assert statuses(await many(gateway, 20, "closes/m")) == {200: 20}


async def test_a_try_that_fails_opens_it_for_longer(gateway: GatewayProcess, provider: Accounts) -> None:
    await half_open(gateway, provider, "opens")
    answer = await asked(gateway, "opens/m")
    assert (answer.status, answer.header("retry-after")) == (503, "2")


@pytest.mark.parametrize("kind", SAYS_NOTHING)
async def test_a_try_that_tells_nothing_of_the_target_is_given_back(
    gateway: GatewayProcess, provider: Accounts, kind: str
) -> None:
    """Such answers neither close it nor open it for longer, and keep nobody from trying next."""
    await open_it(gateway, provider, kind)
    provider[f"{kind}-1"] = SAYS_NOTHING[kind]
    await half_open(gateway, provider, kind)
    provider[f"{kind}-1"] = WELL
    if kind == "stranger":  # its key was refused: it is the credential that rests now
        answer = await asked(gateway, f"{kind}/m")
        assert int(answer.header("retry-after") or 0) > 60
    else:  # a millisecond's rest may not be over yet
        answer = await asked_until(gateway, f"{kind}/m", lambda answer: answer.status != 429)
        assert answer.status == 200


async def test_a_try_whose_client_leaves_is_given_back(gateway: GatewayProcess, provider: Accounts) -> None:
    await open_it(gateway, provider, "left")
    provider["left-1"] = SILENT
    trying = asyncio.create_task(asked_until(gateway, "left/m", lambda answer: answer.status != 503))
    await auntil(lambda: len(provider.of("left-1")) > FAILURES)
    trying.cancel()
    await asyncio.to_thread(provider.left, "left-1")
    provider["left-1"] = WELL
    assert account_of(await asked(gateway, "left/m")) == "left-1"


async def test_one_dead_account_of_several_does_not_open_it(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["several-1"] = refusing(500, "server_error", wait=0.2)
    heard = statuses(await many(gateway, 60, "several/m", at_once=60))
    assert heard == {200: 40, 500: 20}, "far more failures in a row than it takes, and all of one account"
    # Its rest may be over again, and it is asked in its turn: the others are in any case.
    assert statuses(await many(gateway, 3, "several/m", at_once=1))[200] >= 2


async def test_all_accounts_dead_open_it(gateway: GatewayProcess, provider: Accounts) -> None:
    for number in (1, 2, 3):
        provider[f"lots-{number}"] = refusing(500, "server_error")
    answer = await asked_until(gateway, "lots/m", lambda answer: answer.status == 503)
    assert answer.error["code"] == "all_resting"
