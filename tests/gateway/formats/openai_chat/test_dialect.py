"""The dialect as a whole: what we write we read again, and garbage gives errors of ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.errors import GatewayError, UpstreamClosed, UpstreamError
from gateway.formats.events import Event, ReplyFailed
from gateway.formats.fold import fold, unfold
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    FinishReason,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Source,
    State,
    Text,
    TokenChance,
    ToolCall,
    Usage,
)
from gateway.formats.openai_chat.dialect import FORMAT, write_error_event
from gateway.formats.repair import repaired
from gateway.formats.settle import Settle
from gateway.formats.sse import Splitter
from gateway.formats.tool_names import ToolNames
from gateway.formats.tooling import fit_tools
from gateway.records import ModelFacts

from .scene import QUESTION, context, strict_completion, written

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
STATES = st.builds(State, st.sampled_from(("anthropic", "anthropic-redacted", "openai", "gemini")), st.just("Pay~LOAD"))
SIGNED = st.builds(
    lambda text, state: Reasoning("" if state.origin == "anthropic-redacted" else text, state), WORDS, STATES
)
CITATIONS = st.builds(Citation, WORDS, WORDS, st.integers(0, 3), st.integers(1, 9))
TEXTS = st.builds(lambda text, notes: Text(text, citations=tuple(notes)), WORDS, st.lists(CITATIONS, max_size=2))
IMAGES = st.builds(lambda: Image(Source("base64", "aGk=", "image/png")))
CALLS = st.builds(
    ToolCall,
    st.just("c"),
    WORDS,
    st.just('{"a":1}') | WORDS,
    st.sampled_from(("function", "custom")),
    state=st.none() | st.builds(State, st.just("gemini"), st.just("U0lH")) | STATES,
)
REASONS: st.SearchStrategy[FinishReason] = st.sampled_from(("stop", "length", "tool_calls", "filter"))
SAID: dict[FinishReason, str] = {"filter": "content_filter"}


def finishes(reason: FinishReason) -> Finish:
    return Finish(reason, detail=SAID.get(reason, reason))


@st.composite
def choices(draw: st.DrawFn, index: int = 0) -> Choice:
    """An answer in the order in which chat tells its parts, each kind at most once where chat joins them."""
    parts: list[Part] = [*draw(st.lists(SIGNED | st.builds(Reasoning, WORDS), max_size=1))]
    parts += draw(st.lists(TEXTS, max_size=1))
    parts += draw(st.lists(st.builds(Refusal, WORDS), max_size=1))
    parts += draw(st.lists(IMAGES, max_size=2))
    calls = draw(st.lists(CALLS, max_size=3))
    parts += [structs.replace(call, id=f"c{index}{at}") for at, call in enumerate(calls)]
    chances = draw(st.just(()) | st.just((TokenChance("a", -0.5, (TokenChance("b", -1.0),)),)))
    return Choice(tuple(parts), finishes(draw(REASONS)), index, chances)


COUNTS = st.integers(0, 1 << 40)
USAGES = st.builds(Usage, fresh=st.integers(1, 99), cache_read=COUNTS, cache_write=COUNTS, visible=COUNTS)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    answers = tuple(draw(choices(index)) for index in range(draw(st.integers(1, 3))))
    return Reply("chatcmpl-ab12", "gpt", answers, draw(st.none() | USAGES))


@settings(max_examples=80, deadline=None)
@given(replies(), st.sampled_from(("", "priority")))
def test_a_whole_answer_that_was_written_is_read_again(reply: Reply, tier: str) -> None:
    reply = structs.replace(reply, tier=tier)
    fields = FORMAT.write_reply(reply, context())
    strict_completion(fields)
    assert FORMAT.read_reply(orjson.loads(orjson.dumps(fields))) == reply


@settings(max_examples=80, deadline=None)
@given(replies())
def test_a_stream_that_was_written_is_read_again(reply: Reply) -> None:
    raw = written(unfold(reply), stream=True, stream_options={"include_usage": True})
    reader = FORMAT.event_reader()
    events = [event for data in Splitter().feed(raw) for event in reader.feed(data)]
    assert list(reader.close()) == []
    assert fold(events) == reply


def test_thoughts_apart_from_the_rest_come_back_in_order() -> None:
    parts = (Reasoning("a", State("anthropic", "S")), Reasoning("", State("anthropic-redacted", "D")), Text("t"))
    reply = Reply("chatcmpl-ab12", "gpt", (Choice(parts, finishes("stop")),))
    assert FORMAT.read_reply(FORMAT.write_reply(reply, context())) == reply


def test_what_an_answer_was_is_understood_when_the_client_sends_it_back() -> None:
    parts = (
        *(Reasoning("why", State("anthropic", "S")), Text("t"), Refusal("no")),
        *(ToolCall("c1", "f", "{}", state=State("gemini", "U0lH")), ToolCall("c2", "p", "free", "custom")),
    )
    reply = Reply("r", "m", (Choice(parts, Finish("stop")),))
    message = FORMAT.write_reply(reply, context())["choices"][0]["message"]
    prompt = FORMAT.read_prompt({"messages": [QUESTION, message]}, Losses({}, strict=True))
    assert prompt.turns[1].parts == parts


def test_the_error_of_a_stream_that_was_passed_through_has_no_mark_behind_it() -> None:
    raw = write_error_event(UpstreamClosed("cut"), "r")
    assert orjson.loads(raw.removeprefix(b"data: "))["error"]["message"] == "cut"
    assert raw.endswith(b"}\n\n")


# Garbage

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def mixed(*names: str) -> st.SearchStrategy[Any]:
    """JSON in which these names occur, mostly in the wrong places."""
    words = st.sampled_from(("stop", "user", "tool", "function", "custom", "data:,", "data:", "gw1.none.", *names))
    keys = st.sampled_from(names) | st.text(max_size=3)
    return st.recursive(
        SCALARS | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


CALL_WORDS = ("index", "id", "type", "function", "custom", "name", "arguments", "input", "extra_content", "google")
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(("system", "user", "assistant", "tool", "function", "developer")) | SCALARS,
        "content": mixed("type", "text", "image_url", "url", "file", "file_data", "input_audio", "data", "format"),
        "tool_calls": st.lists(mixed(*CALL_WORDS), max_size=3) | mixed(*CALL_WORDS),
        "function_call": mixed("name", "arguments"),
        "refusal": SCALARS,
        "reasoning_content": SCALARS,
        "reasoning": mixed("text"),
        "reasoning_details": mixed("text", "summary"),
        "thinking_blocks": mixed("type", "thinking", "signature", "data", "redacted_thinking"),
        "annotations": mixed("url_citation", "url", "start_index"),
        "images": mixed("image_url", "url"),
        "tool_call_id": SCALARS,
        "name": SCALARS,
        "audio": SCALARS,
    },
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "index": SCALARS,
        "message": MESSAGE | SCALARS,
        "delta": MESSAGE | SCALARS,
        "finish_reason": st.sampled_from(("stop", "tool_calls")) | SCALARS,
        "logprobs": mixed("content", "refusal", "token", "logprob", "top_logprobs"),
        "usage": mixed("prompt_tokens"),
    },
)
ANSWER = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE | SCALARS, max_size=3) | SCALARS},
    optional={
        "id": SCALARS,
        "model": SCALARS,
        "object": st.sampled_from(("error", "chat.completion")) | SCALARS,
        "error": mixed("message", "code", "type", "param"),
        "usage": mixed("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens"),
        "service_tier": SCALARS,
    },
)
REQUEST = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE | SCALARS, max_size=4) | SCALARS},
    optional={
        "tools": mixed("type", "function", "custom", "name", "parameters", "format", "grammar"),
        "functions": mixed("name", "parameters"),
        "tool_choice": mixed("type", "function", "name", "allowed_tools", "mode", "tools"),
        "function_call": mixed("name"),
        "response_format": mixed("type", "json_schema", "schema", "name"),
        "stop": mixed("x"),
        "logit_bias": mixed("50256"),
        "stream_options": mixed("include_usage"),
        "web_search_options": mixed("user_location", "approximate", "city"),
        "metadata": mixed("a"),
        "modalities": mixed("text"),
        "max_tokens": SCALARS,
        "n": SCALARS,
        "reasoning_effort": SCALARS,
    },
)


@settings(max_examples=100, deadline=None)
@given(REQUEST)
def test_a_request_is_read_and_written_again_or_refused(fields: dict[str, Any]) -> None:
    losses = Losses(FORMAT.field_names)
    try:
        prompt, _ = fit_tools(repaired(FORMAT.read_prompt(fields, losses)), FORMAT.tools, ModelFacts(), losses)
        orjson.dumps(FORMAT.write_prompt(prompt, "up", ModelFacts(), losses))
    except GatewayError:
        pass


@settings(max_examples=100, deadline=None)
@given(ANSWER)
def test_an_answer_is_read_and_written_again_or_is_a_failure(fields: dict[str, Any]) -> None:
    try:
        reply = FORMAT.read_reply(fields)
    except UpstreamError:
        return
    orjson.dumps(FORMAT.write_reply(reply, context()))
    writer = FORMAT.event_writer(context())
    for event in unfold(reply):
        writer.write(event)


@settings(max_examples=100, deadline=None)
@given(st.lists(ANSWER | mixed("choices"), max_size=5), st.booleans())
def test_a_stream_is_told_on_or_fails(pieces: list[Any], marked: bool) -> None:
    reader, settle, writer = FORMAT.event_reader(), Settle(ToolNames()), FORMAT.event_writer(context())
    events: list[Event] = []
    try:
        for data in (*map(orjson.dumps, pieces), *([b"[DONE]"] if marked else [])):
            events += reader.feed(data)
        events += reader.close()
    except UpstreamError:
        return
    settled = [each for event in events for each in settle.feed(event)]
    for told in (*settled, *settle.close()):
        if not isinstance(told, ReplyFailed):
            writer.write(told)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=40))
def test_bytes_that_are_no_chunk_are_a_failure_of_the_provider(data: bytes) -> None:
    reader = FORMAT.event_reader()
    try:
        events = [*reader.feed(data), *reader.close()]
    except UpstreamError:
        return
    assert isinstance(events[-1], ReplyFailed)


@settings(max_examples=80, deadline=None)
@given(st.integers(400, 599), mixed("error", "message", "code", "type", "param", "detail") | st.none())
def test_an_error_is_told_whatever_it_looks_like(status: int, body: Any) -> None:
    found = FORMAT.read_error(status, {b"retry-after": b"soon"}, b"<html>" if body is None else orjson.dumps(body))
    assert found.message
    told, said = FORMAT.write_error(found, "r")
    assert told in range(400, 600)
    assert orjson.loads(said)["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("piece", [b"", b"  ", b"\n"])
def test_an_event_of_nothing_says_nothing(piece: bytes) -> None:
    assert list(FORMAT.event_reader().feed(piece)) == []
