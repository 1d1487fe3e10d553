"""Calls within streams: told apart however a provider numbers and names them, whole, and each begun once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.format import Fields

from .crossing import (
    ANTHROPIC,
    CHAT,
    DONE,
    GEMINI,
    RESPONSES,
    answered,
    block,
    blocks,
    calls,
    chunk,
    finishes,
    inputs,
    items,
    message,
    part,
    parts,
    piece,
    responding,
    response,
    step,
    streamed,
)

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c_1", "name": "look", "arguments": ""}
ENDS: list[Any] = [chunk(finish="tool_calls"), DONE]


def pieces(*each: Fields) -> list[Any]:
    """A chat stream of these pieces of calls, a chunk each."""
    return [*(chunk(tool_calls=[one]) for one in each), *ENDS]


def told(client: str, events: list[Any], upstream: str = CHAT) -> list[tuple[str, Any]]:
    """Name and parsed arguments of every call that a client is told of."""
    stream = streamed(client, upstream, events)
    if client == ANTHROPIC:
        return inputs(stream)
    if client == GEMINI:
        return [(each["functionCall"]["name"], each["functionCall"]["args"]) for each in parts(stream)]
    found = (
        [call[1:] for call in calls(stream)]
        if client == CHAT
        else [(item["name"], item["arguments"]) for item in items(stream)]
    )
    return [(name, orjson.loads(arguments)) for name, arguments in found]


each_client = pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
"""All clients of a chat provider."""


@each_client
def test_a_call_that_ends_a_text_keeps_its_arguments(client: str) -> None:
    """Text, name and arguments in the very chunk that changes the block."""
    call = piece(0, '{"a":1}', id="c_1", name="look")
    events = [chunk(content="so"), chunk(content=".", tool_calls=[call]), *ENDS]
    if client == ANTHROPIC:
        stream = streamed(client, CHAT, events)
        assert blocks(stream)[0]["text"] == "so."
        assert inputs(stream) == [("look", {"a": 1})]
    elif client == RESPONSES:
        output = items(streamed(client, CHAT, events))
        assert [output[0]["content"][0]["text"], output[1]["arguments"]] == ["so.", '{"a":1}']
    else:
        found = parts(streamed(client, CHAT, events))
        assert found == [{"text": "so."}, {"functionCall": {"id": "c_1", "name": "look", "args": {"a": 1}}}]


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC, GEMINI])
@pytest.mark.parametrize("deltas", [[], ['{"a"', ":1}"], ['{"a"']])
def test_arguments_are_told_once_whether_in_pieces_or_whole_or_both(client: str, deltas: list[str]) -> None:
    events = responding(
        step("output_item.added", item=CALL),
        *[step("function_call_arguments.delta", item_id="fc_1", delta=delta) for delta in deltas],
        step("function_call_arguments.done", item_id="fc_1", arguments='{"a":1}'),
        step("output_item.done", item={**CALL, "arguments": '{"a":1}'}),
        output=[{**CALL, "arguments": '{"a":1}'}],
    )
    assert told(client, events, RESPONSES) == [("look", {"a": 1})]


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC, GEMINI])
def test_calls_of_a_response_stay_apart(client: str) -> None:
    events = responding(
        step("output_item.added", 0, item=CALL),
        step("output_item.added", 1, item={**CALL, "id": "fc_2", "call_id": "c_2"}),
        step("function_call_arguments.delta", 1, item_id="fc_2", delta='{"b"'),
        step("function_call_arguments.delta", 0, item_id="fc_1", delta='{"a":1}'),
        step("function_call_arguments.delta", 1, item_id="fc_2", delta=":2}"),
    )
    assert told(client, events, RESPONSES) == [("look", {"a": 1}), ("look", {"b": 2})]


@each_client
def test_interleaved_calls_stay_apart(client: str) -> None:
    events = pieces(
        piece(0, '{"a"', id="c_1", name="look"),
        piece(1, '{"b"', id="c_2", name="find"),
        piece(0, ":1}"),
        piece(1, ":2}"),
    )
    assert told(client, events) == [("look", {"a": 1}), ("find", {"b": 2})]


@each_client
@pytest.mark.parametrize(
    "events",
    [
        pytest.param([piece(0, '{"a"', id="c", name="look"), piece(0, ":1}", id="c", name="look")], id="name repeated"),
        pytest.param([piece(0, None, id="c", name="look"), piece(0, '{"a":1}', name="")], id="name emptied"),
        pytest.param([piece(0, '{"a"', id="c"), piece(0, ":1}", name="look")], id="name after arguments"),
        pytest.param([piece(0, '{"a"'), piece(0, None, name="look"), piece(0, ":1}", id="c")], id="id last"),
    ],
)
def test_a_call_begins_once_however_late_or_often_it_is_named(client: str, events: list[Fields]) -> None:
    assert told(client, pieces(*events)) == [("look", {"a": 1})]
    assert b'"c"' in streamed(client, CHAT, pieces(*events)).raw


@each_client
@pytest.mark.parametrize("places", [(1, 2), (3, 9), (0, 0), (None, None)], ids=str)
def test_calls_are_told_apart_by_place_else_by_id(client: str, places: tuple[int | None, int | None]) -> None:
    """Places that begin at 1, have gaps, are used again with another id, or are missing."""
    first, second = places
    events = pieces(
        piece(first, '{"a"', id="c_1", name="look"),
        piece(first, ":1}"),
        piece(second, '{"b"', id="c_2", name="find"),
        piece(second, ":2}"),
    )
    assert told(client, events) == [("look", {"a": 1}), ("find", {"b": 2})]


@each_client
def test_roles_and_types_may_be_empty(client: str) -> None:
    call = {**piece(0, '{"a":1}', id="c", name="look"), "type": None}
    assert told(client, [chunk(role="", tool_calls=[call]), *ENDS]) == [("look", {"a": 1})]


@each_client
@pytest.mark.parametrize("prefix", ['{"a":"}', '{"a":{}', '"', "{"])
def test_arguments_go_on_until_they_are_whole(client: str, prefix: str) -> None:
    """Closed braces in the middle, and a beginning that would pass for an end, while another call begins."""
    whole = {'{"a":"}': '{"a":"}","b":2}', '{"a":{}': '{"a":{},"b":2}', '"': '"x"', "{": "{}"}[prefix]
    events = pieces(
        piece(0, prefix, id="c_1", name="look"), piece(1, "{}", id="c_2", name="find"), piece(0, whole[len(prefix) :])
    )
    value = orjson.loads(whole)
    kept = {"input": whole} if not isinstance(value, dict) and client != RESPONSES else value
    assert told(client, events) == [("look", kept), ("find", {})]


@pytest.mark.parametrize("upstream", [CHAT, GEMINI])
def test_a_call_without_an_id_gets_one_that_stays(upstream: str) -> None:
    twice: list[Fields] = [{"functionCall": {"name": "look", "args": {}}}] * 2
    events: list[Any] = (
        [part(*twice, finish="STOP")]
        if upstream == GEMINI
        else pieces(piece(0, "{", name="look"), piece(0, "}"), piece(1, "{}", name="look"))
    )
    stream, again = (streamed(RESPONSES, upstream, events) for _ in range(2))
    assert stream.raw == again.raw
    ids = [item["call_id"] for item in items(stream)]
    added = [e["item"]["call_id"] for e in stream.events if e["type"] == "response.output_item.added"]
    assert ids == added
    assert len(set(ids)) == 2
    assert all(ids)


def test_an_empty_id_is_none() -> None:
    events = pieces(piece(0, "{}", id="", name="a"), piece(1, "{}", id="", name="b"))
    one, other = (each["id"] for each in blocks(streamed(ANTHROPIC, CHAT, events)))
    assert one
    assert other
    assert one != other


CALLED: dict[str, list[Any]] = {
    CHAT: [chunk(tool_calls=[piece(0, "{}", id="c", name="look")]), chunk(finish="stop"), DONE],
    GEMINI: [part({"functionCall": {"name": "look", "args": {}}}), part({"text": ""}, finish="STOP")],
    ANTHROPIC: message(block(0, {"type": "tool_use", "id": "c", "name": "look", "input": {}}), reason="end_turn"),
    RESPONSES: responding(step("output_item.added", item=CALL)),
}
"""A call, and behind it an end that does not know of it."""


@pytest.mark.parametrize("upstream", [GEMINI, ANTHROPIC, RESPONSES])
def test_a_call_ends_a_chat_stream_as_one(upstream: str) -> None:
    assert finishes(streamed(CHAT, upstream, CALLED[upstream])) == ["tool_calls"]


@pytest.mark.parametrize("upstream", [CHAT, GEMINI, RESPONSES])
def test_a_call_ends_a_messages_stream_as_one(upstream: str) -> None:
    ended = next(e for e in streamed(ANTHROPIC, upstream, CALLED[upstream]).events if e["type"] == "message_delta")
    assert ended["delta"]["stop_reason"] == "tool_use"


def test_a_call_ends_a_whole_answer_as_one() -> None:
    gemini = part({"functionCall": {"name": "look", "args": {}}}, finish="STOP")
    assert answered(CHAT, GEMINI, gemini)["choices"][0]["finish_reason"] == "tool_calls"
    assert answered(ANTHROPIC, GEMINI, gemini)["stop_reason"] == "tool_use"
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    chat = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "stop"}]}
    assert answered(ANTHROPIC, CHAT, chat)["stop_reason"] == "tool_use"


@pytest.mark.parametrize("arguments", ["", None, " "])
def test_a_call_without_arguments_has_an_empty_object(arguments: str | None) -> None:
    events = pieces(piece(0, arguments, id="c", name="look"))
    for client in (RESPONSES, ANTHROPIC, GEMINI):
        assert told(client, events) == [("look", {})]
    call = {**CALL, "arguments": arguments}
    whole = answered(CHAT, RESPONSES, response(call))["choices"][0]["message"]["tool_calls"][0]
    assert whole["function"]["arguments"] == "{}"
    assert answered(ANTHROPIC, RESPONSES, response(call))["content"][0]["input"] == {}


@each_client
def test_arguments_that_are_no_object_are_not_lost(client: str) -> None:
    events = pieces(piece(0, '["a"', id="c", name="look"))
    if client == RESPONSES:
        assert items(streamed(client, CHAT, events))[0]["arguments"] == '["a"'
    else:
        assert told(client, events) == [("look", {"input": '["a"'})]


def test_a_signature_and_an_id_do_not_share_a_carrier() -> None:
    """Ids stay as short as they were; the signature of a call travels in a thinking block of its own."""
    signed = {"functionCall": {"name": "look", "args": {}, "id": "f1"}, "thoughtSignature": "S" * 900}
    found = blocks(streamed(ANTHROPIC, GEMINI, [part(signed, finish="STOP")]))
    assert [each["type"] for each in found] == ["thinking", "tool_use"]
    assert found[0]["signature"] == "gw1.gemini." + "S" * 900
    assert found[1]["id"] == "f1"
