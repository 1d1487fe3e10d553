"""What differs between two values, and that much of it costs little."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.comparing import MOST_MEMBERS, MOST_VALUES, Compared, compare, path_in_words


def compared(left: Any, right: Any) -> Compared:
    found = compare(left, right)
    assert found is not None
    return found


def lines(left: Any, right: Any) -> list[str]:
    """Every mark, a line each: `<` for the left side, `>` for the right one."""
    found = compared(left, right)
    sides = (("<", found.left), (">", found.right))
    return [
        f"{sign} {marked.mark} {path_in_words(path)}" + (f" to {path_in_words(marked.other)}" if marked.other else "")
        for sign, marks in sides
        for path, marked in marks.items()
    ]


CHAT = {
    "model": "fast",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    "max_completion_tokens": 100,
    "stream": True,
}
MESSAGES = {
    "model": "claude",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
    "stream": True,
}


@pytest.mark.parametrize(
    ("left", "right", "marks"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, []),
        ({"model": "fast"}, {"model": "gpt"}, ["< changed model", "> changed model"]),
        ({"a": 7}, {"a": 7, "b": 9}, ["> added b"]),
        ({"a": 7, "b": 9}, {"a": 7}, ["< removed b"]),
        ({"seed": 7}, {"random_seed": 7}, ["< moved seed to random_seed", "> moved random_seed to seed"]),
        ({"on": True}, {"off": True}, ["< removed on", "> added off"]),
        ({"a": True}, {"a": 1}, ["< changed a", "> changed a"]),
        ([1, 2, 3, 4], [1, 3, 4], ["< removed [1]"]),
        ([1, 2, 3], [0, 1, 2, 3], ["> added [0]"]),
        (["a", "b", "c"], ["a", "x", "c"], ["< changed [1]", "> changed [1]"]),
        (
            {"content": "Hello there"},
            {"content": [{"type": "text", "text": "Hello there"}]},
            ["< moved content to content[0].text", "> added content", "> moved content[0].text to content"],
        ),
        (
            [{"x": 5}],
            {"x": 5},
            ["< removed all of it", "< moved [0].x to x", "> added all of it", "> moved x to [0].x"],
        ),
    ],
)
def test_what_differs_is_marked_on_both_sides(left: Any, right: Any, marks: list[str]) -> None:
    assert lines(left, right) == marks


def test_a_translated_request_is_seen_to_say_the_same_elsewhere() -> None:
    assert sorted(lines(CHAT, MESSAGES)) == [
        "< changed model",
        "< moved max_completion_tokens to max_tokens",
        "< moved messages[0].content to system",
        "< removed messages[0]",
        "> changed model",
        "> moved max_tokens to max_completion_tokens",
        "> moved system to messages[0].content",
    ]
    assert compared(CHAT, MESSAGES).counts == {"removed": 1, "changed": 1, "moved": 2}


def test_what_stands_there_twice_has_not_moved() -> None:
    assert lines({"a": "same", "b": "same"}, {"c": "same"}) == ["< removed a", "< removed b", "> added c"]


def test_too_much_is_not_compared_and_long_lists_place_by_place() -> None:
    assert compare([0] * MOST_VALUES, [0]) is None
    left, right = list(range(2 * MOST_MEMBERS)), list(range(1, 2 * MOST_MEMBERS + 2))
    assert compared(left, right).counts == {"changed": 2 * MOST_MEMBERS, "added": 1}
    long = [{"role": "user", "content": f"line {number}"} for number in range(2 * MOST_MEMBERS)]
    assert lines(long, [*long[:-1], {"role": "user", "content": "other"}])[0] == f"< changed [{len(long) - 1}].content"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=20,
)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for each in path:
        value = value[each]
    return value


@given(values, values)
def test_marks_stand_where_there_is_something_and_nothing_is_marked_that_is_the_same(left: Any, right: Any) -> None:
    found = compared(left, right)
    for side, other, marks in ((left, right, found.left), (right, left, found.right)):
        for path, marked in marks.items():
            here = at(side, path)
            if marked.other is not None:
                assert (marked.mark, here) == ("moved", at(other, marked.other))
    assert compared(left, left) == Compared({}, {})
    if not found.left and not found.right:
        assert left == right
