"""Requests and tokens a minute over several workers: refused at the limit, each by itself, and told how long (T20)."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.limits.books import Clock
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.limits.rules import subjects_of
from tests.e2e.limited import Key, Limited, at_once, chat_with, code_of, limited
from tests.e2e.wire import Answer, dialled
from tests.providers import MockProcess
from tests.waiting import auntil

TOKENS = 100
MODEL = "mock/gpt;input=20;output=80"
TOLERANCE = 0.02


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("minutes"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def counted(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


async def test_requests_are_refused_at_the_limit_and_not_before(here: Limited) -> None:
    key = here.key(requests_per_minute=150, tokens_per_minute=10**6)
    answers = await at_once(here.gateway.port, [chat_with(key, MODEL)] * 250)
    assert counted(answers) == {200: 150, 429: 100}
    assert {row["worker"] for row in here.records(key, 250)} == {0, 1, 2}
    refused = next(answer for answer in answers if answer.status == 429)
    assert "150 requests a minute" in refused.error["message"]
    left = {answer.header("x-ratelimit-remaining-requests") for answer in answers if answer.status == 200}
    assert left == {str(number) for number in range(150)}, "each was told how many are left after it"


@pytest.mark.parametrize("connections", [1, 4])
async def test_tokens_are_refused_at_the_limit_and_not_before(here: Limited, connections: int) -> None:
    """A generous `max_tokens` does not use up the minute (LL#24677), nor does the limit on requests beside it."""
    limit = 20_000
    key = here.key(requests_per_minute=1000, tokens_per_minute=limit)
    asked = [chat_with(key, MODEL, max_tokens=4000)] * 230
    answers = await at_once(here.gateway.port, asked, connections=connections)
    before = answers[: next(number for number, answer in enumerate(answers) if answer.status == 429)]
    assert len(before) * TOKENS == pytest.approx(limit, rel=TOLERANCE)
    assert counted(answers)[200] * TOKENS == pytest.approx(limit, rel=TOLERANCE)
    assert "20000 tokens a minute" in answers[-1].error["message"]
    assert key.used["tokens_per_minute"] == counted(answers)[200] * TOKENS


async def test_neither_waits_for_the_other(here: Limited) -> None:
    """One of both is used up; what is left of the other is as it was."""
    many, large = (here.key(requests_per_minute=10, tokens_per_minute=10_000) for _ in range(2))
    for _ in range(10):
        assert (await here.chat(many, "mock/gpt;input=1;output=1")).status == 200
    refused = await here.chat(many)
    assert "10 requests a minute" in refused.error["message"]
    assert refused.header("x-ratelimit-remaining-tokens") == str(10_000 - 20)
    assert (await here.chat(large, "mock/gpt;input=9000;output=1000")).status == 200
    refused = await here.chat(large)
    assert "10000 tokens a minute" in refused.error["message"]
    assert refused.header("x-ratelimit-remaining-requests") == "9"
    assert refused.header("x-ratelimit-remaining-tokens") == "0"


async def let_in_before(here: Limited, key: Key, seconds: float, used: Used) -> None:
    """Have a request counted as it would have been so long ago."""
    clock = Clock(lambda: time.monotonic() - seconds, time.time)
    limiter = EmbeddedLimiter(here.memory, 0, clock)
    plan = Plan(subjects_of(key.record, ()))
    limiter.settle(await limiter.admit(plan, Reserve(0, 0)), used)


@pytest.mark.parametrize("field", ["requests", "tokens"])
async def test_who_comes_back_when_told_is_let_in_and_who_comes_before_is_not(here: Limited, field: str) -> None:
    """The minute is nearly over for what was counted; the answer says by how much."""
    key = here.key(**{f"{field}_per_minute": 2 if field == "requests" else 1000})
    for _ in range(2):
        await let_in_before(here, key, 56.5, Used(500, 0))
    refused = await here.chat(key, MODEL)
    told_at = time.monotonic()
    assert (refused.status, code_of(refused)) == (429, "rate_limit_exceeded")
    after = int(refused.header("retry-after") or "")
    assert 2 <= after <= 4
    assert refused.header(f"x-ratelimit-remaining-{field}") == "0"
    reset = int((refused.header(f"x-ratelimit-reset-{field}") or "").removesuffix("s"))
    assert math.isclose(reset, after, abs_tol=1)
    assert (await here.chat(key, MODEL)).status == 429
    await asyncio.sleep(after - (time.monotonic() - told_at))
    assert (await here.chat(key, MODEL)).status == 200


async def test_what_a_running_request_may_use_is_there_for_others_once_it_is_over(here: Limited) -> None:
    key = here.key(tokens_per_minute=1500)
    async with dialled(here.gateway.port) as leaving:
        leaving.send(chat_with(key, "mock/gpt;first=60s"))
        await auntil(lambda: key.used["tokens_per_minute"] >= 1000)
        leaving.abort()
        await auntil(lambda: key.used["tokens_per_minute"] < 100)  # its prompt was sent, and counts
