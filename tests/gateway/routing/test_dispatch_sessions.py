"""A conversation stays with who holds it; what is kept somewhere is asked for there alone."""

from __future__ import annotations

import pytest

from gateway.records import Credential, Target
from gateway.routing.affinity import pooled
from gateway.routing.dispatch import Dispatch, Resting
from gateway.routing.standing import Standing
from gateway.routing.targets import TargetList
from tests.gateway.routing.boards import NOW, SECOND, Slate, combo, conduct, leads_to, pool, rest, script, told

A, B = pool("a", "a0", "a1"), pool("b", "b0")
SESSION = bytes(range(16))


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
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board), session=SESSION))[0] == "p0"
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
