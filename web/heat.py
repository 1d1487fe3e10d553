"""A week as a map: how it is at each hour of each weekday, where the viewer is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from gateway.usage import figures
from gateway.usage.figures import SECOND

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = 6


@dataclass(frozen=True, slots=True)
class Square:
    """One hour of a weekday."""

    hour: int
    mean: float | None
    shade: str
    """Class `h1` to `h6`; empty for nothing."""
    title: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One weekday."""

    day: str
    squares: tuple[Square, ...]


Weighed = tuple[int, float, float]
"""The Unix microseconds at which an hour began, a value, and how much that counts."""


def mapped(hours: Sequence[Weighed], zone: tzinfo, show: Callable[[int], str]) -> tuple[Line, ...]:
    """The map of these hours: the mean of all that fall on one square, weighed."""
    sums: dict[tuple[int, int], tuple[float, float]] = {}
    for began_us, value, weight in hours:
        at = datetime.fromtimestamp(began_us // SECOND, zone)
        value_before, weight_before = sums.get((at.weekday(), at.hour), (0.0, 0.0))
        sums[at.weekday(), at.hour] = value_before + value * weight, weight_before + weight
    means = {place: value / weight for place, (value, weight) in sums.items() if weight}
    steps = _steps(means)
    return tuple(Line(day, tuple(_square(means, steps, (number, hour), show) for hour in range(24)))
                 for number, day in enumerate(DAYS))  # fmt: skip


def _steps(means: Mapping[tuple[int, int], float]) -> Sequence[float]:
    """Where one shade ends and the next begins: as many squares in each, so that one of them alone hides nothing."""
    ordered = sorted(means.values())
    return [ordered[len(ordered) * number // SHADES] for number in range(1, SHADES)] if ordered else ()


def _square(
    means: Mapping[tuple[int, int], float],
    steps: Sequence[float],
    place: tuple[int, int],
    show: Callable[[int], str],
) -> Square:
    weekday, hour = place
    when = f"{DAYS[weekday]} {hour:02}:00"
    if place not in means:
        return Square(hour, None, "", f"{when}: nothing", figures.NOTHING)
    value = show(round(means[place]))
    shade = 1 + sum(means[place] > step for step in steps)
    return Square(hour, means[place], f"h{shade}", f"{when}: {value}", value)
