"""Contents as turns."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.gemini.state import write_signature
from gateway.formats.neutral import (
    Audio,
    Document,
    Image,
    Part,
    Reasoning,
    Source,
    State,
    Text,
    ToolCall,
    ToolResult,
    Video,
)

from .asking import call, model, read, read_turns, response, user

SEALED = State("anthropic", "SG==")
CARRIED = write_signature(SEALED)
OWN = State("gemini", "U0lH")


def test_roles_are_user_and_model_and_none_is_the_user_s() -> None:
    turns = read_turns(
        {"parts": [{"text": "a"}]},
        {"role": "", "parts": [{"text": "a"}]},
        model({"text": "b"}),
        user({"text": "c"}),
        {"role": "function", "parts": [{"text": "d"}]},
    )
    assert [turn.role for turn in turns] == ["user", "user", "assistant", "user", "user"]


@pytest.mark.parametrize("role", ["system", "assistant", 7])
def test_other_roles_are_refused_by_their_path(role: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_turns({"role": role, "parts": []})
    assert refused.value.param == "contents[0].role"


def test_a_content_may_have_no_parts_and_a_text_no_words() -> None:
    assert [turn.parts for turn in read_turns(model(), {"role": "model"}, user({"text": ""}))] == [(), (), ()]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"text": "a"}, {"text": "b"}], (Text("a"), Text("b"))),
        ([{"text": "t", "thought": True}], (Reasoning("t"),)),
        ([{"text": "t", "thought": False}], (Text("t"),)),
        ([{"text": "t", "thought": True, "thoughtSignature": CARRIED}], (Reasoning("t", SEALED),)),
        ([{"text": "t", "thought": True, "thought_signature": "U0lH"}], (Reasoning("t", OWN),)),
        # The pieces of a streamed thought, its state on the last, behind it, or on the call it led to.
        ([{"text": "t", "thought": True}, {"text": "u", "thought": True}], (Reasoning("tu"),)),
        (
            [{"text": "t", "thought": True}, {"text": "", "thought": True, "thoughtSignature": CARRIED}, {"text": "a"}],
            (Reasoning("t", SEALED), Text("a")),
        ),
        ([{"text": "t", "thought": True}, {"thoughtSignature": CARRIED}], (Reasoning("t", SEALED),)),
        (
            [{"text": "t", "thought": True}, call(id="1") | {"thoughtSignature": CARRIED}],
            (Reasoning("t", SEALED), ToolCall("1", "f", "{}")),
        ),
        ([call(id="1") | {"thoughtSignature": CARRIED}], (Reasoning("", SEALED), ToolCall("1", "f", "{}"))),
        (
            [
                {"text": "", "thought": True, "thoughtSignature": CARRIED},
                call(id="1") | {"thoughtSignature": CARRIED},
            ],
            (Reasoning("", SEALED), Reasoning("", SEALED), ToolCall("1", "f", "{}")),
        ),
        # Google's own signatures stay on their calls, and are of no use to others on words.
        (
            [{"text": "t", "thought": True}, call(id="1") | {"thoughtSignature": "U0lH"}],
            (Reasoning("t"), ToolCall("1", "f", "{}", state=OWN)),
        ),
        ([{"text": "a", "thoughtSignature": "U0lH"}, {"thoughtSignature": "U0lH"}], (Text("a"),)),
        ([{"thought": True}], ()),
    ],
)
def test_what_the_model_said(parts: list[Fields], expected: tuple[Part, ...]) -> None:
    assert read_turns(model(*parts))[0].parts == expected


def test_the_pieces_of_a_stream_may_each_be_a_content() -> None:
    turns = read_turns(
        model({"text": "t", "thought": True}),
        model({"text": "u", "thought": True}),
        model(call(id="1") | {"thoughtSignature": CARRIED}),
        model({"text": "v", "thought": True}),
        user({"text": "q"}),
    )
    assert [turn.parts for turn in turns] == [
        (),
        (),
        (Reasoning("tu", SEALED), ToolCall("1", "f", "{}")),
        (Reasoning("v"),),
        (Text("q"),),
    ]


def test_one_part_or_content_needs_no_array_around_it() -> None:
    assert read(contents={"parts": {"text": "q"}}) == read(contents=[{"parts": [{"text": "q"}]}])


def test_only_the_model_thinks() -> None:
    assert read_turns(user({"text": "t", "thought": True}, {"text": "a"}))[0].parts == (Text("a"),)


def test_code_that_google_ran_is_text_to_others() -> None:
    parts = read_turns(
        model(
            {"executableCode": {"language": "PYTHON", "code": "print(1)\n"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
        )
    )[0].parts
    assert parts == (Text("\n```python\nprint(1)\n```\n"), Text("\n```\n1\n```\n"))


def test_what_google_s_own_tools_did_is_left_out_and_reported() -> None:
    prompt, dropped = read(contents=[model({"toolCall": {"id": "1"}}, {"toolResponse": {"id": "1"}}, {"text": "a"})])
    assert prompt.turns[0].parts == (Text("a"),)
    assert dropped == ["contents[0].parts[0].toolCall", "contents[0].parts[1].toolResponse"]


def test_calls_and_results_without_ids_are_paired() -> None:
    calls, results = read_turns(
        model(call("f", args={"n": 1}), call("g"), call("f", args={"n": 2})),
        user(response("g", response={"output": "G"}), response("f", response={"output": "F1"}), response("f")),
    )
    ids = [part.id for part in calls.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 3
    assert all(each.startswith("call_") and len(each) == 29 for each in ids)
    assert [(part.id, part.parts) for part in results.parts if isinstance(part, ToolResult)] == [
        (ids[1], (Text("G"),)),
        (ids[0], (Text("F1"),)),
        (ids[2], ()),
    ]


def test_ids_are_the_same_each_time_and_differ_between_turns() -> None:
    contents = (model(call()), user(response()), model(call()), user(response()))
    first = read_turns(*contents)
    assert read_turns(*contents) == first
    ids = [part.id for turn in first for part in turn.parts if isinstance(part, ToolCall | ToolResult)]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_ids_that_the_client_sends_are_kept() -> None:
    turns = read_turns(model(call(id="x"), call(id="")), user(response(id="x"), response(id="")))
    first, second = turns[0].parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.id, len(second.id)) == ("x", 29)
    assert [part.id for part in turns[1].parts if isinstance(part, ToolResult)] == ["x", second.id]


@pytest.mark.parametrize(
    ("said", "text", "is_error", "dropped"),
    [
        ({"output": "a"}, "a", False, []),
        ({"result": "a"}, "a", False, []),
        ({"output": ""}, "", False, []),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', False, []),
        ({"a": [1], "ü": None}, '{"a":[1],"ü":null}', False, []),
        ({}, "{}", False, []),
        (None, "", False, []),
        ("a", "a", False, []),
        ({"error": "no"}, "no", True, []),
        ({"error": {"code": 1}}, '{"code":1}', True, []),
        ({"error": None, "a": 1}, '{"error":null,"a":1}', False, []),
        ({"error": "no", "output": "a"}, "a", False, ["contents[0].parts[0].functionResponse.response.error"]),
        ({"error": "no", "at": 1}, "no", True, ["contents[0].parts[0].functionResponse.response.at"]),
    ],
)
def test_the_text_of_a_result(said: Any, text: str, is_error: bool, dropped: list[str]) -> None:
    prompt, lost = read(contents=[user(response(id="1", response=said))])
    expected = (Text(text),) if text else ()
    assert (prompt.turns[0].parts, lost) == ((ToolResult("1", expected, "f", is_error),), dropped)


def test_a_result_may_have_media() -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    parts = read_turns(user(response(id="1", response={"output": "a"}, parts=[blob])))[0].parts
    assert parts == (ToolResult("1", (Text("a"), Image(Source("base64", "aGk=", "image/png"))), "f"),)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"mimeType": "image/JPG", "data": "aGk="}, Image(Source("base64", "aGk=", "image/jpeg"))),
        ({"mime_type": "image/png", "data": "_-8"}, Image(Source("base64", "/+8=", "image/png"))),
        ({"mimeType": "video/mp4", "data": "aGk="}, Video(Source("base64", "aGk=", "video/mp4"))),
        ({"mimeType": "audio/mpeg", "data": "aGk="}, Audio(Source("base64", "aGk=", "audio/mp3"))),
        (
            {"mimeType": "application/pdf", "data": "aGk=", "displayName": "r.pdf"},
            Document(Source("base64", "aGk=", "application/pdf"), "r.pdf"),
        ),
        ({"mimeType": "text/csv; charset=utf-8", "data": "w7w="}, Document(Source("text", "ü", "text/plain"))),
    ],
)
def test_media(part: Fields, expected: Part) -> None:
    assert read_turns(user({"inlineData": part}))[0].parts == (expected,)


def test_detail_is_a_level_of_resolution() -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    levels = [{"level": "MEDIA_RESOLUTION_LOW"}, "MEDIA_RESOLUTION_ULTRA_HIGH", {"level": "MEDIA_RESOLUTION_MEDIUM"}]
    text = {"text": "q", "mediaResolution": levels[0]}
    prompt, dropped = read(contents=[user(*({**blob, "mediaResolution": level} for level in levels), text)])
    details = [part.detail for part in prompt.turns[0].parts if isinstance(part, Image)]
    assert details == ["low", "original", ""]
    assert dropped == ["contents[0].parts[2].mediaResolution.level", "contents[0].parts[3].mediaResolution"]


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        (7, "contents[0].parts"),
        ([7], "contents[0].parts[0]"),
        ([{}], "contents[0].parts[0]"),
        ([{"text": 7}], "contents[0].parts[0].text"),
        ([{"text": "a", "thought": "yes"}], "contents[0].parts[0].thought"),
        ([{"inlineData": {"data": "aGk="}}], "contents[0].parts[0].inlineData.mimeType"),
        ([{"inlineData": {"mimeType": "png", "data": "aGk="}}], "contents[0].parts[0].inlineData.mimeType"),
        ([{"inlineData": {"mimeType": "image/png", "data": ""}}], "contents[0].parts[0].inlineData.data"),
        ([{"inlineData": {"mimeType": "text/plain", "data": "a!"}}], "contents[0].parts[0].inlineData.data"),
        ([{"functionCall": {"name": "f"}}], "contents[0].parts[0].functionCall"),
        ([{"functionResponse": {"response": {}}}], "contents[0].parts[0].functionResponse.name"),
        ([response(response=[1])], "contents[0].parts[0].functionResponse.response"),
        ([response(parts=[{"text": "a"}])], "contents[0].parts[0].functionResponse.parts[0]"),
    ],
)
def test_broken_parts_are_refused_by_their_path(parts: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_turns({"parts": parts})
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"functionCall": {}}, "contents[0].parts[0].functionCall.name"),
        ({"functionCall": {"name": ""}}, "contents[0].parts[0].functionCall.name"),
        (response(), "contents[0].parts[0].functionResponse"),
    ],
)
def test_the_model_s_broken_parts_too(part: Fields, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_turns(model(part))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"futurePart": {"k": 1}}, "contents[0].parts[0].futurePart"),
        ({"inlineData": {"mimeType": "application/zip", "data": "aGk="}}, "contents[0].parts[0].inlineData.mimeType"),
        ({"fileData": {"fileUri": "gs://b/a.png"}}, "contents[0].parts[0].fileData.fileUri"),
        ({"fileData": {"fileUri": "https://youtu.be/x"}}, "contents[0].parts[0].fileData.fileUri"),
        (
            {"fileData": {"fileUri": "https://a.example/a.mp4", "mimeType": "video/mp4"}},
            "contents[0].parts[0].fileData.mimeType",
        ),
    ],
)
def test_what_nobody_else_can_take_is_refused(part: Fields, param: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read_turns(user(part))
    assert refused.value.param == param


def test_unknown_fields_are_left_out_and_reported() -> None:
    _, dropped = read(contents=[{"role": "user", "parts": [{"text": "q", "partMetadata": {"a": 1}}], "x": 1}])
    assert dropped == ["contents[0].x", "contents[0].parts[0].partMetadata"]


def test_arguments_are_compact_json_in_their_order() -> None:
    parts = read_turns(model(call(id="1", args={"b": "ü", "a": 12345678901234567})))[0].parts
    assert parts == (ToolCall("1", "f", '{"b":"ü","a":12345678901234567}'),)


def test_a_blob_of_the_official_client_is_read() -> None:
    content = bytes(range(250, 256))
    written = base64.urlsafe_b64encode(content).decode()
    part = read_turns(user({"inline_data": {"mime_type": "image/png", "data": written}}))[0].parts[0]
    assert isinstance(part, Image)
    assert base64.b64decode(part.source.value, validate=True) == content
