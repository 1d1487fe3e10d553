"""What Google's own SDK makes of our replies, streams and errors, and that we read what it sends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.genai import types

from gateway.errors import UpstreamClosed
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    ReasoningDelta,
    ReasoningState,
    ReplyBegin,
    ReplyEnd,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.fold import fold
from gateway.formats.format import ReplyContext
from gateway.formats.gemini.dialect import FORMAT
from gateway.formats.losses import Losses
from gateway.formats.neutral import Citation, Finish, Prompt, Reasoning, State, ToolCall, Usage

EVENTS: tuple[Event, ...] = (
    ReplyBegin("r", "up"),
    ReasoningDelta("hm"),
    ReasoningState(State("anthropic", "SG==")),
    TextDelta("Grüße"),
    TextDelta("!"),
    CitationFound(Citation("https://a.example", "A", 3, 6)),
    ReasoningState(State("openai", "rs_1~ENC")),
    ToolBegin(0, "c1", "f"),
    ToolDelta(0, '{"a":'),
    ToolDelta(0, "9007199254740993}"),
    ToolEnd(0),
    UsageReported(Usage(fresh=3, cache_read=2, visible=5, reasoning=4)),
    ChoiceEnd(Finish("tool_calls")),
    ReplyEnd(),
)


def context(*, array: bool = False) -> ReplyContext:
    return ReplyContext("gemini-x", "0198f0c0ffee", 1790000000, Prompt((), ()), {}, array)


def written(*, array: bool = False) -> bytes:
    writer = FORMAT.event_writer(context(array=array))
    return writer.open() + b"".join(writer.write(event) for event in EVENTS)


def pieces(stream: bytes) -> list[dict[str, Any]]:
    assert stream.endswith(b"\n\n")
    lines = stream[:-2].split(b"\n\n")
    assert all(line.startswith(b"data: {") and b"\n" not in line for line in lines)
    return [orjson.loads(line[6:]) for line in lines]


def test_a_stream_is_nothing_but_lines_of_data() -> None:
    found = pieces(written())
    assert {(piece["modelVersion"], piece["responseId"]) for piece in found} == {("gemini-x", "0198f0c0ffee")}
    assert ["finishReason" in piece["candidates"][0] for piece in found] == [False] * (len(found) - 1) + [True]
    assert found[-1]["usageMetadata"]["totalTokenCount"] == 14


def test_the_sdk_reads_every_piece() -> None:
    responses = [types.GenerateContentResponse.model_validate(piece) for piece in pieces(written())]
    calls = [call for response in responses for call in response.function_calls or ()]
    assert [(call.id, call.name, call.args) for call in calls] == [("c1", "f", {"a": 9007199254740993})]
    assert "".join(response.text or "" for response in responses) == "Grüße!"


def test_an_array_has_the_same_pieces() -> None:
    assert orjson.loads(written(array=True)) == pieces(written())


@pytest.mark.parametrize("said", [0, 4])
def test_an_array_that_breaks_off_ends_with_the_error(said: int) -> None:
    writer = FORMAT.event_writer(context(array=True))
    out = writer.open() + b"".join(writer.write(event) for event in EVENTS[:said])
    elements = orjson.loads(out + writer.fail(UpstreamClosed("gone")))
    assert list(elements[-1]) == ["error"]
    assert elements[-1]["error"]["code"] == 502


def test_an_error_is_the_first_key_of_its_event() -> None:
    writer = FORMAT.event_writer(context())
    assert writer.fail(UpstreamClosed("gone")).startswith(b'data: {"error":')


def test_what_was_written_is_read_again_as_it_was() -> None:
    """State of other vendors comes back in the client's next request, on the part it belongs to."""
    parts = [part for piece in pieces(written()) for part in piece["candidates"][0]["content"]["parts"]]
    contents = [{"role": "user", "parts": [{"text": "q"}]}, *({"role": "model", "parts": [part]} for part in parts)]
    prompt = FORMAT.read_prompt({"contents": contents}, Losses({}))
    said = [part for turn in prompt.turns[1:] for part in turn.parts]
    assert said[0] == Reasoning("hm", State("anthropic", "SG=="))
    assert Reasoning("", State("openai", "rs_1~ENC")) in said
    assert said[-1] == ToolCall("c1", "f", '{"a":9007199254740993}')


def test_a_whole_reply_is_what_the_pieces_come_to() -> None:
    fields = FORMAT.write_reply(fold(EVENTS), context())
    response = types.GenerateContentResponse.model_validate(fields)
    assert response.text == "Grüße!"
    candidate = fields["candidates"][0]
    thought, _, call = candidate["content"]["parts"]
    assert ("thoughtSignature" in thought, "thoughtSignature" in call) == (True, True)
    support = candidate["groundingMetadata"]["groundingSupports"][0]
    assert support["segment"] == {"startIndex": 4, "endIndex": 8}


def test_thoughts_kept_piece_by_piece_are_one_with_their_state() -> None:
    """The SDK's chats keep every piece of a stream as a content of its own."""
    signed = FORMAT.write_reply(
        fold([TextDelta("x"), ToolBegin(0, "c", "f", state=State("anthropic", "SG==")), ToolEnd(0), ReplyEnd()]),
        context(),
    )["candidates"][0]["content"]["parts"][-1]
    contents = [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"text": "a", "thought": True}]},
        {"role": "model", "parts": [{"text": "b", "thought": True}]},
        {"role": "model", "parts": [signed]},
    ]
    prompt = FORMAT.read_prompt({"contents": contents}, Losses({}))
    said = [part for turn in prompt.turns[1:] for part in turn.parts]
    assert said == [Reasoning("ab", State("anthropic", "SG==")), ToolCall("c", "f", "{}")]


def test_one_object_is_as_good_as_an_array_of_one() -> None:
    fields = {
        "contents": {"role": "user", "parts": {"text": "hi"}},
        "system_instruction": {"parts": {"text": "S"}},
        "tools": {"function_declarations": {"name": "f"}},
        "safety_settings": {"category": "C", "threshold": "T"},
    }
    prompt = FORMAT.read_prompt(fields, Losses({}))
    assert (prompt.system[0].text, prompt.tools[0].name, prompt.safety) == ("S", "f", (("C", "T"),))
