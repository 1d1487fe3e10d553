from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gateway.shared import locks
from gateway.shared.layout import LAYOUT
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import Slots
from tests.gateway.shared.places import shared
from tests.gateway.shared.sharing import at_once, line, spawned
from tests.waiting import until


@pytest.fixture
def whole(path: Path) -> Path:
    """Memory as workers have it."""
    with shared(path, LAYOUT):
        return path


def test_two_mappings_of_one_process_exclude_each_other(memory: SharedMemory, path: Path) -> None:
    other = os.open(path, os.O_RDWR)
    locks.hold(memory.descriptor, 5000)
    assert not locks.try_to_hold(other, 5000)
    assert locks.try_to_hold(other, 5001)
    locks.let_go(memory.descriptor, 5000)
    assert locks.try_to_hold(other, 5000)
    os.close(other)


def test_closing_another_descriptor_of_the_file_drops_no_lock(memory: SharedMemory, path: Path) -> None:
    locks.hold(memory.descriptor, 5000)
    os.close(os.open(path, os.O_RDWR))
    other = os.open(path, os.O_RDWR)
    assert not locks.try_to_hold(other, 5000)
    os.close(other)


def test_a_lock_that_cannot_be_asked_for_is_an_error(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        locks.try_to_hold(descriptor, 0)


def test_the_lock_of_a_killed_process_is_free(whole: Path) -> None:
    with spawned(whole, "hold", 3) as holder, shared(whole, LAYOUT) as memory:
        assert line(holder) == "held"
        place = memory.layout.of("limits")
        lock = place.slots + 3 * place.slot_bytes
        assert not locks.try_to_hold(memory.descriptor, lock)
        os.kill(holder.pid, signal.SIGKILL)
        assert until(lambda: locks.try_to_hold(memory.descriptor, lock))


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
