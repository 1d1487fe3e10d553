from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.shared import memory as module
from gateway.shared.layout import HEADER_OFFSET, LAYOUT, SEQUENCE, USED, Area, Layout, lay_out
from gateway.shared.memory import SharedMemory, prepare
from gateway.shared.slots import Slots
from gateway.store.generations import Generations
from tests.gateway.shared.places import LIMITS, POOLS, SESSIONS, SMALL, colliding, name, shared

Said = list[MutableMapping[str, Any]]
ANEW = "shared memory is made anew: limits and rests begin from nothing"

MONOTONIC, LASTING = 0, 4
"""Words of a slot: the first four mean nothing after the machine was started anew."""


def write(path: Path, layout: Layout = SMALL, *, slots: int = 3) -> None:
    """Fill in what can be lost."""
    with shared(path, layout) as memory:
        limits = Slots(memory, "limits")
        for number in range(1, slots + 1):
            slot = limits.get(colliding(number))
            word = limits.offset(slot) // 8
            memory.signed[word + MONOTONIC], memory.signed[word + LASTING] = number, number * 100
            memory.signed[limits.column_offset(slot, 1) // 8] = 5
        memory.map[memory.layout.of("sessions").slots] = 77


def left(path: Path, layout: Layout = SMALL, *, workers: int = 3) -> dict[bytes, tuple[int, int]]:
    """What there is after the next start: words that go by either clock, by name."""
    with shared(path, layout, workers=workers) as memory:
        limits = Slots(memory, "limits")
        words = [limits.column_offset(slot, column) // 8 for slot, _ in limits.names() for column in range(workers)]
        assert not any(memory.signed[word] for word in words)
        at = {each: limits.offset(slot) // 8 for slot, each in limits.names()}
        assert all(limits.find(each) is not None for each in at)
        return {each: (memory.signed[word + MONOTONIC], memory.signed[word + LASTING]) for each, word in at.items()}


WRITTEN = {colliding(number): (number, number * 100) for number in (1, 2, 3)}


@pytest.fixture
def said() -> Iterator[Said]:
    """The log."""
    with capture_logs() as lines:
        yield lines


def test_a_restart_loses_nothing_but_what_was_in_flight(path: Path, said: Said) -> None:
    write(path)
    assert left(path) == WRITTEN
    assert not said


def test_after_a_start_of_the_machine_only_what_goes_by_unix_time_is_left(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path)
    boot = tmp_path / "boot_id"
    boot.write_text("0b1f1f9e-3ff1-4d0e-9d41-4ad0c0ffee00\n")
    monkeypatch.setattr(module, "BOOT_ID", boot)
    assert left(path) == {colliding(number): (0, number * 100) for number in (1, 2, 3)}
    assert left(path) == {colliding(number): (0, number * 100) for number in (1, 2, 3)}


def test_where_nothing_tells_one_start_from_another_each_is_a_new_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BOOT_ID", tmp_path / "none")
    write(path)
    assert left(path)[colliding(3)] == (0, 300)


LARGER = lay_out((SESSIONS, Area("limits", 1, 64, 64, 24, 32), POOLS))
FEWER = lay_out((Area("limits", 1, 2, 64, 24, 32), POOLS, SESSIONS))
WIDER = lay_out((Area("limits", 1, 16, 64, 32, 32), POOLS, SESSIONS))
OTHERWISE = lay_out((Area("limits", 2, 16, 64, 24, 32), POOLS, SESSIONS))
WITHOUT = lay_out((POOLS, SESSIONS))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (LARGER, WRITTEN),
        (WIDER, WRITTEN),
        (FEWER, {each: WRITTEN[each] for each in (colliding(1), colliding(2))}),
        (OTHERWISE, {}),
    ],
    ids=["moved and larger", "larger columns", "too small for all", "slots of another version"],
)
def test_slots_are_carried_over_to_another_layout(
    layout: Layout, expected: dict[bytes, tuple[int, int]], path: Path, said: Said
) -> None:
    write(path)
    assert left(path, layout) == expected
    assert not said
    with shared(path, layout) as memory:
        assert memory.map[memory.layout.of("sessions").slots] == 77
        limits = Slots(memory, "limits", may_go=lambda slot: True)
        assert all(limits.holds(limits.get(name(number)), name(number)) for number in range(1, 99))


def test_an_area_that_is_no_more_is_left_out_and_comes_back_empty(path: Path) -> None:
    write(path)
    with shared(path, WITHOUT) as memory:
        assert memory.index("pools").head[USED] == 0
    assert left(path) == {}


def test_more_workers_than_before_find_their_columns_empty(path: Path) -> None:
    write(path)
    with shared(path, workers=1) as memory:
        assert memory.columns == 1
    assert left(path, workers=64) == WRITTEN


def lose_entries(memory: SharedMemory) -> None:
    place = memory.layout.of("limits")
    memory.wipe(place.entries, place.entry_count * 4)


def fill_with_nonsense(memory: SharedMemory) -> None:
    place = memory.layout.of("limits")
    memory.map[place.entries : place.slots] = os.urandom(place.slots - place.entries)


def count_wrongly(memory: SharedMemory) -> None:
    memory.index("limits").head[USED] = 2**60


def leave_half_changed(memory: SharedMemory) -> None:
    memory.index("limits").head[SEQUENCE] |= 1


@pytest.mark.parametrize("harm", [lose_entries, fill_with_nonsense, count_wrongly, leave_half_changed])
def test_an_index_that_power_failed_under_is_right_after_the_next_start(
    harm: Callable[[SharedMemory], None], path: Path
) -> None:
    write(path)
    with shared(path) as memory:
        harm(memory)
    assert left(path) == WRITTEN
    with shared(path) as memory:
        slots = Slots(memory, "limits")
        assert len({slots.get(name(number)) for number in range(1, 14)}) == 13


@pytest.mark.parametrize("workers", [0, 65])
def test_there_is_room_for_64_workers(path: Path, workers: int) -> None:
    with pytest.raises(ValueError, match="room for 64 workers"):
        prepare(path, workers, SMALL)


def damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(HEADER_OFFSET + 9)
        file.write(b"\xff")


def cut(path: Path) -> None:
    os.truncate(path, SMALL.size - 4096)


def cut_in_header(path: Path) -> None:
    os.truncate(path, HEADER_OFFSET + 20)


@pytest.mark.parametrize("harm", [damage_header, cut, cut_in_header])
def test_a_file_that_is_not_whole_is_made_anew_but_for_the_words_of_generations(
    harm: Callable[[Path], None], path: Path, said: Said
) -> None:
    generations = Generations(path)
    generations.show("keys", 41)
    write(path)
    harm(path)
    assert left(path) == {}
    assert [line["event"] for line in said] == [ANEW]
    assert generations.of("keys") == Generations(path).of("keys") == 41
    write(path)
    assert left(path) == WRITTEN


def test_a_file_that_holds_only_generations_is_no_damage(path: Path, said: Said) -> None:
    generations = Generations(path)
    generations.show("people", 7)
    write(path)
    assert not said
    generations.show("people", 8)
    assert Generations(path).of("people") == 8


def test_whoever_has_the_file_mapped_sees_what_comes_after_it_was_made_anew(path: Path) -> None:
    write(path)
    with shared(path) as memory:
        damage_header(path)
        prepare(path, 3, SMALL)
        with shared(path) as other:
            Slots(other, "limits").get(name(9))
        assert Slots(memory, "limits").find(name(9)) == 0


@pytest.mark.parametrize("content", [b"", bytes(4096), b"x" * 100_000])
def test_a_file_that_was_not_prepared_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not prepared"):
        SharedMemory(path, SMALL)


def test_a_file_of_another_layout_is_refused(path: Path) -> None:
    with shared(path), pytest.raises(ValueError, match="is not prepared"):
        SharedMemory(path, WIDER)


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SharedMemory(path)


def test_what_a_dead_worker_held_is_released_and_nothing_else(memory: SharedMemory) -> None:
    limits, pools = Slots(memory, "limits"), Slots(memory, "pools")
    words = []
    for slots in (limits, pools):
        for number in (1, 2):
            slot = slots.get(name(number))
            words += [slots.column_offset(slot, column) // 8 for column in range(3)]
    for word in words:
        memory.signed[word] = 9
    memory.release(1)
    assert [memory.signed[word] for word in words] == [9, 0, 9] * 4
    with pytest.raises(ValueError, match="there are 3 columns"):
        memory.release(3)


def test_the_file_is_sparse_and_nobody_elses(path: Path) -> None:
    with shared(path, LAYOUT):
        status = path.stat()
    assert status.st_mode & 0o777 == 0o600
    assert status.st_size == LAYOUT.size
    assert status.st_blocks * 512 < 16 * 1024 * 1024 < LAYOUT.size


def test_a_disk_without_room_is_said_before_anybody_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space left"):
        prepare(path, 1, SMALL)


def test_areas_are_named_as_they_are_asked_for(memory: SharedMemory) -> None:
    assert memory.layout.of("pools").area is POOLS
    assert memory.layout.of("limits").area is LIMITS
    with pytest.raises(KeyError):
        memory.layout.of("turns")
