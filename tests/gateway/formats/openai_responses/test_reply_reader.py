"""Whole answers of a Responses provider."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import ProviderRefused, UpstreamMalformed
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
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
from gateway.formats.openai_responses.reply_reader import read_reply


def answer(*items: Any, **more: Any) -> Fields:
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": list(items), **more}


def message(*content: Any) -> Fields:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(content)}


def text(said: Any, **more: Any) -> Fields:
    return {"type": "output_text", "text": said, **more}


def test_a_whole_answer() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2}
    assert read_reply(answer(message(text("hi")), usage=usage, service_tier="flex")) == Reply(
        "resp_1", "m", (Choice((Text("hi"),), Finish("stop")),), Usage(fresh=3, visible=2), "flex"
    )


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (message(text("a"), text("b")), (Text("a"), Text("b"))),
        (message(text(""), {"type": "refusal", "refusal": ""}), ()),
        (message({"type": "refusal", "refusal": "no"}), (Refusal("no"),)),
        (
            message(text("a", annotations=[{"type": "url_citation", "url": "u", "title": "T", "end_index": 1}, 7])),
            (Text("a", citations=(Citation("u", "T", 0, 1),)),),
        ),
        (
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"text": "s1"}, {"text": "s2"}],
                "encrypted_content": "ENC",
            },
            (Reasoning("s1\n\ns2", State("openai", "rs_1~ENC")),),
        ),
        ({"type": "reasoning", "summary": [], "content": [{"text": "c"}]}, (Reasoning("c"),)),
        ({"type": "reasoning", "summary": []}, ()),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"},
            (ToolCall("c", "f", "{}", namespace="n"),),
        ),
        ({"type": "function_call", "id": "fc_1", "name": "f"}, (ToolCall("fc_1", "f", ""),)),
        ({"type": "function_call", "call_id": "c", "arguments": "{}"}, ()),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x"},
            (ToolCall("c", "p", "x", kind="custom"),),
        ),
        ({"type": "custom_tool_call", "call_id": "c", "input": "x"}, ()),
        (
            {"type": "image_generation_call", "result": "aGk=", "output_format": "webp"},
            (Image(Source("base64", "aGk=", "image/webp")),),
        ),
        ({"type": "image_generation_call", "result": None}, ()),
        ({"type": "web_search_call"}, ()),
        ({"type": "compaction"}, ()),
        ({}, ()),
        (7, ()),
    ],
)
def test_items(item: Any, parts: tuple[Part, ...]) -> None:
    assert read_reply(answer(item)).choices[0].parts == parts


@pytest.mark.parametrize(
    ("more", "finish"),
    [
        ({}, Finish("stop")),
        ({"status": None}, Finish("stop")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            Finish("length", detail="max_output_tokens"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            Finish("filter", detail="content_filter"),
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, Finish("other", detail="steered")),
        ({"status": "incomplete", "incomplete_details": None}, Finish("other")),
    ],
)
def test_how_it_ended(more: Fields, finish: Finish) -> None:
    assert read_reply(answer(message(text("a")), **more)).choices[0].finish == finish


def test_a_refusal_is_an_end_of_its_own() -> None:
    assert read_reply(answer(message({"type": "refusal", "refusal": "no"}))).choices[0].finish == Finish("refusal")


def test_log_probabilities() -> None:
    logprobs = [{"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2.5}]}, {"token": None}, 7]
    chances = read_reply(answer(message(text("a", logprobs=logprobs)))).choices[0].chances
    assert chances == (TokenChance("a", -1, (TokenChance("b", -2.5),)), TokenChance("", 0.0))


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        ({"error": {"code": "server_error", "message": "oops"}}, "server"),
        ({"error": "oops"}, "server"),
        (answer(status="failed", error={"code": "rate_limit_exceeded", "message": "oops"}), "rate_limit"),
        (answer(status="cancelled"), "server"),
        (answer(status="failed", error=None), "server"),
    ],
)
def test_an_error_in_disguise(fields: Fields, category: str) -> None:
    with pytest.raises(ProviderRefused) as caught:
        read_reply(fields)
    assert caught.value.category == category


@pytest.mark.parametrize("fields", [{}, {"output": None}, {"output": "x"}, answer(status="queued")])
def test_what_is_no_answer(fields: Fields) -> None:
    with pytest.raises(UpstreamMalformed):
        read_reply(fields)
