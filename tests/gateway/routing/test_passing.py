"""Who was passed over is told, and why; nobody is who would have come later anyway, nor who was asked."""

from __future__ import annotations

import pytest

from gateway.records import ClientKey, Credential, PassedOver, Target
from gateway.routing.affinity import pooled
from gateway.routing.dispatch import Attempt, Dispatch
from gateway.routing.passing import BY_TURN, MOST
from gateway.routing.resolve import Combo, Resolver
from gateway.routing.standing import Figures
from gateway.routing.targets import TargetList
from gateway.routing.verdicts import Verdict
from tests.gateway.routing.boards import NOW, ONWARD, SECOND, Slate, combo, conduct, leads_to, pool, rest

SESSION = bytes(range(16))
EVERYBODY = ClientKey("", id="")


def first(dispatch: Dispatch) -> Attempt:
    attempt = dispatch.next(NOW)
    assert isinstance(attempt, Attempt)
    return attempt


def lines(dispatch: Dispatch, *asked: Attempt) -> list[str]:
    """Who was passed over, a line each."""
    passed, more = dispatch.passed_over([(each.target, each.credential.name) for each in asked])
    said = [
        f"{each.credential or f'{each.provider}/*'} {each.reason}"
        + (f" {(each.until_us - NOW) // SECOND}" if each.until_us else "")
        + " holds" * each.holds
        for each in passed
    ]
    return said + [f"and {more} more"] * bool(more)


def test_where_all_is_well_nobody_is_and_nothing_is_kept() -> None:
    dispatch = Dispatch(leads_to("a"), conduct(pool("a", "a0", "a1")))
    asked = first(dispatch)
    assert not dispatch.has_chosen
    assert lines(dispatch, asked) == []


@pytest.mark.parametrize(
    ("strategy", "chosen", "passed"),
    [
        ("fill_first", "a0", []),
        ("round_robin", "a0", ["a1 rate_limit 9"]),
        ("least_busy", "a0", ["a1 rate_limit 9"]),
    ],
)
def test_who_comes_later_in_a_fixed_order_is_not_passed_over(strategy: str, chosen: str, passed: list[str]) -> None:
    known = conduct(pool("a", "a0", "a1", strategy=strategy), board=Slate(a1=rest(9)))
    dispatch = Dispatch(leads_to("a"), known)
    asked = first(dispatch)
    assert (asked.credential.name, lines(dispatch, asked)) == (chosen, passed)


def test_who_rests_or_is_busy_is_told_with_the_reason() -> None:
    board = Slate(a0=rest(9), a1=rest(5, hard=False, reason="server"))
    board.busy = {"a2": 1}
    full = Credential("a", "a2", "s", max_parallel=1)
    dispatch = Dispatch(leads_to("a"), conduct(pool("a", "a0", "a1", full, "a3"), board=board))
    asked = first(dispatch)
    assert asked.credential.name == "a3"
    assert lines(dispatch, asked) == ["a0 rate_limit 9", "a1 server 5", "a2 busy"]


def test_a_lower_priority_is_nobody_s_rival() -> None:
    low, high, also = (Credential("p", name, "s", priority=rank) for name, rank in (("l", 0), ("h", 1), ("a", 1)))
    known = conduct(pool("p", low, high, also, strategy="round_robin"), board=Slate(l=rest(9), h=rest(9)))
    dispatch = Dispatch(leads_to("p"), known)
    asked = first(dispatch)
    assert (asked.credential.name, lines(dispatch, asked)) == ("a", ["h rate_limit 9"])


def test_who_holds_the_conversation_and_cannot_answer_is_told_to_hold_it() -> None:
    board = Slate(p1=rest(9))
    board.holders = {pooled(SESSION, "p"): b"p1"}
    dispatch = Dispatch(leads_to("p"), conduct(pool("p", "p0", "p1"), board=board), session=SESSION)
    asked = first(dispatch)
    assert (asked.credential.name, lines(dispatch, asked)) == ("p0", ["p1 rate_limit 9 holds"])


