"""Ids fit, agree on both sides, and never fall together."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.format import ToolRules
from gateway.formats.ids import MADE, clean_id, made_id, told_id

STRICT = ToolRules("A-Za-z0-9_-", 64, "A-Za-z0-9_-", 64)


def test_an_id_that_fits_is_kept() -> None:
    assert clean_id("toolu_01-x", STRICT) == "toolu_01-x"


def test_illegal_characters_are_replaced_and_the_original_is_marked() -> None:
    """Pitfall 40: ids of one vendor are refused by the next."""
    assert clean_id("call:1.x", STRICT) == "call_1_x_c68cd211"


def test_long_ids_that_differ_at_the_end_stay_different() -> None:
    """Pitfall 41: call ids longer than 64 characters, two of which were cut to the same."""
    first, second = clean_id("a" * 80 + "1", STRICT), clean_id("a" * 80 + "2", STRICT)
    assert first != second
    assert {len(first), len(second)} == {64}


@given(st.text())
def test_a_cleaned_id_fits_and_stays(original: str) -> None:
    cleaned = clean_id(original, STRICT)
    assert re.fullmatch("[A-Za-z0-9_-]{0,64}", cleaned)
    assert clean_id(cleaned, STRICT) == cleaned


def test_made_ids_depend_on_their_parts_alone() -> None:
    """Pitfall 69: random ids break the provider's prompt cache of the next turn."""
    assert made_id("call_", "r1", 0, 1) == made_id("call_", "r1", 0, 1)
    assert len({made_id("call_", *parts) for parts in (("r1", 0, 1), ("r1", 1, 0), ("r", 10, 1), ("r1", 0))}) == 4
    assert re.fullmatch("toolu_[0-9a-f]{24}", made_id("toolu_", "x"))


def test_an_id_is_told_as_the_provider_gave_it_or_in_the_manner_of_the_client() -> None:
    assert told_id("call_1", "toolu_", "r", 0, 0) == "call_1"
    assert told_id("", "toolu_", "r", 0, 0) == made_id("toolu_", "r", 0, 0)
    assert told_id(made_id(MADE, "r", 0, 0), "toolu_") == made_id("toolu_", "r", 0, 0)


def test_half_a_surrogate_pair_makes_an_id_too() -> None:
    assert clean_id("\ud800", STRICT).startswith("__")
