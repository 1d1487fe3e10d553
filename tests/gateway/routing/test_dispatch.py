"""Attempts follow one another as scripts: who is asked first, who next, and when nobody is left to ask."""

from __future__ import annotations

import pytest

from gateway.records import Credential, Target
from gateway.routing.dispatch import Dispatch, Wait
from gateway.routing.standing import Figures
from gateway.routing.targets import TargetList, Terms
from gateway.routing.verdicts import VERDICTS, Verdict
from tests.gateway.routing.boards import NOW, ONWARD, Slate, combo, conduct, firsts, leads_to, pool, rest, script, told

A, B = pool("a", "a0", "a1"), pool("b", "b0")
OPEN = pool("open")
SESSION = bytes(range(16))

OVERLOADED, UNREACHABLE, TLS = VERDICTS["overloaded", ""], VERDICTS["unreachable", ""], VERDICTS["unreachable", "tls"]
STOP, NEXT_TARGET, RETRY = Verdict("stop"), Verdict("next_target"), Verdict("retry")


def test_credentials_of_a_target_come_before_the_next_target() -> None:
    assert script(Dispatch(leads_to("a", "b", "open"), conduct(A, B, OPEN))) == ["a0", "a1", "b0", "open"]


@pytest.mark.parametrize(
    ("verdicts", "steps"),
    [
        ((NEXT_TARGET,), ["a0", "b0"]),
        ((STOP,), ["a0"]),
        ((ONWARD, STOP), ["a0", "a1"]),
        ((ONWARD, NEXT_TARGET), ["a0", "a1", "b0"]),
    ],
)
def test_verdicts_say_where_to_go(verdicts: tuple[Verdict, ...], steps: list[str]) -> None:
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B)), *verdicts) == steps


def test_there_is_a_limit_which_a_combo_may_set_otherwise() -> None:
    many = pool("many", *(f"m{number}" for number in range(9)))
    found = leads_to("many")
    assert len(script(Dispatch(found, conduct(many)))) == 4
    assert len(script(Dispatch(found, conduct(many, attempts=6)))) == 6
    assert len(script(Dispatch(TargetList(found.targets, terms=Terms(attempts=2)), conduct(many, attempts=6)))) == 2


def test_what_could_not_be_tried_counts_for_nothing() -> None:
    dispatch = Dispatch(leads_to("a", "b", "open"), conduct(A, B, OPEN, attempts=1))
    assert told(dispatch.next(NOW)) == "a0"
    dispatch.skipped(NEXT_TARGET, NOW)
    assert told(dispatch.next(NOW)) == "b0"
    dispatch.failed(ONWARD, NOW)
    assert dispatch.next(NOW) is None


def test_only_the_credentials_of_the_key_are_tried() -> None:
    held = {"a": A.credentials[1:], "open": ()}
    found = TargetList((Target("a", "m"), Target("open", "m")), credentials=held)
    assert script(Dispatch(found, conduct(A, OPEN))) == ["a1", "open"]


def test_credentials_for_other_models_are_passed_over() -> None:
    picky = pool("p", Credential("p", "p0", "s", models=("gpt-*",)), Credential("p", "p1", "s", models=("*", "!x")))
    assert script(Dispatch(leads_to("p"), conduct(picky))) == ["p1"]
    none = pool("p", Credential("p", "p0", "s", models=("gpt-*",)))
    dispatch = Dispatch(leads_to("p"), conduct(none))
    assert script(dispatch) == []
    assert dispatch.resting(NOW) is None


# Priorities, strategies, turns


def test_round_robin_takes_one_turn_a_request() -> None:
    known = conduct(pool("a", "a0", "a1", "a2", strategy="round_robin"))
    assert [script(Dispatch(leads_to("a"), known)) for _ in range(4)] == [
        ["a0", "a1", "a2"],
        ["a1", "a2", "a0"],
        ["a2", "a0", "a1"],
        ["a0", "a1", "a2"],
    ]


def test_sticky_round_robin_stays_for_a_while() -> None:
    known = conduct(pool("p", "A", "B", strategy="round_robin", sticky_requests=3))
    assert "".join(firsts(leads_to("p"), known, 9)) == "AAABBBAAA"


def test_sticky_requests_are_of_round_robin_alone() -> None:
    known = conduct(pool("p", "A", "B", strategy="weighted", sticky_requests=3))
    assert "".join(firsts(leads_to("p"), known, 4)) == "ABAB"