def test_a_target_whose_breaker_is_open_is_passed_over_with_all_its_credentials() -> None:
    board = Slate()
    board.breakers = {"a/m": rest(9, reason="breaker")}
    dispatch = Dispatch(leads_to("a", "b"), conduct(pool("a", "a0", "a1"), pool("b", "b0"), board=board))
    asked = first(dispatch)
    assert (asked.credential.name, lines(dispatch, asked)) == ("b0", ["a/* breaker 9"])
    board.breakers = {"a/m": rest(9, reason="breaker", probe_due=True)}
    board.claimed = ["a/m"]  # somebody else tries it
    other = Dispatch(leads_to("a", "b"), conduct(pool("a", "a0", "a1"), pool("b", "b0"), board=board))
    assert lines(other, first(other)) == ["a/* breaker 9"]


def test_a_target_that_could_not_be_asked_is_told_with_the_word_for_it() -> None:
    dispatch = Dispatch(leads_to("a", "b"), conduct(pool("a", "a0"), pool("b", "b0")))
    dispatch.skipped(Verdict("next_target"), NOW, attempt=first(dispatch), why="unsupported_parameter")
    assert lines(dispatch, first(dispatch)) == ["a/* unsupported_parameter"]
    one = Dispatch(leads_to("a"), conduct(pool("a", "a0", "a1")))
    one.skipped(Verdict("next_credential"), NOW, attempt=first(one), why="model_not_allowed")
    assert lines(one, first(one)) == ["a0 model_not_allowed"]


def test_who_was_asked_after_all_is_not_told() -> None:
    board = Slate(a0=rest(1))
    dispatch = Dispatch(leads_to("a"), conduct(pool("a", "a0", "a1", strategy="round_robin"), board=board))
    before = first(dispatch)
    assert lines(dispatch, before) == ["a0 rate_limit 1"]
    dispatch.failed(ONWARD, NOW)
    board.rests = {}
    after = dispatch.next(NOW)
    assert isinstance(after, Attempt)
    assert lines(dispatch, before, after) == []


def test_where_all_rest_all_are_told() -> None:
    dispatch = Dispatch(
        leads_to("a", "b"), conduct(pool("a", "a0"), pool("b", "b0"), board=Slate(a0=rest(9), b0=rest(8)))
    )
    dispatch.next(NOW)
    assert lines(dispatch) == ["a0 rate_limit 9", "b0 rate_limit 8"]


def test_there_are_few_and_the_others_are_counted() -> None:
    names = [f"a{number}" for number in range(3 * MOST)]
    board = Slate(**{name: rest(9) for name in names[1:]})
    dispatch = Dispatch(leads_to("a"), conduct(pool("a", *names, strategy="round_robin"), board=board))
    asked = first(dispatch)
    assert lines(dispatch, asked) == [f"{name} rate_limit 9" for name in names[1 : MOST + 1]] + [
        f"and {2 * MOST - 1} more"
    ]
    dispatch.next(NOW)  # what was found once is not counted twice
    assert lines(dispatch, asked)[-1] == f"and {2 * MOST - 1} more"


def test_what_the_key_may_not_use_and_what_is_paused_is_told_and_what_is_for_other_models_is_not() -> None:
    paused, picky = Credential("a", "off", "s", models=()), Credential("a", "picky", "s", models=("x",))
    provider = pool("a", "mine", paused, picky, "theirs")
    found = TargetList((Target("a", "m"),), credentials={"a": provider.credentials[:3]})
    dispatch = Dispatch(found, conduct(provider))
    asked = first(dispatch)
    assert lines(dispatch, asked) == ["off paused", "theirs key"]


def test_targets_that_fell_out_before_are_told_and_those_that_come_last_unless_they_are_asked() -> None:
    found = leads_to("a", "b", "c").without({Target("a", "m"): "no images"}).noting({Target("c", "m"): "no reasoning"})
    dispatch = Dispatch(found, conduct(pool("a", "a0"), pool("b", "b0"), pool("c", "c0")))
    asked = first(dispatch)
    assert dispatch.has_chosen
    assert lines(dispatch, asked) == ["a/* no images", "c/* no reasoning"]
    dispatch.failed(Verdict("next_target"), NOW)
    assert lines(dispatch, asked, first(dispatch)) == ["a/* no images"]
    assert found.left_out[0] == PassedOver("a", "m", None, "no images")


# How somebody is chosen


def chosen(dispatch: Dispatch, verdict: Verdict = ONWARD) -> list[tuple[str, str | None]]:
    """Everybody who is asked when all fail, and how they were chosen."""
    found, now_us = [], NOW
    while (step := dispatch.next(now_us)) is not None:
        if isinstance(step, Attempt):
            found.append((step.credential.name, step.chosen_by))
            dispatch.failed(verdict, now_us)
        else:
            now_us += round(step.seconds * SECOND)
    return found


