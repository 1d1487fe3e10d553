"""Targets that cannot be used fall out of a combo, and those that stay keep their order and their weights."""

from __future__ import annotations

from gateway.records import Target
from gateway.routing.targets import Choice, TargetList

A, B, C = (Target(name, "m") for name in "abc")
INNER = Choice("inner", (B, C), "round_robin")
OUTER = Choice("outer", (A, INNER), "weighted", (3, 1))
FOUND = TargetList((A, B, C), OUTER)


def test_nothing_changes_where_all_stay() -> None:
    assert FOUND.keeping(lambda target: True) is FOUND


def test_a_combo_within_loses_its_targets_and_then_itself() -> None:
    without_b = FOUND.keeping(lambda target: target != B)
    assert without_b.targets == (A, C)
    assert without_b.choice == Choice("outer", (A, Choice("inner", (C,), "round_robin")), "weighted", (3, 1))
    only_a = FOUND.keeping(lambda target: target == A)
    assert only_a.choice == Choice("outer", (A,), "weighted", (3,))


def test_there_may_be_nobody_left() -> None:
    nobody = FOUND.keeping(lambda target: False)
    assert nobody.targets == ()
    assert nobody.choice is None


def test_a_list_that_is_no_combo_is_only_shorter() -> None:
    assert TargetList((A, B)).keeping(lambda target: target == B) == TargetList((B,))
