"""SQL of one's own on the tables about usage: an editor, its answer as a table or a chart, all of it as a file.

The address says what stands in the editor. To run it is a form, for each run is written down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.errors import Conflict, ControlUnavailable, QueryRefused, QueryStopped, Unacceptable, UnknownResource
from gateway.management import queries, saved
from gateway.management.office import new_id
from gateway.management.queries import RUN, ExportWish, QueryWish
from gateway.management.saved import MOST_OF_ONE, QUERIES, Part, SavedQuery
from gateway.store.asking.examples import Example, examples, first
from gateway.store.asking.exports import FORMATS
from gateway.store.asking.queries import EXPORT_SECONDS, MOST_CHARACTERS, QUERY_SECONDS, SHARE, Result
from gateway.store.asking.told import UNITS
from web.answers import Table, table_of
from web.asking import Line, TableRows, excerpt, tables
from web.drawing import Drawing, drawing_of
from web.filters import address
from web.forms import Form, Problem
from web.page import Action, Flow, Page, Sending, Sent, Shown, Site, Visit
from web.tables import MEDIA_TYPES

PATH = "/sql"

View = Literal["table", "chart"]
VIEWS: tuple[tuple[View, str], ...] = (("table", "as a table"), ("chart", "as a chart"))

MOST_ROWS = 1000
"""Of an answer on the page; a file has all of them."""

LONGEST_LINK = 1500
"""Characters of a query that goes into an address."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Gave:
    """A query that was run."""

    result: Result


@dataclass(frozen=True, slots=True)
class Wrong:
    """A query that gave nothing, and why."""

    text: str
    lines: tuple[Line, ...] = ()
    """Where in its text."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A saved query that is in the editor."""

    id: str
    name: str
    shared: bool
    version: int
    of: str
    """Whose it is; empty for one's own."""


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A saved query in the list."""

    link: str
    name: str
    note: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every query."""

    seconds: int
    export_minutes: int
    rows: int
    memory: str


@dataclass(frozen=True, slots=True)
class Sql:
    """What the template shows."""

    text: str
    view: str
    views: tuple[tuple[View, str], ...]
    query_id: str
    """What the next run is called, so that it can be cancelled."""
    running: str
    """Id of the query of one's own that runs; empty for none."""
    opened: Opened | None
    odd: str
    """What the address asks for that there is not."""
    saved: tuple[SavedRow, ...]
    examples: Sequence[Example]
    example: str
    tables: tuple[TableRows, ...]
    units: str
    limits: Limits
    answer: Table | None
    drawing: Drawing | None
    wrong: Wrong | None
    link: str
    may_save: bool
    may_delete: bool
    named: Mapping[str, str]
    """What stands in the form to save it."""
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Sql:
    """The page's context."""
    opened, found, odd = await _opened(site, visit)
    part = Part(limit=MOST_OF_ONE)
    listed = await saved.list_saved(site.office, visit.person, QUERIES, part)
    view = _view(visit)
    text, example = _text(visit, found)
    result = visit.made.result if isinstance(visit.made, Gave) else None
    return Sql(
        text=text,
        view=view,
        views=VIEWS,
        query_id=new_id(site.office.now_us),
        running=queries.running_query(visit.person, site.around.queries) or "",
        opened=opened,
        odd=odd,
        saved=tuple(_row(each, visit, opened) for each in listed),
        examples=tuple(examples().values()),
        example=example,
        tables=tables(await _types(site)),
        units=UNITS,
        limits=Limits(
            round(QUERY_SECONDS),
            round(EXPORT_SECONDS / 60),
            MOST_ROWS,
            _shared(site.settings().usage.duckdb_memory_limit),
        ),
        answer=None if result is None else table_of(result),
        drawing=drawing_of(result, visit.now_us) if result is not None and view == "chart" else None,
        wrong=visit.made if isinstance(visit.made, Wrong) else None,
        link=_link(text, view),
        may_save=visit.person.user_id is not None,
        may_delete=opened is not None and (not opened.of or visit.person.may(saved.CLEANING)),
        named=_named(visit.form, opened),
        problem=visit.problem,
    )


async def run(site: Site, visit: Visit) -> Shown:
    """What the query in the editor gives, or why it gives nothing."""
    text = written(visit.form)
    called = visit.form.raw("id")
    query_id = called if _ID.fullmatch(called) else new_id(site.office.now_us)
    wish = QueryWish(sql=text, max_rows=MOST_ROWS)
    try:
        result = await queries.run_query(site.office, visit.person, site.around.queries, wish, query_id)
    except QueryRefused as error:
        return Shown(Wrong(error.message, excerpt(text, error.line, error.column)))
    except (QueryStopped, Conflict, ControlUnavailable) as error:
        return Shown(Wrong(error.message))
    return Shown(Gave(result))


