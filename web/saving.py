"""A table of a page as a file: which one an address asks for, and as what.

Who may see a page may have its tables; what of it is not for everybody, the page itself leaves out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from gateway.errors import InvalidRequest, NotPermitted
from gateway.store.asking.at_hand import written
from gateway.store.asking.exports import FORMATS
from web.page import SAVED, Download, Page, Reply, Site, Table, Visit
from web.tables import MEDIA_TYPES, written_columns, written_rows

PARTS = ("block", "before", "after")
"""Words of an address that mean a part of a page, of which not everything is looked up."""

BATCH = 500
"""Rows of the state that are read in one go, so that nobody waits long for it."""

T = TypeVar("T")

Part = Callable[[str | None, int], Awaitable[Sequence[T]]]
"""What comes after an id in a list, and how much of it at most."""

_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9.]+")


async def saved(site: Site, visit: Visit, page: Page) -> Reply:
    """The file that an address asks for. Raises InvalidRequest where there is no such file, NotPermitted, and whatever
    the page raises."""
    table = _table(page, visit.query.get("table", ""))
    form = _form(table, visit.query[SAVED])
    whole = replace(visit, query={word: text for word, text in visit.query.items() if word not in PARTS})
    source = await (table.load or page.load)(site, whole)
    if isinstance(source, Reply):
        return source
    rows = table.rows(source)
    if rows is None:
        raise NotPermitted(f"The table {table.name} is not for everybody.")
    return Download(f"{_name(page, table, visit)}.{form}", *await _content(table, form, rows))


async def listed(
    visit: Visit, part: Part[T], id_of: Callable[[T], str], *, shown: int, after: str | None = None
) -> list[T]:
    """Rows of a list: one more than are shown, behind that one; for a file all of them, read some at a time."""
    if SAVED not in visit.query:
        return list(await part(after, shown + 1))
    found: list[T] = []
    while some := await part(id_of(found[-1]) if found else None, BATCH):
        found += some
    return found


async def _content(table: Table, form: str, rows: Sequence[Any]) -> tuple[str, bytes]:
    """Type and bytes of a file. In a thread: there may be so many rows that others would wait for it."""
    if form in table.others:
        media_type, write = table.others[form]
        return media_type, await asyncio.to_thread(write, rows)
    known = next(each for each in FORMATS if each == form)
    values = await asyncio.to_thread(written_rows, table.columns, rows)
    return MEDIA_TYPES[known], await written(written_columns(table.columns), values, known)


def _name(page: Page, table: Table, visit: Visit) -> str:
    """Of the file: one of several tables has the page in it."""
    usual = table.name if len(page.tables) == 1 else f"{page.title}-{table.name}".lower()
    return _NOT_OF_A_NAME.sub("-", usual if table.file is None else table.file(visit))


def _table(page: Page, name: str) -> Table:
    if not page.tables:
        raise InvalidRequest("This page has no table that can be had as a file.")
    found = next((each for each in page.tables if name in ("", each.name)), None)
    if found is None:
        raise InvalidRequest(f"This page has no such table; there are {_listed([each.name for each in page.tables])}.")
    return found


def _form(table: Table, form: str) -> str:
    known = (*FORMATS, *table.others)
    if form not in known:
        raise InvalidRequest(f"There is no such format; this table comes as {_listed(known)}.")
    return form


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)
