"""How long requests take: in percentiles over time, at which hours of the week, of which target, and how much of it is
our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import orjson

from gateway.usage import figures
from web import display, heat
from web.charted import chart_table
from web.charts import Chart, Frame, Series, lined, stacked
from web.display import Change
from web.filters import Chip, address, read_filter
from web.frame import Choice
from web.headline import SAME, Figure
from web.measured import Measured, Metric, Percentiles, measured
from web.page import Page, Site, Table, Visit
from web.reach import Note, hours_note, notes_of, reach_of
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.span import Span
from web.tables import Column

PATH = "/latency"
TARGETS = 50

METRICS: Mapping[str, Metric] = {"first": "first_byte", "total": "total", "overhead": "overhead"}
"""What can be looked at, by the word in the address."""

TITLES: Mapping[Metric, str] = {"first_byte": "First byte", "total": "Total", "overhead": "Our own time"}

PERCENTILES = (("p50", "series-1"), ("p95", "series-2"), ("p99", "series-0"))

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TargetLine:
    """How fast one target is. Microseconds; percentiles 50, 95 and 99."""

    provider: str
    model: str
    name: str
    requests: int
    first_byte_us: Sequence[int | None]
    total_us: Sequence[int | None]
    overhead_us: int | None
    tokens_per_second: float | None
    speed: str
    link: str


@dataclass(frozen=True, slots=True)
class Latency:
    """What the template shows."""

    metrics: tuple[Choice, ...]
    metric: str
    chips: tuple[Chip, ...]
    clear: str
    figures: tuple[Figure, ...]
    percentiles: Chart
    parts_of: Chart
    week: tuple[heat.Line, ...]
    week_note: str
    """Which days the map lacks."""
    targets: tuple[TargetLine, ...]
    is_empty: bool
    is_utc: bool
    """Whether its days are days UTC, not the viewer's."""
    notes: tuple[Note, ...]
    """What the figures lack."""
    zoom: str
    """The percentiles for a script: JSON."""


async def load(site: Site, visit: Visit) -> Latency:
    """The page's context."""
    chosen = _chosen(visit)
    metric = METRICS[chosen]
    reach = await reach_of(site, visit)
    asked = read_filter(visit.query, reach.span, await visible_keys(site, visit))
    found = await measured(site.read, reach, asked.filter, metric, visit.most(TARGETS))
    frame = Frame(reach.span, reach.zone, visit.now_us)
    percentiles = _percentiles(frame, found.pieces, metric)
    return Latency(
        metrics=tuple(
            Choice(word, TITLES[each], address(PATH, visit.query, {"metric": word, "block": ""}), word == chosen)
            for word, each in METRICS.items()
        ),
        metric=TITLES[metric],
        chips=asked.chips(PATH, reach.span),
        clear=address(PATH, reach.span.query),
        figures=_figures(found),
        percentiles=percentiles,
        parts_of=_parts(frame, found.pieces),
        week=heat.mapped(found.hours, visit.zone, figures.duration),
        week_note=hours_note(reach.lack(asked.filter, "requests")),
        targets=tuple(_target(row, reach.span) for row in found.targets),
        is_empty=not any(found.pieces),
        is_utc=reach.in_days and visit.zone is not UTC,
        notes=notes_of(found.lack),
        zoom=_zoom(reach.span, percentiles),
    )


def _chosen(visit: Visit) -> str:
    """What is looked at."""
    chosen = visit.query.get("metric", "")
    return chosen if chosen in METRICS else "first"


def _figures(found: Measured) -> tuple[Figure, ...]:
    return tuple(
        _figure(f"{title}, {word}", _at(found.now, metric, place), _at(found.before, metric, place))
        for metric, title in TITLES.items()
        for place, word in ((0, "p50"), (1, "p95"))
    )


def _at(percentiles: Mapping[Metric, Percentiles], metric: Metric, place: int) -> float | None:
    return percentiles[metric][place] if metric in percentiles else None


def _figure(label: str, now: float | None, before: float | None) -> Figure:
    if now is None:
        return Figure(label, figures.NOTHING, "no request was answered", SAME)
    change: Change = display.change(now, before, more_is="bad")
    return Figure(label, figures.duration(round(now)), figures.exact_duration(round(now)), change)


