"""Keys that belong to a plan: what their answers say of its limits, which are used up and begin anew as time goes on.

`sk-plan-claude-90` is a subscription of which 90 % are used at the end of each window, `sk-plan-codex-40` one of
ChatGPT, `sk-plan-metered-60` has limits a minute and a day. Pure: the present is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

MINUTE, HOUR, DAY = 60, 3600, 86_400

_KEY = re.compile(r"(?:Bearer )?sk-plan-(claude|codex|metered)-(\d{1,3})", re.ASCII)

AT_FIRST = 0.4
"""What part of what is used of a window in the end is used at its beginning: others have the same plan."""

Lines = Iterator[tuple[str, object]]


def headers_of(lookup: Mapping[bytes, bytes], now: int) -> bytes:
    """The header lines of an answer to a request with these headers; nothing where its key is of no plan."""
    key = lookup.get(b"authorization") or lookup.get(b"x-api-key") or b""
    return _headers(key, now) if b"sk-plan-" in key else b""


@lru_cache(maxsize=64)
def _headers(key: bytes, now: int) -> bytes:
    found = _KEY.fullmatch(key.decode("latin-1"))
    if found is None:
        return b""
    lines = _PLANS[found[1]](int(found[2]) / 100, now)
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode()


def _claude(most: float, now: int) -> Lines:
    prefix = "anthropic-ratelimit-unified"
    yield f"{prefix}-status", "allowed"
    for window, length, part in (("5h", 5 * HOUR, 1.0), ("7d", 7 * DAY, 0.7), ("7d_opus", 7 * DAY, 0.45)):
        yield f"{prefix}-{window}-status", "allowed"
        yield f"{prefix}-{window}-utilization", f"{_used(most * part, length, now):.4f}"
        yield f"{prefix}-{window}-reset", _end(length, now)


def _codex(most: float, now: int) -> Lines:
    for window, length, part in (("primary", 5 * HOUR, 0.6), ("secondary", 7 * DAY, 1.0)):
        yield f"x-codex-{window}-used-percent", f"{100 * _used(most * part, length, now):.1f}"
        yield f"x-codex-{window}-window-minutes", length // MINUTE
        yield f"x-codex-{window}-reset-at", _end(length, now)


def _metered(most: float, now: int) -> Lines:
    limits = (
        ("requests-day", DAY, 14_400, 0.5),
        ("tokens-day", DAY, 5_000_000, 1.0),
        ("tokens-hour", HOUR, 600_000, 0.8),
    )
    for name, length, limit, part in limits:
        yield f"x-ratelimit-limit-{name}", limit
        yield f"x-ratelimit-remaining-{name}", round(limit * (1 - _used(most * part, length, now)))
        yield f"x-ratelimit-reset-{name}", f"{_end(length, now) - now}s"


_PLANS: Mapping[str, Callable[[float, int], Lines]] = MappingProxyType(
    {"claude": _claude, "codex": _codex, "metered": _metered}
)


def _used(most: float, length: int, now: int) -> float:
    """The share of a window that is used; all of them begin at the same moments, whenever the mock was started."""
    return min(most, 1.0) * (AT_FIRST + (1 - AT_FIRST) * (now % length) / length)


def _end(length: int, now: int) -> int:
    return now // length * length + length
