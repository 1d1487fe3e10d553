"""What the supervisor does about the memory that its children share."""

from __future__ import annotations

import os
import signal
from contextlib import closing, suppress
from pathlib import Path

from gateway import serve
from gateway.pools.board import Board
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory, prepare
from gateway.store.generations import shared_file
from tests.children.running import running
from tests.gateway.pools.scenes import GPT, MAIN, NOON, quota
from tests.waiting import until


def test_there_is_memory_for_as_many_workers_as_are_started(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2") as gateway:
        assert gateway.url
        with closing(SharedMemory(shared_file(gateway.data_dir))) as memory:
            assert memory.columns == 2


def test_what_a_worker_held_is_free_before_it_is_started_anew(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url
        with closing(SharedMemory(shared_file(gateway.data_dir))) as memory:
            board = Board(memory, RestSettings(), 0)
            board.begin(MAIN, GPT)
            assert board.figures(MAIN).in_flight == 1
            os.kill(gateway.worker(), signal.SIGKILL)
            until(lambda: gateway.events("child died"))
            assert board.figures(MAIN).in_flight == 0


def test_a_file_that_was_removed_is_made_anew_when_a_worker_needs_one(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url
        path = shared_file(gateway.data_dir)
        path.unlink()
        os.kill(gateway.worker(), signal.SIGKILL)
        until(lambda: gateway.events("shared memory was taken away: a new one is made"))
        assert until(lambda: columns(path)) == 1


def test_a_dead_worker_gives_back_what_it_held_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "shared.mmap"
    prepare(path, 2)
    with closing(SharedMemory(path)) as memory:
        boards = [Board(memory, RestSettings(), column) for column in (0, 1)]
        for board in boards:
            board.begin(MAIN, GPT)
        boards[1].rest(MAIN, None, quota(600), NOON)
        serve.give_back(path, 1, 2)
        assert boards[0].figures(MAIN).in_flight == 1
        assert boards[0].standing(MAIN, GPT.model, NOON).reason == "quota"


def test_a_place_where_there_can_be_no_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data" / "shared.mmap"
    path.mkdir(parents=True)
    with running(tmp_path) as gateway:
        assert gateway.process.wait(10) == 1
        assert gateway.err.read_text() == f"sluicegate: {path} cannot be used: Is a directory\n"


def columns(path: Path) -> int:
    """For how many workers the file is prepared; 0 as long as it is not."""
    with suppress(OSError, ValueError), closing(SharedMemory(path)) as memory:
        return memory.columns
    return 0
