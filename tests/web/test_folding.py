"""How bodies are folded: JSON, streams, and whatever is neither."""

from __future__ import annotations

import json

from web.comparing import Marked
from web.folding import LONG, MOST_DEPTH, MOST_EVENTS, MOST_NODES, Node, fold, in_json, value_of


def count(node: Node) -> int:
    return 1 + sum(map(count, node.children))


def test_an_object_becomes_a_tree_and_stays_a_text() -> None:
    folded = fold('{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}')
    assert folded.tree is not None
    assert folded.tree.text == "{ 2 }"
    model, messages = folded.tree.children
    assert (model.name, model.text, model.children) == ("model", '"gpt-4o"', ())
    assert (messages.name, messages.text) == ("messages", "[ 1 ]")
    assert folded.text.startswith('{\n  "model": "gpt-4o"')


def test_a_long_text_is_folded_and_not_escaped() -> None:
    text = "a line\n" * LONG
    folded = in_json({"text": text})
    assert folded.tree is not None
    assert folded.tree.children == (Node("text", text, is_long=True),)


def test_what_is_deep_or_many_is_closed_at_first() -> None:
    tree = in_json({"few": [1], "deep": {"deeper": {"deepest": {"last": 1}}}, "many": list(range(50))}).tree
    assert tree is not None
    few, deep, many = tree.children
    assert (tree.is_open, few.is_open, deep.is_open, many.is_open) == (True, True, True, False)
    deepest = deep.children[0].children[0]
    assert (deep.children[0].is_open, deepest.is_open) == (True, True)
    assert not in_json([[[[[1]]]]]).tree.children[0].children[0].children[0].children[0].is_open  # type: ignore[union-attr] # it is a list


def test_too_many_values_are_shown_as_text_alone() -> None:
    folded = in_json(list(range(10 * MOST_NODES)))
    assert folded.tree is not None
    assert count(folded.tree) == MOST_NODES
    assert "of them only as text" in folded.tree.text
    assert str(10 * MOST_NODES - 1) in folded.text


def test_depth_has_an_end() -> None:
    assert fold("[" * 200 + "]" * 200).tree is not None
    deep = fold("[" * (MOST_DEPTH + 5) + "1" + "]" * (MOST_DEPTH + 5))
    assert deep.tree is not None
    assert count(deep.tree) == MOST_DEPTH + 1


def test_a_stream_is_shown_event_by_event() -> None:
    said = (
        'event: message_start\r\ndata: {"type":"message_start"}\r\n\r\n: ping\n\n'
        'data: {"type":"response.created"}\n\ndata: [DONE]\n\ndata: {"choices"\n'
    )
    folded = fold(said)
    assert [each.name for each in folded.events] == ["message_start", "response.created", "", ""]
    assert [each.text for each in folded.events] == [
        '{"type":"message_start"}',
        '{"type":"response.created"}',
        "[DONE]",
        '{"choices"',
    ]
    assert folded.events[0].tree is not None
    assert folded.tree is None
    assert folded.text == said


def test_of_a_long_stream_the_beginning_is_shown() -> None:
    folded = fold('data: {"a":1}\n\n' * (MOST_EVENTS + 7))
    assert (len(folded.events), folded.more_events) == (MOST_EVENTS, 7)


def test_anything_else_is_text() -> None:
    for text in ("", "hello", "42", "null", '"word"', "--boundary\r\ncontent-type: text/plain\r\n\r\n"):
        folded = fold(text)
        assert (folded.text, folded.tree, folded.events) == (text, None, ())


def test_what_differs_is_marked_and_what_holds_it_is_open() -> None:
    marks = {("many", 20): Marked("changed"), ("gone",): Marked("removed")}
    tree = fold(json.dumps({"many": list(range(50)), "gone": 1, "far": {"a": {"b": {"c": {"d": 1}}}}}), marks).tree
    assert tree is not None
    many, gone, _ = tree.children
    assert (many.is_open, many.marked, many.children[20].marked) == (True, None, Marked("changed"))
    assert gone.marked == Marked("removed")


def test_a_body_has_a_value_where_it_is_json_or_a_stream() -> None:
    assert value_of('{"a": 1}') == {"a": 1}
    assert value_of("event: x\ndata: {}\n\ndata: [DONE]\n\n") == [
        {"event": "x", "data": {}},
        {"event": "", "data": "[DONE]"},
    ]
    assert (value_of("words"), value_of("7"), value_of("")) == (None, None, None)
