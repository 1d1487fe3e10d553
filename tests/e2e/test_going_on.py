"""Where one request to a provider is not enough: thoughts it no longer knows, answers in several parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.formats.table import FORMATS
from tests.e2e.pairs import MODELS, speaker
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.e2e.speakers import SPEAKERS, Wish
from tests.e2e.wire import ask, chat, request
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

FORGETFUL = {"messages": "claude-opus-4-1", "gemini": "gemini-3-flash"}
"""Providers whose models do not know each other's signatures, and another model of theirs."""

STRANGE = "b2YgYW5vdGhlciBhY2NvdW50"
STRANGERS: dict[str, tuple[str, dict[str, Any]]] = {
    "responses": (
        "/v1/responses",
        {
            "input": [
                {"type": "message", "role": "user", "content": "Hello"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": STRANGE},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
                {"type": "message", "role": "user", "content": "And now?"},
            ]
        },
    ),
    "messages": (
        "/v1/messages",
        {
            "max_tokens": 99,
            "messages": [
                {"role": "user", "content": "Hello"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": f"gw1.openai.rs_1~{STRANGE}"},
                        {"type": "text", "text": "Hello."},
                    ],
                },
                {"role": "user", "content": "And now?"},
            ],
        },
    ),
}
"""Conversations with encrypted reasoning of another account."""

plain_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


@pytest.mark.parametrize("provider", FORGETFUL)
@plain_and_streamed
@pytest.mark.parametrize("client", SPEAKERS)
def test_a_conversation_goes_on_with_a_model_that_does_not_know_its_thoughts(
    crossing: GatewayProcess, mock: MockProcess, client: str, provider: str, stream: bool
) -> None:
    tag = f"thoughts-{client}-{provider}-{stream}"
    wish = Wish(tools=True, thinking=True, stream=stream)
    talk = speaker(crossing, (client, provider), ";toolcall;thinking=2;chunks=2", wish)
    talk.say("What is the weather?")
    talk.model = f"{provider}/{FORGETFUL[provider]};chunks=2;tag={tag}"
    assert talk.results("Sunny.").text
    assert len(mock.requests(tag)) == 2, "refused once, then asked again without the thoughts"
    assert talk.say("And tomorrow?").text
    assert len(mock.requests(tag)) == 3, "what was refused is not tried again"


@plain_and_streamed
@pytest.mark.parametrize("client", STRANGERS)
async def test_reasoning_of_another_account_is_left_out(
    crossing: GatewayProcess, mock: MockProcess, client: str, stream: bool
) -> None:
    tag = f"strange-{client}-{stream}"
    answer = await ask(crossing.port, strange(client, tag, stream=stream))
    assert answer.status == 200, answer.body
    assert (
        answer.header("x-sluicegate-dropped")
        == FORMATS[{"messages": "anthropic"}.get(client, "openai_responses")].field_names["thoughts"]
    )
    first, second = mock.requests(tag)
    assert STRANGE in first["body"]
    assert STRANGE not in second["body"]
    assert "Hello." in second["body"]


@pytest.mark.parametrize("client", STRANGERS)
async def test_who_wants_nothing_dropped_hears_the_provider_s_refusal(
    crossing: GatewayProcess, mock: MockProcess, client: str
) -> None:
    tag = f"strict-{client}"
    answer = await ask(crossing.port, strange(client, tag, strict=True))
    assert answer.status == 400
    assert b"could not be verified" in answer.body
    assert len(mock.requests(tag)) == 1


def strange(client: str, tag: str, *, stream: bool = False, strict: bool = False) -> bytes:
    path, fields = STRANGERS[client]
    body = {"model": f"responses/gpt-5.5;chunks=2;tag={tag}", "stream": stream, **fields}
    return request("POST", path, json.dumps(body).encode(), x_sluicegate_strict="1" if strict else "")


@plain_and_streamed
@pytest.mark.parametrize("client", [name for name in SPEAKERS if name != "gemini"])
def test_an_answer_in_several_parts_is_one(
    crossing: GatewayProcess, mock: MockProcess, client: str, stream: bool
) -> None:
    tag = f"parts-{client}-{stream}"
    script = f";parts=3;chunks=2;size=4;tag={tag};input=5;output=7"
    answer = speaker(crossing, (client, "gemini"), script, Wish(stream=stream)).say("Hello")
    whole = speaker(crossing, (client, "gemini"), ";chunks=2;size=4", Wish(stream=stream)).say("Hello")
    assert answer.text == whole.text * 3
    assert answer.finish == whole.finish
    assert answer.tokens == (15, 21)
    assert len(mock.requests(tag)) == 3


@plain_and_streamed
async def test_an_answer_that_never_ends_is_an_error(crossing: GatewayProcess, mock: MockProcess, stream: bool) -> None:
    model = f"gemini/{MODELS['gemini']};parts=99;chunks=1;tag=endless-{stream}"
    answer = await ask(crossing.port, chat(model, stream=stream))
    assert b"never came to the end" in answer.body
    assert len(mock.requests(f"endless-{stream}")) == 11


@pytest.mark.parametrize("client", SPEAKERS)
def test_a_stream_that_comes_as_one_array_is_a_stream(crossing: GatewayProcess, client: str) -> None:
    wish = Wish(stream=True, tools=True)
    plain = speaker(crossing, (client, "gemini"), ";chunks=5;toolcall=2", wish).say("Hello")
    answer = speaker(crossing, (client, "gemini"), ";chunks=5;toolcall=2;array;split", wish).say("Hello")
    assert answer.text == plain.text
    assert [call[1:] for call in answer.calls] == [call[1:] for call in plain.calls]
    assert len(answer.calls) == 2
