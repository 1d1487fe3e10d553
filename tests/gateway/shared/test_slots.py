from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.shared import locks
from gateway.shared.index import Index
from gateway.shared.layout import BACKED, LOCK_COUNT, USED
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import SharedFull, Slots, name_of
from tests.gateway.shared.places import LIMITS, SMALL, name


class Killed(BaseException):
    """In place of a signal."""


def test_a_slot_is_found_once_somebody_got_it(memory: SharedMemory) -> None:
    slots = Slots(memory, "limits")
    assert slots.find(name(1)) is None
    assert slots.get(name(1)) == 0
    assert slots.get(name(2)) == 1
    assert slots.get(name(1)) == slots.find(name(1)) == 0
    assert list(slots.names()) == [(0, name(1)), (1, name(2))]
    assert slots.used == 2


def test_what_one_writes_another_reads(memory: SharedMemory, path: Path) -> None:
    other = SharedMemory(path, SMALL)
    ours, theirs = Slots(memory, "limits"), Slots(other, "limits")
    memory.signed[ours.offset(ours.get(name(1))) // 8] = 42
    slot = theirs.find(name(1))
    assert slot is not None
    assert other.signed[theirs.offset(slot) // 8] == 42
    other.close()


def test_names_tell_their_parts_apart() -> None:
    assert len({name_of("a", "bc"), name_of("ab", "c"), name_of("abc"), name_of("a", "b", "c")}) == 4
    assert len(name_of("a")) == 16


def test_slots_are_locked_in_rising_order(memory: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    def take(lock: locks.Lock) -> int:
        order.append(lock.value or 0)
        return 0

    monkeypatch.setattr(locks, "_try_to_lock", take)
    slots = Slots(memory, "limits")
    slots.lock(5, 2, 9, 2, 5 + LOCK_COUNT - 1).hold()
    assert order == [slots.lock_of(slot).value for slot in (2, 5, 9)], "two slots may have one lock: it is taken once"
    assert order == sorted(order)


def test_when_all_are_given_out_there_is_none(memory: SharedMemory) -> None:
    slots = Slots(memory, "limits")
    for number in range(LIMITS.capacity):
        slots.get(name(number + 1))
    with pytest.raises(SharedFull, match="all 16 slots of limits are in use"):
        slots.get(name(99))
    assert slots.get(name(3)) == 2


def test_one_that_nobody_would_miss_is_taken_and_comes_empty(memory: SharedMemory) -> None:
    slots = Slots(memory, "limits", may_go=lambda slot: slot == 4)
    for number in range(LIMITS.capacity):
        slot = slots.get(name(number + 1))
        memory.signed[slots.offset(slot) // 8] = memory.signed[slots.column_offset(slot, 2) // 8] = 7
    assert slots.get(name(99)) == 4
    assert memory.signed[slots.offset(4) // 8] == memory.signed[slots.column_offset(4, 2) // 8] == 0
    assert slots.find(name(5)) is None
    assert memory.signed[slots.offset(5) // 8] == memory.signed[slots.column_offset(5, 2) // 8] == 7


def test_whoever_holds_the_number_of_a_reused_slot_can_tell(memory: SharedMemory, path: Path) -> None:
    slots, other = Slots(memory, "limits", may_go=lambda slot: slot == 0), SharedMemory(path, SMALL)
    theirs = Slots(other, "limits")
    for number in range(LIMITS.capacity):
        slots.get(name(number + 1))
    stale = theirs.find(name(1))
    assert stale == 0
    assert theirs.holds(stale, name(1))
    slots.get(name(99))
    assert not theirs.holds(stale, name(1))
    assert theirs.find(name(99)) == stale
    other.close()


def test_a_slot_whose_lock_is_held_is_not_taken(memory: SharedMemory, path: Path) -> None:
    slots, other = Slots(memory, "limits", may_go=lambda slot: slot in (3, 6)), SharedMemory(path, SMALL)
    for number in range(LIMITS.capacity):
        slots.get(name(number + 1))
    with Slots(other, "limits").lock(3):
        assert slots.get(name(99)) == 6
    assert slots.get(name(100)) == 3
    other.close()


def test_a_slot_that_came_into_use_while_its_lock_was_taken_stays(memory: SharedMemory) -> None:
    asked: list[int] = []

    def first_time(slot: int) -> bool:
        asked.append(slot)
        return slot == 3 and asked.count(3) == 1

    slots = Slots(memory, "limits", may_go=first_time)
    for number in range(LIMITS.capacity):
        slots.get(name(number + 1))
    with pytest.raises(SharedFull):
        slots.get(name(99))
    assert slots.find(name(4)) == 3


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_no_slot_rather_than_a_dead_process(
    memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(memory, "limits")
    slots.get(name(1))
    memory.index("limits").head[BACKED] = 1
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", refuse)
        with pytest.raises(SharedFull, match="No space left on device"):
            slots.get(name(2))
        assert slots.get(name(1)) == 0
    assert slots.get(name(2)) == 1


def dies(*_: object) -> None:
    raise Killed


DEATHS: tuple[tuple[str, Callable[[pytest.MonkeyPatch], None]], ...] = (
    ("before the entry", lambda patched: patched.setattr(Index, "_enter", dies)),
    ("before the name", lambda patched: patched.setattr(Index, "put", dies)),
)


@pytest.mark.parametrize(("_", "death"), DEATHS, ids=[when for when, _ in DEATHS])
def test_one_that_is_killed_while_it_makes_a_slot_breaks_nothing(
    _: str, death: Callable[[pytest.MonkeyPatch], None], memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(memory, "limits")
    slots.get(name(1))
    with monkeypatch.context() as patched:
        death(patched)
        with pytest.raises(Killed):
            slots.get(name(2))
    found = [slots.get(name(number)) for number in (1, 2, 3)]
    assert len(set(found)) == 3
    assert [slots.find(name(number)) for number in (1, 2, 3)] == found
    assert memory.index("limits").head[USED] == 3


def test_one_that_is_killed_while_it_empties_a_slot_breaks_nothing(
    memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(memory, "limits", may_go=lambda slot: slot == 3)
    for number in range(LIMITS.capacity):
        slots.get(name(number + 1))
    with monkeypatch.context() as patched:
        patched.setattr(Index, "_close_gap", dies)
        with pytest.raises(Killed):
            slots.get(name(99))
    assert slots.get(name(99)) == 3
    assert [slots.find(name(number + 1)) for number in range(LIMITS.capacity) if number != 3] == [
        slot for slot in range(LIMITS.capacity) if slot != 3
    ]
