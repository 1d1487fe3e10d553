"""Turns as contents."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Audio,
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

from .asking import HELLO, THIRD, asked, call, model, response, said, user, write, written

OWN = State("gemini", "U0lH")
OTHER = State("anthropic", "SG==")
BYPASS = "skip_thought_signature_validator"
HI = user({"text": "hi"})
PICTURE = Image(Source("base64", "aGk=", "image/png"))
BLOB = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


def test_neighbours_of_one_role_are_one_content() -> None:
    turns = (HELLO, said(Text("a")), said(Text("b")), asked(Text("c")), asked(Text("d")))
    assert written(*turns) == [HI, model({"text": "a"}, {"text": "b"}), user({"text": "c"}, {"text": "d"})]


def test_a_conversation_begins_with_the_user() -> None:
    assert written(said(Text("a")), HELLO) == [user({"text": "."}), model({"text": "a"}), HI]


def test_instructions_between_turns_are_reminders_of_the_user() -> None:
    reminder = {"text": "<system-reminder>\nbe brief\n</system-reminder>"}
    assert written(HELLO, Turn("system", (Text("be brief"),))) == [user({"text": "hi"}, reminder)]


def test_thoughts_of_others_are_left_out_and_turns_of_nothing_else_too() -> None:
    turns = (HELLO, said(Reasoning("t", OTHER)), asked(Text("a")), said(Reasoning("t"), Text("b")))
    assert written(*turns) == [user({"text": "hi"}, {"text": "a"}), model({"text": "b"})]


def test_a_turn_of_nothing_but_own_thoughts_is_left_out() -> None:
    assert written(HELLO, said(Reasoning("t", OWN)), asked(Text("a"))) == [user({"text": "hi"}, {"text": "a"})]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            (Reasoning("t", OWN), Text("a"), ToolCall("1", "f", "{}"), ToolCall("2", "g", "")),
            [{"text": "a"}, call(args={}) | {"thoughtSignature": "U0lH"}, call("g", args={})],
        ),
        ((ToolCall("1", "f", '{"a":1}', state=OWN),), [call(args={"a": 1}) | {"thoughtSignature": "U0lH"}]),
        (
            (Reasoning("", State("gemini", "b")), ToolCall("1", "f", "", state=OWN)),
            [call(args={}) | {"thoughtSignature": "U0lH"}],
        ),
        (
            (ToolCall("1", "f", ""), ToolCall("2", "g", "")),
            [call(args={}) | {"thoughtSignature": BYPASS}, call("g", args={})],
        ),
        ((Reasoning("t", OTHER), ToolCall("1", "f", "", state=OTHER)), [call(args={}) | {"thoughtSignature": BYPASS}]),
        ((ToolCall("1", "f", "[1"),), [call(args={"input": "[1"}) | {"thoughtSignature": BYPASS}]),
        ((Refusal("no"),), [{"text": "no"}]),
        ((PICTURE,), [BLOB]),
    ],
)
def test_what_the_model_said(parts: tuple[Part, ...], expected: list[Fields]) -> None:
    assert written(HELLO, said(*parts), facts=THIRD) == [HI, model(*expected)]


def test_models_before_3_need_no_signature() -> None:
    assert written(HELLO, said(ToolCall("1", "f", "")))[1] == model(call(args={}))


def test_what_is_known_of_a_model_decides_before_its_generation() -> None:
    facts = ModelFacts(thinking="level", signature_required=False, media_in_function_response=False)
    contents = written(HELLO, said(ToolCall("1", "f", "")), asked(ToolResult("1", (PICTURE,), "f")), facts=facts)
    assert contents[1:] == [model(call(args={})), user(response(response={"output": ""}), BLOB)]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (ToolResult("1", (), "f"), {"output": ""}),
        (ToolResult("1", (Text("a"), Text("b")), "f"), {"output": "a\nb"}),
        (ToolResult("1", (Text('{"$ref":1}'),), "f"), {"output": '{"$ref":1}'}),
        (ToolResult("1", (Text("no"),), "f", is_error=True), {"error": "no"}),
    ],
)
def test_results_are_text(result: ToolResult, told: Fields) -> None:
    assert written(HELLO, said(ToolCall("1", "f", "")), asked(result))[2] == user(response(response=told))


def test_media_of_results_are_within_them_where_the_model_takes_that_else_right_behind() -> None:
    results = asked(ToolResult("1", (Text("a"), PICTURE), "f"), ToolResult("2", (PICTURE,), "g"), Text("more"))
    turns = (HELLO, said(ToolCall("1", "f", ""), ToolCall("2", "g", "")), results)
    first, second = response(response={"output": "a"}), response("g", response={"output": ""})
    assert written(*turns)[2] == user(first, BLOB, second, BLOB, {"text": "more"})
    within = [{"functionResponse": {**each["functionResponse"], "parts": [BLOB]}} for each in (first, second)]
    assert written(*turns, facts=THIRD)[2] == user(*within, {"text": "more"})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            Document(Source("base64", "aGk=", "application/pdf"), "r.pdf"),
            {"mimeType": "application/pdf", "data": "aGk="},
        ),
        (Document(Source("text", "ü", "text/plain")), {"mimeType": "text/plain", "data": "w7w="}),
        (Document(Source("text", "hi")), {"mimeType": "text/plain", "data": "aGk="}),
        (Audio(Source("base64", "aGk=", "audio/wav")), {"mimeType": "audio/wav", "data": "aGk="}),
        (Video(Source("base64", "aGk=", "video/mp4")), {"mimeType": "video/mp4", "data": "aGk="}),
        (Image(Source("base64", "aGk=")), {"mimeType": "image/png", "data": "aGk="}),
    ],
)
def test_media_are_blobs(part: Part, expected: Fields) -> None:
    assert written(asked(part)) == [user({"inlineData": expected})]


@pytest.mark.parametrize(
    ("detail", "level"), [("low", "LOW"), ("high", "HIGH"), ("original", "ULTRA_HIGH"), ("auto", ""), ("", "")]
)
def test_detail_is_a_level_of_resolution(detail: str, level: str) -> None:
    expected: dict[str, Any] = {"mediaResolution": {"level": f"MEDIA_RESOLUTION_{level}"}} if level else {}
    assert written(asked(Image(PICTURE.source, detail))) == [user({**BLOB, **expected})]


@pytest.mark.parametrize("uri", ["gs://b/a.png", "https://generativelanguage.googleapis.com/v1beta/files/a", "files/a"])
def test_files_in_google_s_keeping_are_named(uri: str) -> None:
    file = {"fileData": {"mimeType": "image/png", "fileUri": uri}}
    assert written(asked(Image(Source("file", uri, "image/png")))) == [user(file)]


@pytest.mark.parametrize("source", [Source("url", "https://a.example/a.png"), Source("file", "file-123")])
def test_what_google_cannot_open_is_refused(source: Source) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        written(asked(Image(source)))
    assert refused.value.param == "image"


def test_what_makes_no_sense_in_a_turn_is_refused() -> None:
    with pytest.raises(UnsupportedParameter):
        written(asked(ToolCall("1", "f", "")))


def test_notes_on_a_document_are_left_out_and_reported() -> None:
    document = Document(Source("text", "a"), context="c", cites=True)
    assert write(Prompt((), (asked(document),)))[1] == ["context", "cites"]
