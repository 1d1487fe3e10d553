from __future__ import annotations

import pytest

from gateway.settings.instants import read_instant

DAY_US = 86_400 * 1_000_000


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-02", DAY_US),
        ("1970-01-02T00:00:00Z", DAY_US),
        ("1970-01-02 00:00:00z", DAY_US),
        ("1970-01-02T02:00:00.000001+02:00", DAY_US + 1),
    ],
)
def test_an_instant_is_counted_in_microseconds(text: str, us: int) -> None:
    assert read_instant(text) == us


@pytest.mark.parametrize("text", ["", "now", "19700102", "1970-01-02T00:00:00", "1970-13-01", "1970-W01-1"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a date such as"):
        read_instant(text)
