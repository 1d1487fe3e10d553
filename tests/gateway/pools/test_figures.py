from __future__ import annotations

import pytest

from gateway.pools.board import Board, Told
from gateway.routing.standing import UNKNOWN
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, SPARE, Clock


def test_of_what_was_never_used_nothing_is_known(board: Board) -> None:
    assert board.figures(MAIN) == board.target_figures(GPT) == UNKNOWN


def test_requests_under_way_are_those_of_all_workers(make: MakeBoard) -> None:
    first, second, watching = make(0), make(1), make(None)
    first.begin(MAIN, GPT)
    second.begin(MAIN, MINI)
    second.begin(SPARE, MINI)
    watching.begin(MAIN, GPT)
    assert [watching.figures(each).in_flight for each in (MAIN, SPARE)] == [2, 1]
    assert [watching.target_figures(each).in_flight for each in (GPT, MINI)] == [1, 2]
    watching.end(MAIN, GPT)
    second.end(MAIN, MINI)
    assert [first.figures(each).in_flight for each in (MAIN, SPARE)] == [1, 1]


def test_more_ends_than_beginnings_are_no_fewer_than_none(make: MakeBoard) -> None:
    board = make(0)
    board.begin(MAIN, GPT)
    for _ in range(3):
        board.end(MAIN, GPT)
    board.begin(MAIN, GPT)
    assert board.figures(MAIN).in_flight == 1


def test_the_first_answer_is_the_average_and_twenty_later_half_of_it_is_new(board: Board, clock: Clock) -> None:
    board.begin(MAIN, GPT)
    board.succeeded(MAIN, GPT, 100_000, clock())
    assert board.figures(MAIN).latency_us == board.target_figures(GPT).latency_us == 100_000
    for _ in range(20):
        board.succeeded(MAIN, GPT, 300_000, clock())
    assert board.figures(MAIN).latency_us == pytest.approx(200_000, rel=0.01)


def test_latency_of_a_target_is_not_that_of_another_with_the_same_credential(board: Board, clock: Clock) -> None:
    for target, waited_us in ((GPT, 100_000), (MINI, 20_000)):
        board.begin(MAIN, target)
        board.succeeded(MAIN, target, waited_us, clock())
    assert [board.target_figures(each).latency_us for each in (GPT, MINI)] == [100_000, 20_000]


def test_headroom_is_unknown_again_once_it_resets(board: Board, clock: Clock) -> None:
    board.begin(MAIN, GPT)
    board.note_headroom(MAIN, 0.25, 30.0, clock())
    assert board.figures(MAIN).headroom == 0.25
    clock.go(29)
    assert board.figures(MAIN).headroom == 0.25
    assert board.told(MAIN, clock()) == Told(0.25, clock() + 1_000_000)
    clock.go(1)
    assert board.figures(MAIN).headroom == 1.0
    assert board.told(MAIN, clock()) == Told(1.0)
    assert board.told(SPARE, clock()) == Told(), "of which nobody told anything"


def test_headroom_whose_reset_nobody_names_holds_a_minute(board: Board, clock: Clock) -> None:
    board.begin(MAIN, GPT)
    board.note_headroom(MAIN, 0.0, None, clock())
    clock.go(59)
    assert board.figures(MAIN).headroom == 0.0
    clock.go(1)
    assert board.figures(MAIN).headroom == 1.0


def test_turns_go_on_for_all_and_each_name_has_its_own(make: MakeBoard) -> None:
    first, second = make(0), make(1)
    assert [board.take_turn("pool openai") for board in (first, second, second, first)] == [0, 1, 2, 3]
    assert second.take_turn("combo best") == 0


def test_a_sticky_turn_goes_on_after_so_many(board: Board) -> None:
    assert [board.take_turn("pool openai", 3) for _ in range(7)] == [0, 0, 0, 1, 1, 1, 2]


def test_looking_at_a_turn_takes_none(make: MakeBoard) -> None:
    board, other = make(0), make(1)
    assert board.peek_turn("pool openai") == 0
    assert [board.take_turn("pool openai", 2) for _ in range(5)][-1] == 2
    assert board.peek_turn("pool openai", 2) == other.peek_turn("pool openai", 2) == 2
    assert other.take_turn("pool openai", 2) == 2


def test_everybody_hears_of_the_token_that_one_worker_has_asked_for(make: MakeBoard, clock: Clock) -> None:
    first, watching = make(0), make(None)
    assert watching.told(MAIN, clock()).token_until_us == 0
    first.note_token(MAIN, clock() + 3_600_000_000)
    assert watching.told(MAIN, clock()) == Told(token_until_us=clock() + 3_600_000_000)
    assert watching.told(SPARE, clock()) == Told()
    assert watching.rests(clock()) == (), "a token is no rest"
