"""The official client against the mock: if it is content, so are programs written with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.providers import MockProcess

HELLO: list[Any] = [{"role": "user", "content": "Hi"}]
TOOLS: list[Any] = [
    {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "clock", "input_schema": {"type": "object"}},
]
MODEL = "claude-opus-4-8"


@pytest.fixture
def client(mock: MockProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=mock.url, api_key="sk-test", max_retries=0) as made:
        yield made


def test_a_message(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=f"{MODEL};chunks=3", max_tokens=100, messages=HELLO)
    assert message.content[0].type == "text"
    assert message.content[0].text == "Hello from the "
    assert message.usage.output_tokens == 3
    assert message._request_id is not None


def test_a_stream_adds_up_to_the_message(client: anthropic.Anthropic) -> None:
    asked: dict[str, Any] = {
        "model": f"{MODEL};toolcall=3;redacted;citations;chunks=5;utf8;size=9",
        "max_tokens": 100,
        "messages": HELLO,
        "tools": TOOLS,
        "thinking": {"type": "adaptive"},
    }
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        for _ in stream:
            pass
        added = stream.get_final_message()
    for before, after in zip(whole.content, added.content, strict=True):
        left = before.model_dump(exclude_none=True, exclude={"id"})
        right = after.model_dump(exclude_none=True, exclude={"id", "parsed_output"})
        assert left == right
    assert whole.stop_reason == added.stop_reason == "tool_use"
    assert whole.usage.output_tokens == added.usage.output_tokens


def test_a_conversation_with_thoughts_and_tools_goes_on(client: anthropic.Anthropic) -> None:
    asked: dict[str, Any] = {"max_tokens": 100, "tools": TOOLS, "thinking": {"type": "adaptive"}}
    first = client.messages.create(model=f"{MODEL};toolcall=2", messages=HELLO, **asked)
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": block.name}
        for block in first.content
        if block.type == "tool_use"
    ]
    history = [*HELLO, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = client.messages.create(model=f"{MODEL};echo", messages=history, **asked)
    assert second.content[-1].type == "text"
    assert '"results":["weather","clock"]' in second.content[-1].text


def test_the_rest(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens > 0
    assert MODEL in [model.id for model in client.models.list(limit=2)]
    capabilities = client.models.retrieve(MODEL).capabilities
    assert capabilities is not None
    assert capabilities.thinking.types.adaptive.supported


def test_an_error_inside_a_stream_is_raised(client: anthropic.Anthropic) -> None:
    stream = client.messages.create(model=f"{MODEL};errorevent=1", max_tokens=9, messages=HELLO, stream=True)
    with pytest.raises(anthropic.APIStatusError, match="Internal server error"):
        list(stream)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("missing-model", anthropic.NotFoundError),
        ("claude;status=429;retry=7", anthropic.RateLimitError),
        ("claude;overloaded", anthropic.OverloadedError),
        ("claude;status=401", anthropic.AuthenticationError),
        ("claude;status=400", anthropic.BadRequestError),
    ],
)
def test_errors_are_those_of_anthropic(
    client: anthropic.Anthropic, model: str, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as raised:
        client.messages.create(model=model, max_tokens=9, messages=HELLO)
    assert raised.value.request_id is not None


def test_a_wrong_key_is_refused(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        client.with_options(api_key="sk-wrong").models.list()


def test_a_client_that_retries_succeeds_in_the_end(client: anthropic.Anthropic) -> None:
    model = f"{MODEL};overloaded;retry=0.01;times=2;tag=claude-sdk-retries"
    assert client.with_options(max_retries=3).messages.create(model=model, max_tokens=9, messages=HELLO).id
