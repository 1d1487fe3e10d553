"""Results find their calls, by id, else by name and order."""

from __future__ import annotations

from gateway.formats.gemini.pairing import Pairing
from gateway.formats.neutral import ToolCall


def calling(pairing: Pairing, *calls: tuple[str, str]) -> None:
    for own_id, name in calls:
        pairing.called(ToolCall(own_id, name, "{}"))
    pairing.heard()


def test_results_of_a_name_answer_its_calls_in_order() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"), ("2", "g"), ("3", "f"))
    assert [pairing.answered("", name) for name in ("g", "f", "f", "f")] == ["2", "1", "3", ""]


def test_an_id_counts_before_the_name() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"), ("2", "f"))
    assert [pairing.answered("2", "f"), pairing.answered("", "f")] == ["2", "1"]


def test_an_id_that_nobody_knows_leaves_it_to_the_name() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"))
    assert [pairing.answered("x", "f"), pairing.answered("y", "f")] == ["1", "y"]


def test_a_second_result_keeps_its_id() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"))
    assert [pairing.answered("1", "f"), pairing.answered("1", "f")] == ["1", "1"]


def test_without_name_and_known_id_calls_are_answered_in_order() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"), ("2", "g"))
    assert [pairing.answered("", ""), pairing.answered("", "")] == ["1", "2"]


def test_the_latest_step_comes_first_and_earlier_ones_are_not_forgotten() -> None:
    pairing = Pairing()
    calling(pairing, ("1", "f"), ("2", "f"))
    calling(pairing, ("3", "f"))
    assert [pairing.answered("", "f") for _ in range(4)] == ["3", "1", "2", ""]


def test_a_name_answered_in_one_step_can_be_called_in_the_next() -> None:
    pairing = Pairing()
    for own_id in ("1", "2", "3"):
        calling(pairing, (own_id, "f"))
        assert pairing.answered("", "f") == own_id
