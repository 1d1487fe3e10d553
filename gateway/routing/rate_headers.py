"""What the headers of an answer say of rate limits: when those are back of which nothing is left, how much is left.

Whose headers they are is not known: names that tell `remaining` have siblings that tell `limit` and `reset`, with all
vendors. Only worth its microseconds where the answer was a 429, or a strategy goes by headroom; for people a few
answers a second will do.

OpenAI: https://platform.openai.com/docs/guides/rate-limits, OpenRouter: https://openrouter.ai/docs/api-reference/limits,
Anthropic: https://platform.claude.com/docs/en/api/rate-limits. `anthropic-ratelimit-unified-*` are those of Claude's
plans, which no page tells of: as Claude Code reads them, https://github.com/anthropics/claude-code/issues/12829.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Headers = Mapping[bytes, bytes]
"""Names are lower-case."""


class Resets(NamedTuple):
    """When the limits of which nothing is left are back."""

    seconds: float | None
    """Seconds until the last of them is; None where no header tells."""
    scope: Literal["credential", "model"] | None = None
    """What they limit; None where the headers do not tell."""
    header: str = ""
    """The one that tells when; empty where none does."""


class Left(NamedTuple):
    """How much is left of the tightest limit."""

    headroom: float
    """0 to 1."""
    reset_seconds: float | None
    """Seconds until it is full again; None where no header tells."""


_UNIFIED = b"anthropic-ratelimit-unified-"
_WINDOW = re.compile(rb"\d+[hd](?:_\w+)?")
"""Name of a window of a plan. `overage` is none: it is refused wherever nobody has paid for it."""
_WHOLE_PLAN = (b"5h", b"7d", b"five_hour", b"seven_day")
"""Windows of a plan as a whole, by both their names. Others, such as `7d_opus`, are of one family of models."""

_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PIECE.pattern})+")
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_SINCE_1970 = 1e9
"""A number above it is a moment, one below a time to wait: 1e9 seconds are 31 years."""
_SINCE_1970_MS = 1e11
LONGEST_SECONDS = 1e9
"""No limit is back later than that; what says so is nonsense, and must not be too much for whoever reckons with it."""
LONGEST_NAME = 64
"""Of a header, as it is told."""

_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_ENDINGS = (b"-utilization", b"-status")


def resets_in(headers: Headers, now_us: int) -> Resets:
    """When the limits are back of which these headers say that nothing is left, and `Retry-After` as a date."""
    now = _now(headers, now_us)
    names = [b"retry-after"]
    names += [name.replace(b"remaining", b"reset") for name, value in _remaining(headers) if _number(value) == 0]
    rejected = [window for window, ending, value in _windows(headers) if ending == b"-status" and value == b"rejected"]
    names += [b"%b%b-reset" % (_UNIFIED, window) for window in rejected]
    if headers.get(_UNIFIED + b"status") == b"rejected":
        names.append(_UNIFIED + b"reset")
        rejected = rejected or [headers.get(_UNIFIED + b"representative-claim", _WHOLE_PLAN[0])]
    told = ((seconds_until(headers.get(name, b""), now), name) for name in names)
    known = [(seconds, name) for seconds, name in told if seconds is not None]
    if not known:
        return Resets(None, _scope(rejected))
    seconds, name = max(known, key=lambda each: each[0])
    return Resets(seconds, _scope(rejected), name.decode("latin-1")[:LONGEST_NAME])


def headroom_in(headers: Headers, now_us: int) -> Left | None:
    """How much is left of the tightest limit; None where the headers do not tell."""
    now = _now(headers, now_us)
    shares = [
        (share, headers.get(name.replace(b"remaining", b"reset"), b""))
        for name, value in _remaining(headers)
        if (share := _share(value, headers.get(name.replace(b"remaining", b"limit"), b""))) is not None
    ]
    shares += [
        (max(1.0 - used, 0.0), headers.get(b"%b%b-reset" % (_UNIFIED, window), b""))
        for window, ending, value in _windows(headers)
        if ending == b"-utilization" and (used := _number(value)) is not None
    ]
    if not shares:
        return None
    share, reset = min(shares, key=lambda each: each[0])
    return Left(min(share, 1.0), seconds_until(reset, now))


def seconds_until(said: bytes, now_s: float) -> float | None:
    """Seconds from `now_s` to what a header says, 0 to `LONGEST_SECONDS`; None where it says nothing that is known.

    Known are `6m0s`, `120ms`, `30`, seconds or milliseconds since 1970, RFC 3339, and HTTP dates.
    """
    seconds = _seconds(said.decode("latin-1").strip(), now_s)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_SECONDS)


def _seconds(words: str, now_s: float) -> float | None:
    """The same without bounds."""
    if _NUMBER.fullmatch(words):
        number = float(words)
        moment = number / 1000 if number > _SINCE_1970_MS else number
        return moment - now_s if moment > _SINCE_1970 else number
    if _DURATION.fullmatch(words):
        return sum(float(amount) * _SECONDS_OF[unit] for amount, unit in _PIECE.findall(words))
    moment_said = _moment(words)
    return moment_said - now_s if moment_said is not None else None


def _now(headers: Headers, now_us: int) -> float:
    """Unix seconds by the provider's own clock, which its moments are of; ours where it does not tell."""
    said = _moment(headers.get(b"date", b"").decode("latin-1").strip())
    return said if said is not None else now_us / 1e6


def _moment(words: str) -> float | None:
    """Unix seconds of an HTTP date or of RFC 3339, which is UTC where it names no zone."""
    for read in (datetime.fromisoformat, _http_date):
        try:
            found = read(words)
        except ValueError:
            continue
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    return None


def _http_date(words: str) -> datetime:
    return datetime.strptime(words, _HTTP_DATE).replace(tzinfo=UTC)


def _remaining(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    """The headers that tell how much is left of a limit."""
    return ((name, value) for name, value in headers.items() if b"remaining" in name and b"ratelimit" in name)


def _windows(headers: Headers) -> Iterator[tuple[bytes, bytes, bytes]]:
    """What is said of each window of a Claude plan: its name, an ending of `_ENDINGS`, the value."""
    for name, value in headers.items():
        if name.startswith(_UNIFIED):
            for ending in _ENDINGS:
                window = name[len(_UNIFIED) :].removesuffix(ending)
                if name.endswith(ending) and _WINDOW.fullmatch(window):
                    yield window, ending, value


def _scope(rejected: list[bytes]) -> Literal["credential", "model"] | None:
    """What a Claude plan refuses whose windows these are that are used up."""
    if not rejected:
        return None
    return "credential" if any(window in _WHOLE_PLAN for window in rejected) else "model"


def _share(remaining: bytes, limit: bytes) -> float | None:
    left, whole = _number(remaining), _number(limit)
    return left / whole if left is not None and whole else None


def _number(said: bytes) -> float | None:
    words = said.decode("latin-1").strip()
    return float(words) if _NUMBER.fullmatch(words) else None
