"""A whole reply and its pieces are the same thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.errors import UpstreamClosed
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
)
from gateway.formats.fold import fold, unfold
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    Image,
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

WORDS = st.text(max_size=3)
SAID = st.text(min_size=1, max_size=3)
STATES = st.builds(State, st.sampled_from(("anthropic", "gemini")), SAID)
CITATIONS = st.lists(st.builds(Citation, SAID, WORDS), max_size=2).map(tuple)
REASONING = st.builds(Reasoning, SAID, st.none() | STATES) | st.builds(Reasoning, st.just(""), STATES)
CALLS = st.builds(ToolCall, WORDS, SAID, WORDS, st.sampled_from(("function", "custom")), WORDS, st.none() | STATES)
IMAGES = st.builds(Image, st.builds(Source, st.just("base64"), SAID, st.just("image/png")))
PARTS = st.builds(Text, SAID, st.none(), CITATIONS) | REASONING | CALLS | IMAGES | st.builds(Refusal, SAID)
CHANCES = st.lists(st.builds(TokenChance, SAID, st.floats(-9, 0)), max_size=2).map(tuple)
FINISHES = st.builds(Finish, st.sampled_from(("stop", "length", "tool_calls", "stop_sequence")), WORDS, WORDS)
CHOICES = st.lists(
    st.builds(Choice, st.lists(PARTS, max_size=6).map(tuple), FINISHES, st.integers(0, 9), CHANCES),
    max_size=3,
    unique_by=lambda choice: choice.index,
).map(lambda choices: tuple(sorted(choices, key=lambda choice: choice.index)))
REPLIES = st.builds(Reply, WORDS, WORDS, CHOICES, st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9)))


@given(REPLIES)
def test_folding_what_was_unfolded_gives_the_same(reply: Reply) -> None:
    assert fold(unfold(reply)) == reply


def test_the_service_tier_is_in_no_piece() -> None:
    reply = Reply("r", "m", (), tier="flex")
    assert fold(unfold(reply)) == structs.replace(reply, tier="")


def test_what_was_never_said_has_no_pieces() -> None:
    choice = Choice((Text("", citations=(Citation("u"),)), Refusal(""), Reasoning()), Finish("stop"))
    assert unfold(Reply("r", "m", (choice,))) == [ReplyBegin("r", "m"), ChoiceEnd(Finish("stop")), ReplyEnd()]


def test_arguments_of_two_calls_may_interleave() -> None:
    events: list[Event] = [
        ToolBegin(0, "c1", "f"),
        ToolBegin(1, "c2", "g", kind="custom"),
        ToolDelta(0, '{"a"'),
        ToolDelta(1, "free "),
        ToolDelta(0, ":1}"),
        ToolDelta(1, "text"),
        ToolDelta(7, "of no call"),
        ToolEnd(1),
        ToolEnd(0),
    ]
    (choice,) = fold(events).choices
    assert choice.parts == (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "free text", "custom"))


def test_choices_may_interleave() -> None:
    events = [TextDelta("b", 1), TextDelta("a", 0), TextDelta("B", 1), ChoiceEnd(Finish("length"), 1)]
    assert fold(events).choices == (
        Choice((Text("a"),), Finish("stop"), 0),
        Choice((Text("bB"),), Finish("length"), 1),
    )


def test_state_belongs_to_the_reasoning_before_it() -> None:
    one, two = State("gemini", "1"), State("gemini", "2")
    events = [ReasoningDelta("a"), ReasoningDelta("b"), ReasoningState(one), ReasoningState(two), TextDelta("t")]
    (choice,) = fold([*events, PartEnd(), TextDelta("u"), ReasoningState(one)]).choices
    assert choice.parts == (Reasoning("ab", one), Reasoning("", two), Text("t"), Text("u"), Reasoning("", one))


def test_a_citation_belongs_to_the_last_text() -> None:
    cited = Citation("https://e.org")
    events = [CitationFound(cited), TextDelta("a"), ToolBegin(0, "c", "f"), CitationFound(cited)]
    (choice,) = fold(events).choices
    assert choice.parts == (Text("a", citations=(cited,)), ToolCall("c", "f", ""))


def test_a_failed_reply_is_none() -> None:
    with pytest.raises(UpstreamClosed):
        fold([TextDelta("a"), ReplyFailed(UpstreamClosed("gone"))])
