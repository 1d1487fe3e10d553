"""Combos within combos: each orders its own members, and stands where its first one would."""

from __future__ import annotations

from gateway.records import Target
from gateway.routing.dispatch import Dispatch
from gateway.routing.ordering import Conduct
from gateway.routing.pool import nobody
from gateway.routing.standing import Figures
from gateway.routing.targets import Choice, TargetList
from tests.gateway.routing.boards import NOW, Slate, conduct, pool, rest, script, told

POOLS = [pool(name, f"{name}0") for name in "abc"]
A, B, C = (Target(name, "m") for name in "abc")


def within(strategy: str, inner: str = "round_robin", **more: object) -> TargetList:
    """`a` and a combo of `b` and `c`."""
    choice = Choice("outer", (A, Choice("inner", (B, C), inner)), strategy, **more)  # type: ignore[arg-type]
    return TargetList((A, B, C), choice)


def scripts(found: TargetList, known: Conduct, times: int) -> list[str]:
    return [" ".join(script(Dispatch(found, known))) for _ in range(times)]


def test_each_combo_counts_its_own_turns() -> None:
    assert scripts(within("round_robin"), conduct(*POOLS), 4) == ["a0 b0 c0", "c0 b0 a0", "a0 b0 c0", "c0 b0 a0"]
    assert scripts(within("fallback"), conduct(*POOLS), 2) == ["a0 b0 c0", "a0 c0 b0"]


def test_a_combo_stands_where_its_first_target_would() -> None:
    board = Slate()
    board.measured = {"a/m": Figures(latency_us=50), "b/m": Figures(latency_us=90), "c/m": Figures(latency_us=10)}
    known = conduct(*POOLS, board=board)
    assert scripts(within("lowest_latency", "lowest_latency"), known, 1) == ["c0 b0 a0"]
    assert scripts(within("lowest_latency", "fallback"), known, 1) == ["a0 b0 c0"]


def test_weights_are_of_members() -> None:
    known = conduct(*POOLS)
    firsts = [told(Dispatch(within("weighted", weights=(1, 2)), known).next(NOW)) for _ in range(6)]
    assert sorted(firsts) == ["a0", "a0", "b0", "b0", "c0", "c0"]


def test_a_target_in_two_combos_is_tried_once() -> None:
    choice = Choice("outer", (A, Choice("inner", (B, A), "fallback")))
    assert scripts(TargetList((A, B), choice), conduct(*POOLS), 1) == ["a0 b0"]


def test_servers_that_ask_for_no_key_rest_each_for_itself() -> None:
    assert nobody("a") != nobody("b")
    board = Slate()
    board.rests[""] = rest(9)
    assert scripts(TargetList((A,)), conduct(pool("a"), board=board), 1) == [""]
