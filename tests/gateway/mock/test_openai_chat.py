"""Chat completions: what the script makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.mock.openais import PDF, PIXEL, SCHEMA, WEATHER, chat, deltas, said
from tests.providers import MockProcess

CUSTOM = {"type": "custom", "custom": {"name": "patch"}}
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.mark.parametrize("word", ["reasoning=3", "thinking=3"])
async def test_it_thinks_aloud_before_it_speaks(mock: MockProcess, word: str) -> None:
    whole = await chat(mock, f"gpt-4o-mini;{word};chunks=2")
    message, usage = whole.json["choices"][0]["message"], whole.json["usage"]
    assert (message["reasoning_content"], message["content"]) == ("Nobody asked me ", "Hello from ")
    assert (usage["completion_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]) == (5, 3)
    streamed = await chat(mock, f"gpt-4o-mini;{word};chunks=2", stream=True)
    assert (said(streamed, "reasoning_content"), said(streamed)) == ("Nobody asked me ", "Hello from ")
    assert [name for delta in deltas(streamed) for name in delta if "content" in name][-2:] == ["content", "content"]


@both_ways
async def test_it_refuses(mock: MockProcess, stream: bool) -> None:
    answer = await chat(mock, "gpt-4o-mini;refusal;chunks=2", stream=stream)
    if stream:
        assert (said(answer, "refusal"), said(answer)) == ("Hello from ", "")
    else:
        assert answer.json["choices"][0]["message"]["refusal"] == "Hello from "
        assert answer.json["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize(("word", "reason"), [("filter", "content_filter"), ("finish=max_tokens", "max_tokens")])
async def test_the_reason_of_the_end_can_be_said(mock: MockProcess, word: str, reason: str) -> None:
    assert (await chat(mock, f"gpt-4o-mini;{word}")).json["choices"][0]["finish_reason"] == reason
    events = (await chat(mock, f"gpt-4o-mini;{word}", stream=True)).events
    assert events[-2]["choices"][0]["finish_reason"] == reason


async def test_a_blocked_prompt_gets_an_error(mock: MockProcess) -> None:
    answer = await chat(mock, "gpt-4o-mini;blocked")
    assert (answer.status, answer.json["error"]["code"]) == (400, "content_policy_violation")


async def test_a_stop_sequence_ends_the_answer(mock: MockProcess) -> None:
    answer = await chat(mock, stop=["from", "nowhere"])
    assert answer.json["choices"][0]["message"]["content"] == "Hello "
    assert answer.json["choices"][0]["finish_reason"] == "stop"


@both_ways
async def test_a_source_is_cited(mock: MockProcess, stream: bool) -> None:
    answer = await chat(mock, "gpt-4o-mini;citations", stream=stream)
    cited = deltas(answer)[-2] if stream else answer.json["choices"][0]["message"]
    assert cited["annotations"][0]["type"] == "url_citation"


async def test_an_error_inside_a_stream_can_be_that_of_a_busy_server(mock: MockProcess) -> None:
    answer = await chat(mock, "gpt-4o-mini;errorevent=1;overloaded", stream=True)
    assert "overloaded" in answer.events[-1]["error"]["message"]


async def test_json_is_made_as_asked_for(mock: MockProcess) -> None:
    named = {"name": "weather", "schema": SCHEMA, "strict": True}
    answer = await chat(mock, response_format={"type": "json_schema", "json_schema": named})
    assert set(json.loads(answer.json["choices"][0]["message"]["content"])) == {"city", "days"}
    any_json = await chat(mock, response_format={"type": "json_object"})
    assert isinstance(json.loads(any_json.json["choices"][0]["message"]["content"]), dict)


@both_ways
async def test_words_can_come_with_calls(mock: MockProcess, stream: bool) -> None:
    answer = await chat(mock, "gpt-4o-mini;toolcall;text=well", tools=[WEATHER], stream=stream)
    if stream:
        assert said(answer) == "well"
        assert any("tool_calls" in delta for delta in deltas(answer))
    else:
        message = answer.json["choices"][0]["message"]
        assert (message["content"], len(message["tool_calls"])) == ("well", 1)


async def test_free_form_tools_are_called_with_text(mock: MockProcess) -> None:
    (call,) = (await chat(mock, tools=[CUSTOM], tool_choice="required")).json["choices"][0]["message"]["tool_calls"]
    assert (call["type"], call["custom"]) == ("custom", {"name": "patch", "input": "Zürich 🏔"})
    streamed = await chat(mock, tools=[CUSTOM], tool_choice="required", stream=True)
    pieces = [delta["tool_calls"][0] for delta in deltas(streamed) if "tool_calls" in delta]
    assert pieces[0]["custom"]["name"] == "patch"
    assert "".join(piece["custom"]["input"] for piece in pieces) == "Zürich 🏔"


@pytest.mark.parametrize(
    ("choice", "more", "names"),
    [
        ("none", {}, []),
        ("required", {}, ["weather", "patch"]),
        ("required", {"parallel_tool_calls": False}, ["weather"]),
        ({"type": "custom", "custom": {"name": "patch"}}, {}, ["patch", "patch"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CUSTOM]}}, {}, ["patch", "patch"]),
    ],
)
async def test_only_tools_that_may_be_called_are(
    mock: MockProcess, choice: Any, more: dict[str, Any], names: list[str]
) -> None:
    answer = await chat(mock, "gpt-4o;toolcall=2", tools=[WEATHER, CUSTOM], tool_choice=choice, **more)
    calls = answer.json["choices"][0]["message"].get("tool_calls", ())
    assert [call[call["type"]]["name"] for call in calls] == names


async def test_the_old_way_of_offering_functions_works(mock: MockProcess) -> None:
    functions = [{"name": "weather", "parameters": SCHEMA}]
    answer = await chat(mock, functions=functions, function_call={"name": "weather"})
    assert answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "weather"


async def test_it_echoes_what_it_received(mock: MockProcess) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Be"},
        {"role": "developer", "content": [{"type": "text", "text": "kind"}]},
        {"role": "user", "content": [
            {"type": "text", "text": "one"}, {"type": "text", "text": "two"},
            {"type": "image_url", "image_url": {"url": PIXEL}},
            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "b", "content": "sun"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "rain"}]},
    ]  # fmt: skip
    answer = await chat(mock, "gpt-4o;echo", messages=messages, max_tokens=1)
    assert json.loads(answer.json["choices"][0]["message"]["content"]) == {
        "system": "Be\nkind",
        "last": "one\ntwo",
        "images": 1,
        "documents": 1,
        "results": ["sun", "rain"],
        "turns": 6,
    }


async def test_nearly_compatible_servers_stream_oddly(mock: MockProcess) -> None:
    answer = await chat(mock, "gpt-4o;quirks;reasoning=2;text=well;toolcall=2", tools=[WEATHER], stream=True)
    first, *_ = deltas(answer)
    assert first == {"role": "", "content": None}
    assert said(answer, "reasoning") == "Nobody asked "
    pieces = [delta["tool_calls"][0] for delta in deltas(answer) if "tool_calls" in delta]
    assert {piece["index"] for piece in pieces} == {1, 2}
    assert all(piece["id"] for piece in pieces)
    assert "name" not in pieces[0]["function"]
    assert pieces[1]["function"]["name"] == "weather"
    ones = [piece["function"]["arguments"] for piece in pieces if piece["index"] == 1]
    assert set(json.loads("".join(ones))) == {"city", "days"}
    finish = answer.events[-2]
    assert finish["choices"][0]["finish_reason"] == "tool_calls"
    assert finish["usage"]["prompt_tokens"] == 1
