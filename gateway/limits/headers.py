"""What a client hears of its limits, in headers as the vendor of its dialect names them. Pure.

Knows names and ways to write a reset. Does not know how anything is counted. Of several limits of the same kind that
counts of which the least is left. Limits of parallel requests and budgets have no header in any dialect.

OpenAI: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, Anthropic:
https://docs.claude.com/en/api/rate-limits#response-headers. Gemini has none: there the error tells (RetryInfo).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from gateway.limits.limiter import TOLD, WINDOW_SECONDS, Standing

US = 1_000_000

REMEMBERED = 256
"""Limits, and instants, that are kept as written: an instant belongs to all requests of a second, or of a month."""


def limit_headers(format_name: str, standing: Standing, now_us: int) -> list[tuple[bytes, bytes]]:
    """What is left of limits, for a client of this format."""
    headers: list[tuple[bytes, bytes]] = []
    if (names := _NAMES.get(format_name)) is None:
        return headers
    for kind, (limit, remaining, resets_at_us) in standing.items():
        limit_name, remaining_name, reset_name, write_reset = names[kind]
        headers += (
            (limit_name, _number(limit)),
            (remaining_name, b"%d" % remaining),
            (reset_name, write_reset(resets_at_us, now_us)),
        )
    return headers


def _duration(resets_at_us: int, now_us: int) -> bytes:
    """As Go writes durations: `1s`, `6m0s`, `240h0m0s`; whole seconds, rounded up."""
    seconds = -((now_us - resets_at_us) // US)
    if seconds <= WINDOW_SECONDS:
        return _OF_A_MINUTE[seconds] if seconds > 0 else b"0s"
    if seconds < 3600:
        return b"%dm%ds" % (seconds // 60, seconds % 60)
    return b"%dh%dm%ds" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def _instant(resets_at_us: int, now_us: int) -> bytes:
    """RFC 3339, in whole seconds, rounded up; what is free already is so now."""
    return _written(-(-(resets_at_us if resets_at_us > now_us else now_us) // US))


_OF_A_MINUTE = (*(b"%ds" % seconds for seconds in range(WINDOW_SECONDS)), b"1m0s")
"""Durations that nearly every answer has one of."""


@lru_cache(maxsize=REMEMBERED)
def _number(limit: int) -> bytes:
    return b"%d" % limit


@lru_cache(maxsize=REMEMBERED)
def _written(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


_Names = tuple[bytes, bytes, bytes, Callable[[int, int], bytes]]
"""How a vendor says it of one kind: the names of the limit, of what remains and of its reset, and how that is written.
A bare tuple, since every answer takes some apart."""


def _names(pattern: str, write_reset: Callable[[int, int], bytes]) -> dict[str, _Names]:
    """By kind, by a pattern of names."""

    def name(kind: str, figure: str) -> bytes:
        return pattern.format(kind=kind, figure=figure).encode()

    return {
        kind: (name(kind, "limit"), name(kind, "remaining"), name(kind, "reset"), write_reset)
        for kind in dict.fromkeys(TOLD.values())
    }


_OPENAI = _names("x-ratelimit-{figure}-{kind}", _duration)
_ANTHROPIC = _names("anthropic-ratelimit-{kind}-{figure}", _instant)
_NAMES = {"openai_chat": _OPENAI, "openai_responses": _OPENAI, "anthropic": _ANTHROPIC}
