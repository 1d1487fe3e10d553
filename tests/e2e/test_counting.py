"""Token counts: every dialect's endpoint before every provider. The provider's number where it has one, else ours."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import openai
import orjson
import pytest
from google import genai

from tests.e2e.pairs import MODELS, SECRET, TOML
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import GatewayProcess, running
from tests.providers import MockProcess

Fields = dict[str, Any]

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
COUNTING = [provider for provider in MODELS if provider != "chat"]
LONG = "hello " * 3000
"""3001 tokens to a tokenizer, 6000 by its bytes."""


def messages(model: str, said: str, *, tools: bool = False) -> tuple[str, Fields]:
    tool = {"name": "weather", "description": "Tells the weather.", "input_schema": SCHEMA}
    body = {"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": said}]}
    return "/v1/messages/count_tokens", body | ({"tools": [tool]} if tools else {})


def responses(model: str, said: str, *, tools: bool = False) -> tuple[str, Fields]:
    tool = {"type": "function", "name": "weather", "description": "Tells the weather.", "parameters": SCHEMA}
    body = {"model": model, "instructions": "Be brief.", "input": said}
    return "/v1/responses/input_tokens", body | ({"tools": [tool]} if tools else {})


def gemini(model: str, said: str, *, tools: bool = False) -> tuple[str, Fields]:
    path, contents = f"/v1beta/models/{model}:countTokens", [{"role": "user", "parts": [{"text": said}]}]
    if not tools:
        return path, {"contents": contents}
    declared = {"name": "weather", "description": "Tells the weather.", "parametersJsonSchema": SCHEMA}
    inner = {"model": f"models/{model}", "contents": contents, "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    return path, {"generateContentRequest": {**inner, "tools": [{"functionDeclarations": [declared]}]}}


class Dialect(NamedTuple):
    """How a client asks for a count, and where it finds the number."""

    wish: Callable[..., tuple[str, Fields]]
    number: str


CLIENTS = {
    "messages": Dialect(messages, "input_tokens"),
    "responses": Dialect(responses, "input_tokens"),
    "gemini": Dialect(gemini, "totalTokens"),
}

every_client = pytest.mark.parametrize("client", CLIENTS)
every_provider = pytest.mark.parametrize("provider", MODELS)


class Count(NamedTuple):
    """An answer with a number."""

    answer: Answer
    tokens: int

    @property
    def is_estimate(self) -> bool:
        """Whether it says so."""
        return self.answer.header("x-sluicegate-token-count") == "estimate"


async def count(
    gateway: GatewayProcess, client: str, model: str, said: str = "hello", *, agent: str = "", tools: bool = False
) -> Count:
    path, body = CLIENTS[client].wish(model, said, tools=tools)
    answer = await ask(gateway.port, request("POST", path, orjson.dumps(body), user_agent=agent))
    assert answer.status == 200, answer.body
    tokens = answer.json()[CLIENTS[client].number]
    assert isinstance(tokens, int)
    return Count(answer, tokens)


def model_of(provider: str, script: str = "") -> str:
    return f"{provider}/{MODELS[provider]}{script}"


@every_client
@pytest.mark.parametrize("provider", COUNTING)
async def test_a_provider_that_counts_is_believed(crossing: GatewayProcess, client: str, provider: str) -> None:
    counted = await count(crossing, client, model_of(provider, ";input=777"))
    assert (counted.tokens, counted.is_estimate) == (777, False)


@every_client
async def test_for_one_that_does_not_there_is_an_estimate(crossing: GatewayProcess, client: str) -> None:
    short, long = [await count(crossing, client, model_of("chat"), said) for said in ("hello", LONG)]
    assert short.is_estimate
    assert long.is_estimate
    assert 5 <= short.tokens <= 50
    assert 3000 <= long.tokens <= 3100


@every_client
@every_provider
async def test_tools_count(crossing: GatewayProcess, client: str, provider: str) -> None:
    plain = await count(crossing, client, model_of(provider))
    equipped = await count(crossing, client, model_of(provider), tools=True)
    if client == provider == "gemini":
        assert equipped.tokens >= plain.tokens  # Google's own word
        return
    assert equipped.tokens >= plain.tokens + 10
    assert equipped.is_estimate == (provider in ("chat", "gemini"))


@every_client
@every_provider
@pytest.mark.parametrize("script", [";status=404", ";status=405", ";status=501", ";status=404;html", ";empty"])
async def test_a_provider_without_the_endpoint_is_no_error(
    crossing: GatewayProcess, client: str, provider: str, script: str
) -> None:
    counted = await count(crossing, client, model_of(provider, script), LONG)
    assert counted.is_estimate
    assert 3000 <= counted.tokens <= 4200


ASKED = {
    "messages": {"model", "system", "messages", "tools"},
    "responses": {"model", "instructions", "input", "tools"},
    "gemini": {"contents"},
}
"""What a provider is told of a prompt with tools."""


@every_client
@pytest.mark.parametrize("provider", COUNTING)
async def test_a_provider_is_asked_in_its_own_words_about_its_own_model(
    crossing: GatewayProcess, mock: MockProcess, client: str, provider: str, tag: str
) -> None:
    model = f"{MODELS[provider]};tag={tag}"
    await count(crossing, client, f"{provider}/{model}", "how are you?", tools=True)
    (asked,) = mock.requests(tag)
    body = orjson.loads(asked["body"])
    assert body.get("model", model) == model
    assert "how are you?" in asked["body"]
    if client == provider == "gemini":
        assert body["generateContentRequest"]["model"] == f"models/{model}"
    else:
        assert set(body) == ASKED[provider]
        assert "Be brief." in asked["body"]


@every_client
@pytest.mark.parametrize("provider", COUNTING)
async def test_any_other_failure_is_told(crossing: GatewayProcess, client: str, provider: str) -> None:
    path, body = CLIENTS[client].wish(model_of(provider, ";status=400"), "hello")
    answer = await ask(crossing.port, request("POST", path, orjson.dumps(body)))
    assert answer.status == 400
    assert "error" in answer.json()


@every_client
@every_provider
async def test_a_wish_that_makes_no_sense_is_refused(crossing: GatewayProcess, client: str, provider: str) -> None:
    path, body = CLIENTS[client].wish(model_of(provider), "hello")
    body[next(name for name in ("messages", "input", "contents") if name in body)] = 7
    answer = await ask(crossing.port, request("POST", path, orjson.dumps(body)))
    assert answer.status == 400


@every_client
@every_provider
async def test_a_count_is_recorded_and_costs_nothing(
    crossing: GatewayProcess, client: str, provider: str, tag: str
) -> None:
    await count(crossing, client, model_of(provider), agent=tag)
    record = crossing.record(tag)
    path, _ = CLIENTS[client].wish("{model}", "")
    assert (record["endpoint"], record["status"], record["error"]) == (path, 200, None)
    assert (record["provider"], record["model"]) == (provider, MODELS[provider])
    assert (record["input_tokens"], record["output_tokens"], record["usage_source"]) == (0, 0, "none")
    assert record["cost_nano_usd"] is None


@every_client
async def test_nobody_reaches_the_tokenizer_from_outside(crossing: GatewayProcess, client: str) -> None:
    body = orjson.dumps(["hello"])
    answer = await ask(crossing.port, request("POST", "/internal/count-tokens", body, x_sluicegate_forwarded=""))
    assert answer.status == 404


async def test_without_the_control_process_bytes_are_counted(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, TOML.format(mock=mock.url, secret=SECRET)) as gateway:
        gateway.complete()
        assert (await count(gateway, "messages", model_of("chat"), LONG)).tokens < 4000
        control = gateway.control()
        assert control
        os.kill(control, signal.SIGKILL)
        guessed = await count(gateway, "messages", model_of("chat"), LONG)
        assert guessed.is_estimate
        assert guessed.tokens > 6000
        assert gateway.close() == 0, gateway.tail()


def test_the_official_sdks_understand(crossing: GatewayProcess) -> None:
    for provider in MODELS:
        model = model_of(provider)
        with anthropic.Anthropic(base_url=crossing.url, api_key=crossing.key, max_retries=0) as asking:
            assert asking.messages.count_tokens(model=model, messages=[{"role": "user", "content": "hi"}]).input_tokens
        with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as opened:
            assert opened.responses.input_tokens.count(model=model, input="hi").input_tokens
        client = genai.Client(api_key=crossing.key, http_options={"base_url": crossing.url})
        assert client.models.count_tokens(model=model, contents="hi").total_tokens
        client.close()
