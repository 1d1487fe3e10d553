"""Clocks that were set back, and rests that outlive a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.pools.board import Board
from gateway.routing.standing import AVAILABLE
from gateway.settings.model import RestSettings
from gateway.shared import memory as module
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, NOON, SECOND, Clock, quota, rate_limit
from tests.gateway.shared.places import shared


def left(board: Board, clock: Clock) -> float:
    return (board.standing(MAIN, GPT.model, clock()).until_us - clock()) / SECOND


@pytest.mark.parametrize("back", [10, 3_600, 86_400 * 400])
def test_a_clock_set_back_makes_no_rest_longer_than_it_was(back: int, board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(30), clock())
    clock.go(-back)
    assert left(board, clock) == 30
    clock.go(20)
    assert left(board, clock) == 10
    assert board.standing(MAIN, GPT.model, clock.go(10)) == AVAILABLE


def test_a_rest_that_would_be_longer_than_the_longest_is_cut(make: MakeBoard, clock: Clock) -> None:
    make(longest_seconds=3600.0).rest(MAIN, None, quota(3600), clock())
    board = make(longest_seconds=60.0)
    assert left(board, clock) == 60
    assert board.standing(MAIN, GPT.model, clock.go(60)) == AVAILABLE


def test_a_probe_is_due_when_it_would_have_been(make: MakeBoard, clock: Clock) -> None:
    board = make(probe_seconds=60.0)
    board.rest(MAIN, GPT.model, rate_limit(600), clock())
    clock.go(-86_400)
    assert not board.standing(MAIN, GPT.model, clock.go(0)).probe_due
    assert not board.standing(MAIN, GPT.model, clock.go(59)).probe_due
    assert board.standing(MAIN, GPT.model, clock.go(1)).probe_due


def test_clocks_of_two_who_ask_at_once_may_differ_a_little(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0), make(1)
    first.rest(MAIN, GPT.model, rate_limit(30), NOON)
    assert second.standing(MAIN, GPT.model, NOON - 2000).until_us == NOON + 30 * SECOND


def test_a_breaker_is_no_longer_open_than_it_was(make: MakeBoard, clock: Clock) -> None:
    board = make(breaker_failures=1, breaker_seconds=10.0)
    board.failed_target(GPT, clock())
    clock.go(-86_400)
    assert board.target_standing(GPT, clock()).until_us == clock() + 10 * SECOND


@pytest.mark.parametrize("is_new_boot", [False, True])
def test_rests_outlive_a_restart_and_what_was_in_flight_does_not(
    is_new_boot: bool, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shared.mmap"
    with shared(path) as memory:
        board = Board(memory, RestSettings(), 2, clock)
        board.rest(MAIN, None, quota(600), clock())
        board.begin(MAIN, GPT)
        board.take_turn("pool openai")
        board.bind(b"s" * 16, MAIN, clock())
    if is_new_boot:
        monkeypatch.setattr(module, "BOOT_ID", tmp_path / "none")
    with shared(path) as memory:
        board = Board(memory, RestSettings(), 0, clock)
        assert board.standing(MAIN, GPT.model, clock.go(60)).until_us == NOON + 600 * SECOND
        assert board.figures(MAIN).in_flight == board.target_figures(GPT).in_flight == 0
        assert board.take_turn("pool openai") == 1
        assert board.holder(b"s" * 16, clock()) == b"main"
