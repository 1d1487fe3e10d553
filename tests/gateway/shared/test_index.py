from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.shared.index import NO_NAME, Index
from gateway.shared.layout import SEQUENCE, USED
from gateway.shared.memory import SharedMemory
from tests.gateway.shared.places import LIMITS, colliding, name, shared

NAMES = [name(number) for number in range(1, 9)] + [colliding(number) for number in range(1, 25)]
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=120)


def found(index: Index) -> dict[bytes, int | None]:
    return {each: index.find(each) for each in NAMES if index.find(each) is not None}


@settings(max_examples=60)
@given(STEPS)
def test_an_index_answers_as_a_dict_would(steps: list[tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as directory, shared(Path(directory) / "shared.mmap") as memory:
        index, expected = memory.index("limits"), dict[bytes, int]()
        free = list(range(LIMITS.capacity))
        for each, wanted in steps:
            if wanted and each not in expected and free:
                expected[each] = free.pop(0)
                index.put(each, expected[each])
            elif not wanted and each in expected:
                slot = expected.pop(each)
                index.remove(slot)
                free.append(slot)
            assert found(index) == expected
        index.rebuild()
        assert found(index) == expected


def test_a_full_index_finds_all_and_nothing_else(memory: SharedMemory) -> None:
    index = memory.index("limits")
    for slot in range(LIMITS.capacity):
        index.put(colliding(slot + 1), slot)
    assert [index.find(colliding(slot + 1)) for slot in range(LIMITS.capacity)] == list(range(LIMITS.capacity))
    assert index.find(colliding(99)) is None
    assert index.find(name(1)) is None


def test_each_change_moves_the_sequence_on_by_two(memory: SharedMemory) -> None:
    index = memory.index("limits")
    before = index.head[SEQUENCE]
    index.put(name(1), 0)
    assert index.head[SEQUENCE] == before + 2
    index.remove(0)
    assert index.head[SEQUENCE] == before + 4
    assert index.name(0) == NO_NAME


def test_an_index_left_half_changed_is_made_anew_from_the_names(memory: SharedMemory) -> None:
    index = memory.index("limits")
    for slot in range(4):
        index.put(colliding(slot + 1), slot)
    index.head[SEQUENCE] |= 1  # killed between two entries
    index._entries[:] = memoryview(bytes(index._entries.nbytes)).cast("I")
    assert index.find(colliding(2)) is None
    index.mend()
    assert [index.find(colliding(slot + 1)) for slot in range(4)] == [0, 1, 2, 3]
    assert not index.head[SEQUENCE] & 1


def test_of_two_slots_of_one_name_the_first_keeps_it(memory: SharedMemory) -> None:
    index = memory.index("limits")
    index.put(name(1), 0)
    index.put(name(2), 1)
    first, second = (memory.layout.of("limits").fixed_offset(slot) - 16 for slot in (0, 1))
    memory.map[second : second + 16] = memory.map[first : first + 16]
    index.rebuild()
    assert index.find(name(1)) == 0
    assert index.name(1) == NO_NAME


def test_more_used_slots_than_there_are_is_put_right(memory: SharedMemory) -> None:
    index = memory.index("limits")
    index.head[USED] = 2**40
    index.rebuild()
    assert index.head[USED] == LIMITS.capacity


def test_a_reader_looks_again_when_an_entry_was_moved_under_its_eyes(memory: SharedMemory) -> None:
    index = memory.index("limits")
    index.put(name(1), 0)

    class Moving(Index):
        looks = 0

        def probe(self, name: bytes) -> int | None:
            self.looks += 1
            if self.looks == 1:
                self.head[SEQUENCE] += 2
                return None
            return super().probe(name)

    reader = Moving(memory.map, memory.layout.of("limits"))
    assert reader.find(name(1)) == 0
    assert reader.looks == 2
    reader.close()
