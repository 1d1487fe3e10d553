"""Whole answers of chat providers: as OpenAI gives them, as compatible servers do, and errors in their place."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import ProviderRefused, UpstreamMalformed
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
from gateway.formats.openai_chat.reply_reader import read_reply


def answered(message: Any, finish: Any = "stop", **more: Any) -> Reply:
    return read_reply({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": finish, **more}]})


def parts(**message: Any) -> tuple[Part, ...]:
    (choice,) = answered({"role": "assistant", **message}).choices
    return choice.parts


def test_an_answer_is_read_whole() -> None:
    reply = read_reply(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-x",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"},
                {"index": 1, "message": {"role": "assistant", "content": "b"}, "finish_reason": "length"},
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            "service_tier": "priority",
        }
    )
    assert reply == Reply(
        "chatcmpl-1",
        "gpt-x",
        (
            Choice((Text("a"),), Finish("stop", detail="stop")),
            Choice((Text("b"),), Finish("length", detail="length"), 1),
        ),
        Usage(fresh=3, visible=2),
        "priority",
    )


def test_what_is_missing_is_empty() -> None:
    reply = read_reply({"choices": [{"message": {"content": "a"}}]})
    assert reply == Reply("", "", (Choice((Text("a"),), Finish("stop")),))


@pytest.mark.parametrize("usage", [None, {}, [], "many"])
def test_usage_that_was_not_given_is_not_made_up(usage: Any) -> None:
    assert read_reply({"choices": [{"message": {"content": "a"}}], "usage": usage}).usage is None


CALL: Fields = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"content": None}, ()),
        ({"content": ""}, ()),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}, 7]}, (Text("ab"),)),
        ({"content": "a", "refusal": "no"}, (Text("a"), Refusal("no"))),
        ({"content": None, "refusal": "no"}, (Refusal("no"),)),
        ({"reasoning_content": "hm", "content": "a"}, (Reasoning("hm"), Text("a"))),
        ({"reasoning": "hm", "content": "a"}, (Reasoning("hm"), Text("a"))),
        ({"reasoning_content": "hm", "reasoning": "hm"}, (Reasoning("hm"),)),
        (
            {
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "h"},
                    {"type": "reasoning.text", "text": "m"},
                    {"type": "reasoning.encrypted", "data": "x"},
                    7,
                ]
            },
            (Reasoning("hm"),),
        ),
        ({"reasoning": "hm", "reasoning_details": [{"text": "hm"}]}, (Reasoning("hm"),)),
        (
            {
                "reasoning_content": "hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "S"}],
            },
            (Reasoning("hm", State("anthropic", "S")),),
        ),
        (
            {"reasoning_content": "hm", "thinking_blocks": [{"type": "redacted_thinking", "data": "D"}]},
            (Reasoning("hm"), Reasoning("", State("anthropic-redacted", "D"))),
        ),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "gw1.openai.rs~E"}, 7, {}]},
            (Reasoning("hm", State("openai", "rs~E")),),
        ),
        ({"tool_calls": [CALL]}, (ToolCall("c1", "f", '{"a":1}'),)),
        ({"tool_calls": None, "function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("", "f", "{}"),)),
        ({"tool_calls": [{"function": {"name": "f", "arguments": {"ä": 1}}}]}, (ToolCall("", "f", '{"ä":1}'),)),
        ({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": None}}]}, (ToolCall("c", "f", ""),)),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "p", "input": "free"}}]},
            (ToolCall("c", "p", "free", "custom"),),
        ),
        (
            {"tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "U0lH"}}}]},
            (ToolCall("c1", "f", '{"a":1}', state=State("gemini", "U0lH")),),
        ),
        (
            {
                "content": "abc",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "u", "title": "T", "start_index": 1, "end_index": 3},
                    },
                    {"type": "url_citation", "url_citation": {"url": "v", "start_index": -4, "end_index": True}},
                    {"type": "url_citation", "url_citation": {"title": "no address"}},
                    {"type": "other"},
                ],
            },
            (Text("abc", citations=(Citation("u", "T", 1, 3), Citation("v"))),),
        ),
        (
            {
                "content": None,
                "images": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                    {"image_url": {"url": "https://a.b/c.png"}},
                    {"image_url": {"url": "data:oops"}},
                    {"image_url": "x"},
                    7,
                ],
            },
            (Image(Source("base64", "aGk=", "image/png")), Image(Source("url", "https://a.b/c.png"))),
        ),
    ],
)
def test_a_message_is_read_however_a_server_writes_it(message: Fields, read: tuple[Part, ...]) -> None:
    assert parts(**message) == read


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("tool_calls", "tool_calls"),
        ("tool_call", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "filter"),
        ("safety", "filter"),
        ("sensitive", "filter"),
        ("error", "malformed"),
        ("eos", "other"),
        ("", "stop"),
        (None, "stop"),
        (7, "stop"),
    ],
)
def test_an_end_is_understood_in_each_word(said: Any, reason: FinishReason) -> None:
    (choice,) = answered({"content": "a"}, said).choices
    assert choice.finish.reason == reason


def test_token_chances_are_read() -> None:
    row = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1}, 7]}
    (choice,) = answered({"content": "a"}, logprobs={"content": [row, {}], "refusal": None}).choices
    assert choice.chances == (TokenChance("a", -0.5, (TokenChance("b", -1.0),)), TokenChance("", 0.0))
    (choice,) = answered({"refusal": "a"}, logprobs={"content": None, "refusal": [row]}).choices
    assert choice.chances[0].token == "a"


def test_an_answer_withheld_without_a_message_is_still_one() -> None:
    reply = read_reply({"choices": [{"index": 0, "finish_reason": "content_filter"}]})
    assert reply.choices == (Choice((), Finish("filter", detail="content_filter")),)


@pytest.mark.parametrize(
    ("fields", "category", "message"),
    [
        ({"error": {"message": "overloaded", "code": "server_is_overloaded"}}, "overloaded", "overloaded"),
        ({"error": "boom"}, "server", "boom"),
        ({"error": {"message": "slow down", "code": 429}, "choices": []}, "rate_limit", "slow down"),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad_request", "bad"),
        ({"error": {}, "object": "error", "message": "late", "code": 504}, "timeout", "late"),
        ({"error": 7}, "server", "The provider reported an error."),
    ],
)
def test_an_error_in_the_place_of_an_answer_is_one(fields: Fields, category: str, message: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        read_reply(fields)
    assert (refused.value.category, refused.value.message) == (category, message)


def test_an_error_beside_an_answer_does_not_take_it_away() -> None:
    reply = read_reply({"error": None, "choices": [{"message": {"content": "a"}}]})
    assert reply.choices[0].parts == (Text("a"),)


DEEP: Any = {}
for _ in range(300):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": "x"},
        {"choices": [None, 7]},
        {"choices": [{}]},
        {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": DEEP}}]}}]},
    ],
)
def test_what_is_no_answer_is_a_broken_one(fields: Fields) -> None:
    with pytest.raises(UpstreamMalformed):
        read_reply(fields)


def test_chances_nested_without_end_are_read_one_level_deep() -> None:
    row: Fields = {"token": "a"}
    for _ in range(900):
        row = {"token": "a", "logprob": -1, "top_logprobs": [row]}
    (choice,) = answered({"content": "a"}, logprobs={"content": [row]}).choices
    assert choice.chances == (TokenChance("a", -1.0, (TokenChance("a", -1.0),)),)
