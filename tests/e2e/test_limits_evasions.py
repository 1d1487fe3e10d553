"""Ways around limits that are none: asking without waiting for the answer, in the background, or for what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.limited import IN, Key, Limited, chat_with, limited
from tests.e2e.wire import Answer, ask, connect, leave, request
from tests.providers import MockProcess
from tests.waiting import until

RESPONSES = "/v1/responses"
PROMPT = "weir " * 1000
"""Five thousand bytes."""


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("evasions"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


async def respond(here: Limited, key: Key, **more: Any) -> Answer:
    body = {"model": "responses/gpt-5.5", "input": "hello", **more}
    return await ask(here.gateway.port, request("POST", RESPONSES, json.dumps(body).encode(), key=key.secret))


async def look_at(here: Limited, key: Key, response_id: str) -> Answer:
    asked = request("GET", f"{RESPONSES}/{response_id}", key=key.secret)
    return await ask(here.gateway.port, asked, method="GET")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_does_not_wait_pays_for_its_prompt(
    here: Limited, mock: MockProcess, tag: str, stream: bool
) -> None:
    """Providers that have a request read it, whoever is there for the answer."""
    key = here.key(budget_usd=1)
    sock = connect(here.gateway.port)
    messages = [{"role": "user", "content": PROMPT}]
    sock.sendall(chat_with(key, f"mock/gpt;first=10s;tag={tag}", stream=stream, messages=messages))
    until(lambda: mock.requests(tag))
    leave(sock, "fin")
    (row,) = here.records(key, 1)
    assert (row["status"], row["error"], row["usage_source"]) == (499, "client_disconnected", "estimated")
    assert 1000 <= row["input_tokens"] <= 2500
    assert row["output_tokens"] == 0
    assert row["cost_nano_usd"] == row["input_tokens"] * IN
    assert key.used == {"budget_nano_usd": row["cost_nano_usd"]}


@pytest.mark.parametrize(
    "limits", [{"budget_usd": 1}, {"tokens_per_month": 10**9}, {"tokens_per_minute": 10**9}], ids=str
)
async def test_nobody_with_limits_of_tokens_or_money_has_answers_made_in_the_background(
    here: Limited, limits: dict[str, Any]
) -> None:
    key = here.key(**limits)
    answer = await respond(here, key, background=True)
    assert answer.status == 400, answer.body
    assert answer.error["param"] == "background"
    assert set(key.used.values()) == {0}
    assert (await respond(here, key, background=False)).status == 200


async def test_whoever_is_not_limited_so_may_have_them_made_in_the_background(here: Limited) -> None:
    assert (await respond(here, here.key(requests_per_minute=5), background=True)).status == 200


async def test_to_look_at_what_a_provider_keeps_is_a_request_to_it(here: Limited) -> None:
    key = here.key(requests_per_minute=3, max_parallel=1)
    made = await respond(here, key, store=True)
    assert made.status == 200, made.body
    looked = [await look_at(here, key, made.json()["id"]) for _ in range(3)]
    assert [answer.status for answer in looked] == [200, 200, 429]
    assert int(looked[-1].header("retry-after") or 0) >= 1
    assert looked[-1].error["code"] == "rate_limit_exceeded"
    assert key.used == {"requests_per_minute": 3, "max_parallel": 0}
