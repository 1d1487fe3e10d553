"""A limit that is used up is used up on every endpoint there is, and each dialect hears of it in its own words (T21,
T24). Generated from the table of endpoints: a new one is covered as soon as it stands there."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from gateway.api.endpoints import ENDPOINTS
from gateway.records import Endpoint
from tests.e2e.limited import MODELS, Key, Limited, chat_with, fields_of, flowing, limited
from tests.e2e.wire import Answer, ask, request
from tests.providers import MockProcess

HELLO = {"role": "user", "content": "hello"}
BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"messages": [HELLO], "input": "hello", "prompt": "hello", "query": "hello", "documents": ["a"]},
    "openai_responses": {"input": "hello", "store": False},
    "anthropic": {"messages": [HELLO], "max_tokens": 16},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}
"""Enough for any endpoint of a dialect to be understood; what a provider makes of it does not matter."""

ASKED = [(endpoint, stream) for endpoint in ENDPOINTS for stream in (False, True)]
NAMES = [f"{endpoint.path}{' as a stream' if stream else ''}" for endpoint, stream in ASKED]

SHAPES: dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]] = {
    "openai_chat": lambda error: (error["type"], error["code"]),
    "openai_responses": lambda error: (error["type"], error["code"]),
    "anthropic": lambda error: (error["type"],),
    "gemini": lambda error: (error["status"], error["code"]),
}
OPENAI = {
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "spent": (403, "permission_error", "budget_spent"),
    "unpriced": (402, "invalid_request_error", "model_unpriced"),
}
TOLD: dict[str, dict[str, tuple[Any, ...]]] = {
    "openai_chat": OPENAI,
    "openai_responses": OPENAI,
    "anthropic": {
        "rate_limit": (429, "rate_limit_error"),
        "quota": (429, "rate_limit_error"),
        "spent": (403, "permission_error"),
        "unpriced": (402, "billing_error"),
    },
    "gemini": {
        "rate_limit": (429, "RESOURCE_EXHAUSTED", 429),
        "quota": (429, "RESOURCE_EXHAUSTED", 429),
        "spent": (403, "PERMISSION_DENIED", 403),
        "unpriced": (429, "RESOURCE_EXHAUSTED", 429),
    },
}
"""Status, and what the error object says, by dialect and refusal."""

HEADERS = {
    "openai_chat": "x-ratelimit-{}-requests",
    "openai_responses": "x-ratelimit-{}-requests",
    "anthropic": "anthropic-ratelimit-requests-{}",
}


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("everywhere"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@pytest_asyncio.fixture
async def occupied(here: Limited) -> AsyncIterator[Key]:
    """A key that has used its only place."""
    key = here.key(max_parallel=1)
    async with flowing(here.gateway.port, [chat_with(key, "mock/gpt;chunks=1000;pace=50ms", stream=True)]):
        yield key


def asking(endpoint: Endpoint, key: Key, *, stream: bool = False, model: str = "") -> bytes:
    """A whole request to an endpoint."""
    model = (model or MODELS[endpoint.format]) + (";lenient" if endpoint.format == "openai_chat" else "")
    path = endpoint.path.replace("{model}", quote(model, safe=""))
    if endpoint.body == "multipart":
        parts = {"model": model, "stream": json.dumps(stream), "prompt": "hello", "file": "RIFF"}
        form = "".join(f'--x\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items())
        kind = {"content-type": "multipart/form-data; boundary=x"}
        return request("POST", path, f"{form}--x--\r\n".encode(), key=key.secret, headers=kind)
    named = {} if endpoint.format == "gemini" else {"model": model, "stream": stream}
    query = "?alt=sse" if endpoint.format == "gemini" and stream else ""
    return request("POST", path + query, json.dumps(BODIES[endpoint.format] | named).encode(), key=key.secret)


async def answer_to(here: Limited, endpoint: Endpoint, key: Key, *, stream: bool = False, model: str = "") -> Answer:
    return await ask(here.gateway.port, asking(endpoint, key, stream=stream, model=model))


def check_told(endpoint: Endpoint, answer: Answer, refusal: str) -> None:
    """It is this refusal, in the words of the endpoint's dialect."""
    assert (answer.status, *SHAPES[endpoint.format](fields_of(answer))) == TOLD[endpoint.format][refusal]
    assert answer.header("content-type") == "application/json"


