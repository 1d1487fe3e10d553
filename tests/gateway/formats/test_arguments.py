"""Arguments become objects and text again, and none is lost."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.arguments import DEPTH, as_object, as_text, parsed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_no_arguments_are_an_empty_object(text: str) -> None:
    """Pitfall 47: a call without arguments is `{}`, not nothing."""
    assert as_object(text) == {}


@pytest.mark.parametrize("text", ["[1]", '"a"', '{"a":', "null", "\ud800", "NaN"])
def test_what_is_no_object_goes_under_input(text: str) -> None:
    """Pitfall 48: arguments that are no JSON object must not be lost."""
    assert as_object(text) == {"input": text}


def test_large_integers_survive() -> None:
    text = '{"big":9007199254740993,"unsigned":18446744073709551615}'
    assert as_text(as_object(text)) == text


def test_text_keeps_the_order_of_keys_and_is_not_escaped() -> None:
    assert as_text({"b": "é", "a": [1]}) == '{"b":"é","a":[1]}'


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_reading_what_was_written_gives_the_same(value: dict[str, Any]) -> None:
    assert as_object(as_text(value)) == value


def test_what_is_too_deep_to_write_again_stays_text() -> None:
    deep = '{"a":' * 500 + "1" + "}" * 500
    assert parsed(deep) is None
    assert as_object(deep) == {"input": deep}
    listed = '{"a":' + "[" * 500 + "]" * 500 + "}"
    assert as_object(listed) == {"input": listed}


def test_what_is_wide_is_not_deep() -> None:
    wide = '{"a":[' + ",".join(["[1,{}]"] * (DEPTH + 1)) + "]}"
    assert as_object(wide) == orjson.loads(wide)
