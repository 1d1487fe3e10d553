"""What it costs: over time and by whom or what, beside the time before; budgets, and when they will be used up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from gateway.usage import figures
from gateway.usage.figures import DAY
from web import display, headline
from web.budgets import BURNS, STEPS, Budgets, Seen, budgets_of, steps_of
from web.changes import marks_of
from web.charted import chart_table
from web.charts import Chart, Frame, stacked
from web.colours import OTHER, drawn
from web.display import Change
from web.filters import Asked, Chip, address, read_filter
from web.frame import Choice
from web.grouped import Naming, series_of
from web.headline import SAME, Figure
from web.names import Names, names_of
from web.page import Page, Read, Site, Table, Visit
from web.reach import Note, Reach, notes_of, reach_of
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.span import Span
from web.tables import Column

PATH = "/spend"

KINDS: Mapping[str, str] = {
    "model": "Model",
    "provider": "Provider",
    "credential": "Credential",
    "key": "Key",
    "user": "User",
    "team": "Team",
}
"""By what it can be looked at, by the word in the address."""

SORTS = ("name", "requests", "input", "output", "cached", "cost", "change")
USUAL_SORT = "-cost"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One of a kind."""

    id: str
    """As usage records have it; empty for none."""
    name: str
    tint: str
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cached: str
    cost_nano_usd: int | None
    estimated: int
    """Requests of it that are estimates."""
    cost: str
    """In words, and exactly."""
    exact_cost: str
    unpriced: int
    share: str
    cost_share: float | None
    former_nano_usd: int
    """What the time before cost, which is as long."""
    change: Change
    link: str
    cached_share: float
    growth: float


@dataclass(frozen=True, slots=True)
class Spend:
    """What the template shows."""

    kinds: tuple[Choice, ...]
    kind: str
    chips: tuple[Chip, ...]
    clear: str
    figures: tuple[Figure, ...]
    chart: Chart
    lines: tuple[Line, ...]
    budgets: Budgets
    """Those that bear upon what whoever looks may see."""
    is_empty: bool
    is_utc: bool
    """Whether its days are days UTC, not the viewer's."""
    notes: tuple[Note, ...]
    """What the figures lack."""
    unpriced: int
    may_compare: bool
    """Whether whoever looks may see the books of whole providers."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the store says."""

    reach: Reach
    now: Sequence[Row]
    before: Sequence[Row]
    """Nothing where that is not known."""
    pieces: Sequence[tuple[int, Row]]
    """Place in the span, and what was used and spent there."""


async def load(site: Site, visit: Visit) -> Spend:
    """The page's context."""
    kind = _kind(visit)
    asked = read_filter(visit.query, visit.span_or(PAGE_SPAN), await visible_keys(site, visit))
    found, names = await asyncio.gather(_found(site, visit, asked, kind), names_of(site))
    span = found.reach.span
    sizes = {row["name"] or "": row["cost_nano_usd"] or 0 for row in found.now}
    tints = drawn(await site.colours.of(kind), sizes)
    lines = _lines(found, kind, names, tints)
    frame = Frame(span, found.reach.zone, visit.now_us, await marks_of(site, visit, span))
    return Spend(
        kinds=tuple(
            Choice(word, title, address(PATH, visit.query, {"by": word, "block": ""}), word == kind)
            for word, title in KINDS.items()
        ),
        kind=KINDS[kind],
        chips=asked.chips(PATH, span),
        clear=address(PATH, span.query, {"by": kind}),
        figures=_figures(found),
        chart=_chart(frame, found, kind, names, tints),
        lines=_sorted(lines, visit.query.get("sort", USUAL_SORT)),
        budgets=await budgets_of(site, visit, Seen(asked.filter.key_ids, visit.person), names, PATH),
        is_empty=not found.now,
        is_utc=found.reach.in_days and visit.zone is not UTC,
        notes=notes_of(found.reach.lack(asked.filter, "sums")),
        unpriced=sum(row["unpriced"] for row in found.now),
        may_compare=visit.person.may(EVERYBODYS),
    )


def _kind(visit: Visit) -> str:
    """By what is looked at it."""
    kind = visit.query.get("by", "")
    return kind if kind in KINDS else "model"


