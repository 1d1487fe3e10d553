"""Many measurements into few figures. Medians over rounds; what noise did to them is kept beside them.

Pure: a result in, figures out. A figure of a peer can be looked at in five ways: as it is, as a ratio to nginx
measured just before and just after it, as what it adds to the same figure without any relay in the same round, and,
where the gateway does more than pass through, translates or limits, by how much it is above that of one that does not;
and where something goes on beside it, as a ratio to when nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from benchmarks.results import Measurement, ScenarioResult

Way = Literal["value", "ratio", "added", "above", "beside"]

YARDSTICK = "nginx"
BARE = "direct"
PASSING = "gateway"
DOING_MORE = ("from-", "with-")
"""What the names of those begin with who translate, or have policies."""
UNDISTURBED = "with-records"
"""Whoever has something beside it, `beside-`, is compared with this one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and the lowest and highest of them."""

    middle: float
    low: float
    high: float

    def overlaps(self, other: Spread) -> bool:
        """Whether the difference of the two may be noise."""
        return self.low <= other.high and other.low <= self.high


def look(result: ScenarioResult, peer: str, figure: str, way: Way = "value") -> Spread | None:
    """A figure of `peer`; None where it, or what it is compared with, was not measured."""
    values = list(_WAYS[way](result.measurements, peer, figure))
    return Spread(median(values), min(values), max(values)) if values else None


def peers(result: ScenarioResult) -> list[str]:
    """Those that were measured, in the order in which the scenario names them."""
    measured = {measurement.peer for measurement in result.measurements}
    return [peer for peer in result.scenario.peers if peer in measured]


def _values(measurements: tuple[Measurement, ...], peer: str, figure: str) -> Iterator[float]:
    for measurement in measurements:
        if measurement.peer == peer and figure in measurement.figures:
            yield measurement.figures[figure]


def _ratios(measurements: tuple[Measurement, ...], peer: str, figure: str) -> Iterator[float]:
    for index, measurement in enumerate(measurements):
        if measurement.peer != peer or figure not in measurement.figures:
            continue
        before = reversed(measurements[:index])
        neighbours = [*_first(before, figure), *_first(iter(measurements[index + 1 :]), figure)]
        if neighbours and (yardstick := fmean(neighbours)) > 0:
            yield measurement.figures[figure] / yardstick


def _first(measurements: Iterator[Measurement], figure: str) -> Iterator[float]:
    for measurement in measurements:
        if measurement.peer == YARDSTICK and figure in measurement.figures:
            yield measurement.figures[figure]
            return


def _added(measurements: tuple[Measurement, ...], peer: str, figure: str) -> Iterator[float]:
    bare = {m.round: m.figures[figure] for m in measurements if m.peer == BARE and figure in m.figures}
    for measurement in measurements:
        if measurement.peer == peer != BARE and figure in measurement.figures and measurement.round in bare:
            yield measurement.figures[figure] - bare[measurement.round]


def _above(measurements: tuple[Measurement, ...], peer: str, figure: str) -> Iterator[float]:
    passing = {m.round: m.figures[figure] for m in measurements if m.peer == PASSING and figure in m.figures}
    for measurement in measurements:
        if measurement.peer == peer and peer.startswith(DOING_MORE) and measurement.round in passing:
            yield measurement.figures[figure] - passing[measurement.round]


def _beside(measurements: tuple[Measurement, ...], peer: str, figure: str) -> Iterator[float]:
    quiet = {m.round: m.figures[figure] for m in measurements if m.peer == UNDISTURBED and figure in m.figures}
    for measurement in measurements:
        if measurement.peer == peer and peer.startswith("beside-") and quiet.get(measurement.round):
            yield measurement.figures[figure] / quiet[measurement.round]


_WAYS = {"value": _values, "ratio": _ratios, "added": _added, "above": _above, "beside": _beside}
