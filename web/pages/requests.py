"""Every request, newest first: filtered by what the address says, a page at a time, as a table that one can save."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gateway.usage import figures, paging
from gateway.usage.paging import Place, read_place
from gateway.usage.reach import known_days, lack_of
from web import display
from web.display import State
from web.filters import BY_NAME, FIELDS, Asked, Chip, Field, address, read_filter
from web.names import Names, names_of
from web.page import Page, Sent, Site, Visit
from web.pages.views import NO_VIEWS, Views, actions_of, views_of, words_typed
from web.reach import Note, unlisted
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.span import Span

PATH = "/requests"
SUMS = "/spend"
"""Where sums of days are whose requests are gone."""

PREFERENCE = "columns"
VIEW_WORDS = ("range", "from", "to", PREFERENCE)
"""Words of the address that belong to a view, beside what is filtered by."""

Row = Mapping[str, Any]
Kind = Literal["text", "count", "money", "duration"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be shown."""

    name: str
    title: str
    value: Callable[[Row, Names], Any]
    kind: Kind = "text"


def _of(name: str) -> Callable[[Row, Names], Any]:
    return lambda row, names: row[name]


def model_of(row: Row) -> str:
    """`provider/model`, or what was asked for where nobody answered."""
    return f"{row['provider']}/{row['model']}" if row["model"] else row["requested_model"] or ""


COLUMNS = (
    Column("model", "Model", lambda row, names: model_of(row)),
    Column("asked", "Asked for", _of("requested_model")),
    Column("key", "Key", _of("key")),
    Column("user", "User", lambda row, names: names.user(row["user_id"])),
    Column("team", "Team", lambda row, names: names.team(row["team_id"])),
    Column("credential", "Credential", _of("credential")),
    Column("endpoint", "Endpoint", _of("endpoint")),
    Column("error", "Error", _of("error")),
    Column("tries", "Attempts", _of("tries"), "count"),
    Column("input", "Input", _of("input_tokens"), "count"),
    Column("cached", "Cached", _of("cache_read_tokens"), "count"),
    Column("output", "Output", _of("output_tokens"), "count"),
    Column("reasoning", "Reasoning", _of("reasoning_tokens"), "count"),
    Column("cost", "Cost", _of("cost_nano_usd"), "money"),
    Column("first", "First byte", _of("first_byte_us"), "duration"),
    Column("total", "Total", _of("total_us"), "duration"),
    Column("overhead", "Overhead", _of("overhead_us"), "duration"),
    Column("tags", "Tags", lambda row, names: ", ".join(row["tags"] or ())),
)
"""Beside when it was and how it ended, which are always there."""

USUAL = ("model", "key", "input", "output", "cost", "first", "total")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a column."""

    value: Any
    kind: Kind
    about: bool
    """Whether it is an estimate."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request."""

    id: str
    started_at_us: int
    state: State
    note: str
    marks: tuple[str, ...]
    """What is worth knowing of it at a glance: `stream`, `retried`, `lossy`."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """What all of them come to."""

    requests: int
    errors: str
    cost_nano_usd: int | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Requests:
    """What the template shows."""

    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    every_column: tuple[Column, ...]
    chips: tuple[Chip, ...]
    odd: tuple[str, ...]
    """What the address says that nobody understands."""
    fields: tuple[Field, ...]
    asked: Mapping[str, str]
    """What is filtered by, in the words of the address."""
    kept: Mapping[str, str]
    """The time, for forms."""
    sum: Sum
    newer: str
    older: str
    clear: str
    csv: str
    parquet: str
    is_first: bool
    views: Views
    notes: tuple[Note, ...]
    """What the list lacks."""


async def load(site: Site, visit: Visit) -> Requests | Sent:
    """The page's context; or the same page by one word for all columns, where a form says one for each."""
    if visit.form.values:  # a form about views was not carried out: the page is as it was when it was sent
        visit = replace(visit, query=words_typed(visit.form))
    span = visit.span
    if len(chosen := visit.every(PREFERENCE)) > 1:
        return Sent(address(PATH, visit.query, {PREFERENCE: ".".join(chosen)}))
    asked = read_filter(visit.query, span, await visible_keys(site, visit))
    known, page, (total,), names = await asyncio.gather(
        known_days(site.read, span.since_us, span.until_us),
        _page(site, visit, asked),
        site.read("requests/summed", {"filter": asked.filter.parameter()}),
        names_of(site),
    )
    columns = _columns(visit)
    return Requests(
        lines=tuple(_line(row, columns, names) for row in page.rows),
        columns=columns,
        every_column=COLUMNS,
        chips=tuple(_named(chip, asked, names) for chip in asked.chips(PATH, span)),
        odd=tuple(BY_NAME[name].label for name in asked.odd),
        fields=FIELDS,
        asked=asked.said,
        kept=span.query,
        sum=_sum(total),
        newer=_turn(asked, span, "after", page.newer),
        older=_turn(asked, span, "before", page.older),
        clear=address(PATH, span.query),
        csv=_export(asked, "csv"),
        parquet=_export(asked, "parquet"),
        is_first="before" not in visit.query and "after" not in visit.query,
        views=await _views(site, visit, asked),
        notes=unlisted(lack_of(known.gone, asked.filter, "requests"), address(SUMS, span.query, asked.said)),
    )


