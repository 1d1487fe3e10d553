"""What models and keys cost: as a chart over time, and ranked. Pure: rows of the store in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.usage import figures
from web import headline
from web.charts import Chart, Frame, Rank, ranked, stacked
from web.colours import OTHER, SERIES, drawn
from web.filters import address
from web.grouped import Naming, series_of
from web.span import Span

Row = Mapping[str, Any]
Of = tuple[int, str, Row]
"""A piece of time, a `provider/model`, and what came of it."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What something cost."""

    cost_nano_usd: int = 0
    estimated: int = 0
    """Requests of it that are estimates."""
    unpriced: int = 0
    """Requests of which it is not known."""


_Line = tuple[str, Sum, str, str]
"""A name, what it cost, its colour, and where its requests are."""


def spend_over_time(frame: Frame, rows: Sequence[Of], colours: Mapping[str, str]) -> Chart:
    """What was spent, by model."""
    sums = _sums(rows)
    naming = Naming(
        _tints(sums, colours),
        link=lambda name: _requests(frame.span, _target(name)),
        about={name for name, each in sums.items() if each.estimated},
    )
    points = [(place, name, float(row["cost_nano_usd"] or 0)) for place, name, row in rows]
    return stacked("Spend by model", frame, series_of(points, len(frame.span.starts), naming), figures.money)


def models(rows: Sequence[Of], colours: Mapping[str, str], span: Span) -> tuple[Rank, ...]:
    """The dearest; shares are of all."""
    sums = _sums(rows)
    tints = _tints(sums, colours)
    lines = [(name, each, tints.get(name, OTHER), _requests(span, _target(name))) for name, each in sums.items()]
    ranks = _ranked(sorted(lines, key=lambda line: (-line[1].cost_nano_usd, line[0])))
    return tuple(replace(each, of=each.name[: each.name.index("/") + 1]) for each in ranks)


def keys(rows: Sequence[Row], colours: Mapping[str, str], span: Span) -> tuple[Rank, ...]:
    """The same of rows of `overview/by_key`, which come in that order."""
    sums = {row["id"]: Sum(*(int(row[name]) for name in Sum.__slots__)) for row in rows}
    tints = _tints(sums, colours)
    lines = [(row["name"], sums[row["id"]], tints.get(row["id"], OTHER), _requests(span, {"key": row["id"]}))
             for row in rows]  # fmt: skip
    return tuple(_ranked(lines))


def _sums(rows: Sequence[Of]) -> Mapping[str, Sum]:
    sums = defaultdict[str, Sum](Sum)
    for _, name, row in rows:
        sums[name] = Sum(*(getattr(sums[name], each) + int(row[each] or 0) for each in Sum.__slots__))
    return sums


def _tints(sums: Mapping[str, Sum], colours: Mapping[str, str]) -> Mapping[str, str]:
    return drawn(colours, {name: each.cost_nano_usd for name, each in sums.items()})


def _ranked(lines: Sequence[_Line]) -> list[Rank]:
    """The first of them; shares are of all."""
    rows = [(name, each.cost_nano_usd, link) for name, each, _, link in lines]
    ranks = ranked(rows, figures.money, figures.exact_money, str)
    return [_told(rank, each, tint) for rank, (_, each, tint, _) in zip(ranks[:SERIES], lines, strict=False)]


def _told(rank: Rank, each: Sum, tint: str) -> Rank:
    value, exact = headline.spent(each.cost_nano_usd, each.estimated, each.unpriced)
    return replace(rank, tint=tint, value=value, exact=exact)


def _target(name: str) -> Mapping[str, str]:
    """The words of an address that mean a `provider/model`."""
    provider, _, model = name.partition("/")
    return {"provider": provider, "model": model}


def _requests(span: Span, meant: Mapping[str, str]) -> str:
    return address("/requests", span.query, meant)
