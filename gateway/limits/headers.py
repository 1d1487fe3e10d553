"""What a client hears of its limits, in headers as the vendor of its dialect names them. Pure.

Knows names and ways to write a reset. Does not know how anything is counted. Of several limits of the same kind that
counts of which the least is left. Limits of parallel requests and budgets have no header in any dialect.

OpenAI: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, Anthropic:
https://docs.claude.com/en/api/rate-limits#response-headers. Gemini has none: there the error tells (RetryInfo).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from gateway.limits.limiter import Left, LimitName

US = 1_000_000

REMEMBERED = 256
"""Instants that are kept as written: one belongs to all requests of a second, or of a month."""

_KINDS: dict[LimitName, str] = {
    "requests_per_minute": "requests",
    "requests_per_month": "requests",
    "tokens_per_minute": "tokens",
    "tokens_per_month": "tokens",
}
"""What headers call it that a limit counts."""


def limit_headers(format_name: str, left: Sequence[Left], now_us: int) -> list[tuple[bytes, bytes]]:
    """What is left of limits, for a client of this format."""
    names = _NAMES.get(format_name)
    headers: list[tuple[bytes, bytes]] = []
    if names is None:
        return headers
    for kind, (remaining, tightest) in _tightest(left).items():
        limit_name, remaining_name, reset_name, write_reset = names[kind]
        headers += (
            (limit_name, b"%d" % tightest.limit),
            (remaining_name, b"%d" % remaining),
            (reset_name, write_reset(tightest.resets_at_us, now_us)),
        )
    return headers


def _tightest(left: Sequence[Left]) -> dict[str, tuple[int, Left]]:
    """By kind, that of which the least is left, and how much; of equals the one that lasts longest."""
    tightest: dict[str, tuple[int, Left]] = {}
    for each in left:
        kind = _KINDS.get(each.field)
        if kind is None:
            continue
        remaining = each.remaining
        if kind in tightest:
            least, known = tightest[kind]
            if remaining > least or (remaining == least and each.resets_at_us <= known.resets_at_us):
                continue
        tightest[kind] = remaining, each
    return tightest


def _duration(resets_at_us: int, now_us: int) -> bytes:
    """As Go writes durations: `1s`, `6m0s`, `240h0m0s`; whole seconds, rounded up."""
    seconds = -((now_us - resets_at_us) // US)
    if seconds < 60:
        return b"%ds" % seconds if seconds > 0 else b"0s"
    if seconds < 3600:
        return b"%dm%ds" % (seconds // 60, seconds % 60)
    return b"%dh%dm%ds" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def _instant(resets_at_us: int, now_us: int) -> bytes:
    """RFC 3339, in whole seconds, rounded up; what is free already is so now."""
    return _written(-(-(resets_at_us if resets_at_us > now_us else now_us) // US))


@lru_cache(maxsize=REMEMBERED)
def _written(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


class _Names(NamedTuple):
    """How a vendor says it of one kind."""

    limit: bytes
    remaining: bytes
    reset: bytes
    write_reset: Callable[[int, int], bytes]


def _names(pattern: str, write_reset: Callable[[int, int], bytes]) -> dict[str, _Names]:
    """By kind, by a pattern of names."""

    def name(kind: str, figure: str) -> bytes:
        return pattern.format(kind=kind, figure=figure).encode()

    return {
        kind: _Names(name(kind, "limit"), name(kind, "remaining"), name(kind, "reset"), write_reset)
        for kind in _KINDS.values()
    }


_OPENAI = _names("x-ratelimit-{figure}-{kind}", _duration)
_ANTHROPIC = _names("anthropic-ratelimit-{kind}-{figure}", _instant)
_NAMES = {"openai_chat": _OPENAI, "openai_responses": _OPENAI, "anthropic": _ANTHROPIC}
