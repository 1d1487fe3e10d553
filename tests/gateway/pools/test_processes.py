"""Workers as processes of their own, and what is left of one that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import serve
from gateway.pools.board import Board
from gateway.settings.model import RestSettings
from gateway.shared.layout import LAYOUT
from gateway.shared.memory import SharedMemory
from tests.gateway.pools.scenes import GPT, MAIN, NOON, SECOND, rate_limit
from tests.gateway.shared.places import shared
from tests.gateway.shared.sharing import at_once, line, spawned


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.mmap"


@pytest.fixture
def memory(path: Path) -> Iterator[SharedMemory]:
    """As workers have it."""
    with shared(path, LAYOUT) as memory:
        yield memory


def test_turns_are_exact_over_three_processes(memory: SharedMemory, path: Path) -> None:
    taken = at_once(path, *[("turns", 2000)] * 3)
    assert sorted(int(turn) for turns in taken for turn in turns) == list(range(6000))
    assert all(list(map(int, turns)) == sorted(map(int, turns)) for turns in taken)


def test_of_several_processes_one_claims_a_probe(memory: SharedMemory, path: Path) -> None:
    Board(memory, RestSettings(), 0).rest(MAIN, GPT.model, rate_limit(600), NOON)
    claimed = at_once(path, *[("probe", NOON + 60 * SECOND)] * 3)
    assert sorted(claimed) == [["0"], ["0"], ["1"]]


def test_what_a_killed_worker_had_in_flight_is_given_back(memory: SharedMemory, path: Path) -> None:
    board = Board(memory, RestSettings(), 0)
    board.begin(MAIN, GPT)
    with spawned(path, "begin", 1, 5) as worker:
        assert line(worker) == "begun"
        assert board.figures(MAIN).in_flight == board.target_figures(GPT).in_flight == 6
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(timeout=10)
    serve.give_back(path, 1, 3)
    assert board.figures(MAIN).in_flight == board.target_figures(GPT).in_flight == 1