async def _found(site: Site, visit: Visit, asked: Asked, kind: str) -> Found:
    """Headline, table and chart come from the same: sums where those know the pieces of the chart, else requests."""
    reach = await reach_of(site, visit, PAGE_SPAN)
    now = {"filter": reach.now(asked.filter), "by": kind}
    sums = {**now, "rolled_until_us": reach.rolled_until_us if reach.in_days else 0}
    before = {**now, "filter": reach.before(asked.filter), "rolled_until_us": reach.rolled_until_us}
    rows, rows_before, pieces = await asyncio.gather(
        site.read("spend/summed", sums),
        site.read("spend/summed", before),
        _by_day(site.read, sums, reach.span) if reach.in_days else _by_piece(site.read, now, reach.span),
    )
    return Found(reach, rows, rows_before if reach.compares(asked.filter, "sums") else (), pieces)


async def _by_day(read: Read, sums: Mapping[str, object], span: Span) -> list[tuple[int, Row]]:
    return [(span.place_at(row["day_us"]), row) for row in await read("spend/by_day", sums)]


async def _by_piece(read: Read, now: Mapping[str, object], span: Span) -> list[tuple[int, Row]]:
    rows = await read("spend/by_piece", {**now, **span.buckets})
    return [(span.place(row["bucket"]), row) for row in rows]


SUMS = ("cost_nano_usd", "requests", "input_tokens", "output_tokens", "estimated", "unpriced")


def _figures(found: Found) -> tuple[Figure, ...]:
    now, before = ({name: sum(row[name] or 0 for row in rows) for name in SUMS} for rows in (found.now, found.before))
    each, each_before = (sums["cost_nano_usd"] / sums["requests"] if sums["requests"] else 0 for sums in (now, before))
    pieces = _summed(found)
    spent = headline.spent(now["cost_nano_usd"], now["estimated"], now["unpriced"])
    return (
        Figure("Spend", *spent, _change(now, before, "cost_nano_usd"), _spark(pieces, "cost_nano_usd")),
        Figure("A request", *headline.spent(round(each), now["estimated"], now["unpriced"]),
               display.change(each, each_before), headline.spark(map(_each, pieces))),
        _count("Requests", "requests", now, before, pieces),
        _count("Input tokens", "input_tokens", now, before, pieces),
        _count("Output tokens", "output_tokens", now, before, pieces),
        _a_month(now, found.reach.span),
    )  # fmt: skip


def _summed(found: Found) -> Sequence[Row]:
    """What was used and spent in each piece, by all together, but for the last one, which is not over."""
    sums = [dict.fromkeys(SUMS[:4], 0) for _ in found.reach.span.starts]
    for place, row in found.pieces:
        for name in SUMS[:4]:
            sums[place][name] += row[name]
    return sums[:-1]


def _each(sums: Row) -> float | None:
    return sums["cost_nano_usd"] / sums["requests"] if sums["requests"] else None


def _spark(pieces: Sequence[Row], name: str) -> Sequence[str]:
    return headline.spark([row[name] for row in pieces])


def _change(now: Row, before: Row, name: str) -> Change:
    return display.change(now[name], before[name])


def _count(label: str, name: str, now: Row, before: Row, pieces: Sequence[Row]) -> Figure:
    exact = figures.exact_count(now[name])
    return Figure(label, figures.count(now[name]), exact, _change(now, before, name), _spark(pieces, name))


def _a_month(now: Row, span: Span) -> Figure:
    """What 30 days come to at this pace."""
    pace = now["cost_nano_usd"] * 30 * DAY / span.length_us
    value, _ = headline.spent(round(pace), now["estimated"])
    return Figure("30 days at this pace", value, "if all days are as these were", SAME)


def _chart(frame: Frame, found: Found, kind: str, names: Names, tints: Mapping[str, str]) -> Chart:
    naming = Naming(
        tints,
        called=lambda name: _called(name, kind, names),
        about={row["name"] or "" for row in found.now if row["estimated"]},
    )
    points = [(place, row["name"] or "", row["cost_nano_usd"]) for place, row in found.pieces]
    series = series_of(points, len(frame.span.starts), naming)
    return stacked(f"Spend by {kind}", frame, series, figures.money)


def _called(name: str | None, kind: str, names: Names) -> str:
    called = {"key": names.key, "user": names.user, "team": names.team}.get(kind)
    return (called(name) if called else name) if name else "none"