def test_weights_share_requests() -> None:
    known = conduct(pool("p", Credential("p", "A", "s", weight=3), "B", strategy="weighted"))
    assert "".join(firsts(leads_to("p"), known, 8)) == "AABAAABA"


def test_figures_decide_where_the_strategy_goes_by_them() -> None:
    board = Slate()
    board.measured = {"A": Figures(headroom=0.1), "B": Figures(headroom=0.8)}
    known = conduct(pool("p", "A", "B", strategy="headroom"), board=board)
    assert script(Dispatch(leads_to("p"), known)) == ["B", "A"]


def test_a_higher_priority_goes_first_while_one_of_it_is_available() -> None:
    low, high = Credential("p", "low", "s"), Credential("p", "high", "s", priority=1)
    also = Credential("p", "also", "s", priority=1)
    provider = pool("p", low, high, also, strategy="round_robin")
    assert firsts(leads_to("p"), conduct(provider), 4) == ["high", "also", "high", "also"]
    assert firsts(leads_to("p"), conduct(provider, board=Slate(high=rest(9))), 2) == ["also", "also"]
    both = Slate(high=rest(9), also=rest(9))
    assert firsts(leads_to("p"), conduct(provider, board=both), 1) == ["low"]


def test_a_request_takes_one_turn_however_often_it_chooses() -> None:
    board, away = Slate(), Credential("p", "p2", "s", proxy="http://elsewhere:8080")
    also = Credential("p", "p3", "s", proxy="http://further:8080")
    known = conduct(pool("p", "p0", away, also, strategy="round_robin"), board=board)
    assert script(Dispatch(leads_to("p"), known), TLS) == ["p0", "p2", "p3"]
    assert board.turns == {"pool p": 1}


def test_nobody_takes_a_turn_where_there_is_no_choice() -> None:
    board = Slate(a1=rest(9))
    known = conduct(pool("a", "a0", "a1", strategy="round_robin"), pool("b", "b0", strategy="round_robin"), board=board)
    assert firsts(leads_to("a", "b"), known, 2) == ["a0", "a0"]
    assert not board.turns


def test_a_combo_has_strategies_too() -> None:
    known = conduct(A, B, OPEN)
    assert firsts(combo("a", "b", "open", strategy="round_robin"), known, 4) == ["a0", "b0", "open", "a0"]
    assert firsts(combo("a", "b", strategy="weighted", weights=(1, 3)), known, 4) == ["b0", "a0", "b0", "b0"]
    prices = conduct(A, B, cost=lambda target: {"a": 9, "b": 3}[target.provider])
    assert firsts(combo("a", "b", strategy="lowest_cost"), prices, 1) == ["b0"]
    assert firsts(combo("a", "b", strategy="lowest_cost"), known, 2) == ["a0", "b0"]  # nobody knows prices


# Again with the same


def test_what_was_not_sent_is_sent_again_after_a_pause_that_doubles() -> None:
    dispatch = Dispatch(leads_to("a"), conduct(A, attempts=6))
    assert script(dispatch, RETRY, RETRY, RETRY, ONWARD) == [
        "a0",
        "wait 0.25",
        "a0",
        "wait 0.5",
        "a0",
        "wait 1",
        "a0",
        "a1",
    ]


def test_pauses_have_an_end_and_may_be_none() -> None:
    patient = conduct(B, attempts=5, pause_seconds=1.0, longest_pause_seconds=2.0)
    assert script(Dispatch(leads_to("b"), patient), RETRY)[1::2] == ["wait 1", "wait 2", "wait 2", "wait 2"]
    hasty = conduct(B, attempts=3, pause_seconds=0.0)
    assert script(Dispatch(leads_to("b"), hasty), RETRY) == ["b0", "b0", "b0"]


def test_chance_shortens_a_pause() -> None:
    dispatch = Dispatch(leads_to("b"), conduct(B, pause_seconds=1.0))
    dispatch.next(NOW)
    dispatch.failed(RETRY, NOW, chance=0.0)
    assert dispatch.next(NOW) == Wait(0.8)


def test_where_nobody_else_can_be_asked_the_same_is_asked_again() -> None:
    assert script(Dispatch(leads_to("b"), conduct(B)), OVERLOADED) == [
        "b0",
        "wait 0.25",
        "b0",
        "wait 0.5",
        "b0",
        "wait 1",
        "b0",
    ]
    others = script(Dispatch(leads_to("a", "b"), conduct(A, B)), OVERLOADED)
    assert others == ["a0", "a1", "b0", "wait 0.25", "b0"]
    rest_of_them = conduct(A, B, board=Slate(a1=rest(9), b0=rest(9)))
    assert script(Dispatch(leads_to("a", "b"), rest_of_them), OVERLOADED, STOP) == ["a0", "wait 0.25", "a0"]


