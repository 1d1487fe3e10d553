"""Streams between dialects: blocks that begin before they go on, ends that are told, errors that are not lost."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamMalformed
from gateway.formats.format import Fields
from gateway.formats.table import FORMATS

from .crossing import (
    ALL,
    ANTHROPIC,
    CHAT,
    DONE,
    GEMINI,
    RESPONSES,
    Stream,
    block,
    blocks,
    chunk,
    finishes,
    framed,
    items,
    message,
    part,
    parts,
    piece,
    responding,
    step,
    streamed,
    texts,
)

THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c_1", "name": "look", "arguments": ""}

THINKS_SPEAKS_CALLS: dict[str, list[Any]] = {
    CHAT: [
        chunk(role="assistant", content=""),
        chunk(reasoning_content="hm"),
        chunk(content="so"),
        chunk(tool_calls=[piece(0, '{"a":1}', id="c_1", name="look")]),
        chunk(finish="tool_calls"),
        DONE,
    ],
    RESPONSES: responding(
        step("output_item.added", 0, item={"type": "reasoning", "id": "rs_1", "summary": []}),
        step("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta="hm"),
        step("output_item.added", 1, item={"type": "message", "id": "m_1", "content": []}),
        step("output_text.delta", 1, item_id="m_1", content_index=0, delta="so"),
        step("output_item.added", 2, item=CALL),
        step("function_call_arguments.delta", 2, item_id="fc_1", delta='{"a":1}'),
        step("output_item.done", 2, item={**CALL, "arguments": '{"a":1}'}),
    ),
    ANTHROPIC: message(
        block(0, THOUGHT, {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}),
        block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "so"}),
        block(
            2,
            {"type": "tool_use", "id": "c_1", "name": "look", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a":1}'},
        ),
        reason="tool_use",
    ),
    GEMINI: [
        part({"text": "hm", "thought": True}),
        part({"text": "so"}),
        part({"functionCall": {"name": "look", "args": {"a": 1}}}, finish="STOP"),
    ],
}
"""The same answer of every provider: a thought, a text, a call."""

SPEAKS: dict[str, list[Any]] = {
    CHAT: [chunk(content="héé "), chunk(content="🚀"), chunk(finish="stop"), DONE],
    RESPONSES: responding(*[step("output_text.delta", content_index=0, delta=text) for text in ("héé ", "🚀")]),
    ANTHROPIC: message(block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "héé 🚀"})),
    GEMINI: [part({"text": "héé "}), part({"text": "🚀"}, finish="STOP")],
}
"""Some words of every provider."""

each_provider = pytest.mark.parametrize("upstream", ALL)
each_foreign = pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI])


def said(client: str, stream: Stream) -> str:
    """All visible text a client got."""
    if client == CHAT:
        return texts(stream)
    if client == GEMINI:
        return "".join([each["text"] for each in parts(stream)])
    found = blocks(stream) if client == ANTHROPIC else items(stream)[0]["content"]
    return "".join([each["text"] for each in found])


@each_foreign
def test_a_messages_stream_begins_once_and_thoughts_have_a_block_of_their_own(upstream: str) -> None:
    stream = streamed(ANTHROPIC, upstream, THINKS_SPEAKS_CALLS[upstream])
    found = blocks(stream)
    visible = [each for each in found if each["type"] != "thinking" or each["thinking"]]
    assert [each["type"] for each in visible] == ["thinking", "text", "tool_use"]
    assert [visible[0]["thinking"], visible[1]["text"], visible[2]["json"]] == ["hm", "so", '{"a":1}']


STARTS = {CHAT: (1, 2, 3), RESPONSES: (1, 3, 5), GEMINI: (0, 1, 2)}
"""Where thought, text and call begin in the answers above."""


@pytest.mark.parametrize(("at", "kind"), [(0, "thinking"), (1, "text"), (2, "tool_use")])
@each_foreign
def test_the_first_block_is_what_comes_first(upstream: str, at: int, kind: str) -> None:
    whole = THINKS_SPEAKS_CALLS[upstream]
    head = whole[: STARTS[upstream][0]]
    assert blocks(streamed(ANTHROPIC, upstream, [*head, *whole[STARTS[upstream][at] :]]))[0]["type"] == kind


@pytest.mark.parametrize("first", [{"content": "so"}, {"role": None, "content": "so"}, {"role": "", "content": "so"}])
def test_a_stream_begins_whatever_role_its_first_chunk_names(first: Fields) -> None:
    stream = streamed(ANTHROPIC, CHAT, [chunk(**first), chunk(finish="stop"), DONE])
    assert [each["text"] for each in blocks(stream)] == ["so"]


@pytest.mark.parametrize("client", [RESPONSES])
@pytest.mark.parametrize("upstream", [CHAT, ANTHROPIC, GEMINI])
def test_a_responses_stream_has_the_whole_life_of_every_item(client: str, upstream: str) -> None:
    stream = streamed(client, upstream, THINKS_SPEAKS_CALLS[upstream])
    output = items(stream)
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call"]
    assert all(item["id"] for item in output)
    assert len({item["id"] for item in output}) == 3
    whole = stream.events[-1]["response"]
    assert (whole["model"], whole["status"]) == ("asked", "completed")
    assert whole["id"]
    assert "response.function_call_arguments.done" in stream.kinds()


@pytest.mark.parametrize("upstream", [CHAT, ANTHROPIC, GEMINI])
def test_a_message_that_is_done_has_annotations_and_log_probabilities(upstream: str) -> None:
    stream = streamed(RESPONSES, upstream, SPEAKS[upstream])
    done = next(event["item"] for event in stream.events if event["type"] == "response.output_item.done")
    assert [(each["annotations"], each["logprobs"]) for each in done["content"]] == [([], [])]


def test_usage_behind_the_finish_is_in_the_completed_response() -> None:
    late = [chunk(finish="stop"), chunk(usage={"prompt_tokens": 5, "completion_tokens": 2}), DONE]
    stream = streamed(RESPONSES, CHAT, [chunk(content="so"), *late])
    assert stream.kinds().count("response.completed") == 1
    usage = stream.events[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (5, 2)


@pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
def test_an_end_mark_without_a_finish_is_an_end(client: str) -> None:
    stream = streamed(client, CHAT, [chunk(content="so"), chunk(content="."), DONE])
    assert stream.complete
    assert stream.error is None
    ends = {RESPONSES: "response.completed", ANTHROPIC: "message_stop", GEMINI: "STOP"}
    assert ends[client].encode() in stream.raw


def test_a_provider_that_names_neither_itself_nor_its_answer_is_told_on_under_names_of_ours() -> None:
    bare = [{"choices": [{"delta": {"content": "so"}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    stream = streamed(RESPONSES, CHAT, bare)
    assert items(stream)[0]["content"][0]["text"] == "so"
    whole = stream.events[-1]["response"]
    assert whole["id"].startswith("resp_")
    assert whole["model"] == "asked"


def test_a_cut_answer_is_incomplete_and_its_call_is_not_finalised() -> None:
    cut = [chunk(tool_calls=[piece(0, '{"a":', id="c_1", name="look")]), chunk(finish="length"), DONE]
    stream = streamed(RESPONSES, CHAT, cut)
    assert stream.kinds()[-1] == "response.incomplete"
    assert items(stream)[0]["status"] == "incomplete"
    assert items(stream)[0]["arguments"] == '{"a":'


@pytest.mark.parametrize(("client", "ended"), [(CHAT, "length"), (ANTHROPIC, "max_tokens"), (GEMINI, "MAX_TOKENS")])
def test_an_incomplete_response_is_an_end_and_no_cut_stream(client: str, ended: str) -> None:
    events = responding(
        step("output_text.delta", content_index=0, delta="so"),
        end="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    )
    stream = streamed(client, RESPONSES, events)
    assert stream.complete
    assert stream.error is None
    assert ended.encode() in stream.raw


@pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
def test_what_follows_the_end_mark_is_ignored(client: str) -> None:
    events = [*SPEAKS[CHAT], chunk(content="more"), {"error": {"message": "late"}}, b"data: not json\n\n"]
    stream = streamed(client, CHAT, events)
    assert said(client, stream) == "héé 🚀"
    assert stream.error is None


@pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
def test_a_finish_without_an_end_mark_is_success_and_no_finish_is_failure(client: str) -> None:
    assert streamed(client, CHAT, SPEAKS[CHAT][:-1]).complete
    cut = streamed(client, CHAT, SPEAKS[CHAT][:-2])
    assert isinstance(cut.error, UpstreamClosed)
    assert not cut.complete


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("upstream", "client"), [(up, client) for up in ALL for client in ALL if up != client])
def test_a_death_within_an_answer_ends_each_stream_in_the_clients_own_way(
    upstream: str, client: str, whole: bool
) -> None:
    """Within the arguments of a call: nobody may take the call for whole, nor silence for an end."""
    cut_at = {CHAT: 4, RESPONSES: 7, ANTHROPIC: 11, GEMINI: 2}[upstream]
    events = THINKS_SPEAKS_CALLS[upstream][: cut_at if whole else cut_at - 1]
    stream = streamed(client, upstream, events)
    assert stream.opened
    assert isinstance(stream.error, UpstreamClosed)
    tails: dict[str, list[str | None]] = {
        CHAT: [None],
        RESPONSES: ["error", "response.failed"],
        ANTHROPIC: ["error"],
        GEMINI: [None],
    }
    last = stream.events[-len(tails[client]) :]
    assert [event.get("type") for event in last] == tails[client]
    assert "error" in last[0]
    assert b"[DONE]" not in stream.raw
    assert not {"message_delta", "message_stop", "response.completed"} & {event.get("type") for event in stream.events}


@pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
@pytest.mark.parametrize("beside", [{"choices": []}, {}])
def test_an_error_in_a_chunk_without_choices_is_an_error(client: str, beside: Fields) -> None:
    stream = streamed(client, CHAT, [{"id": "c1", **beside, "error": {"message": "no money", "code": 402}}])
    assert not stream.opened
    assert isinstance(stream.error, ProviderRefused)
    assert "no money" in stream.error.message


OVERLOADED: dict[str, list[Any]] = {
    CHAT: [chunk(role="assistant", content=""), {"error": {"message": "busy", "code": "server_is_overloaded"}}],
    RESPONSES: [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.in_progress", "response": {"id": "r", "model": "m"}},
        {"type": "error", "error": {"message": "busy", "code": "server_is_overloaded"}},
        {"type": "response.failed", "response": {"error": {"message": "second", "code": "server_error"}}},
    ],
    ANTHROPIC: [
        message()[0],
        {"type": "ping"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    ],
    GEMINI: [
        {"responseId": "r", "usageMetadata": {"promptTokenCount": 3}},
        {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}},
    ],
}


@pytest.mark.parametrize(("upstream", "client"), [(up, client) for up in ALL for client in ALL if up != client])
def test_an_overload_behind_the_handshake_comes_before_any_content(upstream: str, client: str) -> None:
    """The head is held back: another provider may still answer, else it is an answer with a status."""
    stream = streamed(client, upstream, OVERLOADED[upstream])
    assert not stream.opened
    assert isinstance(stream.error, ProviderRefused)
    assert stream.error.category == "overloaded"
    status, _ = FORMATS[client].write_error(stream.error, "req")
    assert status == (529 if client == ANTHROPIC else 503)


@each_provider
def test_an_error_counts_though_the_stream_closes_right_behind_it(upstream: str) -> None:
    """The last event may lack its empty line; the end of the body must not overtake what it said."""
    client = CHAT if upstream != CHAT else ANTHROPIC
    *first, last = OVERLOADED[upstream][: 3 if upstream == RESPONSES else None]
    unended = b"data: " + orjson.dumps(last)
    stream = streamed(client, upstream, [*first, unended], size=7)
    assert isinstance(stream.error, ProviderRefused)
    assert stream.error.message == "busy"


@pytest.mark.parametrize(("upstream", "client"), [(up, client) for up in ALL for client in ALL if up != client])
def test_letters_of_several_bytes_survive_any_cut(upstream: str, client: str) -> None:
    stream = streamed(client, upstream, SPEAKS[upstream], size=1)
    assert said(client, stream) == "héé 🚀"
    assert "\ufffd" not in stream.raw.decode()


@pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("size", [0, 1])
@each_provider
def test_line_ends_and_blanks_after_the_colon_are_as_servers_like_them(upstream: str, ending: bytes, size: int) -> None:
    data = b"".join([framed(event) for event in SPEAKS[upstream]])
    data = data.replace(b"data: ", b"data:").replace(b"\n", ending)
    client = ANTHROPIC if upstream != ANTHROPIC else CHAT
    assert said(client, streamed(client, upstream, [data], size=size)) == "héé 🚀"


def test_signs_of_life_are_what_each_client_bears() -> None:
    assert FORMATS[CHAT].keepalive.startswith(b":")
    assert FORMATS[RESPONSES].keepalive.startswith(b":")
    assert FORMATS[ANTHROPIC].keepalive == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert FORMATS[GEMINI].keepalive == b""


def test_a_repeated_beginning_is_ignored_and_one_within_a_block_is_an_error() -> None:
    whole = message(block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "so"}))
    assert texts(streamed(CHAT, ANTHROPIC, [whole[0], *whole])) == "so"
    spliced = streamed(CHAT, ANTHROPIC, [*whole[:3], *whole])
    assert isinstance(spliced.error, UpstreamMalformed)
    assert finishes(spliced) == []


def test_a_thought_of_several_summaries_is_one_block() -> None:
    events = responding(
        step("output_item.added", item={"type": "reasoning", "id": "rs_1", "summary": []}),
        step("reasoning_summary_part.added", item_id="rs_1", summary_index=0),
        step("reasoning_summary_text.delta", item_id="rs_1", summary_index=0, delta="one"),
        step("reasoning_summary_part.added", item_id="rs_1", summary_index=1),
        step("reasoning_summary_text.delta", item_id="rs_1", summary_index=1, delta="two"),
        step("output_item.done", item={"type": "reasoning", "id": "rs_1", "encrypted_content": "x"}),
    )
    found = blocks(streamed(ANTHROPIC, RESPONSES, events))
    assert [(each["thinking"], each["signature"]) for each in found] == [("one\n\ntwo", "gw1.openai.rs_1~x")]


@pytest.mark.parametrize("upstream", [CHAT, ANTHROPIC, GEMINI])
def test_a_thought_is_over_before_the_text_begins(upstream: str) -> None:
    stream = streamed(RESPONSES, upstream, THINKS_SPEAKS_CALLS[upstream])
    marks = [(e["type"], e["item"]["type"]) for e in stream.events if "output_item" in e["type"]]
    assert marks[:3] == [
        ("response.output_item.added", "reasoning"),
        ("response.output_item.done", "reasoning"),
        ("response.output_item.added", "message"),
    ]


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC, GEMINI])
def test_items_are_told_apart_by_place_though_their_ids_change(client: str) -> None:
    events = responding(
        step("output_item.added", 0, item={"type": "message", "id": "a", "content": []}),
        step("output_text.delta", 0, item_id="b", content_index=0, delta="s"),
        step("output_text.delta", 0, item_id="c", content_index=0, delta="o"),
        step("output_text.done", 0, item_id="d", content_index=0, text="so"),
        step(
            "output_item.done",
            0,
            item={"type": "message", "id": "e", "content": [{"type": "output_text", "text": "so"}]},
        ),
        output=[],
    )
    assert said(client, streamed(client, RESPONSES, events)) == "so"


@pytest.mark.parametrize("empty", [{"reasoning_content": ""}, {"reasoning": ""}, {"reasoning_content": None}])
def test_an_empty_thought_is_none(empty: Fields) -> None:
    events = [chunk(**empty, content="s"), chunk(**empty, content="o"), chunk(finish="stop"), DONE]
    assert [(each["type"], each["text"]) for each in blocks(streamed(ANTHROPIC, CHAT, events))] == [("text", "so")]
    assert [item["type"] for item in items(streamed(RESPONSES, CHAT, events))] == ["message"]
    assert parts(streamed(GEMINI, CHAT, events)) == [{"text": "so"}]
