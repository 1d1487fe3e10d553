"""Token chances, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.gemini.chances import read_chances, write_chances
from gateway.formats.neutral import TokenChance

CHANCES = (TokenChance("a", -0.5, (TokenChance("a", -0.5), TokenChance("b", -1.0))), TokenChance("ü", 0.0))


@pytest.mark.parametrize("chances", [CHANCES, CHANCES[1:]])
def test_what_is_written_is_read_again(chances: tuple[TokenChance, ...]) -> None:
    assert read_chances(write_chances(chances)["logprobsResult"]) == chances


def test_without_chances_nothing_is_written() -> None:
    assert write_chances(()) == {}


@pytest.mark.parametrize(
    "result",
    [
        None,
        7,
        {},
        {"chosenCandidates": 7},
        {"chosenCandidates": [7, {}, {"token": 7}, {"token": "a", "logProbability": "x"}]},
        {"chosenCandidates": [{"token": "a", "logProbability": True}]},
    ],
)
def test_garbage_has_none(result: Any) -> None:
    assert read_chances(result) == ()


def test_what_else_it_might_have_been_may_be_garbage_too() -> None:
    chosen = [{"token": "a", "logProbability": -1}, {"token": "b"}, {"token": "c"}]
    tops: list[Any] = [7, {"candidates": [7, {"token": "d"}]}]
    assert read_chances({"chosenCandidates": chosen, "topCandidates": tops}) == (
        TokenChance("a", -1.0),
        TokenChance("b", 0.0, (TokenChance("d", 0.0),)),
        TokenChance("c", 0.0),
    )
