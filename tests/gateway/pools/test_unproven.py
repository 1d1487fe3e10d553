"""Hard rests that nothing has ended, as people are told of credentials that are refused."""

from __future__ import annotations

from gateway.pools.board import Board, Rest, Which
from gateway.pools.fields import SINCE, Kind
from gateway.records import Credential
from gateway.routing.standing import Standing
from tests.gateway.pools.scenes import GPT, MAIN, MINI, NOON, SECOND, SERVER, SPARE, Clock, quota, rate_limit

BOTH = (MAIN, SPARE)


def told(board: Board, clock: Clock) -> list[tuple[str, str, bool, str]]:
    return [
        (one.credential, one.model, one.standing.hard, one.standing.reason) for one in board.unproven(BOTH, clock())
    ]


def test_of_those_who_are_well_nothing_is_told(board: Board, clock: Clock) -> None:
    board.succeeded(MAIN, GPT, 1000, clock())
    board.rest(SPARE, GPT.model, SERVER, clock())
    assert board.unproven(BOTH, NOON) == (), "a soft rest is none"


def test_a_hard_rest_is_told_as_a_whole_and_for_a_model(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    board.rest(SPARE, MINI.model, rate_limit(20), clock())
    assert set(board.unproven(BOTH, NOON)) == {
        Rest(Kind.CREDENTIAL, "openai", "main", "", Standing(NOON + 30 * SECOND, True, "quota"), NOON),
        Rest(Kind.MODEL, "openai", "spare", MINI.model, Standing(NOON + 20 * SECOND, True, "rate_limit"), NOON),
    }
    assert board.unproven((SPARE,), NOON)[0].credential == "spare", "those alone that are asked about"


def test_one_that_is_over_is_told_until_a_request_is_answered(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    clock.go(31)
    assert told(board, clock) == [("main", "", False, "quota")]
    board.succeeded(MAIN, GPT, 1000, clock())
    assert told(board, clock) == []


def test_one_that_somebody_has_ended_is_not_told(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    board.end_rests(Which("openai", "main"), clock())
    assert told(board, clock) == []


def since(board: Board, clock: Clock) -> float:
    """Since when the first of them is refused, in seconds after noon."""
    (rest,) = board.unproven((MAIN,), clock())
    return (rest.since_us - NOON) / SECOND


def test_it_is_told_since_when_it_rests_without_a_break(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    board.rest(MAIN, None, quota(30), clock.go(10))
    assert since(board, clock) == 0
    board.rest(MAIN, None, quota(30), clock.go(30 + 300))
    assert since(board, clock) == 0, "nobody had tried it for a while"
    board.rest(MAIN, None, quota(30), clock.go(30 + 301))
    assert since(board, clock) == 10 + 330 + 331


def test_a_success_and_somebody_who_ends_it_begin_anew(board: Board, clock: Clock) -> None:
    for end in (
        lambda: board.succeeded(MAIN, GPT, 1000, clock.go(1)),
        lambda: board.end_rests(Which("openai", "main"), clock.go(1)),
    ):
        board.rest(MAIN, None, quota(30), clock())
        end()
        began = (clock.go(1) - NOON) / SECOND
        board.rest(MAIN, None, quota(30), clock())
        assert since(board, clock) == began


def test_a_soft_rest_is_no_beginning(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=60), clock())
    board.rest(MAIN, GPT.model, rate_limit(30), clock.go(10))
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=60), clock.go(10))
    assert since(board, clock) == 10


def test_of_a_slot_that_is_older_than_that_the_last_failure_is_told(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    cell = board._cells.of(MAIN)
    board._words[cell.at + SINCE] = 0
    assert since(board, clock) == 0
    board._words[cell.at + SINCE] = NOON + 99 * SECOND
    assert since(board, clock) == 0, "nor is it in the future, where a clock was set back"


def test_of_a_secret_that_was_replaced_nothing_is_told(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    board.rest(MAIN, GPT.model, rate_limit(30), clock())
    assert len(board.unproven((MAIN,), NOON)) == 2
    assert board.unproven((Credential("openai", "main", "sk-new"),), NOON) == ()


def test_a_breaker_is_none_of_a_credential(board: Board, clock: Clock) -> None:
    for _ in range(10):
        board.failed_target(GPT, clock())
    assert board.target_standing(GPT, NOON).until_us
    assert told(board, clock) == []
