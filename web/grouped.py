"""What has names, over time: a series for each of the largest, and one for all others together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from gateway.usage import figures
from web.charts import Series, Show
from web.colours import OTHER

REST = "other"
"""What those without a series of their own are called, together."""

Point = tuple[int, str, float]
"""A piece of time, a name, and what came of it."""


def _unlinked(name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are drawn and told."""

    tints: Mapping[str, str]
    """Of those that have a series of their own."""
    show: Show = figures.money
    exact: Show = figures.exact_money
    called: Callable[[str], str] = str
    link: Callable[[str], str] = _unlinked
    about: Collection[str] = ()
    """Names of which some is an estimate."""


def series_of(points: Iterable[Point], pieces: int, naming: Naming) -> list[Series]:
    """The largest first, all others behind them; without those that come to nothing."""
    values: dict[str | None, list[float]] = {}
    about: set[str | None] = set()
    for place, name, value in points:
        known = name if name in naming.tints else None
        values.setdefault(known, [0.0] * pieces)[place] += value
        if name in naming.about:
            about.add(known)
    order = sorted(values, key=lambda name: (name is None, -sum(values[name])))
    return [_series(name, values[name], naming, name in about) for name in order if sum(values[name])]


def _series(name: str | None, values: list[float], naming: Naming, about: bool) -> Series:
    total = round(sum(values))
    return Series(
        name=REST if name is None else naming.called(name),
        tint=OTHER if name is None else naming.tints[name],
        values=values,
        total=("≈ " if about else "") + naming.show(total),
        exact=naming.exact(total) + (", some of it an estimate" if about else ""),
        link="" if name is None else naming.link(name),
    )
