"""Every request, newest first: filtered by what the address says, a page at a time, as a table that one can save."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from msgspec.structs import asdict

from gateway.settings.instants import write_instant
from gateway.usage import figures, paging
from gateway.usage.paging import Place, read_place
from gateway.usage.reach import known_days, lack_of
from web import display
from web.display import State
from web.filters import BY_NAME, FIELDS, SOURCE_WORDS, Asked, Chip, Field, address, read_filter
from web.names import Names, names_of
from web.page import SAVED, Page, Sent, Site, Table, Visit
from web.pages.views import NO_VIEWS, Views, actions_of, views_of, words_typed
from web.reach import Note, unlisted
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.span import Span

PATH = "/requests"
SUMS = "/spend"
"""Where sums of days are whose requests are gone."""

PREFERENCE = "columns"
CHOSEN = "column"
"""Words of an address that a form leaves for each column that was ticked, and one that says that there was a form."""

NAMED = re.compile(r"(?=.*\d)[\w.-]{16,}", re.ASCII)
"""What may be the id of one request: ours, or one that providers give."""

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
    Column("asked", "Requested", _of("requested_model")),
    Column("answered", "Answered by", _of("answered_model")),
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
    Column("source", "Tokens from", lambda row, names: SOURCE_WORDS.get(row["usage_source"], row["usage_source"])),
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
    counted: bool
    """Whether it was counted by us, and not by the provider."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request."""

    id: str
    started_at_us: int
    state: State
    note: str
    marks: tuple[str, ...]
    """What is worth knowing of it at a glance: `stream`, `retried`, `lossy`, `other model`."""
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
    """The page's context. Or where to go instead: to the one request of which the id is searched for, whenever it was;
    to the columns that were ticked, which the browser remembers."""
    if visit.form.values:  # a form about views was not carried out: the page is as it was when it was sent
        visit = replace(visit, query=words_typed(visit.form))
    span = visit.span
    if chosen := visit.every(CHOSEN):
        return _remembered(visit, chosen)
    asked = read_filter(visit.query, span, await visible_keys(site, visit))
    known, page, (total,), names = await asyncio.gather(
        known_days(site.read, span.since_us, span.until_us),
        _page(site, visit, asked),
        site.read("requests/summed", {"filter": asked.filter.parameter()}),
        names_of(site),
    )
    if len(page.rows) < 2 and (meant := await _meant(site, visit, asked)) is not None:
        return Sent(f"{PATH}/{meant}")
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


async def _meant(site: Site, visit: Visit, asked: Asked) -> str | None:
    """The request that is searched for by its id, where nothing else is said of it. All that there ever was is looked
    through: only for what hardly anything was found of in the time that is shown."""
    text = asked.said.get("search", "")
    if "block" in visit.query or asked.said.keys() != {"search"} or not NAMED.fullmatch(text):
        return None
    return await paging.named(site.read, text, key_ids=asked.filter.key_ids)


def _remembered(visit: Visit, chosen: Sequence[str]) -> Sent:
    """None of them means the usual ones again."""
    columns = ".".join(column.name for column in COLUMNS if column.name in chosen)
    there = address(PATH, visit.query, {CHOSEN: "", PREFERENCE: columns})
    return Sent(there, visit.browser.keep_preference(PREFERENCE, columns))


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
    marks = (
        ("stream", row["stream"]),
        ("retried", (row["tries"] or 0) > 1),
        ("lossy", row["lossy"]),
        ("other model", row["other_model"]),
    )
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
    source = row["usage_source"] if column.name in ("input", "output", "cost") else ""
    return Cell(value if value != "" else None, column.kind, source == "estimated", source == "counted")


def _named(chip: Chip, asked: Asked, names: Names) -> Chip:
    """A chip with a name where the address has an id."""
    called = {"key": names.key, "user": names.user, "team": names.team}.get(chip.name)
    return replace(chip, value=called(asked.said[chip.name])) if called else chip


def _sum(row: Row) -> Sum:
    errors = figures.share(row["errors"], row["requests"])
    return Sum(row["requests"], errors, row["cost_nano_usd"], row["input_tokens"] + row["output_tokens"])


async def _saved(site: Site, visit: Visit) -> Sent:
    """Where the file is that an address of the page asks for."""
    asked = read_filter(visit.query, visit.span, await visible_keys(site, visit))
    return Sent(_export(asked, visit.query[SAVED]))


def _export(asked: Asked, form: str) -> str:
    """Where the rows are to be had as a file, all of them: the API has any number of them, as they are made."""
    chosen = asdict(asked.filter)
    del chosen["key_ids"]  # whoever asks may see
    times = {"since": write_instant(chosen.pop("since_us")), "until": write_instant(chosen.pop("until_us"))}
    words = {name: _word(value) for name, value in chosen.items() if value is not None}
    return address("/api/usage/export", {"format": form}, times, words)


def _word(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


TABLE = Table(name="requests", columns=(), rows=lambda _: (), load=_saved)
"""The API says which columns there are."""


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
    tables=(TABLE,),
)

ACTIONS = actions_of(PAGE, "requests")
