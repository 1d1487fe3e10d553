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

from gateway.limits.limiter import TOLD, Standing

US = 1_000_000

REMEMBERED = 256
"""Lines of each kind that are kept as written: many answers tell the same limit, and the same reset."""


def limit_headers(format_name: str, standing: Standing, now_us: int) -> list[tuple[bytes, bytes]]:
    """What is left of limits, for a client of this format."""
    headers: list[tuple[bytes, bytes]] = []
    if (vendor := _VENDORS.get(format_name)) is None:
        return headers
    names, says_duration = vendor
    since_us = now_us if says_duration else 0
    for kind, (limit, remaining, resets_at_us) in standing.items():
        limit_line, remaining_name, reset_line = names[kind]
        at_us = resets_at_us if resets_at_us > now_us else now_us  # what is free already is so now
        seconds = -((since_us - at_us) // US)  # rounded up
        headers += limit_line(limit), (remaining_name, b"%d" % remaining), reset_line(seconds)
    return headers


def _number(limit: int) -> bytes:
    return b"%d" % limit


def _duration(seconds: int) -> bytes:
    """As Go writes durations: `1s`, `6m0s`, `240h0m0s`."""
    if seconds < 60:
        return b"%ds" % seconds
    if seconds < 3600:
        return b"%dm%ds" % (seconds // 60, seconds % 60)
    return b"%dh%dm%ds" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def _instant(seconds: int) -> bytes:
    """RFC 3339, of Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


_Write = Callable[[int], bytes]
_Line = Callable[[int], tuple[bytes, bytes]]

_Names = tuple[_Line, bytes, _Line]
"""How a vendor says it of one kind: the line of the limit, the name of what remains, the line of its reset. A bare
tuple, since every answer takes some apart."""


def _names(pattern: str, write_reset: _Write) -> dict[str, _Names]:
    """By kind, by a pattern of names."""

    def name(kind: str, figure: str) -> bytes:
        return pattern.format(kind=kind, figure=figure).encode()

    def line(name: bytes, write: _Write) -> _Line:
        return lru_cache(maxsize=REMEMBERED)(lambda figure: (name, write(figure)))

    return {
        kind: (
            line(name(kind, "limit"), _number),
            name(kind, "remaining"),
            line(name(kind, "reset"), write_reset),
        )
        for kind in dict.fromkeys(TOLD.values())
    }


_OPENAI = _names("x-ratelimit-{figure}-{kind}", _duration), True
_ANTHROPIC = _names("anthropic-ratelimit-{kind}-{figure}", _instant), False
_VENDORS: dict[str, tuple[dict[str, _Names], bool]] = {
    "openai_chat": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic": _ANTHROPIC,
}
"""By format; each with whether a reset is how long it takes, and not when it is."""
