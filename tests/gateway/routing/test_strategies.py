"""Every strategy is a function of candidates and turn; what it promises holds over any cycle of turns."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.strategies import EXPLORES_EVERY, STRATEGIES, Candidate, weighted
from gateway.settings.section import ComboStrategy, Strategy

A, B, C = range(3)


def order(name: str, *candidates: Candidate, turn: int = 0) -> list[int]:
    return list(STRATEGIES[name].order(candidates, turn))


def firsts(name: str, *candidates: Candidate, turns: int) -> list[int]:
    return [order(name, *candidates, turn=turn)[0] for turn in range(turns)]


def weights(*said: int) -> list[Candidate]:
    return [Candidate(weight) for weight in said]


def test_every_strategy_of_the_settings_is_here() -> None:
    assert set(STRATEGIES) == {*Strategy.__args__, *ComboStrategy.__args__}  # type: ignore[attr-defined]
    assert all(strategy.meaning for strategy in STRATEGIES.values())


@pytest.mark.parametrize("name", ["fill_first", "fallback"])
def test_the_first_is_the_first_whatever_the_turn(name: str) -> None:
    assert [order(name, *weights(1, 1, 1), turn=turn) for turn in (0, 1, 7)] == [[A, B, C]] * 3


def test_round_robin_begins_with_the_next_and_goes_on_from_there() -> None:
    assert [order("round_robin", *weights(1, 1, 1), turn=turn) for turn in range(4)] == [
        [A, B, C],
        [B, C, A],
        [C, A, B],
        [A, B, C],
    ]


@pytest.mark.parametrize(
    ("said", "cycle"),
    [
        ((1, 1, 1), [A, B, C]),
        ((3, 1), [A, A, B, A]),
        ((5, 1, 1), [A, A, A, B, C, A, A]),
        ((4, 2), [A, B, A, A, B, A]),
    ],
)
def test_weights_are_spread_evenly(said: tuple[int, ...], cycle: list[int]) -> None:
    assert firsts("weighted", *weights(*said), turns=2 * len(cycle)) == [*cycle, *cycle]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 50))
def test_shares_are_exact_in_every_cycle(said: list[int], cycles: int) -> None:
    whole, candidates = sum(said), weights(*said)
    turns = range(cycles * whole, (cycles + 1) * whole)
    used = Counter(weighted(candidates, turn)[0] for turn in turns)
    assert [used[index] for index in range(len(said))] == said


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_nobody_is_ever_far_from_its_share(said: list[int]) -> None:
    whole, used = sum(said), [0] * len(said)
    for turn in range(whole):
        used[weighted(weights(*said), turn)[0]] += 1
        for weight, count in zip(said, used, strict=True):
            assert abs(count - (turn + 1) * weight / whole) <= len(said) / 2


@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.lists(
        st.builds(
            Candidate,
            weight=st.integers(1, 1000),
            in_flight=st.integers(0, 3),
            latency_us=st.integers(0, 3),
            headroom=st.sampled_from([0.0, 0.5, 1.0]),
            cost=st.none() | st.integers(0, 3),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 10**9),
)
def test_everybody_is_in_the_order_once(name: str, candidates: list[Candidate], turn: int) -> None:
    assert sorted(STRATEGIES[name].order(candidates, turn)) == list(range(len(candidates)))


def test_the_least_busy_for_its_weight_is_first_and_equals_take_turns() -> None:
    busy = [Candidate(weight=2, in_flight=3), Candidate(in_flight=1), Candidate(in_flight=2)]
    assert order("least_busy", *busy) == [B, A, C]
    idle = weights(1, 1, 1)
    assert firsts("least_busy", *idle, turns=4) == [A, B, C, A]


def test_the_fastest_is_first() -> None:
    assert order("lowest_latency", *(Candidate(latency_us=each) for each in (300, 100, 200))) == [B, C, A]


def test_who_is_unknown_is_tried_until_a_request_is_with_it() -> None:
    known, unknown = Candidate(latency_us=100), Candidate()
    assert order("lowest_latency", known, unknown) == [B, A]
    assert order("lowest_latency", known, unknown._replace(in_flight=1)) == [A, B]


def test_one_turn_in_twenty_explores_each_of_the_others() -> None:
    fastest, slow, slower = (Candidate(latency_us=each) for each in (100, 200, 300))
    tried = firsts("lowest_latency", fastest, slow, slower, turns=4 * EXPLORES_EVERY)
    explored = [turn for turn, first in enumerate(tried) if first != A]
    assert [tried[turn] for turn in explored] == [B, C, B, C]
    assert {later - earlier for earlier, later in pairwise(explored)} == {EXPLORES_EVERY}
    assert firsts("lowest_latency", fastest, turns=EXPLORES_EVERY) == [A] * EXPLORES_EVERY


def test_the_cheapest_is_first_and_unknown_prices_are_last() -> None:
    assert order("lowest_cost", Candidate(), Candidate(cost=5), Candidate(cost=0)) == [C, B, A]
    assert firsts("lowest_cost", Candidate(cost=1), Candidate(cost=1), turns=3) == [A, B, A]


def test_most_headroom_is_first_and_unknown_counts_as_full() -> None:
    assert order("headroom", Candidate(headroom=0.2), Candidate(), Candidate(headroom=0.7)) == [B, C, A]
