"""Hours as a map: how it is at each hour of a day, where the viewer is, by weekdays or, of a short time, by its days.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from gateway.usage import figures
from gateway.usage.figures import SECOND

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = 6


@dataclass(frozen=True, slots=True)
class Square:
    """One hour of a day."""

    hour: int
    mean: float | None
    weight: float
    shade: str
    """Class `h1` to `h6`; empty for nothing."""
    title: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One day."""

    day: str
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A map."""

    is_week: bool
    """Whether its lines are weekdays, not days."""
    lines: tuple[Line, ...]
    scale: tuple[str, ...]
    """The least and the most in words; nothing where there is no square."""

    @property
    def known(self) -> list[tuple[str, Square]]:
        """Days and hours of which there is something."""
        return [(line.day, each) for line in self.lines for each in line.squares if each.mean is not None]


Weighed = tuple[int, float, float]
"""The Unix microseconds at which an hour began, a value, and how much that counts."""

_Place = tuple[int, int]
"""A line and an hour."""


def mapped(hours: Sequence[Weighed], time_us: tuple[int, int], zone: tzinfo, show: Callable[[int], str]) -> Heat:
    """The map of hours within a time: the mean of all that fall on one square, weighed."""
    days = _days(*time_us, zone)
    is_week = len(days) > len(WEEKDAYS)
    sums: dict[_Place, tuple[float, float]] = {}
    for began_us, value, weight in hours:
        at = datetime.fromtimestamp(began_us // SECOND, zone)
        # An hour that began the day before the time did is of its first day.
        place = at.weekday() if is_week else max(0, (at.date() - days[0]).days), at.hour
        value_before, weight_before = sums.get(place, (0.0, 0.0))
        sums[place] = value_before + value * weight, weight_before + weight
    names = WEEKDAYS if is_week else [f"{day:%a %d}" for day in days]
    means = {place: (value / weight, weight) for place, (value, weight) in sums.items() if weight}
    drawing = _Drawing(names, means, show)
    ends = (min(each for each, _ in means.values()), max(each for each, _ in means.values())) if means else ()
    lines = (Line(day, tuple(drawing.square((number, hour)) for hour in range(24))) for number, day in enumerate(names))
    return Heat(is_week, tuple(lines), tuple(show(round(end)) for end in ends))


def _days(since_us: int, until_us: int, zone: tzinfo) -> list[date]:
    """Those that a time has a part of."""
    first = datetime.fromtimestamp(since_us // SECOND, zone).date()
    last = datetime.fromtimestamp((until_us - 1) // SECOND, zone).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


class _Drawing:
    """Squares of means and weights."""

    def __init__(
        self, days: Sequence[str], means: Mapping[_Place, tuple[float, float]], show: Callable[[int], str]
    ) -> None:
        self._days, self._means, self._show = days, means, show
        ordered = sorted(mean for mean, _ in means.values())
        self._steps = [ordered[len(ordered) * number // SHADES] for number in range(1, SHADES)] if ordered else []
        """Where one shade ends and the next begins: as many squares in each, so that one alone hides nothing."""

    def square(self, place: _Place) -> Square:
        line, hour = place
        when = f"{self._days[line]} {hour:02}:00"
        if place not in self._means:
            return Square(hour, None, 0, "", f"{when}: nothing", figures.NOTHING)
        mean, weight = self._means[place]
        value = self._show(round(mean))
        shade = 1 + sum(mean > step for step in self._steps)
        return Square(hour, mean, weight, f"h{shade}", f"{when}: {value}", value)
