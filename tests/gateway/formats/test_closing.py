"""How a reply is called and why it ended: the same however it comes, and whoever gave it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.closing import BYTES, CHOICES, ClosingReader, closing_in
from gateway.formats.table import FORMATS
from gateway.formats.told import WORD_CHARACTERS
from gateway.records import Closing
from tests.cuts import cuts, dressings

Event = dict[str, Any]


def chunk(reason: str | None, index: int = 0, **delta: str) -> Event:
    """A piece of a chat's answer."""
    return {"id": "chatcmpl-1", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def response(event: str, **fields: Any) -> Event:
    return {"type": f"response.{event}", "response": {"id": "resp_1", **fields}}


SAYS_ALL = '"finish_reason":"length" "stop_reason": "max_tokens" finishReason "id":"no"'
"""What a model may say without anybody's taking it for more than its words."""

STREAMS: dict[str, list[Event]] = {
    "openai_chat": [chunk(None, content=SAYS_ALL), chunk("stop"), {"id": "chatcmpl-1", "choices": [], "usage": {}}],
    "openai_responses": [
        response("created", status="in_progress"),
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": SAYS_ALL},
        response("completed", status="completed", output=[{"type": "message", "id": "msg_1"}]),
    ],
    "anthropic": [
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "stop_reason": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SAYS_ALL}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}},
        {"type": "message_stop"},
    ],
    "gemini": [
        {"responseId": "r1", "candidates": [{"content": {"parts": [{"text": SAYS_ALL}]}}]},
        {"responseId": "r1", "candidates": [{"finishReason": "STOP"}]},
    ],
}

IDS = {"openai_chat": "chatcmpl-1", "openai_responses": "resp_1", "anthropic": "msg_1", "gemini": "r1"}