def test_the_only_one_is_not_chosen_and_the_next_in_line_follows_the_one_that_was() -> None:
    assert chosen(Dispatch(leads_to("a"), conduct(pool("a", "a0", strategy="round_robin")))) == [("a0", None)]
    known = conduct(pool("a", "a0", "a1", strategy="round_robin"))
    assert chosen(Dispatch(leads_to("a"), known)) == [("a0", "round_robin"), ("a1", None)]


def test_strategies_weights_and_priorities_are_named() -> None:
    heavy = pool("p", Credential("p", "A", "s", weight=3), "B", strategy="weighted")
    assert chosen(Dispatch(leads_to("p"), conduct(heavy)))[0] == ("A", "weighted 3/4")
    ranked = pool("p", Credential("p", "A", "s", priority=1), "B", "C", strategy="least_busy")
    assert chosen(Dispatch(leads_to("p"), conduct(ranked)))[0] == ("A", "priority")
    measured = Slate()
    measured.measured = {"A": Figures(headroom=0.1), "B": Figures(headroom=0.8)}
    known = conduct(pool("p", "A", "B", strategy="headroom"), board=measured)
    assert chosen(Dispatch(leads_to("p"), known))[0] == ("B", "headroom")


def test_other_ways_to_be_chosen_are_named_too() -> None:
    board = Slate(p0=rest(9, probe_due=True), p1=rest(9))
    board.holders = {pooled(SESSION, "p"): b"p2"}
    trio = pool("p", "p0", "p1", "p2")
    assert chosen(Dispatch(leads_to("p"), conduct(trio, board=board)))[0] == ("p0", "probe")
    assert chosen(Dispatch(leads_to("p"), conduct(trio, board=board), session=SESSION))[0] == ("p2", "session")
    calm = Slate()
    calm.holders = board.holders
    assert chosen(Dispatch(leads_to("p"), conduct(trio, board=calm), session=SESSION))[0] == ("p2", "session")
    weary = Slate(p0=rest(9, hard=False), p1=rest(9, hard=False))
    assert chosen(Dispatch(leads_to("p"), conduct(pool("p", "p0", "p1"), board=weary))) == [
        ("p0", "resting"),
        ("p1", "resting"),
    ]
    pinned = Dispatch(leads_to("p"), conduct(trio), pinned=("p", "p1"))
    assert chosen(pinned) == [("p1", "pinned")]
    again = Dispatch(leads_to("p"), conduct(pool("p", "p0"), attempts=2))
    assert chosen(again, Verdict("retry")) == [("p0", None), ("p0", "again")]


def test_a_hedge_is_named() -> None:
    dispatch = Dispatch(leads_to("a", "b"), conduct(pool("a", "a0"), pool("b", "b0", "b1")))
    first(dispatch)
    hedge = dispatch.hedge(NOW)
    assert hedge is not None
    assert (hedge.credential.name, hedge.chosen_by) == ("b0", "hedge")


def test_targets_are_ordered_by_the_strategy_of_the_outermost_combo() -> None:
    providers = tuple(pool(name, f"{name}0") for name in "abc")
    inner, outer = Combo("inner", ("b/m", "c/m"), "round_robin"), Combo("outer", ("a/m", "inner"), "weighted", (3, 1))
    found = Resolver(providers, {}, (inner, outer))
    from_outer = found.resolve("outer", EVERYBODY)
    dispatch = Dispatch(from_outer, conduct(*providers))
    assert [dispatch.ordered_by(Target(name, "m")) for name in "abc"] == [
        "weighted 3/4",
        "weighted 1/4",
        "weighted 1/4",
    ]
    assert Dispatch(found.resolve("a/m", EVERYBODY), conduct(*providers)).ordered_by(Target("a", "m")) is None


@pytest.mark.parametrize("strategy", ["fallback", "round_robin", "lowest_cost"])
def test_a_conversation_stays_with_its_target_where_turns_decide(strategy: str) -> None:
    found = combo("a", "b", strategy=strategy)
    known = TargetList(found.targets, found.choice, ordered_by=dict.fromkeys(found.targets, strategy))
    dispatch = Dispatch(known, conduct(pool("a", "a0"), pool("b", "b0")), session=SESSION)
    asked = first(dispatch)
    assert dispatch.ordered_by(asked.target) == ("session" if strategy in BY_TURN else strategy)
