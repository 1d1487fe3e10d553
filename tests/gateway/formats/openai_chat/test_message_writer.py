"""Turns as a chat provider wants them: instructions in place, results before all else, media where they may stand."""

from __future__ import annotations

import pytest

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
from gateway.formats.repair import MISSING, repaired

from .scene import said, write, write_turns

PNG = Image(Source("base64", "aGk=", "image/png"))
PNG_PART: Fields = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
PDF = Document(Source("base64", "aGk=", "application/pdf"), "a.pdf")
PDF_PART: Fields = {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}}
NOTE = Document(Source("text", "words"), "Note")


def user(*parts: Part, **facts: object) -> list[Fields]:
    return write_turns(Turn("user", parts), **facts)


def result(*parts: Part, is_error: bool = False, **facts: object) -> list[Fields]:
    return user(ToolResult("c1", parts, "f", is_error=is_error), **facts)


def assistant(*parts: Part, **facts: object) -> list[Fields]:
    return write_turns(Turn("assistant", parts), **facts)


def test_instructions_are_one_message_with_blank_lines_between() -> None:
    body, _ = write(Prompt((Text("A"), Text("  "), Text("B")), (Turn("user", (Text("q"),)),)))
    assert body["messages"] == [{"role": "system", "content": "A\n\nB"}, {"role": "user", "content": "q"}]


def test_blank_instructions_are_left_out() -> None:
    assert write(Prompt((Text(" \n"),), (Turn("user", (Text("q"),)),)))[0]["messages"] == [
        {"role": "user", "content": "q"}
    ]


def test_a_conversation_in_which_nothing_is_said_has_a_message_all_the_same() -> None:
    assert write(Prompt((Text(" \n"),), ()))[0]["messages"] == [{"role": "user", "content": "Continue."}]
    assert write(Prompt((Text("S"),), ()))[0]["messages"] == [{"role": "system", "content": "S"}]


def test_later_instructions_stay_in_place() -> None:
    turns = (Turn("user", (Text("q"),)), Turn("system", (Text("S"),)), Turn("user", (Text("r"),)))
    assert [message["role"] for message in write_turns(*turns)] == ["user", "system", "user"]


def test_neighbours_of_one_role_are_not_joined() -> None:
    turn = Turn("user", (Text("q"),))
    assert write_turns(turn, turn) == [{"role": "user", "content": "q"}] * 2


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Text("t"), "t"),
        (PNG, [PNG_PART]),
        (
            Image(Source("url", "https://a.b/c"), "high"),
            [{"type": "image_url", "image_url": {"url": "https://a.b/c", "detail": "high"}}],
        ),
        (PDF, [PDF_PART]),
        (
            Document(Source("base64", "aGk=", "application/pdf")),
            [{"type": "file", "file": {**PDF_PART["file"], "filename": "document.pdf"}}],
        ),
        (NOTE, "Document: Note\nwords"),
        (Document(Source("base64", "d29yZHM=", "text/markdown"), "N"), "Document: N\nwords"),
        (
            Audio(Source("base64", "aGk=", "audio/mpeg")),
            [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}],
        ),
        (
            Audio(Source("base64", "aGk=", "audio/wav")),
            [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}],
        ),
        (Refusal("no"), "no"),
    ],
)
def test_each_kind_of_content_is_written(part: Part, written: object) -> None:
    assert user(part) == [{"role": "user", "content": written}]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Image(Source("file", "gs://a/b")), "image"),
        (Document(Source("file", "file-1")), "document"),
        (Document(Source("url", "https://a.b/c.pdf")), "document"),
        (Audio(Source("base64", "aGk=", "audio/ogg")), "audio"),
        (Audio(Source("url", "https://a.b", "audio/wav")), "audio"),
        (Video(Source("base64", "aGk=", "video/mp4")), "video"),
        (Reasoning("hm"), "turns"),
    ],
)
def test_what_no_message_can_hold_is_refused(part: Part, field: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        user(part)
    assert refused.value.param == field


def test_the_detail_of_all_images_holds_for_those_that_say_none() -> None:
    body, _ = write(said(PNG, Image(PNG.source, "low"), media_resolution="high"))
    assert [part["image_url"]["detail"] for part in body["messages"][0]["content"]] == ["high", "low"]


def test_what_a_document_asks_beside_its_content_is_named_as_lost() -> None:
    _, dropped = write(said(Document(PDF.source, "a.pdf", context="c", cites=True)))
    assert dropped == ["context", "cites"]


# Results


def test_results_come_first_and_what_else_the_user_says_behind_them() -> None:
    parts = (Text("before"), ToolResult("c1", (Text("r"),)), Text("after"), ToolResult("c2", (Text("s"),)))
    assert user(*parts) == [
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
        {"role": "tool", "tool_call_id": "c2", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "before"}, {"type": "text", "text": "after"}]},
    ]


def test_media_of_results_follow_in_a_message_of_their_own() -> None:
    parts = (
        ToolResult("c1", (Text("one"), PNG, Text("two"))),
        ToolResult("c2", (PDF,)),
        Text("go on"),
    )
    assert user(*parts) == [
        {"role": "tool", "tool_call_id": "c1", "content": "one\ntwo"},
        {"role": "tool", "tool_call_id": "c2", "content": "[see attached content]"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Attached content of tool result c1:"},
                PNG_PART,
                {"type": "text", "text": "Attached content of tool result c2:"},
                PDF_PART,
            ],
        },
        {"role": "user", "content": "go on"},
    ]