def _percentiles(frame: Frame, folded: Sequence[Sequence[Row]], metric: Metric) -> Chart:
    series = [
        Series(word, tint, [_mean(rows, place) for rows in folded]) for place, (word, tint) in enumerate(PERCENTILES)
    ]
    return lined(f"{TITLES[metric]}, percentiles", frame, series, figures.duration)


def _mean(rows: Sequence[Row], place: int) -> float | None:
    """A percentile of a piece of time: exact where it was asked as one, else a mean, weighed by requests."""
    said = [(row["took_us"][place], row["requests"]) for row in rows if row["took_us"]]
    whole = sum(requests for _, requests in said)
    return sum(value * requests for value, requests in said) / whole if whole else None


def _parts(frame: Frame, folded: Sequence[Sequence[Row]]) -> Chart:
    """How long the median request takes, and how much of that the median of our own time is."""
    whole, ours = ([_weighed(rows, column) for rows in folded] for column in ("total_us", "overhead_us"))
    theirs = [max(0.0, each - own) for each, own in zip(whole, ours, strict=True)]
    series = [Series("providers", "series-1", theirs), Series("ourselves", "series-2", ours)]
    return stacked("Median request: providers and ourselves", frame, series, figures.duration)


def _weighed(rows: Sequence[Row], column: str) -> float:
    whole = sum(row["requests"] for row in rows)
    return sum((row[column] or 0) * row["requests"] for row in rows) / whole if whole else 0.0


def _target(row: Row, span: Span) -> TargetLine:
    speed = row["tokens_per_second"]
    return TargetLine(
        provider=row["provider"],
        model=row["model"],
        name=f"{row['provider']}/{row['model']}",
        requests=row["requests"],
        first_byte_us=_whole(row["first_byte_us"]),
        total_us=_whole(row["total_us"]),
        overhead_us=row["overhead_us"],
        tokens_per_second=speed,
        speed=figures.NOTHING if speed is None else f"{speed:,.0f}",
        link=address(PATH, span.query, {"provider": row["provider"], "model": row["model"]}),
    )


def _whole(values: Sequence[float] | None) -> list[int | None]:
    return [round(value) for value in values] if values else [None, None, None]


def _zoom(span: Span, chart: Chart) -> str:
    said = {
        "at": [start / figures.SECOND for start in span.starts],
        "series": [{"name": each.name, "tint": each.tint, "values": each.values} for each in chart.series],
    }
    return orjson.dumps(said).decode()


def _percentile(what: str, place: int, percent: int, head: str) -> Column:
    return Column(f"{what}_p{percent}_us", "whole", head, lambda target: getattr(target, f"{what}_us")[place])


COLUMNS = (
    Column("provider"),
    Column("model"),
    Column("target", head="Target", value=lambda target: target.name),
    Column("requests", "whole", "Answered"),
    _percentile("first_byte", 0, 50, "First byte p50"),
    _percentile("first_byte", 1, 95, "p95"),
    _percentile("first_byte", 2, 99, "p99"),
    _percentile("total", 0, 50, "Total p50"),
    _percentile("total", 1, 95, "p95"),
    _percentile("total", 2, 99, "p99"),
    Column("tokens_per_second", "number", "Tokens/s"),
    Column("overhead_p95_us", "whole", "Ours p95", lambda target: target.overhead_us),
)

WEEK = (
    Column("weekday", head="Weekday", value=lambda at: at[0]),
    Column("hour", "whole", value=lambda at: at[1].hour),
    Column("p95_us", "number", value=lambda at: at[1].mean),
)
"""Weekdays and hours are those where the viewer is."""


def _of_metric(name: str) -> Callable[[Visit], str]:
    return lambda visit: f"latency-{name}-{_chosen(visit)}"


TABLES = (
    Table(name="targets", columns=COLUMNS, rows=lambda latency: latency.targets),
    replace(chart_table("percentiles", lambda latency: latency.percentiles, "percentile", "us", "number"),
            file=_of_metric("percentiles")),
    chart_table("parts", lambda latency: latency.parts_of, "part", "us", "number"),
    Table(name="week", columns=WEEK, file=_of_metric("week"),
          rows=lambda latency: [(line.day, each) for line in latency.week for each in line.squares]),
)  # fmt: skip

PAGE = Page(
    path=PATH,
    title="Latency",
    summary="How long answers take, where the time goes, and how much of it is our own.",
    template="latency.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
    group="Money",
    icon="latency",
    letter="t",
    span="24h",
    refreshes=False,
    tables=TABLES,
)
