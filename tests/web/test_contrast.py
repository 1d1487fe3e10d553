"""Two bodies are held against each other where that tells something; else it is said why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from web.comparing import MOST_VALUES
from web.contrast import ALIKE, CUT, DIALECTS, FEW, MOST_CHARACTERS, NO_JSON, TOO_LARGE, contrasted
from web.folding import MOST_EVENTS, fold


def stream(*events: Any, name: str = "") -> str:
    head = f"event: {name}\n" if name else ""
    said = (each if isinstance(each, str) else json.dumps(each) for each in events)
    return "".join(f"{head}data: {each}\n\n" for each in said)


CHUNKS = [{"model": "fast", "delta": word} for word in ("Hel", "lo")]


@pytest.mark.parametrize(
    ("left", "right", "note"),
    [
        ('{"a":1}', '{"a":1}', ALIKE),
        ('{"a":1,"b":2}', '{"b":2, "a":1}', ALIKE),
        ("words", "words", ALIKE),
        ("words", '{"a":1}', NO_JSON),
        ("", '{"a":1}', NO_JSON),
        (json.dumps([0] * MOST_VALUES), "[]", TOO_LARGE),
        (json.dumps("x" * MOST_CHARACTERS), "{}", TOO_LARGE),
        (stream(*CHUNKS), stream({"type": "delta", "text": "Hello"}), DIALECTS),
        (stream(*[{"n": 1}] * (MOST_EVENTS + 1)), stream({"n": 1}), NO_JSON),
    ],
)
def test_what_is_not_compared_says_why(left: str, right: str, note: str) -> None:
    made = contrasted(left, right, is_cut=False)
    assert (made.note, made.counts, dict(made.left)) == (note, (), {})


def test_of_what_is_cut_nothing_is_known() -> None:
    assert contrasted('{"a":1}', '{"a":2}', is_cut=True).note == CUT


def test_streams_of_one_dialect_are_compared_event_by_event() -> None:
    left = stream(*CHUNKS, "[DONE]")
    right = stream(*({**each, "model": "gpt"} for each in CHUNKS), {"model": "gpt", "delta": "!"}, "[DONE]")
    made = contrasted(left, right, is_cut=False)
    assert made.counts == (("changed", 2), ("added", 1))
    assert [each.place for each in made.differences] == ["[0].data.model", "[1].data.model", "[2]"]
    marks = [each.marked.mark if each.marked else None for each in fold(right, made.right).events]
    assert marks == ["changed", "changed", "added", None]


def test_only_a_few_are_named_and_all_are_counted() -> None:
    names = [f"n{number}" for number in range(2 * FEW)]
    made = contrasted(json.dumps(dict.fromkeys(names, 5)), json.dumps(dict.fromkeys(names, 6)), is_cut=False)
    assert made.counts == (("changed", 2 * FEW),)
    assert len(made.differences) == FEW


def test_what_has_moved_is_named_with_both_its_places() -> None:
    made = contrasted('{"a":{"x":77}}', '{"b":77}', is_cut=False)
    moved = next(each for each in made.differences if each.mark == "moved")
    assert (moved.place, moved.other) == ("a.x", "b")
