"""The official OpenAI client through a gateway: programs written with it do not notice that we are there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.e2e.conftest import NARROW_KEY
from tests.e2e.wire import CHAT, ask, request
from tests.gateway_process import PROVIDER_KEY, GatewayProcess
from tests.providers import MockProcess

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}}},
        },
    },
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
]
RATE_LIMITS = {"x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests"}
"""Those of the gateway's credential: none of a client's business (RL-1)."""


@pytest_asyncio.fixture
async def async_client(gateway: GatewayProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as made:
        yield made


def received(mock: MockProcess, tag: str) -> bytes:
    """The body of the one request with this tag, as the provider got it."""
    (only,) = mock.requests(tag)
    body: str = only["body"]
    return body.encode()


# Chat


def test_a_chat_is_answered(client: openai.OpenAI, gateway: GatewayProcess, tag: str) -> None:
    answer = client.chat.completions.create(model=f"mock/gpt-4o-mini;chunks=3;tag={tag}", messages=HELLO)
    assert answer.choices[0].message.content == "Hello from the "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3
    record = gateway.record(tag)
    assert (record["status"], record["error"], record["stream"], record["key"]) == (200, None, False, "tester")
    assert (record["input_tokens"], record["output_tokens"]) == (answer.usage.prompt_tokens, 3)
    assert record["cost_nano_usd"] == answer.usage.prompt_tokens * 1000 + 3 * 5000
    assert "OpenAI/Python" in record["user_agent"]


def test_a_streamed_chat_is_answered(client: openai.OpenAI, gateway: GatewayProcess, tag: str) -> None:
    stream = client.chat.completions.create(
        model=f"mock/gpt-4o-mini;chunks=20;utf8;pace=1ms;tag={tag}", messages=HELLO, stream=True
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "😀" in said
    assert "\u2028" in said
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert gateway.record(tag)["output_tokens"] == 20


def test_usage_nobody_asked_for_is_not_shown_but_recorded(
    client: openai.OpenAI, gateway: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    stream = client.chat.completions.create(model=f"mock/gpt-4o-mini;chunks=3;tag={tag}", messages=HELLO, stream=True)
    chunks = list(stream)
    assert all(chunk.choices for chunk in chunks)
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)
    assert json.loads(received(mock, tag))["stream_options"] == {"include_usage": True}
    assert gateway.record(tag)["output_tokens"] == 3


@pytest.mark.parametrize("usage", ["asked", "late", "cached"])
def test_usage_that_was_asked_for_comes_last(
    client: openai.OpenAI, gateway: GatewayProcess, tag: str, usage: str
) -> None:
    stream = client.chat.completions.create(
        model=f"mock/gpt-4o-mini;chunks=8;input=100;usage={usage};tag={tag}",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (100, 8)
    record = gateway.record(tag)
    assert (record["input_tokens"], record["output_tokens"]) == (100, 8)
    assert (record["cache_read_tokens"], record["reasoning_tokens"]) == ((50, 2) if usage == "cached" else (0, 0))


def test_stream_options_of_the_client_stay(client: openai.OpenAI, mock: MockProcess, tag: str) -> None:
    options: Any = {"include_usage": False, "include_obfuscation": False}
    stream = client.chat.completions.create(
        model=f"mock/gpt-4o-mini;tag={tag}", messages=HELLO, stream=True, stream_options=options
    )
    assert all(chunk.choices for chunk in stream)
    assert json.loads(received(mock, tag))["stream_options"] == {"include_usage": True, "include_obfuscation": False}


async def test_the_asynchronous_client_is_answered(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model="mock/gpt-4o-mini;chunks=3", messages=HELLO)
    assert answer.choices[0].message.content == "Hello from the "
    stream = await async_client.chat.completions.create(
        model="mock/gpt-4o-mini;chunks=30;utf8;pace=1ms", messages=HELLO, stream=True
    )
    said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "\u2028" in said


def test_tools_pass_through(client: openai.OpenAI, mock: MockProcess, tag: str) -> None:
    answer = client.chat.completions.create(
        model=f"mock/gpt-4o-mini;tag={tag}",
        messages=HELLO,
        tools=TOOLS,
        tool_choice="required",
        parallel_tool_calls=True,
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"
    assert set(json.loads(call.function.arguments)) == {"city", "unit"}
    assert json.loads(received(mock, tag))["tools"] == TOOLS


def test_tools_pass_through_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="mock/gpt-4o-mini;toolcall=2;pace=1ms", messages=HELLO, tools=TOOLS
    ) as stream:
        final = stream.get_final_completion()
    calls: list[Any] = list(final.choices[0].message.tool_calls or [])
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert json.loads(calls[0].function.arguments) == {"city": "Zürich 🏔", "unit": "C"}


def test_several_choices_pass_through(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="mock/gpt-4o-mini;chunks=2", messages=HELLO, n=2) as stream:
        final = stream.get_final_completion()
    assert [choice.message.content for choice in final.choices] == ["Hello from ", "Hello from "]


@pytest.mark.parametrize("stream", [False, True])
def test_raw_responses_show_our_headers_and_those_of_the_provider(client: openai.OpenAI, stream: bool) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="mock/gpt-4o-mini;chunks=2", messages=HELLO, stream=stream
    )
    headers = raw.headers
    assert headers["x-request-id"].startswith("req_")
    assert not RATE_LIMITS & set(headers)
    assert headers["openai-version"] == "2020-10-01"
    assert len(headers["x-sluicegate-request-id"]) == 36
    assert headers["x-sluicegate-provider"] == "mock"
    assert headers["x-sluicegate-model"] == "gpt-4o-mini;chunks=2"
    assert headers["x-sluicegate-credential"] == "first"
    assert headers["x-sluicegate-attempts"] == "1"
    assert 0 < int(headers["x-sluicegate-overhead-us"]) < 1_000_000
    raw.parse()


# The body on its way

ODD = (
    b'{ "zzz_unknown":{"deep":[1,2.50,1e5,-0.0]}, "model" : "mock/gpt-4o-mini;lenient;tag=%b" ,\n'
    b'\t"messages":[{"role":"user","content":"\\u00e9 \\ud83d\\ude00 \xc3\xa9 \\/ \\"model\\": x"}],'
    b'"big":123456789012345678901234567890,"stream":%b  , "n":1}'
)


@pytest.mark.parametrize("stream", [b"false", b"true"])
async def test_a_body_arrives_byte_for_byte_but_for_what_must_change(
    gateway: GatewayProcess, mock: MockProcess, tag: str, stream: bytes
) -> None:
    sent = ODD % (tag.encode(), stream)
    answer = await ask(gateway.port, request("POST", CHAT, sent))
    assert answer.status == 200, answer
    expected = sent.replace(b'"mock/gpt', b'"gpt')
    if stream == b"true":
        expected = expected.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)
    assert received(mock, tag) == expected


async def test_a_body_that_needs_no_change_arrives_as_it_was(
    gateway: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    body = b'{ "model":"llama-3;tag=%b" ,"input":  "\\u00e9","unknown":[null,{}] }' % tag.encode()
    assert (await ask(gateway.port, request("POST", "/v1/embeddings", body))).status == 200
    assert received(mock, tag) == body


async def test_a_body_that_names_its_model_twice_keeps_its_fields(
    gateway: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    """Where the bytes to change cannot be told for certain the body is written anew."""
    body = b'{"model":"x","input":"x","unknown":[null,{}],"model":"mock/text;tag=%b"}' % tag.encode()
    assert (await ask(gateway.port, request("POST", "/v1/embeddings", body))).status == 200
    assert json.loads(received(mock, tag)) == {"model": f"text;tag={tag}", "input": "x", "unknown": [None, {}]}


def test_extra_fields_pass_both_ways(client: openai.OpenAI, mock: MockProcess, tag: str) -> None:
    answer = client.chat.completions.create(
        model=f"mock/gpt-4o-mini;lenient;tag={tag}",
        messages=HELLO,
        extra_body={"reasoning": {"effort": "high"}, "top_k": 7},
    )
    sent = json.loads(received(mock, tag))
    assert (sent["reasoning"], sent["top_k"]) == ({"effort": "high"}, 7)
    assert answer.system_fingerprint == "fp_mock"


def test_the_provider_sees_its_own_key_and_not_the_client_s(client: openai.OpenAI, mock: MockProcess, tag: str) -> None:
    client.chat.completions.create(model=f"mock/gpt-4o-mini;tag={tag}", messages=HELLO)
    (seen,) = mock.requests(tag)
    headers = dict(seen["headers"])
    assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert "sk-client-key" not in json.dumps(seen)


# Errors


@pytest.mark.parametrize("key", ["sk-nobody", "sk-client-key-of-the-tests2"])
def test_a_wrong_key_is_an_authentication_error(client: openai.OpenAI, key: str) -> None:
    stranger = client.with_options(api_key=key)
    for ask_for in (
        lambda: stranger.chat.completions.create(model="mock/gpt-4o-mini", messages=HELLO),
        lambda: stranger.embeddings.create(model="mock/text", input="x"),
        stranger.models.list,
    ):
        with pytest.raises(openai.AuthenticationError) as raised:
            ask_for()
        assert raised.value.code == "invalid_api_key"
        assert key not in str(raised.value)


def test_a_model_beyond_the_key_is_a_permission_error(client: openai.OpenAI) -> None:
    narrow = client.with_options(api_key=NARROW_KEY)
    assert narrow.chat.completions.create(model="fast", messages=HELLO).id
    with pytest.raises(openai.PermissionDeniedError) as raised:
        narrow.chat.completions.create(model="mock/gpt-4o", messages=HELLO)
    assert (raised.value.code, raised.value.param) == ("model_not_allowed", "model")


def test_a_model_nobody_can_tell_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="twin", messages=HELLO)
    assert raised.value.code == "model_not_found"
    assert "second/twin, third/twin" in str(raised.value)


@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        ("missing-model", openai.NotFoundError, "model_not_found"),
        ("gpt-4o;status=400", openai.BadRequestError, None),
        ("gpt-4o;status=409", openai.ConflictError, None),
        ("gpt-4o;status=422", openai.UnprocessableEntityError, None),
        ("gpt-4o;status=429;retry=7", openai.RateLimitError, "rate_limit_exceeded"),
        ("gpt-4o;quota", openai.RateLimitError, "insufficient_quota"),
        ("gpt-4o;status=500", openai.InternalServerError, None),
        ("gpt-4o;status=503", openai.InternalServerError, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_the_provider_pass_through(
    client: openai.OpenAI,
    gateway: GatewayProcess,
    tag: str,
    model: str,
    error: type[openai.APIStatusError],
    code: str | None,
    stream: bool,
) -> None:
    name = f"mock/{model};tag={tag}"
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=name, messages=HELLO, stream=stream)
    assert raised.value.code == code
    assert (raised.value.request_id or "").startswith("req_")
    if "retry" in model:
        assert raised.value.response.headers["retry-after"] == "7"
        assert raised.value.response.headers["retry-after-ms"] == "7000"
    record = gateway.record(tag)
    assert record["status"] == raised.value.status_code
    assert record["error"] == f"upstream_status_{raised.value.status_code}"


def test_the_provider_s_own_words_about_a_wrong_request_reach_the_client(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "nobody", "content": "x"}]
    with pytest.raises(openai.BadRequestError, match="Supported values are") as raised:
        client.chat.completions.create(model="mock/gpt-4o-mini", messages=messages)
    assert raised.value.param == "messages[0].role"


@pytest.mark.parametrize("stream", [False, True])
def test_retries_of_the_client_work(client: openai.OpenAI, mock: MockProcess, tag: str, stream: bool) -> None:
    model = f"mock/gpt-4o-mini;status=500;retry=0.01;times=2;tag={tag}"
    client.with_options(max_retries=3).chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert len(mock.requests(tag)) == 3


def test_a_client_that_retries_refuses_to_when_told_so(client: openai.OpenAI, mock: MockProcess, tag: str) -> None:
    with pytest.raises(openai.BadRequestError):
        client.with_options(max_retries=3).chat.completions.create(
            model=f"mock/gpt-4o-mini;status=400;tag={tag}", messages=HELLO
        )
    assert len(mock.requests(tag)) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_timeouts_of_the_client_work(client: openai.OpenAI, gateway: GatewayProcess, tag: str, stream: bool) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(
            model=f"mock/gpt-4o-mini;first=20s;tag={tag}", messages=HELLO, stream=stream
        )
    assert gateway.record(tag)["error"] == "client_disconnected"


def test_an_error_inside_a_stream_is_raised(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="mock/gpt-4o-mini;errorevent=1", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="server had an error"):
        list(stream)
