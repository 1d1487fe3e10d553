"""Whole answers for a chat client, each checked by the official SDK's types."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    FinishReason,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Source,
    State,
    Text,
    TokenChance,
    ToolCall,
    Usage,
)
from gateway.formats.openai_chat.reply_writer import write_reply

from .scene import context, strict_completion

STOP = Finish("stop")


def written(*parts: Part, finish: Finish = STOP, **more: Any) -> Fields:
    reply = write_reply(Reply("r", "m", (Choice(parts, finish, **more),)), context())
    strict_completion(reply)
    fields: Fields = orjson.loads(orjson.dumps(reply))
    return fields


def message(*parts: Part, finish: Finish = STOP) -> Fields:
    said: Fields = written(*parts, finish=finish)["choices"][0]["message"]
    assert said.pop("role") == "assistant"
    return said


def test_an_answer_has_its_envelope_in_the_words_of_the_client() -> None:
    reply = Reply("r", "m", (Choice((Text("a"),), STOP),), Usage(3, 2, 1, 0, 0, 4, 5), "priority")
    assert write_reply(reply, context()) == {
        "id": "chatcmpl-ab12",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "a", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 6,
            "completion_tokens": 9,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
        "service_tier": "priority",
    }


def test_usage_that_nobody_reported_is_left_out() -> None:
    assert written(Text("a")).keys() == {"id", "object", "created", "model", "choices"}


def test_details_of_usage_are_there_though_they_are_nothing() -> None:
    reply = write_reply(Reply("", "", (Choice((), STOP),), Usage(tool_prompt=4, visible=1)), context())
    assert reply["usage"] == {
        "prompt_tokens": 4,
        "completion_tokens": 1,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context_full", "length"),
        ("tool_calls", "tool_calls"),
        ("filter", "content_filter"),
        ("refusal", "stop"),
        ("pause", "stop"),
        ("other", "stop"),
    ],
)
def test_an_end_is_told_in_words_of_chat(reason: FinishReason, said: str) -> None:
    assert written(Text("a"), finish=Finish(reason))["choices"][0]["finish_reason"] == said


def test_texts_are_joined_without_anything_between() -> None:
    assert message(Text("a"), ToolCall("c", "f", ""), Text("b"))["content"] == "ab"


def test_nothing_said_is_null() -> None:
    assert message() == {"content": None, "refusal": None}


def test_calls_are_told() -> None:
    said = message(ToolCall("c", "f", '{"a":1}'), ToolCall("d", "f", ""), ToolCall("e", "p", "free", "custom"))
    assert said["content"] is None
    assert said["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "d", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "e", "type": "custom", "custom": {"name": "p", "input": "free"}},
    ]


@pytest.mark.parametrize(
    ("state", "signature"),
    [(State("gemini", "U0lH"), "U0lH"), (State("anthropic", "S"), "gw1.anthropic.S")],
)
def test_a_signature_of_a_call_goes_where_google_puts_it(state: State, signature: str) -> None:
    (call,) = message(ToolCall("c", "f", "{}", state=state))["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": signature}}


def test_thoughts_are_told_as_text_and_with_their_state() -> None:
    said = message(
        Reasoning("a", State("anthropic", "S")),
        Reasoning("", State("anthropic-redacted", "D")),
        Reasoning("b", State("openai", "rs~E")),
        Reasoning("c"),
    )
    assert said["reasoning_content"] == "a\n\nb\n\nc"
    assert said["thinking_blocks"] == [
        {"type": "thinking", "thinking": "a", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "thinking", "thinking": "b", "signature": "gw1.openai.rs~E"},
    ]


def test_thoughts_without_state_are_but_text() -> None:
    assert message(Reasoning("a"), Text("b")) == {"content": "b", "refusal": None, "reasoning_content": "a"}


def test_a_refusal_of_the_model_is_its_own() -> None:
    said = written(Refusal("n"), Refusal("o"), finish=Finish("refusal"))["choices"][0]
    assert (said["message"]["refusal"], said["message"]["content"], said["finish_reason"]) == ("no", None, "stop")


@pytest.mark.parametrize(
    ("finish", "refusal"),
    [
        (Finish("filter", detail="I cannot help with that."), "I cannot help with that."),
        (Finish("filter", detail="SAFETY"), None),
        (Finish("filter", detail="Prompt blocked: SAFETY"), None),
        (Finish("stop", detail="all is well"), None),
    ],
)
def test_a_vendors_explanation_is_told_as_a_refusal(finish: Finish, refusal: str | None) -> None:
    said = written(finish=finish)["choices"][0]["message"]
    assert said["refusal"] == refusal


def test_sources_are_told_and_one_without_a_place_is_of_all_the_text() -> None:
    notes = message(Text("abc", citations=(Citation("u", "T", 1, 2), Citation("v"))))["annotations"]
    assert notes == [
        {"type": "url_citation", "url_citation": {"start_index": 1, "end_index": 2, "title": "T", "url": "u"}},
        {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 3, "title": "", "url": "v"}},
    ]


def test_what_the_model_has_drawn_is_told_as_data() -> None:
    images = message(Image(Source("base64", "aGk=", "image/png")), Image(Source("url", "https://a.b")))["images"]
    assert [image["image_url"]["url"] for image in images] == ["data:image/png;base64,aGk=", "https://a.b"]
    assert [image["index"] for image in images] == [0, 1]


def test_token_chances_are_told_with_their_bytes() -> None:
    chances = (TokenChance("ä", -0.5, (TokenChance("b", -1.0),)),)
    said = written(Text("ä"), chances=chances)["choices"][0]["logprobs"]
    assert said == {
        "content": [
            {
                "token": "ä",
                "logprob": -0.5,
                "bytes": [195, 164],
                "top_logprobs": [{"token": "b", "logprob": -1.0, "bytes": [98]}],
            }
        ],
        "refusal": None,
    }


def test_several_answers_are_told_apart() -> None:
    reply = write_reply(Reply("", "", (Choice((Text("a"),), STOP), Choice((Text("b"),), STOP, 1))), context(n=2))
    strict_completion(reply)
    assert [(choice["index"], choice["message"]["content"]) for choice in reply["choices"]] == [(0, "a"), (1, "b")]
