"""The request for a provider: each rule of the translation, in what the provider gets."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Identity,
    Image,
    Output,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Sampling,
    Source,
    State,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Video,
)

from .scene import said, write

OWN = State("anthropic", "S")
CALL = ToolCall("t", "f", "{}")
RESULT = Turn("user", (ToolResult("t", (Text("r"),)),))
F, G = Tool("f"), Tool("g")


def conversation(*turns: Turn, **settings: Any) -> Prompt:
    return Prompt((), turns, max_tokens=100, **settings)


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def model(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def system(text: str) -> Turn:
    return Turn("system", (Text(text),))


@pytest.mark.parametrize(
    ("turns", "mid", "expected"),
    [
        ((), False, [("user", "Continue.")]),
        ((model(Text("a")),), False, [("user", "."), ("assistant", "a")]),
        ((user(Text("a")), model(Text("b  \n"))), False, [("user", "a"), ("assistant", "b")]),
        ((user(Text("a")), model(Text(" "))), False, [("user", "a")]),
        (
            (user(Text("a")), model(Refusal("no")), user(Text("b"))),
            False,
            [("user", "a"), ("assistant", "no"), ("user", "b")],
        ),
        (
            (user(Text("a")), system("s"), user(Text("b"))),
            True,
            [("user", "a"), ("system", "s"), ("user", "b")],
        ),
        (
            (user(Text("a")), model(Text("b")), system("s")),
            True,
            [("user", "a"), ("assistant", "b"), ("user", "<system-reminder>\ns\n</system-reminder>")],
        ),
        (
            (user(Text("a")), model(Text("b"), Reasoning("t", OWN)), user(Text("c"))),
            False,
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
    ],
)
def test_turns_are_placed(turns: tuple[Turn, ...], mid: bool, expected: list[tuple[str, str]]) -> None:
    body, _ = write(conversation(*turns), mid_system=mid)
    assert [(message["role"], message["content"]) for message in body["messages"]] == expected


def test_neighbours_are_merged_and_instructions_become_reminders() -> None:
    body, _ = write(conversation(user(Text("a")), system("s"), user(Text("b"))))
    texts = [block["text"] for block in body["messages"][0]["content"]]
    assert texts == ["a", "<system-reminder>\ns\n</system-reminder>", "b"]


def test_only_own_thoughts_go_back_and_whole() -> None:
    turn = model(
        Reasoning("g", State("gemini", "G")),
        Reasoning("n"),
        Reasoning("o", OWN),
        Reasoning("", State("anthropic-redacted", "D")),
        Text("a"),
    )
    body, _ = write(conversation(user(Text("q")), turn, user(Text("r"))))
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "o", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "text", "text": "a"},
    ]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Image(Source("base64", "aGk=", "image/png")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (Image(Source("url", "https://x")), {"type": "image", "source": {"type": "url", "url": "https://x"}}),
        (
            Document(Source("base64", "aGk=", "application/pdf"), "r", "c", True, CacheMark("30m")),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                "title": "r",
                "context": "c",
                "citations": {"enabled": True},
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
        ),
        (
            Document(Source("base64", "aGk=", "text/plain")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        ),
        (Text("a", CacheMark("5m")), {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}),
    ],
)
def test_media_are_blocks(part: Part, block: Fields) -> None:
    assert write(said(part))[0]["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    "part",
    [
        Image(Source("base64", "aGk=", "image/tiff")),
        Image(Source("file", "f")),
        Image(Source("url", "gs://x")),
        Document(Source("base64", "aGk=", "application/zip")),
        Audio(Source("base64", "aGk=", "audio/wav")),
        Video(Source("url", "https://x")),
    ],
)
def test_media_nobody_here_can_take_are_refused(part: Part) -> None:
    with pytest.raises(UnsupportedParameter):
        write(said(part))


@pytest.mark.parametrize(
    ("result", "block"),
    [
        (ToolResult("t", ()), {}),
        (ToolResult("t", (Text("r"),)), {"content": "r"}),
        (ToolResult("t", (Text("r"),), is_error=True), {"content": "r", "is_error": True}),
        (ToolResult("t", (), is_error=True), {"content": "Error", "is_error": True}),
    ],
)
def test_results_are_blocks(result: ToolResult, block: Fields) -> None:
    body, _ = write(conversation(user(Text("q")), model(CALL), user(result, Text("more"))))
    assert body["messages"][2]["content"][0] == {"type": "tool_result", "tool_use_id": "t", **block}


ADAPTIVE: Fields = {"thinking": "adaptive", "effort": ("low", "medium", "high", "max")}
BUDGET: Fields = {"thinking": "budget", "budget_min": 1024, "budget_max": 64000}


@pytest.mark.parametrize(
    ("thinking", "facts", "limit", "expected", "effort"),
    [
        (Thinking(effort="high"), ADAPTIVE, 100, {"type": "adaptive", "display": "omitted"}, "high"),
        (Thinking(effort="minimal", visible=True), ADAPTIVE, 100, {"type": "adaptive", "display": "summarized"}, "low"),
        (Thinking(effort="xhigh"), ADAPTIVE, 100, {"type": "adaptive", "display": "omitted"}, "high"),
        (Thinking(effort="minimal"), {}, 100, {"type": "adaptive", "display": "omitted"}, "low"),
        (Thinking(budget=-1, visible=True), ADAPTIVE, 100, {"type": "adaptive", "display": "summarized"}, None),
        (Thinking(visible=True), ADAPTIVE, 100, {"type": "adaptive", "display": "summarized"}, None),
        (Thinking("off"), ADAPTIVE, 100, {"type": "disabled"}, None),
        (Thinking(effort="none"), ADAPTIVE, 100, {"type": "disabled"}, None),
        (Thinking(), ADAPTIVE, 100, None, None),
        (None, ADAPTIVE, 100, None, None),
        (Thinking(effort="low"), BUDGET, 9000, {"type": "enabled", "budget_tokens": 1024}, None),
        (Thinking("on", budget=3000), BUDGET, 9000, {"type": "enabled", "budget_tokens": 3000}, None),
        (Thinking(effort="high"), BUDGET, 9000, {"type": "enabled", "budget_tokens": 8999}, None),
        (Thinking(effort="high"), BUDGET, 1024, None, None),
    ],
)
def test_thinking_is_asked_for_as_the_model_wants(
    thinking: Thinking | None, facts: Fields, limit: int, expected: Fields | None, effort: str | None
) -> None:
    body, _ = write(Prompt((), (user(Text("q")),), max_tokens=limit, thinking=thinking), **facts)
    assert body.get("thinking") == expected
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("settings", "turns"),
    [
        ({"tool_choice": ToolChoice("required")}, (user(Text("q")),)),
        ({"tool_choice": ToolChoice("named", ("f",))}, (user(Text("q")),)),
        ({}, (user(Text("q")), model(CALL), RESULT)),
    ],
)
def test_a_budget_is_left_out_where_it_is_refused(settings: Fields, turns: tuple[Turn, ...]) -> None:
    prompt = Prompt((), turns, max_tokens=9000, tools=(F,), thinking=Thinking(effort="low"), **settings)
    body, dropped = write(prompt, **BUDGET)
    assert "thinking" not in body
    assert dropped == ["thinking"]


@pytest.mark.parametrize(
    ("sampling", "thinks", "temperature", "expected", "dropped"),
    [
        (Sampling(temperature=1.7, top_k=5), False, True, {"temperature": 1, "top_k": 5}, set()),
        (Sampling(temperature=0.5, top_p=0.5), False, True, {"temperature": 0.5}, {"top_p"}),
        (Sampling(top_p=0.5), False, True, {"top_p": 0.5}, set()),
        (Sampling(temperature=0.5, top_p=0.5), False, False, {}, {"temperature", "top_p"}),
        (Sampling(temperature=0.5), False, None, {}, {"temperature"}),
        (Sampling(temperature=1, top_k=5, top_p=0.97), True, True, {"top_p": 0.97}, {"temperature", "top_k"}),
        (Sampling(top_p=0.5), True, True, {}, {"top_p"}),
        (Sampling(seed=1, logit_bias={}, n=1, logprobs=True), False, True, {}, {"seed", "logit_bias", "logprobs"}),
        (Sampling(frequency_penalty=1, presence_penalty=1), False, True, {}, {"frequency_penalty", "presence_penalty"}),
    ],
)
def test_sampling_is_what_the_model_takes(
    sampling: Sampling, thinks: bool, temperature: bool | None, expected: Fields, dropped: set[str]
) -> None:
    prompt = said(Text("q"), sampling=sampling, thinking=Thinking("adaptive") if thinks else None)
    body, lost = write(prompt, temperature=temperature)
    names = ("temperature", "top_p", "top_k", "seed", "logit_bias", "logprobs")
    assert {name: body[name] for name in names if name in body} == expected
    assert set(lost) == dropped


def test_several_answers_are_refused() -> None:
    with pytest.raises(UnsupportedParameter):
        write(said(Text("q"), sampling=Sampling(n=2)))


@pytest.mark.parametrize(
    ("wanted", "most", "expected"),
    [(None, None, 32000), (None, 8192, 8192), (None, 128000, 32000), (500, 100, 100), (50, 100, 50)],
)
def test_there_is_always_a_limit(wanted: int | None, most: int | None, expected: int) -> None:
    body, _ = write(Prompt((), (user(Text("q")),), max_tokens=wanted), max_output=most)
    assert body["max_tokens"] == expected


@pytest.mark.parametrize(
    ("choice", "parallel", "tools", "expected"),
    [
        (None, None, ["f", "g"], None),
        (None, True, ["f", "g"], None),
        (None, False, ["f", "g"], {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), False, ["f", "g"], {"type": "none"}),
        (ToolChoice("required"), False, ["f", "g"], {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("named", ("f",)), None, ["f", "g"], {"type": "tool", "name": "f"}),
        (ToolChoice("allowed", ("g",)), None, ["g"], {"type": "auto"}),
        (ToolChoice("allowed", ("g",), required=True), None, ["g"], {"type": "any"}),
    ],
)
def test_choices_are_written(
    choice: ToolChoice | None, parallel: bool | None, tools: list[str], expected: Fields | None
) -> None:
    body, _ = write(said(Text("q"), tools=(F, G), tool_choice=choice, parallel=parallel))
    assert [tool["name"] for tool in body["tools"]] == tools
    assert body.get("tool_choice") == expected


def test_tools_are_written() -> None:
    tools = (
        Tool("f", description="d", strict=True),
        Tool("s", "server", server="web_search", allowed_domains=("x.org",), location={"city": "Ulm"}),
        Tool("c", "server", server="code_execution"),
        Tool("u", "server", server="url_fetch"),
    )
    assert write(said(Text("q"), tools=tools))[0]["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}, "strict": True},
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "allowed_domains": ["x.org"],
            "user_location": {"type": "approximate", "city": "Ulm"},
        },
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "web_fetch_20250910", "name": "web_fetch"},
    ]
    with pytest.raises(UnsupportedParameter):
        write(said(Text("q"), tools=(Tool("x", "server"),)))


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    body, _ = write(said(Text("q"), output=Output("json_object")))
    assert body["system"] == "Respond with a single valid JSON object and nothing else."
    assert "output_config" not in body


def test_a_schema_is_what_decoding_can_hold_to() -> None:
    body, _ = write(said(Text("q"), output=Output("json_schema", {"type": "object", "properties": {}}, name="n")))
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


@pytest.mark.parametrize(
    ("identity", "expected", "dropped"),
    [
        (Identity(user="u"), {"metadata": {"user_id": "u"}}, []),
        (Identity(user="s", safety_id="s"), {"metadata": {"user_id": "s"}}, []),
        (Identity(tier="default"), {"service_tier": "standard_only"}, []),
        (Identity(tier="auto"), {"service_tier": "auto"}, []),
        (Identity(tier="priority"), {}, ["tier"]),
        (Identity(metadata={"a": "b"}), {}, ["metadata"]),
    ],
)
def test_who_asks(identity: Identity, expected: Fields, dropped: list[str]) -> None:
    body, lost = write(said(Text("q"), identity=identity))
    assert {name: body[name] for name in ("metadata", "service_tier") if name in body} == expected
    assert lost == dropped


def test_stops_of_mere_blanks_are_left_out() -> None:
    assert write(said(Text("q"), stop=("\n", "X")))[0]["stop_sequences"] == ["X"]
    assert "stop_sequences" not in write(said(Text("q"), stop=("\n",)))[0]


def test_of_many_cache_marks_the_last_four_stay() -> None:
    texts = [Text(str(number), CacheMark()) for number in range(6)]
    content = write(said(*texts))[0]["messages"][0]["content"]
    assert [("cache_control" in block) for block in content] == [False, False, True, True, True, True]


def test_a_stream_is_asked_for_and_the_whole_prompt_cached() -> None:
    body, _ = write(said(Text("q"), stream=True, cache=CacheMark("1h")))
    assert body["stream"] is True
    assert body["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
