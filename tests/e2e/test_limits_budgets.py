"""Budgets over several workers: never overdrawn, never refused too early, and spent as the ledger says (T19)."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.records import NANO_USD
from tests.e2e.limited import IN, OUT, Limited, at_once, chat_with, code_of, limited, spent_of
from tests.e2e.wire import Cut, ask, dialled, request
from tests.providers import MockProcess
from tests.waiting import auntil

COSTLY = "mock/gpt;first=150ms;input=10;output=1000"
COST = 10 * IN + 1000 * OUT
RESERVE = 200 * IN + 1000 * OUT
"""At most: its body has less than 400 bytes, and it allows itself a thousand tokens."""


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("budgets"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def usd(nano_usd: int) -> float:
    return nano_usd / NANO_USD


async def test_five_hundred_at_once_cannot_overdraw_a_budget_for_ten(here: Limited) -> None:
    """What they really cost differs: some free what others were refused for."""
    budget = 10 * COST
    key = here.key(budget_usd=usd(budget))
    models = [f"mock/gpt;first=150ms;input=10;output={200 + number % 9 * 100}" for number in range(500)]
    answers = await at_once(
        here.gateway.port, [chat_with(key, model, max_tokens=1000) for model in models], connections=250
    )
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 429}
    assert statuses[200] >= 10
    rows = here.records(key, 500)
    assert Counter(row["status"] for row in rows) == statuses
    assert {row["worker"] for row in rows} == {0, 1, 2}
    assert spent_of(rows) <= budget + RESERVE
    assert key.used == {"budget_nano_usd": spent_of(rows)}, "what is left is what the ledger says, and nothing is held"
    asked = 500
    while (await here.chat(key, COSTLY, max_tokens=1000)).status == 200:
        asked += 1
    rows = here.records(key, asked + 1)
    assert budget <= spent_of(rows) <= budget + RESERVE
    assert key.used == {"budget_nano_usd": spent_of(rows)}


async def test_exactly_ten_of_a_price_fit_into_a_budget_for_ten(here: Limited) -> None:
    key = here.key(budget_usd=usd(10 * COST))
    asked = [chat_with(key, COSTLY, max_tokens=1000)] * 60
    answers = await at_once(here.gateway.port, asked)
    assert Counter(answer.status for answer in answers) == {200: 10, 429: 50}
    assert key.used == {"budget_nano_usd": 10 * COST}


async def test_nobody_is_refused_before_all_is_spent(here: Limited) -> None:
    """One after another up to 99 % of the budget, though each sets aside a multiple of what it costs."""
    cost = 10 * IN + 20 * OUT
    key = here.key(budget_usd=usd(100 * cost), budget_period="day")
    statuses = [(await here.chat(key, "mock/gpt;input=10;output=20", max_tokens=9000)).status for _ in range(101)]
    assert statuses == [200] * 100 + [429]
    last = await here.chat(key)
    assert code_of(last) == "insufficient_quota"
    assert "begins anew at" in last.error["message"]
    assert len({row["worker"] for row in here.records(key, 102)}) == 3


async def test_what_is_set_aside_is_worth_coming_back_for(here: Limited) -> None:
    """While it is only held, a client hears to come back in a second; the SDKs do so by themselves."""
    key = here.key(budget_usd=usd(COST))
    async with dialled(here.gateway.port) as wire:
        wire.send(chat_with(key, "mock/gpt;first=60s", max_tokens=1000))
        await auntil(lambda: key.used["budget_nano_usd"] > COST)
        held = await here.chat(key)
        assert (held.status, code_of(held), held.header("retry-after")) == (429, "rate_limit_exceeded", "1")
        assert held.header("x-should-retry") is None
        assert "set aside for running requests" in held.error["message"]
        wire.abort()
        await auntil(lambda: key.used["budget_nano_usd"] < 100 * IN)  # its prompt was read
    assert (await here.chat(key, COSTLY, max_tokens=1000)).status == 200


async def test_however_small_a_budget_is_the_first_request_is_let_in(here: Limited) -> None:
    """Though it says nothing of how much it may use."""
    key = here.key(budget_usd=0.00001)
    assert [(await here.chat(key)).status for _ in range(2)] == [200, 429]


async def test_images_are_not_taken_for_text(here: Limited) -> None:
    """Two megabytes of an image in base64 are a million tokens of text, and an image has 5,000."""
    key = here.key(budget_usd=10.0)
    image = base64.b64encode(bytes(range(256)) * 8192).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
    body = {"model": "mock/gpt;first=60s", "max_tokens": 100, "messages": [{"role": "user", "content": [part]}]}
    async with dialled(here.gateway.port) as wire:
        wire.send(request("POST", "/v1/chat/completions", json.dumps(body).encode(), key=key.secret))
        held = await auntil(lambda: key.used["budget_nano_usd"])
        assert 4800 * IN <= held <= 6000 * IN + 100 * OUT


async def test_a_stream_that_its_client_leaves_is_paid_for_once(here: Limited, mock: MockProcess, tag: str) -> None:
    """With what was said until then: the ledger, the budget and the tokens of the month agree (GOALS 101)."""
    key = here.key(budget_usd=5.0, tokens_per_month=10**9, requests_per_month=100)
    async with dialled(here.gateway.port) as wire:
        wire.send(chat_with(key, f"mock/gpt;chunks=600;size=8;pace=20ms;tag={tag}", stream=True))
        pieces = wire.pieces(await wire.head())
        for _ in range(10):
            await anext(pieces)
        wire.abort()
        await auntil(lambda: mock.disconnects(tag))
    (row,) = here.records(key, 1)
    assert row["usage_source"] == "estimated"
    assert row["error"] == "client_disconnected"
    assert row["output_tokens"] >= 10
    assert row["cost_nano_usd"] == row["input_tokens"] * IN + row["output_tokens"] * OUT
    assert key.used == {
        "requests_per_month": 1,
        "tokens_per_month": row["input_tokens"] + row["output_tokens"],
        "budget_nano_usd": row["cost_nano_usd"],
    }


async def test_a_combo_goes_on_to_the_target_that_can_be_paid_for(here: Limited, mock: MockProcess, tag: str) -> None:
    here.issuer.configure(
        "combo", "cheap-first", {"targets": [f"free/gpt;tag=un{tag}", f"free/priced;tag={tag};input=10;output=10"]}
    )
    key = here.key(budget_usd=1.0)
    answer = await here.chat(key, "cheap-first")
    assert answer.status == 200
    assert len(mock.requests(tag)) == 1
    assert not mock.requests(f"un{tag}")
    assert key.used == {"budget_nano_usd": 10 * IN + 10 * OUT}


async def test_requests_that_nobody_was_asked_for_count_nothing(here: Limited) -> None:
    key = here.key(budget_usd=1.0, requests_per_month=5, requests_per_minute=5, tokens_per_month=1000)
    for model in ("nowhere/gpt", "mock/"):
        assert (await here.chat(key, model)).status in (400, 404)
    assert (await here.chat(key, "mock/gpt", messages="no list")).status in (200, 400)
    wrong = await ask(here.gateway.port, request("POST", "/v1/chat/completions", b"{", key=key.secret))
    assert wrong.status == 400
    assert key.used["tokens_per_month"] == 0


@pytest.mark.parametrize("script", ["status=500", "status=400", "reset=0", "disguised", "garbage", "errorevent=0"])
async def test_a_provider_that_refuses_is_not_paid_and_holds_nothing(here: Limited, script: str) -> None:
    key = here.key(budget_usd=1.0, max_parallel=1, tokens_per_minute=10**6, requests_per_month=100)
    answer = await here.chat(key, f"mock/gpt;{script}", stream=script == "errorevent=0")
    assert answer.status >= 400
    assert key.used == {"max_parallel": 0, "tokens_per_minute": 0, "requests_per_month": 1, "budget_nano_usd": 0}


BREAKS = [
    *(
        (script, stream)
        for script in ("empty", "chunks=4;cut=2", "chunks=4;reset=2", "nodone")
        for stream in (False, True)
    ),
    ("errorevent=3", True),
]


@pytest.mark.parametrize(("script", "stream"), BREAKS)
async def test_an_answer_that_breaks_is_paid_for_once_by_what_was_said(
    here: Limited, script: str, stream: bool
) -> None:
    """Or by its prompt alone, where nobody knows what the provider said."""
    key = here.key(budget_usd=1.0, max_parallel=1)
    with suppress(Cut):
        await here.chat(key, f"mock/gpt;{script}", stream=stream)
    (row,) = here.records(key, 1)
    assert row["cost_nano_usd"] == row["input_tokens"] * IN + row["output_tokens"] * OUT > 0
    assert key.used == {"max_parallel": 0, "budget_nano_usd": row["cost_nano_usd"]}
