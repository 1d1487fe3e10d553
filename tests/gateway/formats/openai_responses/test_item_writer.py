"""Turns as input items."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.errors import UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Image,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Source,
    State,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from gateway.records import ModelFacts

from .scene import write

PNG = Source("base64", "aGk=", "image/png")
PDF = Source("base64", "aGk=", "application/pdf")
SEALED = Reasoning("sum", State("openai", "rs_5~ENC"))


def items(*turns: Turn, facts: ModelFacts | None = None) -> list[Fields]:
    body, _ = write(Prompt((), turns), facts)
    found: list[Fields] = body["input"]
    return found


def assistant(*parts: Part, phase: str = "") -> Turn:
    return Turn("assistant", parts, phase)


def message(role: str, content: Any) -> Fields:
    return {"type": "message", "role": role, "content": content}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(Source("url", "https://e.org/i")), {"image_url": "https://e.org/i", "detail": "auto"}),
        (Image(PNG, "original"), {"image_url": "data:image/png;base64,aGk=", "detail": "original"}),
        (Document(PDF, "r.pdf"), {"filename": "r.pdf", "file_data": "data:application/pdf;base64,aGk="}),
        (Document(Source("url", "https://e.org/r")), {"file_url": "https://e.org/r"}),
        (Document(Source("text", "lines"), "notes"), {"text": "Document: notes\nlines"}),
        (Document(Source("base64", "aGk=", "text/plain"), "n"), {"text": "Document: n\nhi"}),
        (Audio(Source("base64", "aGk=", "audio/mpeg")), {"input_audio": {"data": "aGk=", "format": "mp3"}}),
    ],
)
def test_what_a_user_shows(part: Part, expected: Fields) -> None:
    kinds = {Image: "input_image", Document: "input_file", Audio: "input_audio"}
    kind = "input_text" if "text" in expected else kinds[type(part)]
    user = Turn("user", (Text("look"), part))
    assert items(user) == [message("user", [{"type": "input_text", "text": "look"}, {"type": kind, **expected}])]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (Image(Source("file", "file-1")), "image"),
        (Image(Source("url", "gs://b/i")), "image"),
        (Document(Source("file", "file-1")), "document"),
        (Audio(Source("base64", "aGk=", "audio/flac")), "audio"),
        (Audio(Source("url", "https://e.org/a", "audio/wav")), "audio"),
        (Video(Source("url", "https://e.org/v")), "video"),
    ],
)
def test_what_the_provider_cannot_open_is_refused(part: Part, param: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        items(Turn("user", (part,)))
    assert caught.value.param == param


def test_what_documents_lose_is_told() -> None:
    part = Document(PDF, context="c", cites=True)
    assert write(Prompt((), (Turn("user", (part,)),)))[1] == ["cites", "context"]


def test_images_without_detail_take_that_of_the_prompt() -> None:
    prompt = Prompt((), (Turn("user", (Image(PNG), Image(PNG, "low"))),), media_resolution="high")
    assert [part["detail"] for part in write(prompt)[0]["input"][0]["content"]] == ["high", "low"]


def test_later_instructions_keep_their_place() -> None:
    assert items(Turn("user", (Text("q"),)), Turn("system", (Text("S"),))) == [
        message("user", "q"),
        message("developer", "S"),
    ]


def test_what_the_model_did_keeps_its_order() -> None:
    turn = assistant(SEALED, Text("a"), Text("b"), ToolCall("c1", "f", " "), Text("c"), phase="commentary")
    assert items(turn) == [
        {
            "type": "reasoning",
            "id": "rs_5",
            "summary": [{"type": "summary_text", "text": "sum"}],
            "encrypted_content": "ENC",
        },
        {**message("assistant", "ab"), "phase": "commentary"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {**message("assistant", "c"), "phase": "commentary"},
    ]


def test_a_refusal_is_a_full_message() -> None:
    (item,) = items(assistant(Text("hm"), Refusal("no")))
    assert item["content"] == [
        {"type": "output_text", "text": "hm", "annotations": []},
        {"type": "refusal", "refusal": "no"},
    ]
    assert (item["status"], item["id"][:4]) == ("completed", "msg_")


def test_broken_arguments_stay_as_they_are() -> None:
    assert items(assistant(ToolCall("c", "f", '{"a')))[0]["arguments"] == '{"a'


@pytest.mark.parametrize(
    "parts",
    [
        (Text("a"), SEALED),
        (Reasoning("lost"), Text("a")),
        (Reasoning("", State("anthropic", "SG")), Text("a")),
        (Text("a"), SEALED, SEALED),
    ],
)
def test_thoughts_of_others_and_thoughts_that_led_nowhere_are_left_out(parts: tuple[Part, ...]) -> None:
    assert items(assistant(*parts)) == [message("assistant", "a")]


def test_sealed_thoughts_without_an_id_get_one() -> None:
    item = items(assistant(Reasoning("", State("openai", "~ENC")), Text("a")))[0]
    assert item["id"].startswith("rs_")
    assert (item["encrypted_content"], item["summary"]) == ("ENC", [])


def test_an_image_of_the_models_is_lost() -> None:
    body, dropped = write(Prompt((), (assistant(Text("see"), Image(PNG)),)))
    assert (body["input"], dropped) == ([message("assistant", "see")], ["image"])


def test_custom_calls_have_items_of_their_own() -> None:
    turns = (
        assistant(ToolCall("c1", "patch", "free", kind="custom"), ToolCall("c2", "f", "{}")),
        Turn("user", (ToolResult("c1", (Text("ok"),)), ToolResult("c2", (Text("ok"),)), Text("go"))),
    )
    assert items(*turns) == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "free"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
        {"type": "function_call_output", "call_id": "c2", "output": "ok"},
        message("user", "go"),
    ]


@pytest.mark.parametrize(
    ("parts", "is_error", "expected"),
    [
        ((), False, ""),
        ((Text("r"),), False, "r"),
        ((Text("a"), Text("b")), False, [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]),
        ((Text("bad"),), True, "Error: bad"),
        ((Text("ERROR: bad"),), True, "ERROR: bad"),
        ((), True, "Error: "),
        (
            (Image(PNG),),
            True,
            [
                {"type": "input_text", "text": "Error: "},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
            ],
        ),
    ],
)
def test_a_result(parts: tuple[Part, ...], is_error: bool, expected: Any) -> None:
    (item,) = items(Turn("user", (ToolResult("c", parts, is_error=is_error),)))
    assert item == {"type": "function_call_output", "call_id": "c", "output": expected}


@pytest.mark.parametrize(
    ("ttl", "mark"),
    [
        ("", {"mode": "explicit"}),
        ("5m", {"mode": "explicit"}),
        ("1h", {"mode": "explicit", "ttl": "30m"}),
        ("12h", {"mode": "explicit", "ttl": "12h"}),
    ],
)
def test_cache_marks_go_where_they_are_taken(ttl: str, mark: Fields) -> None:
    text = Text("t", CacheMark(ttl))
    marked = {"type": "input_text", "text": "t", "prompt_cache_breakpoint": mark}
    result = ToolResult("c", (structs.replace(text, cache=None),), cache=CacheMark(ttl))
    assert items(Turn("user", (text,))) == [message("user", "t")]
    assert items(Turn("user", (text, result)), facts=ModelFacts(cache_marks=True)) == [
        {"type": "function_call_output", "call_id": "c", "output": [marked]},
        message("user", [marked]),
    ]
