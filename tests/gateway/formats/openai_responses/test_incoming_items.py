"""Calls and thoughts in a provider's stream, each reported once however it is told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.events import (
    Event,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
)
from gateway.formats.format import Fields
from gateway.formats.neutral import State

from .provider import BEGIN, CALL, CREATED, ENDS, added, call, completed, delta, done, event, said
from .scene import told


@pytest.mark.parametrize(
    "events",
    [
        [added("function_call", call_id="c", name="f"), event("function_call_arguments.delta", delta="{}")],
        [
            added("function_call", call_id="c", name="f", arguments=""),
            event("function_call_arguments.delta", delta="{}"),
            event("function_call_arguments.done", arguments="{}"),
            done("function_call", call_id="c", name="f", arguments="{}"),
        ],
        [added("function_call", call_id="c", name="f"), event("function_call_arguments.done", arguments="{}")],
        [added("function_call", call_id="c", name="f"), done("function_call", call_id="c", arguments="{}")],
        [event("function_call_arguments.delta", delta="{}"), done("function_call", call_id="c", name="f")],
        [done("function_call", call_id="c", name="f", arguments="{}")],
        [
            added("function_call"),
            event("function_call_arguments.delta", delta="{"),
            event("function_call_arguments.delta", delta="}"),
            done("function_call", call_id="c", name="f", arguments="{}"),
        ],
    ],
)
def test_a_call_is_made_once_however_it_is_told(events: list[Fields]) -> None:
    assert said(*events) == CALL


def test_arguments_lacking_their_end_get_it() -> None:
    events = said(
        added("function_call", call_id="c", name="f"),
        event("function_call_arguments.delta", delta='{"a"'),
        event("function_call_arguments.done", arguments='{"a":1}'),
    )
    assert events == [ToolBegin(0, "c", "f"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"), ToolEnd(0)]


def test_a_call_in_the_whole_answer_is_known_by_its_call_id() -> None:
    events = [added("function_call", 3, call_id="c", name="f"), event("function_call_arguments.delta", 3, delta="{}")]
    assert told(CREATED, *events, completed(call(id="other"))) == [BEGIN, *CALL, *ENDS]


def test_calls_beside_each_other_keep_their_numbers() -> None:
    events = said(
        added("function_call", 0, call_id="a", name="f"),
        added("function_call", 1, call_id="b", name="g", namespace="n"),
        event("function_call_arguments.delta", 1, delta="{}"),
        event("function_call_arguments.delta", 0, delta="[]"),
        done("function_call", 1, call_id="b", name="g"),
    )
    assert events == [
        ToolBegin(0, "a", "f"),
        ToolBegin(1, "b", "g", namespace="n"),
        ToolDelta(1, "{}"),
        ToolDelta(0, "[]"),
        ToolEnd(1),
        ToolEnd(0),
    ]


def test_a_call_without_a_name_is_none() -> None:
    assert said(added("function_call", call_id="c"), event("function_call_arguments.delta", delta="{}")) == []


def test_free_form_calls() -> None:
    events = said(
        added("custom_tool_call", call_id="c", name="p"),
        event("custom_tool_call_input.delta", delta="fr"),
        event("custom_tool_call_input.done", input="free"),
        done("custom_tool_call", call_id="c", name="p", input="free"),
    )
    assert events == [
        ToolBegin(0, "c", "p", kind="custom"),
        ToolDelta(0, "fr"),
        ToolDelta(0, "ee"),
        ToolEnd(0),
    ]


def summary(text: str, part: int = 0, what: str = "delta") -> Fields:
    said_as: dict[str, Any] = {"delta" if what == "delta" else "text": text}
    return event(f"reasoning_summary_text.{what}", summary_index=part, **said_as)


def test_summaries_of_one_item_are_one_thought() -> None:
    sealed = [{"type": "summary_text", "text": "s1"}, {"type": "summary_text", "text": "s2"}]
    events = said(
        added("reasoning", encrypted_content="not yet"),
        summary("s"),
        summary("s1", what="done"),
        event("reasoning_summary_part.done", summary_index=0, part=sealed[0]),
        summary("s2", 1),
        done("reasoning", summary=sealed, encrypted_content="ENC"),
    )
    assert events == [
        ReasoningDelta("s"),
        ReasoningDelta("1"),
        ReasoningDelta("\n\ns2"),
        ReasoningState(State("openai", "i0~ENC")),
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [event("reasoning_text.delta", content_index=0, delta="t"), done("reasoning", summary=[{"text": "other"}])],
            [ReasoningDelta("t"), PartEnd()],
        ),
        (
            [event("reasoning_text.delta", content_index=0, delta="t"), summary("other")],
            [ReasoningDelta("t"), PartEnd()],
        ),
        ([event("reasoning_text.done", content_index=0, text="t")], [ReasoningDelta("t"), PartEnd()]),
        (
            [event("content_part.done", content_index=0, part={"type": "reasoning_text", "text": "t"})],
            [ReasoningDelta("t"), PartEnd()],
        ),
        ([done("reasoning", summary=[], content=[{"text": "t"}])], [ReasoningDelta("t"), PartEnd()]),
        ([done("reasoning", summary=[])], []),
        ([done("reasoning", summary=[], encrypted_content="E")], [ReasoningState(State("openai", "i0~E"))]),
        (
            [delta("a"), done("reasoning", 1, encrypted_content="E")],
            [TextDelta("a"), PartEnd(), ReasoningState(State("openai", "i1~E"))],
        ),
    ],
)
def test_thoughts(events: list[Fields], expected: list[Event]) -> None:
    assert said(*events) == expected
