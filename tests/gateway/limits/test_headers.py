from __future__ import annotations

import pytest

from gateway.formats.table import FORMATS
from gateway.limits.headers import limit_headers
from gateway.limits.limiter import Left, LimitName, tightest
from gateway.settings.instants import read_instant

NOW = read_instant("2026-05-12T12:00:00.25Z")
JUNE = read_instant("2026-06-01")


def left(field: LimitName, limit: int, used: int, resets_at_us: int = NOW + 60_000_000) -> Left:
    return Left("client key `app`", field, limit, used, resets_at_us)


def test_openai_hears_how_long_it_takes() -> None:
    said = (left("requests_per_minute", 60, 20), left("tokens_per_minute", 1000, 990, NOW + 360_000_000))
    headers = [
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-ratelimit-remaining-requests", b"40"),
        (b"x-ratelimit-reset-requests", b"1m0s"),
        (b"x-ratelimit-limit-tokens", b"1000"),
        (b"x-ratelimit-remaining-tokens", b"10"),
        (b"x-ratelimit-reset-tokens", b"6m0s"),
    ]
    assert limit_headers("openai_chat", tightest(said), NOW) == headers
    assert limit_headers("openai_responses", tightest(said), NOW) == headers


def test_anthropic_hears_when_it_is() -> None:
    said = (left("tokens_per_month", 1000, 0, JUNE), left("requests_per_minute", 5, 1))
    assert limit_headers("anthropic", tightest(said), NOW) == [
        (b"anthropic-ratelimit-tokens-limit", b"1000"),
        (b"anthropic-ratelimit-tokens-remaining", b"1000"),
        (b"anthropic-ratelimit-tokens-reset", b"2026-06-01T00:00:00Z"),
        (b"anthropic-ratelimit-requests-limit", b"5"),
        (b"anthropic-ratelimit-requests-remaining", b"4"),
        (b"anthropic-ratelimit-requests-reset", b"2026-05-12T12:01:01Z"),
    ]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_dialect_is_thought_of(name: str) -> None:
    said = limit_headers(name, tightest([left("requests_per_minute", 5, 1)]), NOW)
    assert bool(said) == (name != "gemini"), "Google says it in the error, and in no header"


def test_the_tightest_counts_whoever_it_is_of() -> None:
    said = (
        left("requests_per_minute", 60, 10),
        left("requests_per_month", 1000, 995, JUNE),
        left("requests_per_minute", 10, 2),
        left("requests_per_month", 5, 0, NOW),
    )
    headers = limit_headers("openai_chat", tightest(said), NOW)
    assert [value for _, value in headers] == [b"1000", b"5", b"468h0m0s"]


def test_what_is_more_than_used_up_leaves_nothing_and_not_less() -> None:
    headers = dict(limit_headers("openai_chat", tightest([left("tokens_per_minute", 5, 9, NOW)]), NOW))
    assert headers[b"x-ratelimit-remaining-tokens"] == b"0"
    assert headers[b"x-ratelimit-reset-tokens"] == b"0s"
    headers = dict(limit_headers("anthropic", tightest([left("tokens_per_minute", 5, 9, 0)]), NOW))
    assert headers[b"anthropic-ratelimit-tokens-reset"] == b"2026-05-12T12:00:01Z"


@pytest.mark.parametrize("field", ["max_parallel", "budget_nano_usd"])
def test_limits_that_no_vendor_has_a_header_for_are_not_said(field: LimitName) -> None:
    assert limit_headers("openai_chat", tightest([left(field, 5, 1)]), NOW) == []
