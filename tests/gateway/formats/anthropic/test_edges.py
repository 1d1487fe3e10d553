"""Rare cases of this dialect, both ways: what other vendors' replies and servers' oddities come to."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.anthropic.event_writer import EventWriter
from gateway.formats.anthropic.usage import tokens_in
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    ReplyEnd,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
)
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Citation,
    Document,
    Finish,
    Identity,
    Image,
    Part,
    Prompt,
    Reasoning,
    Source,
    State,
    Text,
    Thinking,
    ToolCall,
    Turn,
)

from .scene import context, parsed, read, read_blocks, said, whole, write, written
from .test_event_reader import CALL, TEXT, THINKING, begin, blocks, delta, stop

OWN = State("anthropic", "S")
PAGE = Citation("https://x", "X")


def sent(*parts: Part) -> list[Fields]:
    """The blocks of a turn of the model's."""
    turns = (Turn("user", (Text("q"),)), Turn("assistant", (*parts, Text("a"))), Turn("user", (Text("r"),)))
    content = write(Prompt((), turns, max_tokens=9))[0]["messages"][1]["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((Reasoning("t"), Reasoning("", OWN)), [{"type": "thinking", "thinking": "t", "signature": "S"}]),
        (
            (Reasoning("t"), ToolCall("c", "f", "{}", state=OWN)),
            [
                {"type": "thinking", "thinking": "t", "signature": "S"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        ),
        ((Image(Source("base64", "aGk=", "image/png")),), []),
    ],
)
def test_signatures_find_their_thoughts_and_pictures_are_left_out(
    parts: tuple[Part, ...], expected: list[Fields]
) -> None:
    assert sent(*parts) == [*expected, {"type": "text", "text": "a"}]


def test_an_image_sent_as_a_document_is_an_image() -> None:
    content = write(said(Document(Source("base64", "aGk=", "image/png"))))[0]["messages"][0]["content"]
    assert content[0]["type"] == "image"


def test_the_detail_of_an_image_is_reported() -> None:
    assert write(said(Image(Source("url", "https://x"), "low")))[1] == ["detail"]


def test_a_document_by_its_id_is_refused_and_broken_text_too() -> None:
    with pytest.raises(UnsupportedParameter):
        write(said(Document(Source("file", "f"))))
    with pytest.raises(InvalidRequest):
        write(said(Document(Source("base64", "a", "text/plain"))))


def test_two_ids_of_who_asks_are_one_too_many() -> None:
    body, dropped = write(said(Text("q"), identity=Identity(user="u", safety_id="s")))
    assert (body["metadata"], dropped) == ({"user_id": "s"}, ["user"])


def test_a_budget_nobody_named_is_not_made_up() -> None:
    body, dropped = write(said(Text("q"), thinking=Thinking("adaptive", visible=True)), thinking="budget")
    assert "thinking" not in body
    assert dropped == ["thinking"]


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "image", "source": {"type": "base64", "data": "x"}}, "messages.1.content.0.source.media_type"),
        ({"type": "document", "source": {"type": "odd"}}, "messages.1.content.0.source"),
        ({"type": "tool_result", "tool_use_id": "t", "content": 1}, "messages.1.content.0.content"),
    ],
)
def test_broken_media_are_refused(block: Fields, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_blocks(block)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"thinking": {"type": "adaptive", "block_binding": {}}}, ["thinking.block_binding"]),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {"type": "url", "url": "u"}, "transformations": {"x": 1}}
                        ],
                    }
                ]
            },
            ["messages[0].content[0].transformations"],
        ),
    ],
)
def test_betas_are_reported(fields: Fields, dropped: list[str]) -> None:
    assert read(**fields)[1] == dropped


def test_results_within_results_are_read_as_text() -> None:
    block: Any = {"type": "mcp_tool_result", "content": [{"type": "text", "text": "a"}, {"content": [{"text": "b"}]}]}
    assert read_blocks(block, role="assistant") == (Text("a"), Text("b"))
    assert read_blocks({"type": "mcp_tool_result", "content": "c"}, role="assistant") == (Text("c"),)


def test_a_named_tool_must_have_a_name() -> None:
    with pytest.raises(InvalidRequest):
        read(tool_choice={"type": "tool", "name": ""})


# Streams


def test_sources_behind_their_text_get_a_block_of_their_own() -> None:
    events: list[Event] = [TextDelta("a"), ToolBegin(0, "c", "f"), ToolEnd(0), CitationFound(PAGE)]
    told = {"type": "text", "text": "\n\nSources:\n- [X](https://x)"}
    found = whole(written([*events, ChoiceEnd(Finish("length")), ReplyEnd()]))
    assert found[-1] == told
    found = whole(written([*events, ChoiceEnd(Finish("tool_calls")), ReplyEnd()]))
    assert found[-1]["type"] == "tool_use"


def test_calls_that_were_cut_all_go_out() -> None:
    events: list[Event] = [
        ToolBegin(0, "a", "f"),
        ToolDelta(0, '{"x'),
        ToolBegin(1, "b", "f"),
        ToolDelta(1, '{"y'),
        ToolBegin(2, "c", "f"),
    ]
    writer = EventWriter(context())
    raw = b"".join([writer.write(event) for event in [*events, ChoiceEnd(Finish("length")), ReplyEnd()]])
    assert [event["content_block"]["id"] for event in parsed(raw) if event["type"] == "content_block_start"] == [
        "a",
        "b",
        "c",
    ]


def test_pieces_without_an_index_belong_to_what_is_open() -> None:
    piece = delta("input_json", partial_json='{"a":1}')
    del piece["index"]
    found = blocks(begin(CALL, 3), piece, stop(3))
    assert [type(event).__name__ for event in found] == ["ToolBegin", "ToolDelta", "ToolEnd"]


def test_pieces_of_nothing_tell_nothing() -> None:
    odd: Fields = {"type": "content_block_delta", "index": [1], "delta": "x"}
    assert blocks(odd, stop(7), begin(TEXT), delta("thinking", thinking=""), stop()) == []


def test_a_block_that_begins_ends_the_one_before() -> None:
    found = blocks(begin(TEXT), delta("text", text="a"), begin(THINKING, 1), delta("thinking", 1, thinking="t"))
    assert [type(event).__name__ for event in found] == ["TextDelta", "PartEnd", "ReasoningDelta", "PartEnd"]


def test_a_broken_usage_is_passed_over() -> None:
    assert tokens_in(b'{"usage":{input_tokens}}') is None
