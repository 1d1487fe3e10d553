"""No room: names that somebody made up, a full area, a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gateway.pools import cells
from gateway.pools.board import Board, Which
from gateway.records import Target
from gateway.routing.standing import AVAILABLE, UNKNOWN
from gateway.settings.model import RestSettings
from gateway.shared.layout import LAYOUT
from gateway.shared.memory import SharedMemory
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, NOON, SPARE, Clock, quota, rate_limit
from tests.gateway.shared.places import POOLS, shared


def test_ten_thousand_names_that_nobody_serves_fill_nothing(make: MakeBoard, clock: Clock) -> None:
    board, other = make(0), make(1)
    board.rest(SPARE, None, quota(600), clock())
    for number in range(10_000):
        target = Target("openai", f"made-up-{number}")
        board.standing(MAIN, target.model, clock())
        board.target_standing(target, clock())
        board.begin(MAIN, target)
        board.end(MAIN, target)
    assert board.rest(MAIN, GPT.model, rate_limit(30), clock())
    board.begin(MAIN, GPT)
    assert other.figures(MAIN).in_flight == other.target_figures(GPT).in_flight == 1
    assert other.standing(MAIN, GPT.model, clock()).reason == "rate_limit"
    assert other.standing(SPARE, GPT.model, clock()).reason == "quota"


def test_ten_thousand_names_that_rest_leave_room_in_memory_as_it_is(tmp_path: Path, clock: Clock) -> None:
    with shared(tmp_path / "shared.mmap", LAYOUT) as memory:
        board = Board(memory, RestSettings(), 0, clock)
        for number in range(10_000):
            assert board.rest(MAIN, f"made-up-{number}", rate_limit(30), clock())
        assert board.rest(SPARE, None, quota(600), clock())
        assert len(board.rests(clock())) == 10_001


def test_what_a_process_remembers_of_names_is_bounded(
    board: Board, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "MOST_KNOWN", 10)
    for number in range(1000):
        board.standing(MAIN, f"made-up-{number}", clock())
        board.target_standing(Target("openai", f"made-up-{number}"), clock())
        board.peek_turn(f"pool {number}")
    known = board._cells
    assert len(known.of(MAIN).models) <= 10
    assert len(known._targets) <= 10
    assert len(known._turns) <= 10


def test_rests_that_are_over_make_room_for_others(make: MakeBoard, clock: Clock) -> None:
    board, other = make(0), make(1)
    for number in range(POOLS.capacity):
        board.rest(MAIN, f"model-{number}", rate_limit(30), clock())
    assert other.standing(MAIN, "model-0", clock()).until_us
    assert board.rest(MAIN, "one more", rate_limit(30), clock()) == 0
    clock.go(100)
    assert board.rest(MAIN, "one more", rate_limit(30), clock())
    assert other.standing(MAIN, "model-0", clock()) == AVAILABLE
    assert other.standing(MAIN, "one more", clock()).reason == "rate_limit"


def test_without_room_nothing_rests_or_counts_and_nothing_fails(make: MakeBoard, clock: Clock) -> None:
    board = make(0)
    for number in range(POOLS.capacity):
        board.rest(MAIN, f"model-{number}", rate_limit(600), clock())
    board.begin(SPARE, GPT)
    board.succeeded(SPARE, GPT, 1000, clock())
    board.note_headroom(SPARE, 0.5, None, clock())
    board.failed_target(GPT, clock())
    assert board.rest(SPARE, None, quota(30), clock()) == 0
    assert board.standing(SPARE, GPT.model, clock()) == board.target_standing(GPT, clock()) == AVAILABLE
    assert board.figures(SPARE) == UNKNOWN
    assert [board.take_turn("pool openai", 2) for _ in range(4)] == [0, 0, 1, 1]
    assert board.peek_turn("pool openai", 2) == 2
    assert not board.claim_probe(SPARE, GPT.model, clock())
    assert not board.claim_target_probe(GPT, clock())
    board.end(SPARE, GPT)
    assert len(board.rests(clock())) == POOLS.capacity


def test_without_room_nobody_looks_for_it_with_every_request(
    make: MakeBoard, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make(0)
    for number in range(POOLS.capacity):
        board.rest(MAIN, f"model-{number}", rate_limit(600), clock())
    looked: list[int] = []

    def look(slot: int) -> bool:
        looked.append(slot)
        return False

    monkeypatch.setattr(board._cells._slots, "_may_go", look)
    for _ in range(100):
        board.begin(SPARE, GPT)
    assert len(looked) == POOLS.capacity
    clock.go(2)
    board.begin(SPARE, GPT)
    assert len(looked) == 2 * POOLS.capacity


def test_what_is_in_flight_keeps_its_slot(make: MakeBoard, clock: Clock) -> None:
    board = make(0)
    board.begin(MAIN, GPT)
    clock.go(10_000)
    for number in range(100):
        board.begin(SPARE, Target("openai", f"made-up-{number}"))
        board.end(SPARE, Target("openai", f"made-up-{number}"))
        clock.go(100)
    assert board.figures(MAIN).in_flight == board.target_figures(GPT).in_flight == 1


def test_a_slot_that_went_to_another_is_not_written_by_who_had_it(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0), make(1)
    first.rest(MAIN, "gone", rate_limit(1), clock())
    clock.go(100)
    for number in range(POOLS.capacity):
        second.rest(SPARE, f"model-{number}", rate_limit(600), clock())
    assert first.standing(MAIN, "gone", clock()) == AVAILABLE
    first.succeeded(MAIN, Target("openai", "gone"), 1000, clock())
    assert first.end_rests(Which("openai", "main"), clock()) == 0
    assert len(second.rests(clock())) == POOLS.capacity


def test_what_was_looked_for_is_seen_once_another_worker_has_made_it(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0, breaker_failures=1), make(1, breaker_failures=1)
    assert second.standing(MAIN, GPT.model, clock()) == second.target_standing(GPT, clock()) == AVAILABLE
    assert second.peek_turn("pool openai") == 0
    first.rest(MAIN, None, quota(30), clock())
    first.failed_target(GPT, clock())
    first.take_turn("pool openai")
    assert second.standing(MAIN, GPT.model, clock()).reason == "quota"
    assert second.target_standing(GPT, clock()).reason == "breaker"
    assert second.peek_turn("pool openai") == 1


def test_a_slot_that_goes_to_another_before_it_is_locked_is_left_alone(
    make: MakeBoard, memory: SharedMemory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make(0, breaker_failures=1)
    board.take_turn("pool openai")
    board.failed_target(MINI, clock())
    board.rest(MAIN, None, quota(600), clock())
    clock.go(100)
    monkeypatch.setattr(board._cells._slots, "holds", lambda slot, name: False)
    place = memory.layout.of("pools")
    before = memory.map[place.slots : place.columns]
    board.rest(MAIN, None, quota(3000), clock())
    board.failed_target(MINI, clock())
    assert not board.claim_probe(MAIN, GPT.model, clock())
    assert not board.claim_target_probe(MINI, clock())
    assert not board.end_rests(Which(MINI.provider, model=MINI.model), clock())
    assert not board.end_rests(Which("openai", "main"), clock())
    assert not board.let_try(Which("openai", "main"), clock())
    assert board.take_turn("pool openai") == 0
    assert memory.map[place.slots : place.columns] == before


def test_a_full_disk_is_no_room(
    make: MakeBoard, memory: SharedMemory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    board = make(0)
    memory.index("pools").head[2] = 0
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    board.begin(MAIN, MINI)
    assert board.figures(MAIN) == UNKNOWN
    assert clock() == NOON