def check_headers(endpoint: Endpoint, answer: Answer, remaining: int, seconds: float) -> None:
    """They say what is left of a limit of one request, which is whole again after about so many seconds."""
    if endpoint.format == "gemini":
        assert not [name for name in answer.names if "ratelimit" in name]
        return
    limit, left, reset = (
        answer.header(HEADERS[endpoint.format].format(word)) for word in ("limit", "remaining", "reset")
    )
    assert (limit, left) == ("1", str(remaining))
    assert seconds_of(reset or "") == pytest.approx(seconds, abs=5)


def seconds_of(reset: str) -> float:
    """How long until a reset, as OpenAI or Anthropic writes it."""
    if reset.endswith("Z"):
        return (datetime.fromisoformat(reset) - datetime.now(UTC)).total_seconds()
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", reset))


def seconds_to_next_month() -> float:
    now = datetime.now(UTC)
    begins = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (begins - now).total_seconds()


@pytest.mark.parametrize(("endpoint", "stream"), ASKED, ids=NAMES)
async def test_requests_a_minute_hold(here: Limited, endpoint: Endpoint, stream: bool) -> None:
    key = here.key(requests_per_minute=1)
    first = await answer_to(here, endpoint, key, stream=stream)
    assert first.status != 429
    check_headers(endpoint, first, 0, 60)
    second = await answer_to(here, endpoint, key, stream=stream)
    check_told(endpoint, second, "rate_limit")
    check_headers(endpoint, second, 0, 60)
    assert 55 <= int(second.header("retry-after") or "") <= 60
    assert second.header("x-should-retry") is None
    if endpoint.format == "gemini":
        failure, again = fields_of(second)["details"]
        assert failure["violations"][0]["quotaId"] == "RequestsPerMinute"
        assert again["retryDelay"] == f"{second.header('retry-after')}s"
    assert key.used == {"requests_per_minute": 1}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_a_quota_holds_until_its_month_ends(here: Limited, endpoint: Endpoint) -> None:
    key = here.key(requests_per_month=1)
    assert (await answer_to(here, endpoint, key)).status != 429
    refused = await answer_to(here, endpoint, key)
    check_told(endpoint, refused, "quota")
    check_headers(endpoint, refused, 0, seconds_to_next_month())
    assert int(refused.header("retry-after") or "") == pytest.approx(seconds_to_next_month(), abs=5)
    assert refused.header("x-should-retry") == "false"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_a_budget_that_is_spent_for_good_is_so_everywhere(here: Limited, endpoint: Endpoint) -> None:
    key = here.key(budget_usd=0.001, budget_period="total")
    assert (await here.chat(key, "mock/gpt;input=100000;output=1")).status == 200
    refused = await answer_to(here, endpoint, key)
    check_told(endpoint, refused, "spent")
    assert refused.header("x-should-retry") == "false"
    assert refused.header("retry-after") is None


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_a_place_among_parallel_requests_is_needed_everywhere(
    here: Limited, endpoint: Endpoint, occupied: Key
) -> None:
    refused = await answer_to(here, endpoint, occupied)
    check_told(endpoint, refused, "rate_limit")
    assert refused.header("retry-after") == "1"


@pytest.mark.parametrize("client", MODELS)
async def test_a_model_without_a_price_is_not_for_a_key_with_a_budget(here: Limited, client: str) -> None:
    endpoint = next(each for each in ENDPOINTS if each.format == client and each.operation == "generate")
    key, careless = here.key(budget_usd=1.0), here.key(budget_usd=1.0, allow_unpriced=True)
    refused = await answer_to(here, endpoint, key, model="free/gpt-4o-mini")
    check_told(endpoint, refused, "unpriced")
    assert refused.header("x-should-retry") == "false"
    assert (await answer_to(here, endpoint, careless, model="free/gpt-4o-mini")).status == 200


async def test_a_key_without_limits_hears_of_none(here: Limited) -> None:
    answer = await here.chat(here.key())
    assert not [name for name in answer.names if "ratelimit" in name]


async def test_of_several_limits_the_one_is_told_of_which_the_least_is_left(here: Limited) -> None:
    key = here.key(requests_per_minute=500, requests_per_month=3, tokens_per_minute=900_000, tokens_per_month=10**9)
    answer = await here.chat(key, "mock/gpt;input=10;output=10", max_tokens=10)
    assert answer.header("x-ratelimit-limit-requests") == "3"
    assert answer.header("x-ratelimit-remaining-requests") == "2"
    assert answer.header("x-ratelimit-limit-tokens") == "900000"
