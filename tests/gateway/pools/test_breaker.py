from __future__ import annotations

from gateway.pools.board import Board, Which
from gateway.routing.standing import AVAILABLE, Standing
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, NOON, SECOND, Clock

SETTINGS = {"breaker_failures": 3, "breaker_seconds": 10.0, "breaker_longest_seconds": 35.0}


def fail(board: Board, clock: Clock, times: int) -> None:
    for _ in range(times):
        board.failed_target(GPT, clock())


def test_it_opens_after_so_many_failures_in_a_row(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0, **SETTINGS), make(1, **SETTINGS)
    fail(first, clock, 2)
    assert first.target_standing(GPT, NOON) == AVAILABLE
    fail(second, clock, 1)
    for board in (first, second):
        assert board.target_standing(GPT, NOON) == Standing(NOON + 10 * SECOND, True, "breaker")
        assert board.target_standing(MINI, NOON) == AVAILABLE


def test_an_answer_in_between_begins_the_count_anew(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 2)
    board.succeeded(MAIN, GPT, SECOND, clock())
    fail(board, clock, 2)
    assert board.target_standing(GPT, NOON) == AVAILABLE


def test_failures_of_requests_that_were_under_way_make_it_no_longer(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 50)
    assert board.target_standing(GPT, NOON).until_us == NOON + 10 * SECOND


def test_half_open_one_process_may_try(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0, **SETTINGS), make(1, **SETTINGS)
    fail(first, clock, 3)
    assert not first.claim_target_probe(GPT, clock.go(9))
    clock.go(1)
    for board in (first, second):
        standing = board.target_standing(GPT, clock())
        assert standing.probe_due
        assert standing.until_us > clock()
    assert [board.claim_target_probe(GPT, clock()) for board in (second, first)] == [True, False]
    assert first.target_standing(GPT, clock()) == Standing(clock() + 10 * SECOND, True, "breaker")


def test_one_that_was_claimed_and_never_heard_of_again_is_due_anew(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 3)
    board.claim_target_probe(GPT, clock.go(10))
    assert board.target_standing(GPT, clock.go(10)).probe_due
    assert board.claim_target_probe(GPT, clock())


def test_a_try_that_fails_opens_it_for_twice_as_long(make: MakeBoard, clock: Clock) -> None:
    board, lengths = make(**SETTINGS), []
    fail(board, clock, 3)
    for _ in range(4):
        length = board.target_standing(GPT, clock()).until_us - clock()
        lengths.append(length / SECOND)
        board.claim_target_probe(GPT, clock.go(length / SECOND))
        fail(board, clock, 1)
    assert lengths == [10, 20, 35, 35]


def test_a_try_that_tells_nothing_is_given_back_to_whoever_comes_next(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0, **SETTINGS), make(1, **SETTINGS)
    fail(first, clock, 3)
    claimed_at_us = clock.go(10)
    assert first.claim_target_probe(GPT, claimed_at_us)
    first.give_back(GPT, claimed_at_us, clock.go(1))
    assert second.target_standing(GPT, clock()).probe_due
    assert second.claim_target_probe(GPT, clock())
    assert not first.claim_target_probe(GPT, clock())
    fail(second, clock, 1)
    assert first.target_standing(GPT, clock()).until_us == clock() + 20 * SECOND, (
        "it opens no wider for what was no try"
    )


def test_a_try_is_given_back_by_whoever_made_it(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 3)
    claimed_at_us = clock.go(10)
    board.claim_target_probe(GPT, claimed_at_us)
    board.give_back(GPT, claimed_at_us - 1, clock.go(1))
    assert not board.target_standing(GPT, clock()).probe_due
    fail(board, clock, 1)
    board.give_back(GPT, claimed_at_us, clock())
    assert not board.target_standing(GPT, clock()).probe_due, "it has opened since"


def test_a_try_that_answers_closes_it(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 3)
    board.claim_target_probe(GPT, clock.go(10))
    board.succeeded(MAIN, GPT, SECOND, clock.go(1))
    assert board.target_standing(GPT, clock()) == AVAILABLE
    fail(board, clock, 3)
    assert board.target_standing(GPT, clock()).until_us == clock() + 10 * SECOND


def test_an_answer_to_what_was_sent_before_it_opened_does_not_close_it(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 3)
    board.succeeded(MAIN, GPT, 3 * SECOND, clock.go(2))
    assert board.target_standing(GPT, clock()).until_us == NOON + 10 * SECOND


def test_where_the_settings_say_never_it_stays_closed(make: MakeBoard, clock: Clock) -> None:
    before, board = make(0, **SETTINGS), make(1, breaker_failures=0)
    fail(board, clock, 50)
    assert board.rests(NOON) == ()
    fail(before, clock, 3)
    assert board.target_standing(GPT, NOON) == AVAILABLE


def test_what_is_closed_is_not_to_be_claimed(board: Board) -> None:
    assert not board.claim_target_probe(GPT, NOON)


def test_people_see_it_and_close_it(make: MakeBoard, clock: Clock) -> None:
    board = make(**SETTINGS)
    fail(board, clock, 3)
    [rest] = board.rests(NOON)
    assert (rest.provider, rest.credential, rest.model, rest.standing.reason) == ("openai", "", "gpt-5", "breaker")
    assert board.end_rests(Which(GPT.provider, model=GPT.model), NOON)
    assert not board.end_rests(Which(GPT.provider, model=GPT.model), NOON)
    assert board.target_standing(GPT, NOON) == AVAILABLE
    fail(board, clock, 2)
    assert board.rests(NOON) == ()
