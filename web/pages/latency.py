"""How long requests take: in percentiles over time, at which hours of the week, of which target, and how much of it is
our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from msgspec.structs import replace as replace_struct

from gateway.usage import figures
from web import display, headline, heat
from web.changes import marks_of
from web.charted import chart_table
from web.charts import Chart, Frame, Series, lined, stacked
from web.filters import Chip, address, read_filter
from web.frame import Choice
from web.headline import Figure
from web.measured import Measured, Metric, measured
from web.page import Page, Site, Table, Visit
from web.reach import Note, hours_note, notes_of, reach_of
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.span import Span
from web.tables import Column
from web.zooming import zoom_of

PATH = "/latency"
TARGETS = 50

METRICS: Mapping[str, Metric] = {
    "first": "first_byte",
    "token": "first_byte",
    "total": "total",
    "overhead": "overhead",
}
"""What can be looked at, by the word in the address."""

STREAMED = "token"
"""Of streamed answers alone: their first byte leaves with their first token (docs/usage.md)."""

TITLES: Mapping[str, str] = {
    "first": "First byte",
    STREAMED: "First token",
    "total": "Total",
    "overhead": "Our own time",
}
"""What that is called."""

MEDIANS: tuple[Metric, Metric] = ("total", "overhead")

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
    chips: tuple[Chip, ...]
    clear: str
    figures: tuple[Figure, ...]
    percentiles: Chart
    parts_of: Chart
    hours: heat.Heat
    hours_title: str
    hours_note: str
    """Which days the map lacks."""
    first: str
    """What the time to the first byte is called here."""
    is_streamed: bool
    """Whether it is of streamed answers alone."""
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
    reach = await reach_of(site, visit)
    asked = read_filter(visit.query, reach.span, await visible_keys(site, visit))
    meant = replace_struct(asked.filter, stream=True) if chosen == STREAMED else asked.filter
    found = await measured(site.read, reach, meant, METRICS[chosen], visit.most(TARGETS))
    frame = Frame(reach.span, reach.zone, visit.now_us, await marks_of(site, visit, reach.span))
    percentiles = _percentiles(frame, found.pieces, chosen)
    hours = heat.mapped(found.hours, (reach.span.since_us, reach.span.until_us), visit.zone, figures.duration)
    return Latency(
        metrics=tuple(
            Choice(word, title, address(PATH, visit.query, {"metric": word, "block": ""}), word == chosen)
            for word, title in TITLES.items()
            if word in _offered(visit)
        ),
        chips=asked.chips(PATH, reach.span),
        clear=address(PATH, reach.span.query, {"metric": visit.query.get("metric", "")}),
        figures=_figures(found, _first(chosen)),
        percentiles=percentiles,
        parts_of=_parts(frame, found.pieces),
        hours=hours,
        hours_title=f"{TITLES[chosen]}, p95 by hour{' of the week' if hours.is_week else ''}",
        hours_note=hours_note(reach.lack(meant, "requests")),
        first=_first(chosen),
        is_streamed=chosen == STREAMED,
        targets=tuple(_target(row, visit, reach.span) for row in found.targets),
        is_empty=not any(found.pieces),
        is_utc=reach.in_days and visit.zone is not UTC,
        notes=notes_of(found.lack, "which of them were streamed" if chosen == STREAMED else ""),
        zoom=zoom_of(reach.span, percentiles, figures.duration),
    )


def _offered(visit: Visit) -> tuple[str, ...]:
    """What can be looked at: of what was not streamed there is no first token."""
    asked = visit.query.get("stream", "")
    return tuple(word for word in TITLES if word != STREAMED or asked != "no")


def _chosen(visit: Visit) -> str:
    """What is looked at."""
    chosen = visit.query.get("metric", "")
    return chosen if chosen in _offered(visit) else "first"


def _first(chosen: str) -> str:
    return TITLES[STREAMED if chosen == STREAMED else "first"]


def _figures(found: Measured, first: str) -> tuple[Figure, ...]:
    titles: Mapping[Metric, str] = {"first_byte": first, "total": TITLES["total"], "overhead": TITLES["overhead"]}
    return tuple(
        _figure(f"{title}, {word}", found, metric, place)
        for metric, title in titles.items()
        for place, word in ((0, "p50"), (1, "p95"))
    )


def _figure(label: str, found: Measured, metric: Metric, place: int) -> Figure:
    now, before = (
        percentiles[metric][place] if metric in percentiles else None for percentiles in (found.now, found.before)
    )
    # The last piece is not over: it would look like a change.
    lines = headline.spark(_mean(rows, metric, place) for rows in found.pieces[:-1])
    if now is None:
        return Figure(label, figures.NOTHING, "no request was answered", lines=lines)
    change = display.change(now, before, more_is="bad")
    return Figure(label, figures.duration(round(now)), figures.exact_duration(round(now)), change, lines)


def _percentiles(frame: Frame, folded: Sequence[Sequence[Row]], chosen: str) -> Chart:
    series = [
        Series(word, tint, [_mean(rows, METRICS[chosen], place) for rows in folded])
        for place, (word, tint) in enumerate(PERCENTILES)
    ]
    return lined(f"{TITLES[chosen]}, percentiles", frame, series, figures.duration)


def _mean(rows: Sequence[Row], metric: Metric, place: int) -> float | None:
    """A percentile of a piece of time: exact where it was asked as one, else a mean, weighed by requests."""
    said = [(row[metric][place], row["requests"]) for row in rows if row[metric]]
    whole = sum(requests for _, requests in said)
    return sum(value * requests for value, requests in said) / whole if whole else None


def _parts(frame: Frame, folded: Sequence[Sequence[Row]]) -> Chart:
    """How long the median request takes, and how much of that the median of our own time is."""
    whole, ours = ([_mean(rows, metric, 0) or 0.0 for rows in folded] for metric in MEDIANS)
    theirs = [max(0.0, each - own) for each, own in zip(whole, ours, strict=True)]
    series = [Series("providers", "series-1", theirs), Series("ourselves", "series-2", ours)]
    return stacked("Median request: providers and ourselves", frame, series, figures.duration)


def _target(row: Row, visit: Visit, span: Span) -> TargetLine:
    speed = row["tokens_per_second"]
    meant = {"provider": row["provider"], "model": row["model"], "metric": visit.query.get("metric", "")}
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
        link=address(PATH, span.query, meant),
    )


def _whole(values: Sequence[float] | None) -> list[int | None]:
    return [round(value) for value in values] if values else [None, None, None]


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

HOURS = (
    Column("day", head="Day", value=lambda at: at[0]),
    Column("hour", "whole", "Hour", lambda at: at[1].hour),
    Column("p95_us", "number", "p95", lambda at: at[1].mean),
    Column("requests", "whole", "Answered", lambda at: round(at[1].weight)),
)
"""Days, or weekdays, and hours are those where the viewer is."""


def _of_metric(name: str) -> Callable[[Visit], str]:
    return lambda visit: f"latency-{name}-{_chosen(visit)}"


TABLES = (
    Table(name="targets", columns=COLUMNS, rows=lambda latency: latency.targets),
    replace(chart_table("percentiles", lambda latency: latency.percentiles, "percentile", "us", "number"),
            file=_of_metric("percentiles")),
    chart_table("parts", lambda latency: latency.parts_of, "part", "us", "number"),
    Table(name="hours", columns=HOURS, rows=lambda latency: latency.hours.known, file=_of_metric("hours")),
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
