"""Whatever a provider's reader says, writers hear one beginning, whole calls, one end, and the client's names."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamClosed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.neutral import Citation, Finish, FinishReason, Image, Source, State, TokenChance, Usage
from gateway.formats.settle import Settle
from gateway.formats.tool_names import ToolName, ToolNames

STOP = ChoiceEnd(Finish("stop"))
PATCH = ToolNames({"patch": ToolName("apply.patch", "", "custom"), "crm__get": ToolName("get", "crm")})
IMAGE = ImageWhole(Image(Source("base64", "aa", "image/png")))


def settled(*events: Event, names: ToolNames = ToolNames()) -> list[Event]:  # noqa: B008  # frozen
    settle = Settle(names)
    return [out for event in events for out in settle.feed(event)] + list(settle.close())


def finish(*events: Event) -> Finish:
    (end,) = [event for event in settled(*events, ReplyEnd()) if isinstance(event, ChoiceEnd)]
    return end.finish


def failure(events: Iterable[Event]) -> ReplyFailed:
    *_, last = events
    assert isinstance(last, ReplyFailed)
    return last


def test_what_is_in_order_passes() -> None:
    events = [
        ReplyBegin("r", "m"),
        ReasoningDelta("hm"),
        ReasoningState(State("anthropic", "s")),
        TextDelta("a"),
        TextDelta("b"),
        CitationFound(Citation("u")),
        ChancesDelta((TokenChance("a", -1.0),)),
        PartEnd(),
        IMAGE,
        UsageReported(Usage()),
        STOP,
        UsageReported(Usage(1)),
        ReplyEnd(),
    ]
    assert settled(*events) == events


@pytest.mark.parametrize("event", [TextDelta("a"), ToolBegin(0, "c", "f"), UsageReported(Usage()), STOP])
def test_a_beginning_is_added_where_there_was_none(event: Event) -> None:
    """Pitfall 16: streams without a first event."""
    assert settled(event)[:2] == [ReplyBegin(), *(settled(event)[1:2])]
    assert settled(event).count(ReplyBegin()) == 1


def test_a_second_beginning_is_dropped() -> None:
    """Pitfalls 1 and 31."""
    assert settled(ReplyBegin("a"), TextDelta("x"), ReplyBegin("b"))[:2] == [ReplyBegin("a"), TextDelta("x")]


def test_a_failure_alone_has_no_beginning() -> None:
    failed = ReplyFailed(UpstreamClosed("x"))
    assert settled(failed, TextDelta("a"), ReplyEnd()) == [failed]


def test_an_empty_reply_is_a_whole_one() -> None:
    """FIN-7: an end without any output still has its envelope."""
    assert settled(ReplyEnd()) == [ReplyBegin(), STOP, ReplyEnd()]


def test_empty_pieces_are_dropped() -> None:
    """Pitfall 38."""
    empty = [TextDelta(""), ReasoningDelta(""), RefusalDelta(""), ChancesDelta(()), ToolDelta(0, "")]
    assert settled(ReplyBegin(), *empty, TextDelta("a"), TextDelta(""), STOP, ReplyEnd()) == [
        ReplyBegin(),
        TextDelta("a"),
        STOP,
        ReplyEnd(),
    ]


def test_nothing_follows_the_end_of_a_choice() -> None:
    late = [
        TextDelta("x"),
        ReasoningDelta("x"),
        RefusalDelta("x"),
        IMAGE,
        PartEnd(),
        ChancesDelta((TokenChance("a", -1.0),)),
        ToolBegin(0, "c", "f"),
        ToolDelta(0, "{}"),
        ToolEnd(0),
        ChoiceEnd(Finish("length")),
    ]
    expected = [ReplyBegin(), TextDelta("a"), STOP, ReplyEnd()]
    assert settled(TextDelta("a"), STOP, *late, ReplyEnd(), TextDelta("y"), ReplyEnd()) == expected


def test_each_choice_has_its_end() -> None:
    events = settled(
        TextDelta("a", 1), TextDelta("b", 2), ChoiceEnd(Finish("length"), 1), TextDelta("c", 2), ReplyEnd()
    )
    assert events[-4:] == [ChoiceEnd(Finish("length"), 1), TextDelta("c", 2), ChoiceEnd(Finish("stop"), 2), ReplyEnd()]


def test_a_stream_that_stops_early_has_failed() -> None:
    """Pitfalls 22 and 35: never a success that was none."""
    for events in ((), (TextDelta("a"),), (TextDelta("a", 1), TextDelta("b"), STOP)):
        assert isinstance(failure(settled(*events)).error, UpstreamClosed)


def test_a_stream_whose_choices_have_ended_is_whole() -> None:
    assert settled(TextDelta("a"), STOP)[-2:] == [STOP, ReplyEnd()]


def test_calls_end_before_their_choice() -> None:
    events = settled(ToolBegin(0, "c", "f"), ToolBegin(1, "d", "g", choice=1), ToolDelta(0, "{"), STOP, ReplyEnd())
    called = Finish("tool_calls")
    assert events[4:] == [ToolEnd(0), ChoiceEnd(called), ToolEnd(1), ChoiceEnd(called, 1), ReplyEnd()]


def test_pieces_of_no_call_are_dropped() -> None:
    """Pitfalls 8 and 58: a call begins once, and not without a name."""
    begin = ToolBegin(0, "c", "f")
    odd = [ToolBegin(0, "c", "again"), ToolBegin(1, "d", ""), ToolDelta(1, "{}"), ToolEnd(1)]
    events = settled(begin, *odd, ToolDelta(0, "{}"), ToolEnd(0), ToolEnd(0), ReplyEnd())
    assert events[1:4] == [begin, ToolDelta(0, "{}"), ToolEnd(0)]
    assert len(events) == 6


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("stop", "tool_calls"),
        ("stop_sequence", "tool_calls"),
        ("tool_calls", "tool_calls"),
        ("other", "tool_calls"),
        ("refusal", "tool_calls"),
        ("length", "length"),
        ("context_full", "context_full"),
        ("filter", "filter"),
    ],
)
def test_a_call_is_the_reason_unless_the_answer_was_cut(said: FinishReason, told: FinishReason) -> None:
    """FIN-1; pitfalls 14, 15 and 18."""
    call = (ToolBegin(0, "c", "f"), ToolEnd(0))
    assert finish(*call, ChoiceEnd(Finish(said, detail="x"))).reason == told


def test_without_a_call_it_is_not_the_reason() -> None:
    assert finish(TextDelta("a"), ChoiceEnd(Finish("tool_calls"))) == Finish("stop")


def test_a_refusal_in_words_is_the_reason() -> None:
    """FIN-5; pitfall 135."""
    assert finish(RefusalDelta("no"), STOP) == Finish("refusal")
    assert finish(RefusalDelta("no"), ChoiceEnd(Finish("length"))) == Finish("length")


def test_a_broken_answer_is_a_failure_that_names_the_reason() -> None:
    """Pitfall 133: MALFORMED_FUNCTION_CALL became an empty success."""
    events = settled(TextDelta("a"), ChoiceEnd(Finish("malformed", detail="MALFORMED_FUNCTION_CALL")), TextDelta("b"))
    error = failure(events).error
    assert isinstance(error, ProviderRefused)
    assert (error.category, error.status) == ("server", 502)
    assert error.message.endswith(": MALFORMED_FUNCTION_CALL")
    assert len(events) == 3


def test_an_unknown_reason_is_a_failure_only_without_content() -> None:
    other = ChoiceEnd(Finish("other"))
    assert failure(settled(ReasoningDelta("hm"), other)).error.message.endswith("one")
    for content in (TextDelta("a"), IMAGE, RefusalDelta("no")):
        assert finish(content, other).reason == "other"


def test_names_and_namespaces_are_restored() -> None:
    """Pitfalls 62 and 119."""
    events = settled(ToolBegin(0, "c", "crm__get"), ToolDelta(0, "{}"), ToolEnd(0), names=PATCH)
    assert events[1:4] == [ToolBegin(0, "c", "get", namespace="crm"), ToolDelta(0, "{}"), ToolEnd(0)]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (['{"inp', 'ut":"***', ' é"}'], "*** é"),
        (["plain"], "plain"),
        (['{"input":3}'], '{"input":3}'),
        (["[1]"], "[1]"),
        (['{"input":""}'], ""),
        ([], ""),
    ],
)
def test_a_free_form_call_is_unwrapped(pieces: list[str], text: str) -> None:
    """Pitfall 60: it arrived as a function call with JSON."""
    deltas = [ToolDelta(0, piece) for piece in pieces]
    events = settled(ToolBegin(0, "c", "patch"), *deltas, ToolEnd(0), names=PATCH)
    expected = [ToolDelta(0, text)] if text else []
    assert events[1:-1] == [ToolBegin(0, "c", "apply.patch", "custom"), *expected, ToolEnd(0)]


def test_a_free_form_call_in_kind_passes_as_it_is() -> None:
    events = settled(ToolBegin(0, "c", "patch", "custom"), ToolDelta(0, '{"input":"a"}'), ToolEnd(0), names=PATCH)
    assert events[1:-1] == [ToolBegin(0, "c", "apply.patch", "custom"), ToolDelta(0, '{"input":"a"}'), ToolEnd(0)]


def test_a_free_form_call_that_was_cut_is_told_as_far_as_it_came() -> None:
    cut = ChoiceEnd(Finish("length"))
    events = settled(ToolBegin(0, "c", "patch"), ToolDelta(0, '{"input":"ab'), cut, ReplyEnd(), names=PATCH)
    assert events[2:] == [ToolDelta(0, '{"input":"ab'), ToolEnd(0), cut, ReplyEnd()]


NUMBERS = st.integers(0, 2)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TextDelta, st.sampled_from(("", "a")), NUMBERS),
    st.builds(ReasoningDelta, st.sampled_from(("", "a")), NUMBERS),
    st.builds(RefusalDelta, st.just("a"), NUMBERS),
    st.builds(ToolBegin, NUMBERS, st.just("c"), st.sampled_from(("f", "patch", "")), choice=NUMBERS),
    st.builds(ToolDelta, NUMBERS, st.sampled_from(("", "{}"))),
    st.builds(ToolEnd, NUMBERS),
    st.builds(PartEnd, NUMBERS),
    st.builds(ChoiceEnd, st.builds(Finish, st.sampled_from(("stop", "other", "length", "malformed"))), NUMBERS),
    st.sampled_from((ReplyBegin(), ReplyEnd(), UsageReported(Usage()))),
)


@given(st.lists(EVENTS))
def test_writers_may_rely_on_the_order(events: list[Event]) -> None:
    out = settled(*events, names=PATCH)
    assert settled(*out) == out
    if not isinstance(out[0], ReplyFailed):
        assert [event for event in out if isinstance(event, ReplyBegin)] == [out[0]]
    ends = [event for event in out if isinstance(event, ReplyEnd | ReplyFailed)]
    assert ends == [out[-1]]
    finished = [event.choice for event in out if isinstance(event, ChoiceEnd)]
    assert len(finished) == len(set(finished))
    if isinstance(out[-1], ReplyEnd):
        begun = [event.call for event in out if isinstance(event, ToolBegin)]
        assert sorted(begun) == sorted(event.call for event in out if isinstance(event, ToolEnd))


def test_a_call_without_an_id_gets_one_that_stays_and_is_its_own() -> None:
    events = (ReplyBegin("r", "m"), ToolBegin(0, "", "f"), ToolBegin(1, "", "f"), ToolBegin(2, "c", "f"))
    settle = Settle(ToolNames(), "toolu_")
    first, second, third = [out.id for event in events for out in settle.feed(event) if isinstance(out, ToolBegin)]
    assert [event.id for event in settled(*events) if isinstance(event, ToolBegin)] == [
        *(each.replace("toolu_", "call_") for each in (first, second)),
        "c",
    ]
    assert (first[:6], len(first), third) == ("toolu_", 30, "c")
    assert first != second


def test_every_event_has_a_step() -> None:
    assert set(Event.__subclasses__()) == set(Settle._steps)
