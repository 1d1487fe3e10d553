"""The words of the API."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.management.schemas import Instant, Name, changes, instant, microseconds

from .sample import NoteChange


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_an_instant_is_exact_to_the_microsecond(unix_us: int) -> None:
    assert microseconds(instant(unix_us)) == unix_us


def test_nothing_stays_nothing() -> None:
    assert instant(None) is None


def test_an_instant_may_be_in_any_zone_but_not_in_none() -> None:
    at = msgspec.json.decode(b'"0001-01-01T00:00:00+23:59"', type=Instant)
    assert microseconds(at) == -62_135_596_800_000_000 - (23 * 60 + 59) * 60_000_000
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'"2026-01-01T00:00:00"', type=Instant)


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "\na", "a\tb", "a\x7f", "x" * 101])
def test_a_name_is_one_line(name: str) -> None:
    assert msgspec.convert("Ünser Näme 1", Name) == "Ünser Näme 1"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, Name)


def test_a_patch_says_what_it_changes() -> None:
    assert changes(NoteChange()) == {}
    assert changes(NoteChange(stars=0)) == {"stars": 0}
