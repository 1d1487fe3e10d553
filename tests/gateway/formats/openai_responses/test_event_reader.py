"""Streams of a Responses provider, whole and with everything that servers leave out, repeat or rename."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamMalformed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolDelta,
    UsageReported,
)
from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, Finish, Image, Source, TokenChance, Usage
from gateway.formats.openai_responses.event_reader import EventReader

from .provider import BEGIN, CALL, CREATED, ENDS, added, call, completed, delta, done, event, message, said
from .scene import told

TEXT = [TextDelta("Hel"), TextDelta("lo"), PartEnd()]


@pytest.mark.parametrize(
    "events",
    [
        [
            added("message"),
            delta("Hel"),
            delta("lo"),
            done("message", content=[{"type": "output_text", "text": "Hello"}]),
        ],
        [added("message"), delta("Hel"), event("output_text.done", content_index=0, text="Hello")],
        [delta("Hel"), delta("lo")],
        [delta("Hel", item_id="a"), delta("lo", item_id="b"), done("message", id="z", content=[])],
        [event("output_text.delta", None, delta="Hel"), event("output_text.delta", None, delta="lo")],
        [added("message"), delta("Hel"), delta(""), event("output_text.delta", delta=7), delta("lo")],
        [added("message"), added("message"), delta("Hel"), delta("lo")],
        [
            delta("Hel"),
            event("content_part.done", content_index=0, part={"type": "output_text", "text": "Hello"}),
            event("output_text.done", content_index=0, text="Hello"),
        ],
    ],
)
def test_text_is_said_once_however_it_is_told(events: list[Fields]) -> None:
    assert said(*events) == TEXT


def test_text_that_was_never_added_comes_from_the_end() -> None:
    assert told(CREATED, completed(message("Hi"))) == [BEGIN, TextDelta("Hi"), PartEnd(), *ENDS]
    assert said(done("message", content=[{"type": "output_text", "text": "Hi"}])) == [TextDelta("Hi"), PartEnd()]


def test_parts_and_items_are_told_apart() -> None:
    assert said(delta("a"), delta("b", part=1), delta("c", 1)) == [
        TextDelta("a"),
        PartEnd(),
        TextDelta("b"),
        PartEnd(),
        TextDelta("c"),
        PartEnd(),
    ]


def test_the_whole_answer_is_matched_though_ids_and_places_changed() -> None:
    events = [added("reasoning"), added("message", 1), delta("Hi", 1)]
    assert told(CREATED, *events, completed(message("Hi", id="other"))) == [BEGIN, TextDelta("Hi"), PartEnd(), *ENDS]
    whole = completed(message("Hi"), message("more"), call())
    assert told(CREATED, delta("Hi"), whole) == [
        BEGIN,
        TextDelta("Hi"),
        PartEnd(),
        TextDelta("more"),
        PartEnd(),
        *CALL,
        *ENDS,
    ]


def test_a_refusal() -> None:
    events = [
        added("message"),
        event("refusal.delta", content_index=0, delta="I ca"),
        event("refusal.done", content_index=0, refusal="I can't."),
        done("message", content=[{"type": "refusal", "refusal": "I can't."}]),
    ]
    assert told(CREATED, *events, completed()) == [
        BEGIN,
        RefusalDelta("I ca"),
        RefusalDelta("n't."),
        PartEnd(),
        ChoiceEnd(Finish("refusal")),
        ReplyEnd(),
    ]


def test_sources_are_told_once() -> None:
    note = {"type": "url_citation", "url": "u", "title": "T", "start_index": 0, "end_index": 1}
    other = {**note, "url": "v"}
    whole = {"type": "output_text", "text": "a", "annotations": [note, other]}
    events = said(
        delta("a"),
        event("output_text.annotation.added", content_index=0, annotation=note),
        event("output_text.annotation.added", content_index=0, annotation=None),
        done("message", content=[whole]),
    )
    assert events == [
        TextDelta("a"),
        CitationFound(Citation("u", "T", 0, 1)),
        CitationFound(Citation("v", "T", 0, 1)),
        PartEnd(),
    ]


def test_log_probabilities_are_told_once() -> None:
    logprobs = [{"token": "a", "logprob": -1.0}]
    whole = {"type": "output_text", "text": "a", "logprobs": logprobs}
    expected = [TextDelta("a"), ChancesDelta((TokenChance("a", -1.0),)), PartEnd()]
    assert said(delta("a", logprobs=logprobs), done("message", content=[whole])) == expected
    assert said(delta("a", logprobs=[]), done("message", content=[whole])) == expected


def test_an_image() -> None:
    image = Image(Source("base64", "aGk=", "image/png"))
    events = [added("image_generation_call"), done("image_generation_call", result="aGk=")]
    assert said(*events) == [ImageWhole(image)]
    assert said(done("image_generation_call", result=None)) == []


@pytest.mark.parametrize(
    ("last", "finish", "usage"),
    [
        (completed(usage={"input_tokens": 3}), Finish("stop"), Usage(fresh=3)),
        (
            {**completed(status=None, usage={"output_tokens": 3}), "type": "response.done"},
            Finish("stop"),
            Usage(visible=3),
        ),
        (
            {
                "type": "response.incomplete",
                "response": {"incomplete_details": {"reason": "max_output_tokens"}, "usage": {"input_tokens": 1}},
            },
            Finish("length", detail="max_output_tokens"),
            Usage(fresh=1),
        ),
    ],
)
def test_the_end_tells_usage_and_how_it_ended(last: Fields, finish: Finish, usage: Usage) -> None:
    assert told(CREATED, last) == [BEGIN, UsageReported(usage), ChoiceEnd(finish), ReplyEnd()]


ERROR = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "pay", "param": None}


@pytest.mark.parametrize(
    ("last", "category", "words"),
    [
        ({"type": "error", "error": ERROR}, "quota", "pay"),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, "rate_limit", "slow"),
        ({"error": {"message": "bare"}}, "server", "bare"),
        ({"type": "error", "error": "words"}, "server", "words"),
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "oops"}}},
            "server",
            "oops",
        ),
        ({"type": "response.failed"}, "server", "The provider reported an error."),
        (completed(status="failed", error={"message": "late"}), "server", "late"),
    ],
)
def test_a_failure_is_told_once(last: Fields, category: str, words: str) -> None:
    again = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "again"}}}
    *before, failed = told(CREATED, last, again)
    assert before == [BEGIN]
    assert isinstance(failed, ReplyFailed)
    assert isinstance(failed.error, ProviderRefused)
    assert (failed.error.category, failed.error.message) == (category, words)


def test_an_end_without_a_terminal_event_is_a_failure() -> None:
    reader = EventReader()
    reader.feed(orjson.dumps(CREATED))
    assert list(reader.feed(b"[DONE]")) == []
    (failed,) = reader.close()
    assert isinstance(failed, ReplyFailed)
    assert isinstance(failed.error, UpstreamClosed)
    assert list(reader.close()) == []


def test_nothing_follows_the_end() -> None:
    reader = EventReader()
    reader.feed(orjson.dumps(completed()))
    assert reader.finished
    assert list(reader.feed(b"not even JSON")) == []
    assert list(reader.close()) == []


@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b"null"])
def test_what_is_no_event(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        EventReader().feed(data)


@pytest.mark.parametrize("fields", [{}, {"type": 7}, {"type": "response.steer.queued"}, {"type": "keepalive"}])
def test_what_tells_nothing_is_passed_over(fields: Fields) -> None:
    assert list(EventReader().feed(orjson.dumps(fields))) == []


KINDS = [kind for kind in EventReader._READ if kind not in ("error", "response.failed")]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from(["message", "reasoning", "function_call", "f", "é"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "call_id", "name", "text", "content", "summary", "arguments", "annotations"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            "item",
            "output_index",
            "content_index",
            "summary_index",
            "delta",
            "text",
            "part",
            "response",
            "item_id",
            "error",
        ]
    ),
    values,
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), fields), max_size=6))
def test_any_order_of_anything_makes_events_or_an_error_of_ours(stream: list[tuple[str, Fields]]) -> None:
    reader = EventReader()
    found: list[Event] = []
    for kind, more in stream:
        found += reader.feed(orjson.dumps({**more, "type": kind}))
    found += reader.close()
    assert isinstance(found[-1], ReplyEnd | ReplyFailed)
    assert all(each.text for each in found if isinstance(each, TextDelta | ReasoningDelta | ToolDelta | RefusalDelta))
