"""Who rests is passed over, is probed now and then, and is waited for when all others rest as well."""

from __future__ import annotations

import pytest
from msgspec import structs

from gateway.records import Credential, Target
from gateway.routing.dispatch import BUSY_US, Attempt, Dispatch, Resting, Wait
from gateway.routing.standing import Standing
from gateway.routing.targets import TargetList
from gateway.routing.verdicts import VERDICTS, Verdict
from tests.gateway.routing.boards import (
    NOW,
    ONWARD,
    SECOND,
    Slate,
    conduct,
    firsts,
    leads_to,
    pool,
    rest,
    script,
    told,
)

A, B = pool("a", "a0", "a1"), pool("b", "b0")


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
    assert script(Dispatch(leads_to("p"), conduct(provider, board=board, longest_wait_seconds=0.0))) == ["p1"]


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


def test_the_attempt_that_tries_a_target_says_so_and_is_not_repeated_as_one() -> None:
    board = Slate()
    board.breakers = {"a/m": rest(9, reason="breaker", probe_due=True)}
    dispatch = Dispatch(leads_to("a"), conduct(pool("a", "a0"), board=board))
    attempt = dispatch.next(NOW)
    assert isinstance(attempt, Attempt)
    assert attempt.claimed_at_us == NOW
    dispatch.failed(Verdict("retry"), NOW, attempt=attempt)
    assert isinstance(dispatch.next(NOW), Wait)
    repeated = dispatch.next(NOW + SECOND)
    assert isinstance(repeated, Attempt)
    assert repeated == structs.replace(attempt, claimed_at_us=0, chosen_by="again")


def test_whether_there_is_anybody_does_not_depend_on_rests() -> None:
    board = Slate(a0=rest(9), a1=rest(9))
    assert Dispatch(leads_to("a"), conduct(A, board=board)).has_anybody(NOW)
    nobody = TargetList((Target("a", "m"),), credentials={"a": ()})
    assert not Dispatch(nobody, conduct(A, board=board)).has_anybody(NOW)


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