def test_a_text_document_in_a_result_is_part_of_its_text() -> None:
    assert result(Text("see"), NOTE) == [
        {"role": "tool", "tool_call_id": "c1", "content": "see\nDocument: Note\nwords"}
    ]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((Text("boom"),), "Error: boom"),
        ((Text("ERROR: boom"),), "ERROR: boom"),
        ((Text("error code 7"),), "Error: error code 7"),
        ((), "Error: "),
        ((PNG,), "Error: [see attached content]"),
    ],
)
def test_a_failure_says_so_in_words(parts: tuple[Part, ...], text: str) -> None:
    assert result(*parts, is_error=True)[0]["content"] == text


def test_an_empty_result_is_an_empty_text() -> None:
    assert result() == [{"role": "tool", "tool_call_id": "c1", "content": ""}]


def test_a_call_that_nobody_answered_gets_a_result_before_the_user_goes_on() -> None:
    turns = (
        Turn("user", (Text("q"),)),
        Turn("assistant", (ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"))),
        Turn("user", (ToolResult("c2", (Text("r"),)), Text("go on"))),
    )
    assert write_turns(*repaired(Prompt((), turns)).turns)[2:] == [
        {"role": "tool", "tool_call_id": "c1", "content": f"Error: {MISSING}"},
        {"role": "tool", "tool_call_id": "c2", "content": "r"},
        {"role": "user", "content": "go on"},
    ]


# The assistant


def test_texts_are_joined_and_calls_stand_behind_them() -> None:
    parts = (Text("a"), ToolCall("c1", "f", ""), Text("b"), ToolCall("c2", "p", "free", "custom"))
    assert assistant(*parts) == [
        {
            "role": "assistant",
            "content": "ab",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "custom", "custom": {"name": "p", "input": "free"}},
            ],
        }
    ]


def test_calls_alone_leave_the_content_null() -> None:
    (message,) = assistant(ToolCall("c1", "f", '{"a":1}'))
    assert message["content"] is None


@pytest.mark.parametrize("arguments", ['{"a":1}', "[1]", "brok", '{"n":12345678901234567890}'])
def test_arguments_are_sent_as_the_model_wrote_them(arguments: str) -> None:
    (message,) = assistant(ToolCall("c1", "f", arguments))
    assert message["tool_calls"][0]["function"]["arguments"] == arguments


def test_a_refusal_is_told_as_one() -> None:
    assert assistant(Refusal("no")) == [{"role": "assistant", "content": None, "refusal": "no"}]
    assert assistant(Text("a"), Refusal("no")) == [{"role": "assistant", "content": "a", "refusal": "no"}]


def test_thoughts_go_back_only_to_those_who_want_them() -> None:
    parts = (Reasoning("why"), Reasoning("", State("openai", "x")), Reasoning("so"), ToolCall("c1", "f", "{}"))
    (message,) = assistant(*parts, echo_reasoning=True)
    assert message["reasoning_content"] == "why\n\nso"
    (message,) = assistant(*parts)
    assert "reasoning_content" not in message


def test_thoughts_alone_are_no_message() -> None:
    turns = (Turn("user", (Text("q"),)), Turn("assistant", (Reasoning("why"),)))
    assert write_turns(*turns, echo_reasoning=True) == [{"role": "user", "content": "q"}]


def test_the_last_words_may_be_the_models() -> None:
    turns = (Turn("user", (Text("q"),)), Turn("assistant", (Text("I say "),)))
    assert write_turns(*turns)[-1] == {"role": "assistant", "content": "I say "}


def test_what_a_model_has_drawn_has_no_place_and_is_named_as_lost() -> None:
    body, dropped = write(Prompt((), (Turn("assistant", (Text("here"), PNG)),)))
    assert body["messages"] == [{"role": "assistant", "content": "here"}]
    assert dropped == ["image"]


# Cache marks


def test_cache_marks_are_told_to_those_who_take_them() -> None:
    prompt = Prompt(
        (Text("A"), Text("B", CacheMark("1h"))),
        (Turn("user", (Text("q", CacheMark("5m")), Image(PNG.source, cache=CacheMark("12h")))),),
    )
    messages = write(prompt, cache_marks=True)[0]["messages"]
    half_hour = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    assert messages[0]["content"] == [{"type": "text", "text": "A"}, {"type": "text", "text": "B", **half_hour}]
    assert messages[1]["content"] == [
        {"type": "text", "text": "q", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {**PNG_PART, "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
    ]


@pytest.mark.parametrize(
    "marked",
    [ToolResult("c1", (Text("r"),), cache=CacheMark()), ToolResult("c1", (Text("r", CacheMark()),))],
)
def test_a_mark_on_a_result_stands_on_its_text(marked: ToolResult) -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    (message,) = user(marked, cache_marks=True)
    assert message["content"] == [{"type": "text", "text": "r", **mark}]


def test_marks_are_only_hints_and_are_left_out_without_a_word() -> None:
    prompt = Prompt((Text("A", CacheMark()),), (Turn("user", (Text("q", CacheMark()),)),), cache=CacheMark())
    body, dropped = write(prompt)
    assert (body["messages"][0]["content"], body["messages"][1]["content"], dropped) == ("A", "q", [])


def test_where_a_provider_wants_it_the_assistant_speaks_between_results_and_the_user() -> None:
    parts = (ToolResult("c1", (Text("r"),)), ToolResult("c2", (Text("s"),)), Text("go on"))
    roles = [message["role"] for message in user(*parts, user_after_tool=False)]
    assert roles == ["tool", "tool", "assistant", "user"]
