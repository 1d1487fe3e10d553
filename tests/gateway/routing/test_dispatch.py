"""Attempts follow one another as scripts: who is asked first, who next, and when nobody is left to ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records import Credential, Target
from gateway.routing.affinity import pooled
from gateway.routing.dispatch import BUSY_US, Dispatch, Resting, Wait
from gateway.routing.ordering import Conduct
from gateway.routing.standing import Figures, Standing
from gateway.routing.targets import TargetList, Terms
from gateway.routing.verdicts import VERDICTS, Verdict
from tests.gateway.routing.boards import NOW, ONWARD, SECOND, Slate, combo, conduct, leads_to, pool, rest, script, told

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


def firsts(found: TargetList, known: Conduct, times: int) -> list[str]:
    """Who is asked first by one request after another."""
    return [told(Dispatch(found, known).next(NOW)) for _ in range(times)]


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


# Rests


def test_who_rests_hard_is_passed_over() -> None:
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B, board=Slate(a0=rest(9))))) == ["a1", "b0"]
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B, board=Slate(a0=rest(9), a1=rest(9))))) == ["b0"]


def test_who_rests_softly_is_tried_last_at_its_target() -> None:
    board = Slate(a0=rest(9, hard=False, reason="server"))
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B, board=board))) == ["a1", "a0", "b0"]
    assert script(Dispatch(leads_to("b"), conduct(B, board=Slate(b0=rest(9, hard=False))))) == ["b0"]


def test_a_rest_that_is_over_is_none() -> None:
    assert script(Dispatch(leads_to("a"), conduct(A, board=Slate(a0=rest(0))))) == ["a0", "a1"]


def test_a_provider_may_not_rest_at_all() -> None:
    known = conduct(pool("a", "a0", "a1", rests=False), board=Slate(a0=rest(9)))
    assert script(Dispatch(leads_to("a"), known)) == ["a0", "a1"]


def test_who_is_full_is_passed_over() -> None:
    provider = pool("p", Credential("p", "p0", "s", max_parallel=2), "p1")
    board = Slate()
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board))) == ["p0", "p1"]
    board.busy = {"p0": 2}
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board))) == ["p1"]


def test_who_begins_to_rest_meanwhile_is_not_tried() -> None:
    board = Slate()
    dispatch = Dispatch(leads_to("a", "b"), conduct(A, B, board=board))
    assert told(dispatch.next(NOW)) == "a0"
    board.rests["a1"] = rest(9)
    dispatch.failed(ONWARD, NOW)
    assert told(dispatch.next(NOW)) == "b0"


def test_who_is_back_meanwhile_is_tried() -> None:
    dispatch = Dispatch(leads_to("a", "b"), conduct(A, B, board=Slate(a0=rest(5), a1=rest(5))))
    assert told(dispatch.next(NOW)) == "b0"
    dispatch.failed(ONWARD, NOW)
    assert told(dispatch.next(NOW + 5 * SECOND)) == "a0"


# Probes


def test_who_is_due_to_be_probed_goes_first_for_one_request() -> None:
    known = conduct(A, board=Slate(a1=rest(900, probe_due=True)))
    assert script(Dispatch(leads_to("a"), known)) == ["a1?", "a0"]
    assert script(Dispatch(leads_to("a"), known)) == ["a0"]  # somebody else has claimed it


def test_a_request_probes_once() -> None:
    board = Slate(a0=rest(900, probe_due=True), a1=rest(900, probe_due=True), b0=rest(900, probe_due=True))
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B, board=board))) == ["a0?"]
    assert board.probed == ["a0"]


def test_the_only_credential_is_probed_as_well() -> None:
    known = conduct(B, board=Slate(b0=rest(900, probe_due=True)))
    assert script(Dispatch(leads_to("b"), known)) == ["b0?"]
    assert script(Dispatch(leads_to("b"), known)) == []


def test_who_is_full_is_not_probed() -> None:
    board = Slate(p0=rest(900, probe_due=True))
    board.busy = {"p0": 1}
    provider = pool("p", Credential("p", "p0", "s", max_parallel=1))
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board))) == []


# Conversations


def holding(credential: str, **rests: Standing) -> Slate:
    board = Slate(**rests)
    board.holders = {pooled(SESSION, "p"): credential.encode()}
    return board


def test_a_conversation_stays_with_its_credential_whatever_the_priority() -> None:
    provider = pool("p", Credential("p", "high", "s", priority=9), "low", strategy="round_robin")
    board = holding("low")
    dispatch = Dispatch(leads_to("p"), conduct(provider, board=board), session=SESSION)
    assert script(dispatch) == ["low", "high"]
    assert dispatch.session_at(provider) == pooled(SESSION, "p")


@pytest.mark.parametrize("hard", [True, False])
def test_it_gives_way_when_that_rests(hard: bool) -> None:
    board = holding("p1", p1=rest(9, hard=hard))
    provider = pool("p", "p0", "p1")
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board), session=SESSION))[0] == "p0"


def test_it_gives_way_when_that_is_full_or_gone_or_not_the_key_s() -> None:
    provider = pool("p", "p0", Credential("p", "p1", "s", max_parallel=1))
    board = holding("p1")
    board.busy = {"p1": 1}
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board), session=SESSION)) == ["p0"]
    gone = conduct(pool("p", "p0", "p2"), board=holding("p1"))
    assert script(Dispatch(leads_to("p"), gone, session=SESSION)) == ["p0", "p2"]
    held = TargetList((Target("p", "m"),), credentials={"p": provider.credentials[:1]})
    assert script(Dispatch(held, conduct(provider, board=holding("p1")), session=SESSION)) == ["p0"]


def test_it_is_not_disturbed_by_probes() -> None:
    board = holding("p0", p1=rest(900, probe_due=True))
    provider = pool("p", "p0", "p1")
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board), session=SESSION))[0] == "p0"
    assert script(Dispatch(leads_to("p"), conduct(provider, board=Slate(p1=rest(9, probe_due=True)))))[0] == "p1?"


def test_a_provider_may_not_care_for_conversations() -> None:
    provider = pool("p", "p0", "p1", session_affinity=False)
    dispatch = Dispatch(leads_to("p"), conduct(provider, board=holding("p1")), session=SESSION)
    assert script(dispatch) == ["p0", "p1"]
    assert dispatch.session_at(provider) is None


def test_a_conversation_stays_with_its_target_in_a_combo_that_turns() -> None:
    found, known = combo("a", "b", strategy="round_robin"), conduct(A, B)
    for number in range(4):
        session = number.to_bytes(4) * 4
        first = {told(Dispatch(found, known, session=session).next(NOW)) for _ in range(3)}
        assert first == {("a0", "b0")[number % 2]}
    careless = conduct(pool("a", "a0", session_affinity=False), pool("b", "b0", session_affinity=False))
    assert [told(Dispatch(found, careless, session=SESSION).next(NOW)) for _ in range(2)] == ["a0", "b0"]


@pytest.mark.parametrize("strategy", ["fallback", "round_robin"])
def test_where_something_is_kept_is_the_only_place_to_ask(strategy: str) -> None:
    many, found = pool("many", "m0", "m1", "m2"), combo("b", "many", "a", strategy=strategy)
    assert script(Dispatch(found, conduct(A, B, many), pinned=("many", "m1"))) == ["m1"]
    assert script(Dispatch(found, conduct(A, B, many), pinned=("b", "b0"))) == ["b0"]


def test_once_that_place_is_gone_the_others_are_asked() -> None:
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B), pinned=("gone", "x"))) == ["a0", "a1", "b0"]
    assert script(Dispatch(leads_to("b", "a"), conduct(A, B), pinned=("a", "removed"))) == ["a0", "a1"]


def test_where_something_is_kept_may_rest() -> None:
    dispatch = Dispatch(leads_to("a", "b"), conduct(A, B, board=Slate(a1=rest(9))), pinned=("a", "a1"))
    assert script(dispatch) == []
    assert dispatch.resting(NOW) == Resting(NOW + 9 * SECOND, True)


# Circuit breakers


def test_a_target_with_an_open_breaker_is_not_asked() -> None:
    board = Slate()
    board.breakers = {"a/m": rest(9, reason="breaker")}
    assert script(Dispatch(leads_to("a", "b"), conduct(A, B, board=board))) == ["b0"]
    alone = Dispatch(leads_to("a"), conduct(A, board=board))
    assert script(alone) == []
    assert alone.resting(NOW) == Resting(NOW + 9 * SECOND, False)


def test_one_request_tries_a_target_whose_breaker_is_half_open() -> None:
    board = Slate()
    board.breakers = {"a/m": rest(9, reason="breaker", probe_due=True)}
    found, known = leads_to("a", "b"), conduct(pool("a", "a0"), B, board=board)
    assert firsts(found, known, 3) == ["a0", "b0", "b0"]
    assert board.claimed == ["a/m"]


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


# When all rest


def test_a_request_waits_for_who_is_back_soon() -> None:
    board = Slate(a0=rest(1.5), a1=rest(30))
    assert script(Dispatch(leads_to("a"), conduct(A, board=board))) == ["wait 1.5", "a0"]
    soft = Slate(a0=rest(1, hard=False), a1=rest(0.5))
    assert script(Dispatch(leads_to("a"), conduct(A, board=soft))) == ["a0", "wait 0.5", "a1"]


def test_it_does_not_wait_longer_than_it_may_in_all() -> None:
    board = Slate(a0=rest(1.5), a1=rest(2.5))
    assert script(Dispatch(leads_to("a"), conduct(A, board=board))) == ["wait 1.5", "a0"]
    assert script(Dispatch(leads_to("a"), conduct(A, board=board, longest_wait_seconds=1.0))) == []


def test_it_does_not_wait_for_who_has_failed() -> None:
    board = Slate()
    dispatch = Dispatch(leads_to("b"), conduct(B, board=board))
    dispatch.next(NOW)
    board.rests["b0"] = rest(1)
    dispatch.failed(VERDICTS["rate_limit", ""], NOW)
    assert dispatch.next(NOW) is None
    assert dispatch.resting(NOW) == Resting(NOW + SECOND, True)


def test_it_looks_again_now_and_then_while_all_are_busy() -> None:
    board = Slate()
    board.busy = {"p0": 1}
    provider = pool("p", Credential("p", "p0", "s", max_parallel=1))
    dispatch = Dispatch(leads_to("p"), conduct(provider, board=board))
    assert dispatch.next(NOW) == Wait(BUSY_US / 1e6)
    assert dispatch.resting(NOW) == Resting(NOW + BUSY_US, True)
    board.busy = {}
    assert told(dispatch.next(NOW + BUSY_US)) == "p0"
    board.busy = {"p0": 1}
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board))) == ["wait 0.1"] * 20


@pytest.mark.parametrize(
    ("rests", "seconds", "limited"),
    [
        ({"a0": rest(9), "a1": rest(5, reason="quota")}, 5, True),
        ({"a0": rest(9), "a1": rest(5, reason="auth")}, 5, False),
    ],
)
def test_when_all_rest_the_first_to_be_back_is_told(rests: dict[str, Standing], seconds: int, limited: bool) -> None:
    dispatch = Dispatch(leads_to("a"), conduct(A, board=Slate(**rests)))
    assert dispatch.next(NOW) is None
    assert dispatch.resting(NOW) == Resting(NOW + seconds * SECOND, limited)


def test_nobody_rests_who_can_be_asked() -> None:
    dispatch = Dispatch(leads_to("a"), conduct(A, board=Slate(a0=rest(9), a1=rest(9, hard=False))))
    assert dispatch.resting(NOW) is None


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


# Whatever happens

FAILURES = st.sampled_from(sorted(VERDICTS))
STANDINGS = st.one_of(
    st.none(), st.builds(rest, st.sampled_from([0.0, 1.0, 50.0]), hard=st.booleans(), probe_due=st.booleans())
)
NAMES = ("a0", "a1", "a2", "b0", "b1")


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, STANDINGS)),
    st.lists(FAILURES, min_size=1, max_size=8),
    st.sampled_from(["fill_first", "round_robin", "weighted", "least_busy"]),
    st.integers(1, 16),
)
def test_no_attempt_goes_to_who_rests_hard_but_one_probe(
    standings: dict[str, Standing | None], failures: list[tuple[str, str]], strategy: str, attempts: int
) -> None:
    board = Slate(**{name: standing for name, standing in standings.items() if standing is not None})
    known = conduct(
        pool("a", "a0", "a1", "a2", strategy=strategy),
        pool("b", "b0", "b1", strategy=strategy),
        board=board,
        attempts=attempts,
        longest_wait_seconds=5.0,
    )
    dispatch = Dispatch(leads_to("a", "b"), known)
    now_us, tried, probes, again = NOW, [], 0, ""
    for number in range(100):
        step = dispatch.next(now_us)
        if step is None:
            break
        if isinstance(step, Wait):
            now_us += round(step.seconds * SECOND)
            continue
        name = step.credential.name
        standing = board.rests.get(name)
        rests_hard = standing is not None and standing.hard and standing.until_us > now_us
        assert step.is_probe is (rests_hard and name != again)
        assert name not in tried or name == again
        probes += step.is_probe
        tried.append(name)
        verdict = dispatch.failed(VERDICTS[failures[number % len(failures)]], now_us)
        again = name if verdict.then == "retry" else ""
    else:
        raise AssertionError("it never ends")
    assert probes <= 1
    assert len(tried) <= attempts


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, STANDINGS)), st.sampled_from(["fill_first", "round_robin"]))
def test_everybody_who_can_be_asked_is_asked_before_giving_up(
    standings: dict[str, Standing | None], strategy: str
) -> None:
    board = Slate(**{name: standing for name, standing in standings.items() if standing is not None})
    known = conduct(
        pool("a", "a0", "a1", "a2", strategy=strategy), pool("b", "b0", "b1", strategy=strategy), board=board, attempts=16
    )
    steps = script(Dispatch(leads_to("a", "b"), known), VERDICTS["server", ""])
    fit = {name for name, each in standings.items() if each is None or not each.hard or each.until_us <= NOW + SECOND}
    assert fit <= {step.rstrip("?") for step in steps}
