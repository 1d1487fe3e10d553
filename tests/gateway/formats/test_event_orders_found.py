"""Orders of events that once broke an SDK or changed what was said, each as plainly as it can be told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from .crossings import crossed
from .heard import Heard
from .test_event_orders import CLIENTS


def heard(client: str, upstream: str, *events: dict[str, Any]) -> Heard:
    through = crossed(client, upstream, [b"data: %b\n\n" % orjson.dumps(event) for event in events])
    assert through.error is None
    assert through.told is None
    return through.heard


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("client", "finish"), [("openai_responses", "completed"), ("anthropic", "refusal"), ("gemini", "SAFETY")]
)
def test_a_refusal_that_ends_as_if_there_were_calls_is_a_refusal(client: str, finish: str) -> None:
    told = heard(client, "openai_chat", delta(refusal="No."), delta("tool_calls"))
    assert told.finish == finish
    assert told.refusal + told.text == "No."


def item(index: int | None, told: dict[str, Any]) -> dict[str, Any]:
    place = {} if index is None else {"output_index": index}
    return {"type": "response.output_item.added", "item": told, **place}


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def completed(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output)}}


@pytest.mark.parametrize("client", CLIENTS["openai_responses"])
def test_an_item_that_is_added_twice_without_a_place_is_one(client: str) -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": ""}
    whole = {**call, "arguments": '{"a":1}'}
    piece = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": '{"a":1}'}
    told = heard(client, "openai_responses", item(None, call), item(None, call), piece, completed(whole))
    assert told.calls == [("c1", "weather", {"a": 1})]


@pytest.mark.parametrize("client", CLIENTS["openai_responses"])
def test_an_empty_piece_does_not_hide_that_another_paragraph_begins(client: str) -> None:
    pieces = [
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": at, "delta": text}
        for at, text in ((0, "One."), (1, ""), (1, "Two."))
    ]
    assert heard(client, "openai_responses", *pieces, completed()).thoughts == "One.\n\nTwo."


@pytest.mark.parametrize("client", CLIENTS["openai_responses"])
@pytest.mark.parametrize("indexes", [(0, 1), (1, 2), (0, 2), (7, 9)])
@pytest.mark.parametrize("own_ids", [({"id": "m1"}, {"id": "m2"}), ({}, {})])
def test_items_are_told_once_wherever_a_server_counts_from(
    client: str, indexes: tuple[int, int], own_ids: tuple[dict[str, str], dict[str, str]]
) -> None:
    texts = ("a", "bcd")
    events = [
        {"type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": text}
        for index, text in zip(indexes, texts, strict=True)
    ]
    added = [item(index, {**message(""), **own_id}) for index, own_id in zip(indexes, own_ids, strict=True)]
    output = [{**message(text), **own_id} for text, own_id in zip(texts, own_ids, strict=True)]
    told = heard(client, "openai_responses", added[0], events[0], added[1], events[1], completed(*output))
    assert told.text == "abcd"


def block(index: int, kind: str, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": index, "content_block": {"type": kind, **start}},
        *({"type": "content_block_delta", "index": index, "delta": each} for each in deltas),
        {"type": "content_block_stop", "index": index},
    ]
    return events


STOP: list[dict[str, Any]] = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]


@pytest.mark.parametrize("client", CLIENTS["anthropic"])
def test_calls_made_beside_each_other_are_whole_before_another_is_spoken_of(client: str) -> None:
    calls = [
        block(
            at,
            "tool_use",
            {"id": f"c{at}", "name": "weather", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"day":'},
            {"type": "input_json_delta", "partial_json": f"{at}}}"},
        )
        for at in (0, 1)
    ]
    beside = [event for pair in zip(*calls, strict=True) for event in pair]
    assert heard(client, "anthropic", *beside, *STOP).calls == [
        ("c0", "weather", {"day": 0}),
        ("c1", "weather", {"day": 1}),
    ]


@pytest.mark.parametrize("client", CLIENTS["anthropic"])
def test_every_one_of_several_sealed_thoughts_is_heard(client: str) -> None:
    thoughts = [
        event
        for at in (0, 1, 2)
        for event in block(
            at,
            "thinking",
            {"thinking": ""},
            {"type": "thinking_delta", "thinking": f"{at}"},
            {"type": "signature_delta", "signature": "U0lH"},
        )
    ]
    assert heard(client, "anthropic", *thoughts, *STOP).thoughts == "012"


@pytest.mark.parametrize("client", CLIENTS["anthropic"])
def test_several_sources_of_a_text_can_be_heard(client: str) -> None:
    sources = [
        {
            "type": "citations_delta",
            "citation": {
                "type": "web_search_result_location",
                "url": f"https://example.org/{at}",
                "title": "t",
                "cited_text": "c",
                "encrypted_index": "e",
            },
        }
        for at in (0, 1, 2)
    ]
    text = block(0, "text", {"text": ""}, {"type": "text_delta", "text": "a"}, *sources)
    assert heard(client, "anthropic", *text, *STOP).text == "a"


@pytest.mark.parametrize("client", CLIENTS["openai_chat"])
def test_calls_to_which_a_server_gave_one_id_have_two(client: str) -> None:
    call = {"type": "function", "id": "same", "function": {"name": "weather", "arguments": "{}"}}
    calls = [{**call, "index": 0}, {**call, "index": 1}]
    told = heard(client, "openai_chat", delta(tool_calls=calls), delta("tool_calls"))
    first, second = (each[0] for each in told.calls)
    assert first == "same"
    assert second
    assert second != first
