from __future__ import annotations

import pytest

from gateway.settings.instants import read_instant, read_zone

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


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_a_time_zone_goes_by_its_name(name: str) -> None:
    assert read_zone(name).key == name


@pytest.mark.parametrize(
    "name", ["", "Berlin", "Europe", "localtime", "../etc/passwd", "Europe/Berlin\0", "UTC+2", "/UTC"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a time zone such as Europe/Berlin"):
        read_zone(name)
