"""Targets that cannot be used fall out of a combo, and those that stay keep their order and their weights."""

from __future__ import annotations

from gateway.records import PassedOver, Target
from gateway.routing.targets import Choice, TargetList, labels_of

A, B, C = (Target(name, "m") for name in "abc")
INNER = Choice("inner", (B, C), "round_robin")
OUTER = Choice("outer", (A, INNER), "weighted", (3, 1))
FOUND = TargetList((A, B, C), OUTER)


def test_nothing_changes_where_all_stay() -> None:
    assert FOUND.keeping(lambda target: True, "why") is FOUND


def test_a_combo_within_loses_its_targets_and_then_itself() -> None:
    without_b = FOUND.keeping(lambda target: target != B, "why")
    assert without_b.targets == (A, C)
    assert without_b.choice == Choice("outer", (A, Choice("inner", (C,), "round_robin")), "weighted", (3, 1))
    only_a = FOUND.keeping(lambda target: target == A, "why")
    assert only_a.choice == Choice("outer", (A,), "weighted", (3,))


def test_there_may_be_nobody_left() -> None:
    nobody = FOUND.keeping(lambda target: False, "why")
    assert nobody.targets == ()
    assert nobody.choice is None


def test_a_list_that_is_no_combo_is_only_shorter() -> None:
    assert TargetList((A, B)).keeping(lambda target: target == B, "why") == TargetList((B,))


def test_who_falls_out_is_noted_with_the_reason() -> None:
    found = FOUND.without({B: "no images"}).keeping(lambda target: target != C, "key").noting({A: "no reasoning"})
    assert found.targets == (A,)
    assert found.left_out == (
        PassedOver("b", "m", None, "no images"),
        PassedOver("c", "m", None, "key"),
        PassedOver("a", "m", None, "no reasoning"),
    )
    assert FOUND.without({}) is FOUND


def test_a_list_with_fewer_targets_knows_the_same_pools() -> None:
    assert FOUND.without({B: "key"}).pools is FOUND.pools


def test_a_target_is_labelled_by_the_outermost_combo_and_its_weight_there() -> None:
    assert labels_of(OUTER) == {A: "weighted 3/4", B: "weighted 1/4", C: "weighted 1/4"}
    assert labels_of(INNER) == {B: "round_robin", C: "round_robin"}
