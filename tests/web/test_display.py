from __future__ import annotations

import pytest

from web import display
from web.display import Change, State

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOON = 1_795_262_400 * SECOND  # 2026-11-21 12:00:00 UTC


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (112, 100, Change("▲ +12 %", "neutral")),
        (88, 100, Change("▼ \N{MINUS SIGN}12 %", "neutral")),
        (100, 100, Change("± 0 %", "neutral")),
        (5, 0, Change("", "neutral")),
        (5, None, Change("", "neutral")),
        (None, 5, Change("", "neutral")),
        (100_000, 1, Change("▲ >999 %", "neutral")),
        (0, 5, Change("▼ \N{MINUS SIGN}100 %", "neutral")),
    ],
)
def test_change(now: float | None, before: float | None, expected: Change) -> None:
    assert display.change(now, before) == expected


def test_where_more_is_bad_less_is_good() -> None:
    assert display.change(2, 1, more_is="bad").meaning == "bad"
    assert display.change(1, 2, more_is="bad").meaning == "good"


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (0, "now"),
        (SECOND - 1, "now"),
        (12 * SECOND, "12 s ago"),
        (5 * 60 * SECOND, "5 min ago"),
        (23 * 3600 * SECOND, "23 h ago"),
        (DAY, "2026-11-20 12:00"),
        (-5 * SECOND, "now"),
    ],
)
def test_age(passed: int, shown: str) -> None:
    assert display.age(NOON - passed, NOON) == shown


def test_a_moment_is_absolute() -> None:
    assert display.moment(NOON) == "2026-11-21 12:00:00 UTC"


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (200, None, State("ok", "good")),
        (404, "model_not_found", State("refused", "warning")),
        (502, "upstream_closed", State("failed", "bad")),
        (200, "upstream_closed", State("failed", "bad")),
        (200, "client_disconnected", State("client left", "warning")),
        (499, "client_disconnected", State("client left", "warning")),
    ],
)
def test_how_a_request_ended(status: int, error: str | None, expected: State) -> None:
    assert display.ended(status, error) == expected


def test_a_sparkline_starts_at_zero_and_breaks_at_gaps() -> None:
    assert display.sparkline([0, 10, None, 5], width=30, height=12) == ["0.0,11.0 10.0,1.0", "30.0,6.0 30.0,6.0"]
    assert display.sparkline([], width=30, height=12) == []
    assert display.sparkline([None, None], width=30, height=12) == []
    assert display.sparkline([0, 0], width=30, height=12) == ["0.0,11.0 30.0,11.0"]


@pytest.mark.parametrize(
    ("value", "end"), [(0, 1), (1, 1), (7, 8), (9, 10), (10, 10), (11, 20), (26, 30), (451, 500), (999, 1000)]
)
def test_an_axis_ends_at_a_round_number(value: int, end: int) -> None:
    assert display.ceiling(value) == end


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 100, "x" * 60),
        ("", "unknown"),
    ],
)
def test_a_browser_is_named_as_people_know_it(user_agent: str, shown: str) -> None:
    assert display.browser(user_agent) == shown


@pytest.mark.parametrize(
    ("microseconds", "top"),
    [(1, 1), (3, 4), (900, 1_000), (1_001, 2_000), (850_000, 1_000_000), (45_000_000, 60_000_000),
     (61_000_000, 120_000_000), (150_000_000, 180_000_000), (3_000_000_000, 3_600_000_000)],
)  # fmt: skip
def test_an_axis_of_durations_ends_where_it_can_be_said(microseconds: int, top: int) -> None:
    assert display.duration_ceiling(microseconds) == top