async def _views(site: Site, visit: Visit, asked: Asked) -> Views:
    """What is saved of this page; none where only a part of it is fetched."""
    if "block" in visit.query:
        return NO_VIEWS
    words = {word: visit.query[word] for word in VIEW_WORDS if word in visit.query}
    return await views_of(site, visit, "requests", PATH, {**words, **asked.said})


async def _page(site: Site, visit: Visit, asked: Asked) -> paging.Page:
    before, after = (read_place(visit.query.get(word, "")) for word in ("before", "after"))
    if before is not None:
        return await paging.older(site.read, asked.filter, before)
    if after is not None:
        return await paging.newer(site.read, asked.filter, after)
    return await paging.newest(site.read, asked.filter)


def _turn(asked: Asked, span: Span, word: str, place: Place | None) -> str:
    return "" if place is None else address(PATH, span.query, asked.said, {word: str(place)})


def _columns(visit: Visit) -> tuple[Column, ...]:
    """Those that the address names, or those that the browser remembers, or the usual."""
    said = visit.query.get(PREFERENCE) or visit.browser.preferences.get(PREFERENCE, "")
    wanted = said.split(".")
    chosen = tuple(column for column in COLUMNS if column.name in wanted)
    return chosen or tuple(column for column in COLUMNS if column.name in USUAL)


def _line(row: Row, columns: Sequence[Column], names: Names) -> Line:
    marks = (("stream", row["stream"]), ("retried", (row["tries"] or 0) > 1), ("lossy", row["lossy"]))
    note = f"{row['status']} {row['error']}" if row["error"] else str(row["status"])
    return Line(
        id=row["id"],
        started_at_us=row["started_at_us"],
        state=display.ended(row["status"], row["error"]),
        note=note,
        marks=tuple(mark for mark, holds in marks if holds),
        cells=tuple(_cell(row, column, names) for column in columns),
    )


def _cell(row: Row, column: Column, names: Names) -> Cell:
    value = column.value(row, names)
    about = column.name in ("input", "output", "cost") and row["usage_source"] == "estimated"
    return Cell(value if value != "" else None, column.kind, about)


def _named(chip: Chip, asked: Asked, names: Names) -> Chip:
    """A chip with a name where the address has an id."""
    called = {"key": names.key, "user": names.user, "team": names.team}.get(chip.name)
    return replace(chip, value=called(asked.said[chip.name])) if called else chip


def _sum(row: Row) -> Sum:
    errors = figures.share(row["errors"], row["requests"])
    return Sum(row["requests"], errors, row["cost_nano_usd"], row["input_tokens"] + row["output_tokens"])


def _export(asked: Asked, form: str) -> str:
    """Where the rows are to be had as a file, all of them."""
    meant = {name: value for name, value in asked.filter.parameter().items() if name not in ("key_ids", "id")}
    words = {name: _word(value) for name, value in meant.items() if value is not None}
    return address("/api/usage/export", {"format": form}, words)


def _word(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


PAGE = Page(
    path=PATH,
    title="Requests",
    summary="Every request, newest first. A row opens what happened to it.",
    template="requests.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
    group="Watch",
    icon="requests",
    letter="r",
    span="24h",
    refreshes=True,
    blocks=("rows",),
)

ACTIONS = actions_of(PAGE, "requests")
