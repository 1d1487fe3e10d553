"""Whole answers for a client: items in order, settings repeated, every field that strict clients ask for."""

from __future__ import annotations

from typing import Any

import pytest

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
    Video,
)
from gateway.formats.openai_responses.reply_writer import write_reply

from .scene import context, strict_response

STOP = Finish("stop")


def output_of(*parts: Part, finish: Finish = STOP, chances: tuple[TokenChance, ...] = ()) -> list[Fields]:
    reply = Reply("x", "m", (Choice(parts, finish, chances=chances),))
    response = write_reply(reply, context())
    strict_response(response)
    found: list[Fields] = response["output"]
    return [{name: value for name, value in item.items() if name != "id"} for item in found]


def message(*content: Fields, status: str = "completed") -> Fields:
    return {"type": "message", "role": "assistant", "status": status, "content": list(content)}


def text(said: str) -> Fields:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def thought(said: str, sealed: str) -> Fields:
    summary = [{"type": "summary_text", "text": said}] if said else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": sealed}


def call(arguments: str, status: str = "completed", **more: Any) -> Fields:
    return {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments, "status": status, **more}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), []),
        ((Text("a"), Text("b")), [message(text("a"), text("b"))]),
        ((Text("a"), Refusal("no")), [message(text("a"), {"type": "refusal", "refusal": "no"})]),
        ((Text("a"), ToolCall("c", "f", "{}"), Text("b")), [message(text("a")), call("{}"), message(text("b"))]),
        ((ToolCall("c", "f", "", namespace="n"),), [call("{}", namespace="n")]),
        (
            (ToolCall("c", "p", "x", kind="custom"),),
            [{"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x", "status": "completed"}],
        ),
        ((Reasoning("t"),), [thought("t", "gw1.none.")]),
        ((Reasoning("", State("anthropic", "SG")),), [thought("", "gw1.anthropic.SG")]),
        ((Reasoning("t", State("openai", "rs_9~ENC")),), [thought("t", "ENC")]),
        (
            (Reasoning("t"), ToolCall("c", "f", "{}", state=State("gemini", "WF"))),
            [thought("t", "gw1.gemini.WF"), call("{}")],
        ),
        (
            (Text("a"), ToolCall("c", "f", "{}", state=State("gemini", "WF"))),
            [message(text("a")), thought("", "gw1.gemini.WF"), call("{}")],
        ),
        (
            (Reasoning("t", State("gemini", "X")), ToolCall("c", "f", "{}", state=State("gemini", "WF"))),
            [thought("t", "gw1.gemini.X"), thought("", "gw1.gemini.WF"), call("{}")],
        ),
        (
            (Image(Source("base64", "aGk=", "image/png")),),
            [{"type": "image_generation_call", "status": "completed", "result": "aGk=", "output_format": "png"}],
        ),
        ((Video(Source("url", "u")),), []),
    ],
)
def test_items(parts: tuple[Part, ...], expected: list[Fields]) -> None:
    assert output_of(*parts) == expected


def test_the_id_that_state_was_sealed_with_is_kept() -> None:
    reply = Reply("", "", (Choice((Reasoning("", State("openai", "rs_9~ENC")),), STOP),))
    assert write_reply(reply, context())["output"][0]["id"] == "rs_9"


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        (Finish("stop"), "completed", None),
        (Finish("stop_sequence"), "completed", None),
        (Finish("tool_calls"), "completed", None),
        (Finish("refusal"), "completed", None),
        (Finish("pause"), "completed", None),
        (Finish("other"), "completed", None),
        (Finish("length"), "incomplete", "max_output_tokens"),
        (Finish("context_full"), "incomplete", "max_output_tokens"),
        (Finish("filter"), "incomplete", "content_filter"),
    ],
)
def test_how_it_ended(finish: Finish, status: str, reason: str | None) -> None:
    response = write_reply(Reply("", "", (Choice((Text("a"), ToolCall("c", "f", "{")), finish),)), context())
    strict_response(response)
    assert response["status"] == status
    assert response["incomplete_details"] == (None if reason is None else {"reason": reason})
    assert [item["status"] for item in response["output"]] == ["completed", status]


def test_a_cut_thought_has_no_status() -> None:
    assert output_of(Reasoning("t"), finish=Finish("length")) == [thought("t", "gw1.none.")]


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        (
            "I cannot help with this.",
            [message({"type": "refusal", "refusal": "I cannot help with this."}, status="incomplete")],
        ),
        ("SAFETY", []),
        ("Prompt blocked: SAFETY", []),
    ],
)
def test_the_sentence_in_which_an_answer_is_withheld_is_a_refusal(detail: str, expected: list[Fields]) -> None:
    assert output_of(finish=Finish("filter", detail=detail)) == expected


def test_sources_without_a_place_belong_to_the_whole_text() -> None:
    citations = (Citation("u", "T"), Citation("v", "W", 1, 2))
    (item,) = output_of(Text("abc", citations=citations))
    assert item["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "u", "title": "T", "start_index": 0, "end_index": 3},
        {"type": "url_citation", "url": "v", "title": "W", "start_index": 1, "end_index": 2},
    ]


def test_log_probabilities_belong_to_the_first_text() -> None:
    chances = (TokenChance("é", -1.0, (TokenChance("b", -2.0),)),)
    (_, item) = output_of(Reasoning("t"), Text("é"), chances=chances)
    assert item["content"][0]["logprobs"] == [
        {
            "token": "é",
            "bytes": [195, 169],
            "logprob": -1.0,
            "top_logprobs": [{"token": "b", "bytes": [98], "logprob": -2.0}],
        }
    ]
    assert output_of(Refusal("no"), chances=chances)[0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_settings_are_repeated() -> None:
    tools: list[Fields] = [
        {"type": "function", "name": "f", "defer_loading": "soon"},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g", "parameters": {"a": 1}}]},
        {"type": "web_search_preview", "search_context_size": "low", "user_location": {"type": "approximate"}},
        {"type": "code_interpreter"},
    ]
    settings: Fields = {
        "instructions": "I",
        "max_output_tokens": 9,
        "max_tool_calls": 2,
        "temperature": 0,
        "top_p": 0.5,
        "top_logprobs": 3,
        "parallel_tool_calls": False,
        "reasoning": {"effort": "max", "summary": "detailed"},
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True},
            "verbosity": "low",
        },
        "tool_choice": {"type": "function", "name": "f"},
        "tools": tools,
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "safety_identifier": "s",
        "user": "u",
        "prompt_cache_key": "k",
    }
    response = write_reply(Reply("", "", ()), context(**settings))
    strict_response(response)
    same = set(settings) - {"tools"}
    assert {name: response[name] for name in same} == {name: settings[name] for name in same}
    assert [tool["type"] for tool in response["tools"]] == [tool["type"] for tool in tools]
    assert response["tools"][0] == {"type": "function", "name": "f", "parameters": {}, "strict": None}


def test_a_request_without_settings_gets_the_usual_ones() -> None:
    response = write_reply(Reply("", "", (Choice((), STOP),), Usage(fresh=2), tier="priority"), context())
    strict_response(response)
    assert (response["id"], response["created_at"], response["model"]) == ("resp_ab12", 1790000000, "gpt")
    assert (response["tool_choice"], response["tools"], response["parallel_tool_calls"]) == ("auto", [], True)
    assert (response["store"], response["previous_response_id"]) == (False, None)
    assert (response["service_tier"], response["usage"]["input_tokens"]) == ("priority", 2)
