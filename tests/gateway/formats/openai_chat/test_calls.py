"""Calls in a chat stream, told apart however a server numbers, names and identifies them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.events import Event, ToolBegin, ToolDelta, ToolEnd
from gateway.formats.format import Fields
from gateway.formats.neutral import State
from gateway.formats.openai_chat.calls import Calls

Piece = Fields


def piece(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> Piece:
    """One entry of `tool_calls` with what is given."""
    function = {word: value for word, value in (("name", name), ("arguments", arguments)) if value is not None}
    fields = {word: value for word, value in (("index", index), ("id", call_id)) if value is not None}
    return {**fields, "type": "function", "function": function}


def told(*pieces: Piece) -> list[Event]:
    calls = Calls()
    return [*(event for each in pieces for event in calls.feed(each, 0)), *calls.end_all()]


def whole(*pieces: Piece) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call; each begins once and ends once."""
    found: dict[int, list[str]] = {}
    ended: list[int] = []
    for event in told(*pieces):
        if isinstance(event, ToolBegin):
            assert event.call == len(found)
            found[event.call] = [event.id, event.name, ""]
        elif isinstance(event, ToolDelta):
            assert event.text
            assert event.call not in ended
            found[event.call][2] += event.text
        elif isinstance(event, ToolEnd):
            ended.append(event.call)
    assert ended == list(found)
    return [(call[0], call[1], call[2]) for call in found.values()]


def test_a_call_is_told_as_it_comes() -> None:
    assert told(piece(0, "c1", "f", ""), piece(0, arguments='{"a"'), piece(0, arguments=":1}")) == [
        ToolBegin(0, "c1", "f"),
        ToolDelta(0, '{"a"'),
        ToolDelta(0, ":1}"),
        ToolEnd(0),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        # As OpenAI does it.
        [piece(0, "c1", "f", ""), piece(0, arguments="{}"), piece(1, "c2", "g", ""), piece(1, arguments="[]")],
        # Whole calls, in one chunk or several.
        [piece(0, "c1", "f", "{}"), piece(1, "c2", "g", "[]")],
        # Not from 0, with gaps, backwards.
        [piece(7, "c1", "f", "{}"), piece(3, "c2", "g", "[]")],
        # One index for all: another id is another call.
        [piece(0, "c1", "f", "{}"), piece(0, "c2", "g", "["), piece(0, arguments="]")],
        # No index: the id tells.
        [piece(None, "c1", "f", "{"), piece(None, "c1", arguments="}"), piece(None, "c2", "g", "[]")],
        # No index and an id only in the beginning: more of the last.
        [piece(None, "c1", "f", "{"), piece(arguments="}"), piece(None, "c2", "g"), piece(arguments="[]")],
        # An index only in the beginning.
        [piece(0, "c1", "f", "{"), piece(None, "c1", arguments="}"), piece(1, "c2", "g"), piece(arguments="[]")],
        # An index only later.
        [piece(None, "c1", "f", "{"), piece(0, arguments="}"), piece(1, "c2", "g", "[]")],
        # An index and the same id later.
        [piece(None, "c1", "f", "{"), piece(0, "c1", arguments="}"), piece(1, "c2", "g", "[]")],
        # The name behind the arguments.
        [piece(0, "c1", arguments="{"), piece(0, "c1", "f", "}"), piece(1, "c2", arguments="[]"), piece(1, None, "g")],
        # The id behind the name.
        [piece(0, None, "f", "{"), piece(0, "c1", arguments="}"), piece(1, "c2", "g", "[]")],
        [piece(None, None, "f", "{"), piece(None, "c1", arguments="}"), piece(None, "c2", "g", "[]")],
        # The name, or the id, again and again.
        [piece(0, "c1", "f", "{"), piece(0, "c1", "f", "}"), piece(1, "c2", "g", ""), piece(1, "c2", "g", "[]")],
        # Interleaved.
        [
            *(piece(0, "c1", "f"), piece(1, "c2", "g")),
            *(piece(0, arguments="{"), piece(1, arguments="["), piece(0, arguments="}"), piece(1, arguments="]")),
        ],
        # Types, empty ids and indexes that are none.
        [
            {**piece(0, "c1", "f", "{}"), "type": None},
            {**piece("1", "c2", "g", "["), "type": ""},
            piece(None, "", arguments="]"),
        ],
    ],
)
def test_two_calls_are_two_however_they_are_numbered(pieces: list[Piece]) -> None:
    assert whole(*pieces) == [("c1", "f", "{}"), ("c2", "g", "[]")]


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "", "f", '{"a":1}'), piece(1, "", "f", '{"a":2}')],
        [piece(None, None, "f", '{"a":1}'), piece(None, None, "f", '{"a":2}')],
        [piece(0, None, "f", '{"a":1}'), piece(0, None, "f", '{"a":2}')],
        [piece(None, None, "f", '{"a":'), piece(arguments="1}"), piece(None, None, "f", '{"a":2}')],
        [piece(None, None, "f", '{"a":'), piece(None, None, "f", "1}"), piece(None, None, "f", '{"a":2}')],
    ],
)
def test_calls_without_ids_are_told_apart_and_told_at_the_end(pieces: list[Piece]) -> None:
    calls = Calls()
    assert [event for each in pieces for event in calls.feed(each, 0)] == []
    assert whole(*pieces) == [("", "f", '{"a":1}'), ("", "f", '{"a":2}')]


