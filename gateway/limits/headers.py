"""What a client hears of its limits, in headers as the vendor of its dialect names them. Pure.

Knows names and ways to write a reset. Does not know how anything is counted. Of several limits of the same kind that
counts of which the least is left. Limits of parallel requests and budgets have no header in any dialect.

OpenAI: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, Anthropic:
https://docs.claude.com/en/api/rate-limits#response-headers. Gemini has none: there the error tells (RetryInfo).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.limits.limiter import Left, LimitName

US = 1_000_000

_KINDS: dict[LimitName, str] = {
    "requests_per_minute": "requests",
    "requests_per_month": "requests",
    "tokens_per_minute": "tokens",
    "tokens_per_month": "tokens",
}
"""What headers call it that a limit counts."""


def limit_headers(format_name: str, left: Sequence[Left], now_us: int) -> list[tuple[bytes, bytes]]:
    """What is left of limits, for a client of this format."""
    words = _WORDS.get(format_name)
    if words is None:
        return []
    headers = []
    for kind, tightest in _tightest(left).items():
        figures = (str(tightest.limit), str(tightest.remaining), words.write_reset(tightest.resets_at_us, now_us))
        names = (words.limit, words.remaining, words.reset)
        headers += [(name.format(kind).encode(), value.encode()) for name, value in zip(names, figures, strict=True)]
    return headers


def _tightest(left: Sequence[Left]) -> dict[str, Left]:
    """By kind, that of which the least is left; of equals the one that lasts longest."""
    tightest: dict[str, Left] = {}
    for each in left:
        kind = _KINDS.get(each.field)
        if kind is None:
            continue
        known = tightest.get(kind)
        if known is None or (each.remaining, -each.resets_at_us) < (known.remaining, -known.resets_at_us):
            tightest[kind] = each
    return tightest


def _duration(resets_at_us: int, now_us: int) -> str:
    """As Go writes durations: `1s`, `6m0s`, `240h0m0s`; whole seconds, rounded up."""
    seconds = max(-(-(resets_at_us - now_us) // US), 0)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _instant(resets_at_us: int, now_us: int) -> str:
    """RFC 3339, in whole seconds, rounded up; what is free already is so now."""
    seconds = -(-max(resets_at_us, now_us) // US)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Words(NamedTuple):
    """How a vendor says it; `{}` is what is counted."""

    limit: str
    remaining: str
    reset: str
    write_reset: Callable[[int, int], str]


_OPENAI = _Words(
    "x-ratelimit-limit-{}",
    "x-ratelimit-remaining-{}",
    "x-ratelimit-reset-{}",
    _duration,
)
_ANTHROPIC = _Words(
    "anthropic-ratelimit-{}-limit",
    "anthropic-ratelimit-{}-remaining",
    "anthropic-ratelimit-{}-reset",
    _instant,
)
_WORDS = {"openai_chat": _OPENAI, "openai_responses": _OPENAI, "anthropic": _ANTHROPIC}
