"""What the headers of an answer say of rate limits: when those are back of which nothing is left, how much is left of
each.

Whose headers they are is not known: names that tell `remaining` have siblings that tell `limit` and `reset`, with all
vendors. Only worth its microseconds where the answer was a 429, or a strategy goes by headroom; for people a few
answers a second will do.

OpenAI: https://platform.openai.com/docs/guides/rate-limits, OpenRouter: https://openrouter.ai/docs/api-reference/limits,
Anthropic: https://platform.claude.com/docs/en/api/rate-limits. `anthropic-ratelimit-unified-*` are those of Claude's
plans, which no page tells of: as Claude Code reads them, https://github.com/anthropics/claude-code/issues/12829.
`x-codex-*` are those of ChatGPT's plans, as Codex reads them, https://github.com/openai/codex.
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


class Window(NamedTuple):
    """How much is left of one limit."""

    name: str
    """What it limits: `requests`, `input-tokens`, `plan-5h`, `codex-primary`; `all` where its header does not tell."""
    share: float | None
    """That is left, 0 to 1; None where the headers do not tell of how much."""
    remaining: float | None
    limit: float | None
    """What there is of it, and was; None of what is told as a share."""
    reset_seconds: float | None
    """Seconds until it is full again; None where no header tells."""
    length_seconds: float | None = None
    """How long it is; None where no header tells."""


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

_CODEX = re.compile(rb"x-(codex-(?:[a-z0-9]+-)?(?:primary|secondary)-)used-percent")
"""Windows of a plan of ChatGPT; a family of models that has some of its own stands before them."""

_ALL_USED = 100.0
"""Per cent."""

MOST_WINDOWS = 8
"""That are told of one answer: the tightest. No vendor has more than six."""
LONGEST_WINDOW_NAME = 32
_OF_ALL = "all"
_UNTOLD = frozenset(("x", "ratelimit", "remaining", "anthropic"))
"""Words of a header's name that do not say what is limited."""
_OF_A_NAME = re.compile(r"[a-z0-9_-]+")

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
    names += [name for window, used, _ in _codex(headers) if used >= _ALL_USED for name in _codex_resets(window)]
    told = ((seconds_until(headers.get(name, b""), now), name) for name in names)
    known = [(seconds, name) for seconds, name in told if seconds is not None]
    if not known:
        return Resets(None, _scope(rejected))
    seconds, name = max(known, key=lambda each: each[0])
    return Resets(seconds, _scope(rejected), name.decode("latin-1")[:LONGEST_NAME])


def windows_in(headers: Headers, now_us: int) -> tuple[Window, ...]:
    """How much is left of each limit that these headers tell of, the tightest first, `MOST_WINDOWS` of them."""
    now = _now(headers, now_us)
    found = {each.name: each for read in (_counted, _of_plan, _of_codex) for each in read(headers, now)}
    return tuple(sorted(found.values(), key=_tightness)[:MOST_WINDOWS])


def tightest(windows: tuple[Window, ...]) -> Left | None:
    """How much is left of the tightest limit; None where nobody told."""
    share, reset_seconds = next(
        ((each.share, each.reset_seconds) for each in windows if each.share is not None), (None, None)
    )
    return None if share is None else Left(share, reset_seconds)


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


def _counted(headers: Headers, now: float) -> Iterator[Window]:
    """Limits of which a header tells how much remains."""
    for name, value in _remaining(headers):
        remaining = _number(value)
        if remaining is not None:
            limit = _number(headers.get(name.replace(b"remaining", b"limit"), b"")) or None
            share = None if limit is None else min(remaining / limit, 1.0)
            reset = seconds_until(headers.get(name.replace(b"remaining", b"reset"), b""), now)
            yield Window(_limited_by(name), share, remaining, limit, reset)


def _of_plan(headers: Headers, now: float) -> Iterator[Window]:
    """Windows of a Claude plan. One that refuses has nothing left, whatever is said to be used of it."""
    shares: dict[bytes, float] = {}
    for window, ending, value in _windows(headers):
        used = _number(value) if ending == b"-utilization" else 1.0 if value == b"rejected" else None
        if used is not None:
            shares[window] = min(shares.get(window, 1.0), max(1.0 - used, 0.0))
    for window, share in shares.items():
        reset = seconds_until(headers.get(b"%b%b-reset" % (_UNIFIED, window), b""), now)
        name = window.decode("latin-1")
        length = _seconds(name.partition("_")[0], now)
        yield Window(f"plan-{name}"[:LONGEST_WINDOW_NAME], share, None, None, reset, length)


def _of_codex(headers: Headers, now: float) -> Iterator[Window]:
    """Windows of a plan of ChatGPT."""
    for window, used, minutes in _codex(headers):
        said = (headers.get(name, b"") for name in _codex_resets(window))
        reset = next((told for each in said if (told := seconds_until(each, now)) is not None), None)
        called = window.decode("latin-1").rstrip("-")[:LONGEST_WINDOW_NAME]
        length = None if minutes is None else minutes * 60
        yield Window(called, max(1.0 - used / _ALL_USED, 0.0), None, None, reset, length)


def _codex(headers: Headers) -> Iterator[tuple[bytes, float, float | None]]:
    """Each of them: what its headers' names begin with after `x-`, per cent that are used of it, how many minutes it
    has, where that is told. One of no minutes is none."""
    for name, value in headers.items():
        used, which = _number(value), _CODEX.fullmatch(name)
        if which is not None and used is not None:
            minutes = _number(headers.get(b"x-%bwindow-minutes" % which[1], b""))
            if minutes != 0:
                yield which[1], used, minutes


def _codex_resets(window: bytes) -> tuple[bytes, bytes]:
    """The headers that tell when a window is full again, the more exact one first."""
    return b"x-%breset-at" % window, b"x-%breset-after-seconds" % window


def _limited_by(header: bytes) -> str:
    """What a header limits that tells how much remains: what its name has besides what all such names have."""
    words = (word for word in header.decode("latin-1").split("-") if word not in _UNTOLD)
    name = "-".join(words)[:LONGEST_WINDOW_NAME]
    return name if _OF_A_NAME.fullmatch(name) else _OF_ALL


def _tightness(window: Window) -> float:
    return 2.0 if window.share is None else window.share


def _scope(rejected: list[bytes]) -> Literal["credential", "model"] | None:
    """What a Claude plan refuses whose windows these are that are used up."""
    if not rejected:
        return None
    return "credential" if any(window in _WHOLE_PLAN for window in rejected) else "model"


def _number(said: bytes) -> float | None:
    words = said.decode("latin-1").strip()
    return float(words) if _NUMBER.fullmatch(words) else None
