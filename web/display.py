"""How pages show things: figures as everywhere, and what only pages have: changes, ages, sparklines, shares of a bar.

Pure: the present is a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.usage import figures
from gateway.usage.figures import DAY, HOUR, MINUTE, SECOND

FILTERS = {
    "money": figures.money,
    "exact_money": figures.exact_money,
    "count": figures.count,
    "exact_count": figures.exact_count,
    "duration": figures.duration,
    "exact_duration": figures.exact_duration,
}
"""Filters of every template. Each takes a number; a template says itself what stands for none."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Names by a mark in what they call themselves; the first found counts, for most claim to be others as well."""

SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
"""Likewise what they run on."""

LONGEST_NAME = 60

Meaning = Literal["good", "warning", "bad", "neutral", "running"]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure against the period before."""

    text: str
    """`▲ +12 %`; empty where there is nothing to compare with."""
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class State:
    """How a request ended, in one word, and what that means."""

    word: str
    meaning: Meaning


def change(now: float | None, before: float | None, *, more_is: Meaning = "neutral") -> Change:
    """The change from `before` to `now`. Where more is bad, less is good; below one percent nothing changed."""
    if not before or now is None:
        return Change("", "neutral")
    percent = 100 * (now - before) / before
    if abs(percent) < 1:
        return Change("± 0 %", "neutral")
    opposite: dict[Meaning, Meaning] = {"bad": "good", "good": "bad"}
    if percent >= 1000:
        return Change("▲ >999 %", more_is)
    size = f"{abs(percent):.0f}"
    if percent > 0:
        return Change(f"▲ +{size} %", more_is)
    return Change(f"▼ \N{MINUS SIGN}{size} %", opposite.get(more_is, more_is))


def age(then_us: int, now_us: int) -> str:
    """`now`, `12 s ago`, `5 min ago`, `3 h ago`; from a day on the date, `2026-11-20 14:02`."""
    passed = now_us - then_us
    if passed < SECOND:
        return "now"
    for unit, limit, word in ((SECOND, MINUTE, "s"), (MINUTE, HOUR, "min"), (HOUR, DAY, "h")):
        if passed < limit:
            return f"{passed // unit} {word} ago"
    return moment(then_us)[:16]


def moment(unix_us: int, zone: tzinfo = UTC) -> str:
    """`2026-11-20 14:02:07 UTC`."""
    return f"{datetime.fromtimestamp(unix_us // SECOND, zone):%Y-%m-%d %H:%M:%S %Z}"


def local(unix_us: int, now_us: int, zone: tzinfo) -> str:
    """`12 s ago` as long as it is less than a day ago, else `2026-11-20 14:02` as clocks there show it. What is to come
    is told likewise, `in 5 min`."""
    if unix_us > now_us:
        return f"in {figures.duration(unix_us - now_us)}" if unix_us - now_us < DAY else moment(unix_us, zone)[:16]
    return age(unix_us, now_us) if now_us - unix_us < DAY else moment(unix_us, zone)[:16]


def instant(unix_us: int) -> str:
    """`2026-11-20T14:02:07Z`, for programs."""
    return f"{datetime.fromtimestamp(unix_us // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


@lru_cache(maxsize=512)
def zone_named(name: str) -> tzinfo:
    """The time zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def ended(status: int, error: str | None) -> State:
    """How a request ended."""
    if error == "client_disconnected" or status == 499:
        return State("client left", "warning")
    if error is None and status < 400:
        return State("ok", "good")
    return State("refused", "warning") if 400 <= status < 500 else State("failed", "bad")


def sparkline(values: Sequence[float | None], *, width: int, height: int) -> list[str]:
    """Lines of an SVG through these values, evenly spaced, from zero: `points` for a polyline each, broken at gaps."""
    top = max((value for value in values if value is not None), default=0) or 1
    step = width / max(1, len(values) - 1)
    lines: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{index * step:.1f},{height - 1 - (height - 2) * value / top:.1f}")
    # A lone point shows as a dot: a line from it to itself with round ends.
    return [" ".join(points if len(points) > 1 else points * 2) for points in lines if points]


def ceiling(value: int) -> int:
    """The next of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, ...: where an axis ends."""
    scale = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if step * scale >= value:
                return step * scale
        scale *= 10


def size(size_bytes: int) -> str:
    """`512 B`, `1.2 MB`, `3.4 GB`."""
    for scale, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= scale:
            return (
                f"{size_bytes / scale:.1f} {unit}" if size_bytes < 100 * scale else f"{size_bytes / scale:.0f} {unit}"
            )
    return f"{size_bytes} B"


DURATIONS = (1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400, 600, 800)
"""Where an axis of milliseconds or microseconds ends; from a second on, it is one of these."""

LONG_DURATIONS = (1, 2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 120, 180, 240, 300, 360, 480, 600, 720, 900, 1200, 1800)


def duration_ceiling(microseconds: int) -> int:
    """The next duration that can be cut in four and said in a word or two."""
    for unit, steps in ((1, DURATIONS), (figures.MILLISECOND, DURATIONS), (SECOND, LONG_DURATIONS)):
        for step in steps:
            if step * unit >= microseconds:
                return step * unit
    return ceiling(-(-microseconds // HOUR)) * HOUR


def browser(user_agent: str) -> str:
    """What somebody sits before, as far as it says: `Firefox on Linux`. Anything else as it is, cut short."""
    name = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((system for mark, system in SYSTEMS if mark in user_agent), "")
    if name and system:
        return f"{name} on {system}"
    return user_agent[:LONGEST_NAME] or "unknown"
