"""Headers of every vendor say when a limit is back and how much of it is left; nobody else's headers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.rate_headers import (
    LONGEST_SECONDS,
    MOST_WINDOWS,
    Left,
    Resets,
    Window,
    resets_in,
    seconds_until,
    tightest,
    windows_in,
)

NOW_S = 1_767_225_600  # 2026-01-01T00:00:00Z
NOW = NOW_S * 1_000_000

Said = dict[bytes, bytes]

OPENAI = {
    b"x-ratelimit-limit-requests": b"500",
    b"x-ratelimit-limit-tokens": b"30000",
    b"x-ratelimit-remaining-requests": b"499",
    b"x-ratelimit-remaining-tokens": b"0",
    b"x-ratelimit-reset-requests": b"120ms",
    b"x-ratelimit-reset-tokens": b"6m0s",
}
ANTHROPIC = {
    b"anthropic-ratelimit-requests-limit": b"50",
    b"anthropic-ratelimit-requests-remaining": b"0",
    b"anthropic-ratelimit-requests-reset": b"2026-01-01T00:00:07Z",
    b"anthropic-ratelimit-input-tokens-limit": b"40000",
    b"anthropic-ratelimit-input-tokens-remaining": b"0",
    b"anthropic-ratelimit-input-tokens-reset": b"2026-01-01T01:00:30+01:00",
    b"anthropic-ratelimit-output-tokens-remaining": b"8000",
    b"anthropic-ratelimit-output-tokens-reset": b"2026-01-01T00:59:00Z",
}
PLAN = {
    b"anthropic-ratelimit-unified-status": b"rejected",
    b"anthropic-ratelimit-unified-reset": b"1767229200",
    b"anthropic-ratelimit-unified-representative-claim": b"five_hour",
    b"anthropic-ratelimit-unified-5h-status": b"rejected",
    b"anthropic-ratelimit-unified-5h-utilization": b"1.02",
    b"anthropic-ratelimit-unified-5h-reset": b"1767229200",
    b"anthropic-ratelimit-unified-7d-status": b"allowed_warning",
    b"anthropic-ratelimit-unified-7d-utilization": b"0.85",
    b"anthropic-ratelimit-unified-7d-reset": b"1767500000",
    b"anthropic-ratelimit-unified-overage-status": b"rejected",
    b"anthropic-ratelimit-unified-overage-reset": b"1769000000",
}
ONE_MODEL = {
    b"anthropic-ratelimit-unified-status": b"rejected",
    b"anthropic-ratelimit-unified-5h-status": b"allowed",
    b"anthropic-ratelimit-unified-7d_oi-status": b"rejected",
    b"anthropic-ratelimit-unified-7d_oi-reset": b"1767225700",
}

CODEX = {
    b"x-codex-primary-used-percent": b"42.5",
    b"x-codex-primary-window-minutes": b"300",
    b"x-codex-primary-reset-at": b"1767229200",
    b"x-codex-secondary-used-percent": b"101",
    b"x-codex-secondary-window-minutes": b"10080",
    b"x-codex-secondary-reset-after-seconds": b"90",
    b"x-codex-spark-primary-used-percent": b"0",
    b"x-codex-spark-primary-window-minutes": b"0",
}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"6m0s", 360.0),
        (b"1.5s", 1.5),
        (b"120ms", 0.12),
        (b"1d2h3m4s", 93784.0),
        (b"30", 30.0),
        (b" 0.5 ", 0.5),
        (b"0", 0.0),
        (b"1767225660", 60.0),
        (b"1767225660000", 60.0),
        (b"1767225000", 0.0),
        (b"2026-01-01T00:01:00Z", 60.0),
        (b"2026-01-01T00:01:00.500+00:00", 60.5),
        (b"2026-01-01T00:01:00", 60.0),
        (b"2025-12-31T00:00:00Z", 0.0),
        (b"Thu, 01 Jan 2026 00:00:05 GMT", 5.0),
        (b"", None),
        (b"soon", None),
        (b"6m0s or so", None),
        (b"-5", None),
        (b"\xff", None),
    ],
)
def test_times_are_written_in_many_ways(said: bytes, seconds: float | None) -> None:
    assert seconds_until(said, NOW_S) == seconds


@given(st.binary(max_size=40))
def test_no_header_is_an_error(said: bytes) -> None:
    headers = {**OPENAI, b"x-ratelimit-remaining-tokens": said, b"x-ratelimit-reset-requests": said, b"date": said}
    resets_in(headers, NOW)
    windows_in(headers, NOW)
    seconds_until(said, NOW_S)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Resets(None)),
        ({b"content-type": b"text/plain", b"x-remaining": b"0"}, Resets(None)),
        (OPENAI, Resets(360.0)),
        (OPENAI | {b"retry-after": b"400"}, Resets(400.0)),
        (OPENAI | {b"retry-after": b"Thu, 01 Jan 2026 00:00:05 GMT"}, Resets(360.0)),
        ({b"retry-after": b"Thu, 01 Jan 2026 00:00:05 GMT"}, Resets(5.0)),
        (OPENAI | {b"x-ratelimit-remaining-tokens": b"1"}, Resets(None)),
        ({b"x-ratelimit-remaining-tokens": b"0"}, Resets(None)),
        (ANTHROPIC, Resets(30.0)),
        ({b"x-ratelimit-remaining": b"0", b"x-ratelimit-reset": b"1767225601000"}, Resets(1.0)),
        ({b"ratelimit-remaining": b"0", b"ratelimit-reset": b"12"}, Resets(12.0)),
        (PLAN, Resets(3600.0, "credential")),
        (ONE_MODEL, Resets(100.0, "model")),
        (ONE_MODEL | {b"anthropic-ratelimit-unified-7d-status": b"rejected"}, Resets(100.0, "credential")),
        (
            {
                b"anthropic-ratelimit-unified-status": b"rejected",
                b"anthropic-ratelimit-unified-reset": b"1767225610",
                b"anthropic-ratelimit-unified-representative-claim": b"seven_day_opus",
            },
            Resets(10.0, "model"),
        ),
        (
            {
                b"anthropic-ratelimit-unified-representative-claim": b"seven_day",
                b"anthropic-ratelimit-unified-status": b"allowed",
                b"anthropic-ratelimit-unified-reset": b"1767225610",
            },
            Resets(None),
        ),
        (CODEX, Resets(90.0)),
        (CODEX | {b"x-codex-primary-used-percent": b"100"}, Resets(3600.0)),
        (CODEX | {b"x-codex-secondary-used-percent": b"99.9"}, Resets(None)),
        (CODEX | {b"x-codex-secondary-window-minutes": b"0"}, Resets(None)),
    ],
)
def test_limits_are_back_when_the_last_of_them_is(headers: Said, expected: Resets) -> None:
    assert resets_in(headers, NOW)[:2] == expected[:2]


@pytest.mark.parametrize(
    ("headers", "header"),
    [
        ({}, ""),
        (OPENAI, "x-ratelimit-reset-tokens"),
        (OPENAI | {b"retry-after": b"400"}, "retry-after"),
        (OPENAI | {b"retry-after": b"360"}, "retry-after"),
        (ANTHROPIC, "anthropic-ratelimit-input-tokens-reset"),
        (PLAN, "anthropic-ratelimit-unified-5h-reset"),
        (CODEX, "x-codex-secondary-reset-after-seconds"),
        ({b"x-ratelimit-remaining-tokens": b"0"}, ""),
        (
            {b"ratelimit-remaining" + b"x" * 90: b"0", b"ratelimit-reset" + b"x" * 90: b"9"},
            "ratelimit-reset" + "x" * 49,
        ),
    ],
)
def test_the_header_is_named_that_tells_when(headers: Said, header: str) -> None:
    assert resets_in(headers, NOW).header == header


@pytest.mark.parametrize("date", [b"Thu, 01 Jan 2026 00:00:10 GMT", b"2026-01-01T00:00:10Z"])
def test_moments_are_by_the_provider_s_clock(date: bytes) -> None:
    assert resets_in(ANTHROPIC | {b"date": date}, NOW - 3_600_000_000) == Resets(
        20.0, None, "anthropic-ratelimit-input-tokens-reset"
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        (OPENAI, Left(0.0, 360.0)),
        (OPENAI | {b"x-ratelimit-remaining-tokens": b"15000"}, Left(0.5, 360.0)),
        (OPENAI | {b"x-ratelimit-remaining-tokens": b"40000"}, Left(0.998, 0.12)),
        ({b"x-ratelimit-remaining-tokens": b"5"}, None),
        ({b"x-ratelimit-remaining": b"9", b"x-ratelimit-limit": b"0"}, None),
        ({b"x-ratelimit-remaining": b"9", b"x-ratelimit-limit": b"6"}, Left(1.0, None)),
        (PLAN, Left(0.0, 3600.0)),
        (
            {
                b"anthropic-ratelimit-unified-5h-utilization": b"0.25",
                b"anthropic-ratelimit-unified-7d-utilization": b"0.5",
                b"anthropic-ratelimit-unified-7d-reset": b"1767225660",
                b"anthropic-ratelimit-unified-7d-surpassed-threshold": b"0.75",
            },
            Left(0.5, 60.0),
        ),
    ],
)
def test_headroom_is_that_of_the_tightest_limit(headers: Said, expected: Left | None) -> None:
    assert tightest(windows_in(headers, NOW)) == expected


@pytest.mark.parametrize(
    "said",
    [
        b"999999999d999999999d",
        b"999999999999999",
        b"Fri, 31 Dec 9999 23:59:59 GMT",
        b"9999-12-31T23:59:59-23:59",
    ],
)
def test_a_time_that_nobody_lives_to_see_is_cut(said: bytes) -> None:
    assert seconds_until(said, NOW_S) == LONGEST_SECONDS


@pytest.mark.parametrize("said", [b"-5", b"nan", b"inf", b"1e308", b"9" * 400, b"9" * 400 + b"s", b"-6m0s", b"0x10"])
def test_what_is_no_time_is_none(said: bytes) -> None:
    assert seconds_until(said, NOW_S) is None


@pytest.mark.parametrize("said", [b"Wed, 21 Oct 2015 07:28:00 GMT", b"0001-01-01T00:00:00+23:59", b"1500000000"])
def test_what_is_over_is_over(said: bytes) -> None:
    assert seconds_until(said, NOW_S) == 0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, []),
        (
            OPENAI,
            [Window("tokens", 0.0, 0.0, 30000.0, 360.0), Window("requests", 0.998, 499.0, 500.0, 0.12)],
        ),
        (
            ANTHROPIC,
            [
                Window("requests", 0.0, 0.0, 50.0, 7.0),
                Window("input-tokens", 0.0, 0.0, 40000.0, 30.0),
                Window("output-tokens", None, 8000.0, None, 3540.0),
            ],
        ),
        (
            PLAN,
            [
                Window("plan-5h", 0.0, None, None, 3600.0, 18000.0),
                Window("plan-7d", 1.0 - 0.85, None, None, 274400.0, 604800.0),
            ],
        ),
        (ONE_MODEL, [Window("plan-7d_oi", 0.0, None, None, 100.0, 604800.0)]),
        (
            CODEX,
            [
                Window("codex-secondary", 0.0, None, None, 90.0, 604800.0),
                Window("codex-primary", 0.575, None, None, 3600.0, 18000.0),
            ],
        ),
        ({b"x-ratelimit-remaining": b"3", b"x-ratelimit-limit": b"4"}, [Window("all", 0.75, 3.0, 4.0, None)]),
        ({b"x-ratelimit-remaining-tokens-minute": b"3"}, [Window("tokens-minute", None, 3.0, None, None)]),
        ({b"x-ratelimit-remaining-<b>": b"3"}, [Window("all", None, 3.0, None, None)]),
        ({b"x-ratelimit-remaining-tokens": b"many"}, []),
    ],
)
def test_each_limit_is_told_of_the_tightest_first(headers: Said, expected: list[Window]) -> None:
    assert list(windows_in(headers, NOW)) == expected


def test_no_more_limits_are_told_than_are_kept() -> None:
    many = {b"x-ratelimit-remaining-%d" % number: b"1" for number in range(20)}
    limits = {b"x-ratelimit-limit-%d" % number: b"%d" % (number + 1) for number in range(20)}
    told = windows_in(many | limits, NOW)
    assert [each.name for each in told] == [str(number) for number in range(19, 19 - MOST_WINDOWS, -1)]
    assert len(windows_in({b"x-ratelimit-remaining-" + b"y" * 90: b"1"}, NOW)[0].name) == 32