async def export(site: Site, visit: Visit) -> Sending | Shown:
    """All that the query gives, as a file."""
    text = written(visit.form)
    form = next((each for each in FORMATS if each == visit.form.raw("format")), FORMATS[0])
    wish = ExportWish(sql=text, format=form)
    query_id = new_id(site.office.now_us)
    try:
        exported = await queries.export_query(site.office, visit.person, site.around.queries, wish, query_id)
    except QueryRefused as error:
        return Shown(Wrong(error.message, excerpt(text, error.line, error.column)))
    except (QueryStopped, Conflict, ControlUnavailable) as error:
        return Shown(Wrong(error.message))
    return Sending(f"query.{form}", MEDIA_TYPES[form], Flow(exported, exported.end))


async def cancel(site: Site, visit: Visit) -> Sent:
    """Stop the query of one's own that runs."""
    queries.cancel_query(visit.person, site.around.queries, visit.form.raw("id"))
    return Sent(address(PATH, {"said": "query-cancelled"}))


def written(form: Form) -> str:
    """What stands in the editor, with the line breaks that are ours. Raises Unacceptable."""
    text = form.raw("sql").replace("\r\n", "\n").strip()
    if not text:
        raise Unacceptable("Write a query first.", param="sql")
    if len(text) > MOST_CHARACTERS:
        raise Unacceptable(f"A query may have at most {MOST_CHARACTERS:,} characters.", param="sql")
    return text


def link_to(saved_id: str) -> str:
    """Where a saved query is."""
    return address(PATH, {"saved": saved_id})


async def _opened(site: Site, visit: Visit) -> tuple[Opened | None, SavedQuery | None, str]:
    """The saved query that the address or the form is about; and what is said where there is none."""
    wanted = visit.form.raw("saved") or visit.query.get("saved", "")
    if not wanted:
        return None, None, ""
    try:
        found = await saved.get_saved(site.office, visit.person, QUERIES, wanted)
    except UnknownResource:
        return None, None, "There is no such saved query, or it is no longer shared with you."
    own = found.user_id == visit.person.user_id
    owner = "" if own else found.user_name or found.email
    return Opened(found.id, found.name, found.shared, found.version, owner), found, ""


def _text(visit: Visit, found: SavedQuery | None) -> tuple[str, str]:
    """What stands in the editor, and the name of the example that it is."""
    if visit.form.raw("sql"):
        return visit.form.raw("sql").replace("\r\n", "\n"), ""
    if found is not None:
        return found.query, ""
    example = examples().get(visit.query.get("example", ""))
    if example is not None:
        return example.text, example.name
    return visit.query.get("sql", "")[:MOST_CHARACTERS] or first(), ""


def _view(visit: Visit) -> View:
    asked = visit.form.raw("view") or visit.query.get("view", "")
    return next((view for view, _ in VIEWS if view == asked), VIEWS[0][0])


def _named(form: Form, opened: Opened | None) -> Mapping[str, str]:
    """What stands in the form to save the query."""
    usual = ("", "no") if opened is None else (opened.name, "yes" if opened.shared else "no")
    return {"name": form.raw("name") or usual[0], "shared": form.raw("shared") or usual[1]}


def _row(each: SavedQuery, visit: Visit, opened: Opened | None) -> SavedRow:
    own = each.user_id == visit.person.user_id
    note = ("shared" if each.shared else "") if own else f"of {each.user_name or each.email}"
    return SavedRow(link_to(each.id), each.name, note, opened is not None and opened.id == each.id)


def _link(text: str, view: View) -> str:
    """An address with the query in it; empty where that would be too long."""
    said = {"sql": text, "view": "" if view == VIEWS[0][0] else view}
    return address(PATH, said) if len(text) <= LONGEST_LINK else ""


def _shared(limit: str) -> str:
    """What queries may have of the store's memory: `512 MB` of `1024MB`."""
    number = limit.rstrip("BKMGTi ")
    return f"{float(number) / SHARE:g} {limit[len(number) :].strip()}"


async def _types(site: Site) -> Mapping[tuple[str, str], str]:
    """DuckDB's types by table and column; nothing while the store is away: the page says what is wrong when asked."""
    try:
        rows = await site.read("sql/columns", {})
    except ControlUnavailable:
        return {}
    return {(row["table_name"], row["column_name"]): str(row["data_type"]).lower() for row in rows}


PAGE = Page(
    path=PATH,
    title="SQL",
    summary="Ask the tables about usage in SQL of your own. It only reads; each run is in the audit log.",
    template="sql.html",
    load=load,
    permissions=(RUN,),
    group="Run",
    icon="sql",
    letter="q",
    blocks=("answer",),
)

ACTIONS = (
    Action(PATH, PAGE, run, abandonable=True),
    Action(f"{PATH}/export", PAGE, export, abandonable=True),
    Action(f"{PATH}/cancel", PAGE, cancel),
)
