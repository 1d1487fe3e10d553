from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.shared import locks
from gateway.shared import memory as module
from gateway.shared.layout import LAID, LAYOUT, LOCK_COUNT
from gateway.shared.memory import SharedMemory, prepare
from gateway.shared.slots import Slots
from tests.gateway.shared.places import shared
from tests.gateway.shared.sharing import at_once, line, spawned
from tests.waiting import until


@pytest.fixture
def whole(path: Path) -> Path:
    """Memory as workers have it."""
    with shared(path, LAYOUT):
        return path


def locks_of(memory: SharedMemory) -> locks.Locks:
    return memory.locks("limits")


def test_two_mappings_of_one_process_exclude_each_other(memory: SharedMemory, path: Path) -> None:
    with closing(SharedMemory(path, memory.layout)) as other:
        mine, theirs = locks_of(memory).of(3), locks_of(other).of(3)
        locks.hold(mine)
        assert not locks.try_to_hold(theirs)
        with locks.Locked((locks_of(other).of(4),)):
            locks.let_go(mine)
        assert locks.try_to_hold(theirs)
        locks.let_go(theirs)


def test_areas_have_locks_of_their_own(memory: SharedMemory) -> None:
    with locks.Locked((memory.locks("limits").of(3),)):
        assert locks.try_to_hold(memory.locks("pools").of(3))
        locks.let_go(memory.locks("pools").of(3))


def test_who_must_wait_lets_other_threads_run_and_gets_it_then(memory: SharedMemory) -> None:
    lock, taken = locks_of(memory).of(3), threading.Event()

    def take() -> None:
        locks.hold(lock)
        taken.set()
        locks.let_go(lock)

    locks.hold(lock)
    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(0.05), "it is ours"
    locks.let_go(lock)
    assert taken.wait(10)
    waiting.join()


def test_to_take_ones_own_lock_once_more_is_an_error_and_no_endless_wait(memory: SharedMemory) -> None:
    lock = locks_of(memory).of(3)
    locks.hold(lock)
    with pytest.raises(OSError, match="deadlock"):
        locks.hold(lock)
    locks.let_go(lock)
    for let_go in (locks.let_go, lambda lock: locks.Locked((lock,)).let_go()):
        with pytest.raises(OSError, match="not permitted"):
            let_go(lock)


def test_locks_outlive_the_supervisor_and_not_the_machine(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spawned(whole, "hold", 3) as holder:
        assert line(holder) == "held"
        with shared(whole, LAYOUT) as memory:
            assert not locks.try_to_hold(Slots(memory, "limits").lock_of(3)), "a worker that drains may have it"
        boot = tmp_path / "boot_id"
        boot.write_text("00000000-0000-4000-8000-000000000001")
        monkeypatch.setattr(module, "BOOT_ID", boot)
        with shared(whole, LAYOUT) as memory:
            lock = Slots(memory, "limits").lock_of(3)
            assert locks.try_to_hold(lock)
            locks.let_go(lock)


def test_locks_that_were_laid_half_are_laid_whole(memory: SharedMemory, path: Path) -> None:
    place = memory.layout.of("limits")
    memory.signed[place.head // 8 + LAID] = 0
    memory.map[place.locks : place.entries] = bytes(place.entries - place.locks)
    prepare(path, 3, memory.layout)
    for number in (0, LOCK_COUNT - 1):
        lock = locks_of(memory).of(number)
        with locks.Locked((lock,)), pytest.raises(OSError, match="deadlock"):
            locks.hold(lock)


def test_the_lock_of_a_killed_process_is_free(whole: Path) -> None:
    with spawned(whole, "hold", 3) as holder, shared(whole, LAYOUT) as memory:
        assert line(holder) == "held"
        lock = Slots(memory, "limits").lock_of(3)
        assert not locks.try_to_hold(lock)
        os.kill(holder.pid, signal.SIGKILL)
        assert until(lambda: locks.try_to_hold(lock))
        locks.let_go(lock)
        with locks.Locked((lock,)):
            """It is as good as new."""


def test_who_waits_for_a_process_that_is_killed_gets_its_lock(whole: Path) -> None:
    with spawned(whole, "hold", 3) as holder, shared(whole, LAYOUT) as memory:
        assert line(holder) == "held"
        lock, taken = Slots(memory, "limits").lock_of(3), threading.Event()

        def take() -> None:
            locks.hold(lock)
            locks.let_go(lock)
            taken.set()

        waiting = threading.Thread(target=take)
        waiting.start()
        assert not taken.wait(0.05)
        os.kill(holder.pid, signal.SIGKILL)
        assert taken.wait(10)
        waiting.join()


def test_no_change_under_a_lock_is_lost(whole: Path) -> None:
    at_once(whole, *[("add", 7, 2000)] * 3)
    memory = SharedMemory(whole)
    assert memory.signed[Slots(memory, "limits").offset(7) // 8] == 6000
    memory.close()


def test_processes_that_ask_for_the_same_names_get_the_same_slots(whole: Path) -> None:
    first, second, third = at_once(whole, ("names", 0, 400), ("names", 0, 400), ("names", 200, 400))
    assert first == second
    assert first[200:] == third[:200]
    assert {int(slot) for slot in (*first, *third)} == set(range(600))
