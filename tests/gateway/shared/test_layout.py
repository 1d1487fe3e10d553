from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from gateway.settings.model import ServerSettings
from gateway.shared.layout import (
    AREAS,
    HEADER_BYTES,
    HEADER_OFFSET,
    LAYOUT,
    MAX_COLUMNS,
    PAGE,
    Header,
    read_header,
    write_header,
)
from gateway.store.generations import CLASSES, LOCAL, LOCAL_AT

HEADER = Header(3, b"b" * 16, AREAS)


def test_no_two_parts_of_the_file_overlap() -> None:
    parts = []
    for place in LAYOUT.places:
        area = place.area
        parts += [
            (place.head, place.entries),
            (place.entries, place.entries + place.entry_count * 4),
            (place.slots, place.slots + area.capacity * place.slot_bytes),
        ]
        parts += [
            (place.column_offset(0, column), place.column_offset(area.capacity, column))
            for column in range(MAX_COLUMNS if area.column_bytes else 0)
        ]
        assert all(start <= end <= place.end for start, end in parts)
    assert all(end <= start for (_, end), (start, _) in pairwise(sorted(parts)))
    assert parts[0][0] == PAGE
    assert max(end for _, end in parts) <= LAYOUT.size


def test_the_words_of_generations_end_before_the_header() -> None:
    assert max(len(CLASSES), LOCAL_AT + len(LOCAL)) * 8 <= HEADER_OFFSET


def test_every_word_of_a_slot_is_aligned() -> None:
    for place in LAYOUT.places:
        sizes = (place.fixed_offset(1), place.slot_bytes, place.area.column_bytes, place.area.monotonic_bytes)
        assert not any(size % 8 for size in sizes)


def test_there_is_a_column_for_as_many_workers_as_the_settings_allow() -> None:
    assert msgspec.convert({"workers": MAX_COLUMNS}, ServerSettings).workers == MAX_COLUMNS
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"workers": MAX_COLUMNS + 1}, ServerSettings)


def test_a_header_is_read_as_it_was_written() -> None:
    assert read_header(write_header(HEADER).ljust(HEADER_BYTES, b"\0")) == HEADER


@pytest.mark.parametrize("at", range(0, len(write_header(HEADER)), 7))
def test_a_header_of_which_one_byte_is_wrong_is_none(at: int) -> None:
    raw = bytearray(write_header(HEADER).ljust(HEADER_BYTES, b"\0"))
    raw[at] ^= 0xFF
    assert read_header(bytes(raw)) is None


def test_an_empty_page_has_no_header() -> None:
    assert read_header(bytes(HEADER_BYTES)) is None