def _lines(found: Found, kind: str, names: Names, tints: Mapping[str, str]) -> list[Line]:
    whole = sum(row["cost_nano_usd"] or 0 for row in found.now)
    before = {row["name"]: row["cost_nano_usd"] or 0 for row in found.before}
    around = (whole, before, tints, found.reach.span)
    return [_line(row, _called(row["name"], kind, names), kind, around) for row in found.now]


def _line(row: Row, name: str, kind: str, around: tuple[int, Mapping[str, int], Mapping[str, str], Span]) -> Line:
    whole, before, tints, span = around
    cost, former = row["cost_nano_usd"], before.get(row["name"], 0)
    cached = row["cache_read_tokens"] / row["input_tokens"] if row["input_tokens"] else 0.0
    said, exact = headline.spent(cost or 0, row["estimated"], row["unpriced"])
    return Line(
        id=row["name"] or "",
        name=name,
        tint=tints.get(row["name"] or "", OTHER),
        requests=row["requests"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cache_read_tokens=row["cache_read_tokens"],
        cached=figures.share(row["cache_read_tokens"], row["input_tokens"]),
        cost_nano_usd=None if row["unpriced"] == row["requests"] else cost,
        estimated=row["estimated"],
        cost=said,
        exact_cost=exact,
        unpriced=row["unpriced"],
        share=figures.share(cost or 0, whole),
        cost_share=(cost or 0) / whole if whole else None,
        former_nano_usd=former,
        change=display.change(cost or 0, former),
        link=address("/requests", span.query, _meant(kind, row["name"])) if row["name"] else "",
        cached_share=cached,
        growth=(cost or 0) / former if former else 0.0,
    )


def _meant(kind: str, name: str) -> Mapping[str, str]:
    """The words of an address that mean one of a kind."""
    if kind not in ("model", "credential"):
        return {kind: name}
    provider, _, rest = name.partition("/")
    return {"provider": provider, kind: rest}


def _sorted(lines: Sequence[Line], by: str) -> tuple[Line, ...]:
    column, falling = by.removeprefix("-"), by.startswith("-")
    keys: Mapping[str, Any] = {
        "name": lambda line: line.name.lower(),
        "requests": lambda line: line.requests,
        "input": lambda line: line.input_tokens,
        "output": lambda line: line.output_tokens,
        "cached": lambda line: line.cached_share,
        "change": lambda line: line.growth,
    }
    return tuple(sorted(lines, key=keys.get(column, lambda line: line.cost_nano_usd or 0), reverse=falling))


COLUMNS = (
    Column("id"),
    Column("name", head=KINDS["model"]),
    Column("requests", "whole", "Requests"),
    Column("input_tokens", "whole", "Input"),
    Column("cache_read_tokens", "whole", "Cached"),
    Column("cached_share", "number", "Cached"),
    Column("output_tokens", "whole", "Output"),
    Column("cost", "money", "Cost"),
    Column("share", "number", "Share", lambda line: line.cost_share),
    Column("former_cost", "money", "Change", lambda line: line.former_nano_usd),
    Column("change", "number", "Change", lambda line: line.growth - 1 if line.former_nano_usd else None),
    Column("unpriced_requests", "whole", value=lambda line: line.unpriced),
    Column("estimated", "flag", value=lambda line: line.estimated > 0),
    Column("estimated_requests", "whole", value=lambda line: line.estimated),
)
"""What the first is called goes by what is looked at."""

TABLES = (
    Table(name="spend", columns=COLUMNS, rows=lambda spend: spend.lines, file=lambda visit: f"spend-by-{_kind(visit)}"),
    chart_table("over-time", lambda spend: spend.chart, "name", "cost", "money"),
    Table(name="budgets", columns=BURNS, rows=lambda spend: spend.budgets.burns),
    Table(name="budgets-over-time", columns=STEPS, rows=lambda spend: steps_of(spend.budgets.burns)),
)

PAGE_SPAN = "30d"

PAGE = Page(
    path=PATH,
    title="Spend",
    summary="What it costs, who spends it, and how far budgets reach.",
    template="spend.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
    group="Money",
    icon="spend",
    letter="s",
    span=PAGE_SPAN,
    tables=TABLES,
)
