"""One look tells whether anything is the matter with those who may answer."""

from __future__ import annotations

from gateway.pools.board import Board
from gateway.records import Credential, Target
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, NOON, SECOND, SPARE, Clock, quota, rate_limit

BOTH = (MAIN, SPARE)
BREAKER = {"breaker_failures": 1, "breaker_seconds": 10.0}


def test_it_is_calm_where_nobody_was_ever_heard_of(board: Board) -> None:
    assert board.is_calm(BOTH, GPT, NOON)
    assert board.is_calm((), GPT, NOON)


def test_a_rest_of_one_of_them_is_seen_by_every_process_until_it_is_over(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0), make(1)
    assert second.is_calm(BOTH, GPT, NOON), "it was looked at before there was anything to see"
    first.rest(SPARE, None, quota(60), NOON)
    for board in (first, second):
        assert not board.is_calm(BOTH, GPT, NOON)
        assert not board.is_calm(BOTH, MINI, NOON)
        assert board.is_calm((MAIN,), GPT, NOON)
        assert board.is_calm(BOTH, GPT, clock.now + 60 * SECOND)


def test_a_rest_for_a_model_matters_to_that_model_alone(board: Board) -> None:
    board.rest(MAIN, GPT.model, rate_limit(60), NOON)
    assert not board.is_calm(BOTH, GPT, NOON)
    assert board.is_calm(BOTH, MINI, NOON)


def test_a_soft_rest_is_no_calm_either(board: Board) -> None:
    board.rest(MAIN, GPT.model, rate_limit(60, hard=False), NOON)
    assert not board.is_calm(BOTH, GPT, NOON)


def test_it_is_calm_again_once_the_one_that_rests_has_answered(board: Board) -> None:
    board.rest(MAIN, None, quota(60), NOON)
    board.succeeded(MAIN, GPT, SECOND, NOON + 2 * SECOND)
    assert board.is_calm(BOTH, GPT, NOON + 2 * SECOND)


def test_a_breaker_matters_until_something_has_succeeded_though_its_time_is_over(make: MakeBoard, clock: Clock) -> None:
    board = make(**BREAKER)
    board.failed_target(GPT, clock())
    assert not board.is_calm(BOTH, GPT, clock.go(5))
    assert not board.is_calm(BOTH, GPT, clock.go(600)), "half open: one may try"
    assert board.is_calm(BOTH, MINI, clock())
    board.succeeded(MAIN, GPT, SECOND, clock())
    assert board.is_calm(BOTH, GPT, clock())


def test_where_to_look_is_found_anew_when_slots_have_come(make: MakeBoard) -> None:
    board, other = make(0), make(1)
    assert board.is_calm(BOTH, GPT, NOON)
    for number in range(5):
        other.begin(MAIN, Target("openai", f"model-{number}"))
    other.rest(MAIN, GPT.model, rate_limit(60), NOON)
    assert not board.is_calm(BOTH, GPT, NOON)


def test_another_secret_under_the_same_name_does_not_rest_for_the_former_one(board: Board) -> None:
    board.rest(MAIN, None, quota(60), NOON)
    assert board.is_calm((Credential(MAIN.provider, MAIN.name, "sk-renewed"),), GPT, NOON)