WHOLE: dict[str, tuple[tuple[Event, str], ...]] = {
    "openai_chat": tuple(
        ({"id": "chatcmpl-1", "choices": [{"index": 0, "message": {}, "finish_reason": said}]}, reason)
        for said, reason in (
            ("stop", "stop"),
            ("length", "length"),
            ("tool_calls", "tool_calls"),
            ("function_call", "tool_calls"),
            ("content_filter", "content_filter"),
            ("error", "error"),
            ("abort", "abort"),
        )
    ),
    "openai_responses": (
        ({"id": "resp_1", "status": "completed", "output": []}, "stop"),
        ({"id": "resp_1", "status": "completed", "output": [{"type": "function_call"}]}, "tool_calls"),
        ({"id": "resp_1", "status": "completed", "output": [{"type": "custom_tool_call"}]}, "tool_calls"),
        ({"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": "tired"}}, "tired"),
        ({"id": "resp_1", "status": "incomplete", "incomplete_details": None}, "incomplete"),
        ({"id": "resp_1", "status": "failed"}, "error"),
        ({"id": "resp_1", "status": "cancelled"}, "error"),
    ),
    "anthropic": tuple(
        ({"id": "msg_1", "type": "message", "content": [], "stop_reason": said}, reason)
        for said, reason in (
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("pause_turn", "pause_turn"),
            ("model_context_window_exceeded", "model_context_window_exceeded"),
        )
    ),
    "gemini": (
        ({"responseId": "r1", "candidates": [{"content": {}, "finishReason": "STOP"}]}, "stop"),
        ({"responseId": "r1", "candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]}, "length"),
        ({"responseId": "r1", "candidates": [{"content": {}, "finishReason": "SAFETY"}]}, "content_filter"),
        ({"responseId": "r1", "candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}, "error"),
        ({"responseId": "r1", "candidates": [{"content": {}, "finishReason": "OTHER"}]}, "OTHER"),
        ({"responseId": "r1", "promptFeedback": {"blockReason": "SAFETY"}}, "content_filter"),
    ),
}


def written(events: list[Event]) -> bytes:
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)


def heard(dialect: str, pieces: list[bytes], *, choices: int = 0, array: bool = False) -> Closing:
    reader = ClosingReader(FORMATS[dialect], array=array)
    for piece in pieces:
        reader.feed(piece)
    return reader.close(choices)


@pytest.mark.parametrize("dialect", STREAMS)
def test_a_stream_is_heard_the_same_however_it_is_cut_and_dressed(dialect: str) -> None:
    for dressed in dressings(written(STREAMS[dialect])):
        for pieces in cuts(dressed):
            assert heard(dialect, pieces) == Closing(IDS[dialect], ("stop",))


def test_an_array_of_objects_is_heard_as_a_stream_is() -> None:
    for pieces in cuts(orjson.dumps(STREAMS["gemini"], option=orjson.OPT_INDENT_2)):
        assert heard("gemini", pieces, array=True) == Closing("r1", ("stop",))


@pytest.mark.parametrize(
    ("dialect", "fields", "reason"),
    [(dialect, fields, reason) for dialect, rows in WHOLE.items() for fields, reason in rows],
)
def test_the_same_reasons_have_one_word_whoever_answers(dialect: str, fields: Event, reason: str) -> None:
    assert closing_in(FORMATS[dialect], orjson.dumps(fields)) == Closing(IDS[dialect], (reason,))
    event = {"type": f"response.{fields['status']}", "response": fields} if "status" in fields else fields
    if dialect != "anthropic":
        assert heard(dialect, [written([event])]) == Closing(IDS[dialect], (reason,))


def test_a_server_may_leave_the_status_of_a_response_to_the_name_of_its_event() -> None:
    assert heard("openai_responses", [written([response("completed")])]) == Closing("resp_1", ("stop",))


def test_each_answer_has_its_reason_in_the_place_of_its_number() -> None:
    events = [chunk(None), chunk("length", 2), chunk("stop", 0), chunk("content_filter", 1)]
    assert heard("openai_chat", [written(events)]).reasons == ("stop", "content_filter", "length")
    candidates = [{"index": 1, "finishReason": "MAX_TOKENS"}, {"index": 0, "finishReason": "STOP"}]
    assert closing_in(FORMATS["gemini"], orjson.dumps({"candidates": candidates})).reasons == ("stop", "length")
    unnumbered = {"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}
    assert closing_in(FORMATS["openai_chat"], orjson.dumps(unnumbered)).reasons == ("stop", "length")


def test_the_last_word_on_an_answer_holds() -> None:
    """Some of Google's models say STOP with every piece; an answer that goes on was not at its end."""
    events = [{"responseId": "r1", "candidates": [{"finishReason": said}]} for said in ("STOP", "STOP", "MAX_TOKENS")]
    assert heard("gemini", [written(events)]).reasons == ("length",)
    reader = ClosingReader(FORMATS["gemini"])
    reader.feed(b'data: {"candidates":[{"finishReason":"CONTINUATION"}]}\n\ndata: {"half')
    reader.go_on()
    reader.feed(b'data: {"responseId":"r2","candidates":[{"finishReason":"STOP"}]}\n\n')
    assert reader.close(0) == Closing("r2", ("stop",))


@pytest.mark.parametrize("dialect", STREAMS)
def test_a_stream_that_broke_off_says_what_it_is_called_and_that_it_did(dialect: str) -> None:
    begun = written(STREAMS[dialect][:1]) + b'data: {"ha'
    for pieces in cuts(begun):
        assert heard(dialect, pieces, choices=1) == Closing(IDS[dialect], ("error",))
    assert heard(dialect, [begun]) == Closing(IDS[dialect]), "nobody says that it broke off"


def test_of_several_answers_those_that_came_to_no_end_are_told() -> None:
    assert heard("openai_chat", [written([chunk("stop", 1)])], choices=3).reasons == ("error", "stop", "error")
    assert heard("openai_chat", [written([chunk("stop", 1)])]).reasons == ("error", "stop")


def test_the_end_of_a_stream_may_lack_its_line() -> None:
    assert heard("openai_chat", [written([chunk("stop")])[:-2]]).reasons == ("stop",)


def test_numbers_beyond_all_reason_and_words_without_end_are_not_told() -> None:
    events = [chunk("stop", CHOICES - 1), chunk("stop", CHOICES), chunk("stop", -1), chunk("x" * 1000, 0)]
    told = heard("openai_chat", [written([{**event, "id": "y" * 1000} for event in events])], choices=10**9)
    assert len(told.reasons) == CHOICES
    assert told.reasons[0] == "x" * WORD_CHARACTERS
    assert told.id == "y" * WORD_CHARACTERS


@pytest.mark.parametrize("dialect", STREAMS)
def test_what_is_too_long_is_passed_over_and_what_follows_is_heard(dialect: str) -> None:
    first, *events = STREAMS[dialect]
    long = written([{**first, "padding": "x" * 2 * BYTES}])
    pieces = [long[at : at + 65536] for at in range(0, len(long), 65536)]
    told = heard(dialect, [*pieces, written(events)])
    assert told.reasons == ("stop",)
    assert told.id == ("" if dialect == "anthropic" else IDS[dialect]), "there the first event alone says it"
    whole = {**WHOLE[dialect][0][0], "padding": "x" * BYTES}
    assert closing_in(FORMATS[dialect], orjson.dumps(whole)) == Closing()


@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"{", b"<html>", b'"finish_reason":"stop"', b"{}"])
def test_what_is_no_answer_says_nothing(dialect: str, body: bytes) -> None:
    assert closing_in(FORMATS[dialect], body) == Closing()
    assert heard(dialect, [b"data: " + body + b"\n\n", body]) == Closing()
    assert heard(dialect, [body, b"xx"], array=True) == Closing()
