"""Input items as turns: what belongs together, what stays apart, what nobody else can read."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Citation,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    State,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

from .scene import read, read_input

USER = {"role": "user", "content": "q"}


def said(text: str, **more: Any) -> Fields:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def call(name: str, **more: Any) -> Fields:
    return {"type": "function_call", "call_id": name, "name": name, "arguments": "{}", **more}


def output(name: str, content: Any = "r") -> Fields:
    return {"type": "function_call_output", "call_id": name, "output": content}


def thought(text: str) -> Fields:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gw1.none."}


def turns_of(*items: Fields) -> list[tuple[str, list[str]]]:
    """Who spoke, and in few words what."""
    words: dict[type[Any], Any] = {
        Text: lambda part: part.text,
        Reasoning: lambda part: f"({part.text})",
        ToolCall: lambda part: f"{part.name}()",
        ToolResult: lambda part: f"={part.id}",
    }
    return [(turn.role, [words[type(part)](part) for part in turn.parts]) for turn in read_input(*items).turns]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([USER, USER], [("user", ["q"]), ("user", ["q"])]),
        ([said("a"), said("b")], [("assistant", ["a"]), ("assistant", ["b"])]),
        ([said("a"), call("f"), call("g")], [("assistant", ["a", "f()", "g()"])]),
        ([call("f"), said("a")], [("assistant", ["f()", "a"])]),
        ([thought("t"), said("a"), call("f")], [("assistant", ["(t)", "a", "f()"])]),
        ([said("a"), thought("t"), said("b")], [("assistant", ["a"]), ("assistant", ["(t)", "b"])]),
        ([said("a"), thought("t"), call("f")], [("assistant", ["a", "(t)", "f()"])]),
        ([said("a"), call("f"), said("b"), call("g")], [("assistant", ["a", "f()", "b", "g()"])]),
        (
            [call("f"), output("f"), call("g"), output("g")],
            [("assistant", ["f()"]), ("user", ["=f"]), ("assistant", ["g()"]), ("user", ["=g"])],
        ),
        ([call("f"), call("g"), output("g"), output("f"), USER][2:], [("user", ["=g", "=f"]), ("user", ["q"])]),
        ([USER, output("f"), output("g")], [("user", ["q"]), ("user", ["=f", "=g"])]),
        ([USER, {"role": "developer", "content": "D"}], [("user", ["q"]), ("system", ["D"])]),
    ],
)
def test_items_of_one_step_are_one_turn(items: list[Fields], expected: Any) -> None:
    assert turns_of(*items) == expected


def test_leading_instructions_are_apart_and_in_order() -> None:
    parts = [{"type": "input_text", "text": "B"}, {"type": "input_text", "text": "C"}]
    items = [{"role": "system", "content": "A"}, {"role": "developer", "content": parts}, USER]
    prompt, _ = read(input=items, instructions="I")
    assert prompt.system == (Text("I"), Text("A"), Text("B"), Text("C"))
    assert len(prompt.turns) == 1


def test_phase_is_kept() -> None:
    prompt = read_input(said("a", phase="commentary"), call("f"), said("b", phase="final_answer"))
    assert [turn.phase for turn in prompt.turns] == ["commentary"]
    prompt = read_input(said("a", phase="commentary"), said("b", phase="final_answer"))
    assert [turn.phase for turn in prompt.turns] == ["commentary", "final_answer"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_text", "text": "t"}, Text("t")),
        (
            {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            Text("t", CacheMark("30m")),
        ),
        (
            {
                "type": "output_text",
                "text": "t",
                "annotations": [
                    {"type": "url_citation", "url": "u", "title": "T", "start_index": 0, "end_index": 1},
                    {"type": "url_citation", "url": "v", "title": None},
                    {"type": "file_citation", "file_id": "f"},
                    7,
                ],
            },
            Text("t", citations=(Citation("u", "T", 0, 1), Citation("v"))),
        ),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        (
            {"type": "input_image", "image_url": "https://e.org/i.png", "detail": "low"},
            Image(Source("url", "https://e.org/i.png"), "low"),
        ),
        (
            {"type": "input_image", "image_url": "data:image/jpg;base64,aGk="},
            Image(Source("base64", "aGk=", "image/jpeg")),
        ),
        ({"type": "input_image", "file_id": "file-1"}, Image(Source("file", "file-1"))),
        (
            {"type": "input_file", "filename": "r.pdf", "file_data": "data:application/pdf;base64,aGk="},
            Document(Source("base64", "aGk=", "application/pdf"), "r.pdf"),
        ),
        ({"type": "input_file", "file_data": "aGk="}, Document(Source("base64", "aGk=", "application/pdf"))),
        ({"type": "input_file", "file_url": "https://e.org/r"}, Document(Source("url", "https://e.org/r"))),
        ({"type": "input_file", "file_id": "file-1"}, Document(Source("file", "file-1"))),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            Audio(Source("base64", "aGk=", "audio/mp3")),
        ),
    ],
)
def test_parts(part: Fields, expected: Part) -> None:
    assert read_input({"role": "user", "content": [part]}).turns[0].parts == (expected,)


def test_calls_and_their_results() -> None:
    prompt = read_input(
        call("f", namespace="n", arguments={"a": 1}),
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "free\n"},
        output("f", [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": "https://e.org"}]),
        {"type": "custom_tool_call_output", "call_id": "c", "output": None},
    )
    assert prompt.turns == (
        Turn(
            "assistant",
            (ToolCall("f", "f", '{"a":1}', namespace="n"), ToolCall("c", "patch", "free\n", kind="custom")),
        ),
        Turn(
            "user",
            (
                ToolResult("f", (Text("t"), Image(Source("url", "https://e.org")))),
                ToolResult("c", ()),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"encrypted_content": "gw1.anthropic.SG=="}, Reasoning("", State("anthropic", "SG=="))),
        ({"encrypted_content": "gAAA"}, Reasoning("", State("openai", "rs_1~gAAA"))),
        ({"encrypted_content": "gw1.none.", "summary": [{"text": "a"}, {"text": "b"}]}, Reasoning("a\n\nb")),
        ({"content": [{"type": "reasoning_text", "text": "c"}]}, Reasoning("c")),
    ],
)
def test_state_of_ours_is_unwrapped_and_any_other_is_openais(item: Fields, expected: Reasoning) -> None:
    prompt = read_input({"type": "reasoning", "id": "rs_1", "summary": [], **item}, said("a"))
    assert prompt.turns[0].parts[0] == expected


def test_a_thought_of_nothing_is_passed_over() -> None:
    assert read_input({"type": "reasoning", "id": "rs_1", "summary": []}, said("a")).turns[0].parts == (Text("a"),)


@pytest.mark.parametrize(
    "item",
    [
        {"id": "msg_1"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "compaction_trigger"},
        {"type": "program"},
        {"type": "shell_call"},
        {"type": "mcp_approval_response"},
    ],
)
def test_what_only_its_vendor_can_read_is_refused(item: Fields) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        read_input(USER, item)
    assert caught.value.param == "input[1]"


def test_what_a_provider_ran_itself_is_left_out() -> None:
    prompt, dropped = read(input=[{"type": "web_search_call"}, {"type": "file_search_call"}, USER])
    assert (len(prompt.turns), dropped) == (1, ["input[1]"])


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (7, "input[0]"),
        ({"type": "riddle"}, "input[0].type"),
        ({"type": 7}, "input[0].type"),
        ({"role": "tool", "content": "x"}, "input[0].role"),
        ({"role": "user", "content": 7}, "input[0].content"),
        ({"role": "user", "content": ["x"]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "x"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": {}}]}, "input[0].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].file_data"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]},
            "input[0].content[0].image_url",
        ),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].input_audio"),
        ({"type": "function_call", "name": "f"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": []}, "input[0].arguments"),
        ({"type": "function_call_output", "output": ""}, "input[0].call_id"),
        ({"type": "reasoning", "summary": "x"}, "input[0].summary"),
        ({"type": "additional_tools"}, "input[0].tools"),
    ],
)
def test_the_field_at_fault_is_named(item: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_input(item)
    assert caught.value.param == param
