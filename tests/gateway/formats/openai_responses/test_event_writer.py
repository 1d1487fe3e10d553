"""Streams for a client: whole lives of items. `written` has the official SDK check every event and their order."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import UpstreamClosed, UpstreamTimeout
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
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, Finish, Image, Source, State, TokenChance, Usage
from gateway.formats.openai_responses.errors import refusal
from gateway.formats.openai_responses.event_writer import EventWriter

from .scene import context, parsed, strict_response, written

STOP = ChoiceEnd(Finish("stop"))


def lives(*events: Event, finish: str = "stop") -> list[str]:
    """The short names of the events between beginning and end, with the place of their items."""
    end = (ChoiceEnd(Finish(finish)), ReplyEnd())  # type: ignore[arg-type]  # as the tests say
    found, _ = written([ReplyBegin(), *events, *end])
    assert [event["type"] for event in found[:2]] == ["response.created", "response.in_progress"]
    return [f"{event['output_index']} {event['type'].removeprefix('response.')}" for event in found[2:-1]]


def output(*events: Event, finish: str = "stop") -> list[Fields]:
    """The finished items, which the end repeats."""
    found, writer = written([*events, ChoiceEnd(Finish(finish)), ReplyEnd()])  # type: ignore[arg-type]  # as above
    done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert writer.response is not None
    strict_response(writer.response)
    assert writer.response == found[-1]["response"]
    items: list[Fields] = writer.response["output"]
    assert sorted(done, key=orjson.dumps) == sorted(items, key=orjson.dumps)
    return items


MESSAGE = ["output_item.added", "content_part.added"]
TEXT_END = ["output_text.done", "content_part.done"]


def test_a_text() -> None:
    assert lives(TextDelta("a"), TextDelta("b")) == [
        f"0 {name}" for name in (*MESSAGE, "output_text.delta", "output_text.delta", *TEXT_END, "output_item.done")
    ]


def test_the_beginning_is_held_until_something_is_said() -> None:
    writer = EventWriter(context())
    assert writer.write(ReplyBegin("x", "y")) + writer.write(UsageReported(Usage())) == b""
    assert writer.open().count(b"\n\n") == 2
    assert writer.open() == b""
    assert writer.write(TextDelta("a")).startswith(b"event: response.output_item.added\n")


def test_a_delta_is_one_event_with_any_text() -> None:
    text = 'é "\\ \u2028 \U0001f600\n'
    found, _ = written([TextDelta(text), STOP, ReplyEnd()])
    assert [event["delta"] for event in found if event["type"].endswith(".delta")] == [text]


def test_a_thought_a_text_and_calls() -> None:
    assert lives(
        ReasoningDelta("t"),
        TextDelta("a"),
        ToolBegin(0, "c1", "f"),
        ToolDelta(0, "{}"),
        ToolEnd(0),
        ToolBegin(1, "c2", "p", kind="custom"),
        ToolDelta(1, "free"),
        ToolEnd(1),
    ) == [
        "0 output_item.added",
        "0 reasoning_summary_part.added",
        "0 reasoning_summary_text.delta",
        "0 reasoning_summary_text.done",
        "0 reasoning_summary_part.done",
        "0 output_item.done",
        *(f"1 {name}" for name in (*MESSAGE, "output_text.delta", *TEXT_END, "output_item.done")),
        "2 output_item.added",
        "2 function_call_arguments.delta",
        "2 function_call_arguments.done",
        "2 output_item.done",
        "3 output_item.added",
        "3 custom_tool_call_input.delta",
        "3 custom_tool_call_input.done",
        "3 output_item.done",
    ]


def test_parts_of_one_message() -> None:
    (item,) = output(TextDelta("a"), PartEnd(), TextDelta("b"), RefusalDelta("no"), RefusalDelta("pe"))
    assert [part.get("text", part.get("refusal")) for part in item["content"]] == ["a", "b", "nope"]


def test_sources_are_told_when_their_text_is_over() -> None:
    citation = Citation("u", "T")
    early = CitationFound(Citation("v", "W", 1, 2))
    found, writer = written([early, TextDelta("ab"), CitationFound(citation), PartEnd(), CitationFound(citation), STOP])
    notes = [event["annotation"] for event in found if event["type"].endswith("annotation.added")]
    assert [(note["url"], note["start_index"], note["end_index"]) for note in notes] == [
        ("v", 1, 2),
        ("u", 0, 2),
        ("u", 0, 2),
    ]
    assert writer.response is None


def test_log_probabilities_before_and_after_their_text() -> None:
    before, after = TokenChance("a", -1.0), TokenChance("b", -2.0)
    (item,) = output(ChancesDelta((before,)), TextDelta("a"), TextDelta("b"), ChancesDelta((after,)))
    assert [each["token"] for each in item["content"][0]["logprobs"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("events", "sealed"),
    [
        ([ReasoningDelta("t")], ["gw1.none."]),
        ([ReasoningDelta("t"), PartEnd(), ReasoningDelta("u")], ["gw1.none.", "gw1.none."]),
        ([ReasoningDelta("t"), ReasoningState(State("anthropic", "SG"))], ["gw1.anthropic.SG"]),
        ([ReasoningState(State("anthropic-redacted", "RD"))], ["gw1.anthropic-redacted.RD"]),
        (
            [ReasoningDelta("t"), ReasoningState(State("anthropic", "SG")), ReasoningState(State("anthropic", "S2"))],
            ["gw1.anthropic.SG", "gw1.anthropic.S2"],
        ),
        ([ReasoningDelta("t"), ReasoningState(State("openai", "rs_9~E"))], ["gw1.openai.rs_9~E"]),
        ([ReasoningState(State("openai", "rs_9~E"))], ["E"]),
        (
            [ReasoningDelta("t"), ToolBegin(0, "c", "f", state=State("gemini", "WF")), ToolEnd(0)],
            ["gw1.gemini.WF", None],
        ),
        (
            [TextDelta("a"), ToolBegin(0, "c", "f", state=State("gemini", "WF")), ToolEnd(0)],
            [None, "gw1.gemini.WF", None],
        ),
    ],
)
def test_state_of_thoughts(events: list[Event], sealed: list[str | None]) -> None:
    assert [item.get("encrypted_content") for item in output(*events)] == sealed


def test_calls_beside_each_other_stay_apart() -> None:
    items = output(
        ToolBegin(0, "a", "f"),
        ToolDelta(0, '{"x"'),
        ToolBegin(1, "b", "g", namespace="n"),
        ToolDelta(1, '{"y":2}'),
        ToolDelta(0, ":1}"),
        ToolEnd(0),
        ToolEnd(1),
    )
    assert [(item["call_id"], item["arguments"], item.get("namespace")) for item in items] == [
        ("a", '{"x":1}', None),
        ("b", '{"y":2}', "n"),
    ]


def test_a_call_that_is_whole_ends_before_the_next_begins() -> None:
    names = lives(ToolBegin(0, "a", "f"), ToolDelta(0, "{}"), ToolBegin(1, "b", "g"), ToolEnd(0), ToolEnd(1))
    assert names.index("0 output_item.done") < names.index("1 output_item.added")


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert "0 function_call_arguments.delta" in lives(ToolBegin(0, "a", "f"), ToolEnd(0))
    assert output(ToolBegin(0, "a", "f"), ToolEnd(0))[0]["arguments"] == "{}"


@pytest.mark.parametrize("finish", ["length", "context_full", "filter"])
def test_of_a_cut_answer_the_last_item_is_incomplete(finish: str) -> None:
    items = output(TextDelta("a"), ToolBegin(0, "a", "f"), ToolDelta(0, '{"x'), ToolEnd(0), finish=finish)
    assert [item["status"] for item in items] == ["completed", "incomplete"]
    assert items[1]["arguments"] == '{"x'
    assert output(TextDelta("a"), finish=finish)[0]["status"] == "incomplete"
    assert [item["status"] for item in output(ToolBegin(0, "a", "f"), TextDelta("b"), finish=finish)] == [
        "incomplete",
        "incomplete",
    ]


def test_nothing_but_an_end_is_a_whole_stream() -> None:
    found, writer = written([ReplyEnd()])
    assert [event["type"] for event in found] == ["response.created", "response.in_progress", "response.completed"]
    assert writer.response is not None
    assert writer.response["usage"]["total_tokens"] == 0


def test_usage_is_in_the_end_whenever_it_came() -> None:
    for events in ([UsageReported(Usage(fresh=3)), STOP], [STOP, UsageReported(Usage(fresh=3))]):
        found, _ = written([TextDelta("a"), *events, ReplyEnd()])
        assert found[-1]["response"]["usage"]["input_tokens"] == 3


def test_the_sentence_in_which_an_answer_is_withheld_is_a_refusal() -> None:
    finish = Finish("filter", detail="I cannot help with this.")
    found, _ = written([ChoiceEnd(finish), ReplyEnd()])
    (item,) = found[-1]["response"]["output"]
    assert item["content"] == [{"type": "refusal", "refusal": finish.detail}]
    assert (found[-1]["type"], item["status"]) == ("response.incomplete", "incomplete")
    assert found[-1]["response"]["incomplete_details"] == {"reason": "content_filter"}


def test_an_image() -> None:
    items = output(TextDelta("a"), ImageWhole(Image(Source("base64", "aGk=", "image/png"))))
    assert [item["type"] for item in items] == ["message", "image_generation_call"]
    assert items[1]["result"] == "aGk="


def test_other_answers_are_left_out() -> None:
    others: list[Event] = [
        TextDelta("a", 1),
        ReasoningDelta("a", 1),
        RefusalDelta("a", 1),
        PartEnd(1),
        CitationFound(Citation("u"), 1),
        ChancesDelta((), 1),
        ImageWhole(Image(Source("base64", "aGk=")), 1),
        ReasoningState(State("gemini", "x"), 1),
        ToolBegin(0, "c", "f", choice=1),
        ToolDelta(0, "{}"),
        ToolEnd(0),
        ChoiceEnd(Finish("length"), 1),
    ]
    found, _ = written([*others, STOP, ReplyEnd()])
    assert found[-1]["response"]["output"] == []
    assert found[-1]["type"] == "response.completed"


def test_a_failure_ends_the_stream_with_what_was_done() -> None:
    writer = EventWriter(context())
    raw = b"".join(
        [writer.write(event) for event in (ReasoningDelta("t"), TextDelta("a"), UsageReported(Usage(fresh=3)))]
    )
    *_, error, failed = parsed(raw + writer.fail(UpstreamClosed("The provider's stream ended early.")))
    assert (error["type"], error["code"], error["error"]["type"]) == ("error", "upstream_error", "server_error")
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "The provider's stream ended early."}
    assert [item["type"] for item in failed["response"]["output"]] == ["reasoning"]
    assert failed["response"]["usage"]["input_tokens"] == 3
    strict_response(failed["response"])
    assert writer.response is None


@pytest.mark.parametrize(
    ("error", "code", "failed_code"),
    [
        (UpstreamTimeout("slow"), "upstream_timeout", "server_error"),
        (refusal({"code": "rate_limit_exceeded", "message": "x"}), "rate_limit_exceeded", "rate_limit_exceeded"),
        (refusal({"type": "overloaded_error", "message": "x"}), "overloaded", "server_error"),
    ],
)
def test_a_failure_before_anything_was_said_is_a_whole_stream(
    error: UpstreamTimeout, code: str, failed_code: str
) -> None:
    found = parsed(EventWriter(context()).fail(error))
    assert [event["type"] for event in found] == [
        "response.created",
        "response.in_progress",
        "error",
        "response.failed",
    ]
    assert (found[2]["code"], found[3]["response"]["error"]["code"]) == (code, failed_code)