def test_a_pause_is_never_shorter_than_the_provider_asks_for() -> None:
    asks_for = [OVERLOADED._replace(seconds=seconds) for seconds in (1.5, 2.5)]
    assert script(Dispatch(leads_to("b"), conduct(B, longest_wait_seconds=2.0)), asks_for[0], STOP) == [
        "b0",
        "wait 1.5",
        "b0",
    ]
    assert script(Dispatch(leads_to("b"), conduct(B, longest_wait_seconds=2.0)), asks_for[1]) == ["b0"]


def test_nobody_is_asked_again_by_a_rule_who_asks_to_wait_for_longer_than_a_request_does() -> None:
    later = RETRY._replace(rest="model", hard=True, seconds=3600.0)
    dispatch = Dispatch(leads_to("a"), conduct(A))
    assert told(dispatch.next(NOW)) == "a0"
    assert dispatch.failed(later, NOW).then == "next_credential"
    assert told(dispatch.next(NOW)) == "a1"


def test_what_was_made_of_a_verdict_is_told() -> None:
    dispatch = Dispatch(leads_to("a"), conduct(A))
    dispatch.next(NOW)
    assert dispatch.failed(OVERLOADED, NOW).then == "next_credential"
    dispatch.next(NOW)
    assert dispatch.failed(OVERLOADED, NOW).then == "retry"


def test_the_same_is_not_asked_again_once_it_rests() -> None:
    board = Slate()
    dispatch = Dispatch(leads_to("b"), conduct(B, board=board))
    dispatch.next(NOW)
    dispatch.failed(OVERLOADED, NOW)
    board.breakers = {"b/m": rest(9, reason="breaker")}
    assert dispatch.next(NOW) == Wait(0.25)
    assert dispatch.next(NOW) is None


def test_another_way_is_worth_trying_where_the_way_failed() -> None:
    away = Credential("p", "p2", "s", proxy="http://elsewhere:8080")
    provider = pool("p", "p0", "p1", away)
    assert script(Dispatch(leads_to("p", "b"), conduct(provider, B)), TLS) == ["p0", "p2", "b0"]
    assert script(Dispatch(leads_to("p", "b"), conduct(provider, B)), NEXT_TARGET) == ["p0", "b0"]
    assert script(Dispatch(leads_to("b"), conduct(B)), UNREACHABLE, STOP) == ["b0", "wait 0.25", "b0"]


# What a combo says of failures


def test_a_combo_may_go_on_after_a_request_s_own_fault_and_stop_at_others() -> None:
    targets = leads_to("a", "b").targets
    found = TargetList(targets, terms=Terms(next_on=frozenset({"context_too_long"}), stop_on=frozenset({"quota"})))
    assert script(Dispatch(found, conduct(A, B)), VERDICTS["context_too_long", ""]) == ["a0", "b0"]
    assert script(Dispatch(found, conduct(A, B)), VERDICTS["bad_request", ""]) == ["a0"]
    assert script(Dispatch(found, conduct(A, B)), VERDICTS["quota", ""]) == ["a0"]
    assert script(Dispatch(found, conduct(A, B)), VERDICTS["rate_limit", ""]) == ["a0", "a1", "b0"]


# A second target beside a slow one


def test_a_slow_target_may_be_helped_by_the_next_one() -> None:
    board = Slate(b0=rest(9))
    dispatch = Dispatch(leads_to("a", "b", "open"), conduct(A, B, OPEN, board=board))
    assert dispatch.hedge(NOW) is None  # there is nothing to help yet
    slow = dispatch.next(NOW)
    assert told(dispatch.hedge(NOW)) == "open"
    assert dispatch.hedge(NOW) is None
    dispatch.failed(ONWARD, NOW, attempt=slow)  # type: ignore[arg-type]
    assert told(dispatch.next(NOW)) == "a1"
    dispatch.failed(ONWARD, NOW)
    assert dispatch.next(NOW) is None


def test_a_helper_counts_as_an_attempt() -> None:
    dispatch = Dispatch(leads_to("a", "b"), conduct(A, B, attempts=1))
    dispatch.next(NOW)
    assert dispatch.hedge(NOW) is None