def test_calls_of_other_names_are_other_calls() -> None:
    pieces = [piece(None, None, "f", ""), piece(None, None, "g", "{}")]
    assert whole(*pieces) == [("", "f", ""), ("", "g", "{}")]


def test_a_beginning_of_arguments_that_could_be_all_of_them_is_not_taken_for_it() -> None:
    pieces = [piece(0, "c1", "f", "{}"), piece(0, arguments=" "), piece(0, "c1", "f", "x")]
    assert whole(*pieces) == [("c1", "f", "{} x")]


def test_a_call_that_is_never_named_is_left_out() -> None:
    assert whole(piece(0, "c1", arguments="{}"), piece(1, "c2", "g", "{}")) == [("c2", "g", "{}")]


def test_a_call_without_arguments_has_none() -> None:
    assert told(piece(0, "c1", "f")) == [ToolBegin(0, "c1", "f"), ToolEnd(0)]


def test_arguments_that_are_an_object_become_text() -> None:
    assert whole(piece(0, "c1", "f", {"a": 1})) == [("c1", "f", '{"a":1}')]


def test_a_free_form_call_is_one() -> None:
    first = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "p", "input": ""}}
    assert told(first, {"index": 0, "custom": {"input": "free"}}) == [
        ToolBegin(0, "c1", "p", "custom"),
        ToolDelta(0, "free"),
        ToolEnd(0),
    ]


def test_a_signature_stays_with_its_call() -> None:
    signed = {**piece(0, "c1", "f", "{}"), "extra_content": {"google": {"thought_signature": "U0lH"}}}
    assert told(signed)[0] == ToolBegin(0, "c1", "f", state=State("gemini", "U0lH"))


def test_choices_count_their_calls_apart() -> None:
    calls = Calls()
    events = [*calls.feed(piece(0, "c1", "f", "{"), 0), *calls.feed(piece(0, "c2", "g", "["), 1)]
    events += [*calls.feed(piece(0, arguments="}"), 0), *calls.feed(piece(0, arguments="]"), 1)]
    assert events == [
        ToolBegin(0, "c1", "f"),
        ToolDelta(0, "{"),
        ToolBegin(1, "c2", "g", choice=1),
        ToolDelta(1, "["),
        ToolDelta(0, "}"),
        ToolDelta(1, "]"),
    ]


@given(st.lists(st.integers(1, 7), max_size=8), st.booleans(), st.booleans())
def test_arguments_survive_every_cut(sizes: list[int], numbered: bool, identified: bool) -> None:
    arguments = '{"city":"Zürich","n":[1,2,3]}'
    cuts, rest = [], arguments
    for size in sizes:
        cuts.append(rest[:size])
        rest = rest[size:]
    index, call_id = (0 if numbered else None), ("c1" if identified else None)
    pieces = [piece(index, call_id, "f"), *(piece(index, call_id, arguments=cut) for cut in (*cuts, rest) if cut)]
    assert whole(*pieces) == [("c1" if identified else "", "f", arguments)]
