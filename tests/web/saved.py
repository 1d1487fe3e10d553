"""What pages offer as files, and the files: links with the tables they stand at, rows of CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb

CSV, PARQUET, LINES = "text/csv; charset=utf-8", "application/vnd.apache.parquet", "application/x-ndjson"
TYPES = {"csv": CSV, "parquet": PARQUET, "jsonl": LINES}

WITHOUT_END = frozenset(("meta", "link", "img", "br", "hr", "input"))


@dataclass
class Shown:
    """A table of a page."""

    heads: list[str] = field(default_factory=list)
    rows: int = 0
    is_heat: bool = False


@dataclass
class Place:
    """A part of a page that has a title: what stands in it."""

    tables: list[Shown] = field(default_factory=list)
    is_chart: bool = False

    @property
    def heads(self) -> set[str]:
        """What stands above columns, of tables whose columns are the same whatever there is."""
        plain = [] if self.is_chart else [table for table in self.tables if not table.is_heat]
        return {head for table in plain for head in table.heads if head}

    @property
    def rows(self) -> int:
        """How many a file of it has."""
        return sum(self._rows(table) for table in self.tables)

    def _rows(self, table: Shown) -> int:
        if self.is_chart:
            return table.rows * (len(table.heads) - 1)
        return 0 if table.is_heat else table.rows  # what a map has stands in the table below it


@dataclass
class Link:
    """Where a page offers a file."""

    url: str
    place: Place

    def said(self, word: str) -> str:
        """What the address says."""
        return parse_qs(urlsplit(self.url).query).get(word, [""])[0]


class Links(HTMLParser):
    """The files that a page offers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[Link] = []
        self._open: list[tuple[str, str]] = []
        self._places: list[tuple[int, Place]] = []
        self._tables: list[Shown] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in WITHOUT_END:
            return
        self._open.append((tag, said.get("class", "")))
        if tag in ("main", "section", "figure"):
            self._places.append((len(self._open), Place(is_chart=tag == "figure")))
        if tag == "a" and "format=" in said.get("href", ""):
            self.found.append(Link(said["href"], self._places[-1][1]))
        if tag == "table":
            self._tables.append(Shown(is_heat="heat" in said.get("class", "")))
            for _, place in self._places:
                place.tables.append(self._tables[-1])
        if tag == "tr" and self._is_within("tbody") and said.get("class") != "under":
            self._tables[-1].rows += 1
        if tag == "th" and self._is_within("thead"):
            self._tables[-1].heads.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._places and self._places[-1][0] == len(self._open):
            self._places.pop()
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._is_within("thead") and self._is_within("th") and ("span", "unseen") not in self._open:
            self._tables[-1].heads[-1] += data

    def _is_within(self, tag: str) -> bool:
        return any(each == tag for each, _ in self._open)


def csv_rows(content: bytes) -> list[dict[str, str]]:
    """Rows by the names of their columns, each of them with all."""
    first, *lines = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    return [dict(zip(first, line, strict=True)) for line in lines]


def parquet_rows(content: bytes, directory: Path) -> list[dict[str, Any]]:
    """The same of Parquet; instants are Unix microseconds, ids are texts."""
    return list(_parquet_rows(content, directory / "read.parquet"))


def _parquet_rows(content: bytes, path: Path) -> Iterator[dict[str, Any]]:
    path.write_bytes(content)
    with duckdb.connect() as connection:
        found = connection.sql(f"from '{path}'")
        select = ", ".join(_read(name, str(type_)) for name, type_ in zip(found.columns, found.types, strict=True))
        for row in connection.sql(f"select {select} from '{path}'").fetchall():
            yield dict(zip(found.columns, row, strict=True))


def _read(name: str, type_: str) -> str:
    read = {"TIMESTAMP WITH TIME ZONE": 'epoch_us("{}")', "UUID": 'cast("{}" as varchar)'}.get(type_, '"{}"')
    return f'{read.format(name)} as "{name}"'


def parquet_types(content: bytes, directory: Path) -> dict[str, str]:
    """What DuckDB calls the types of a Parquet file's columns."""
    (directory / "read.parquet").write_bytes(content)
    with duckdb.connect() as connection:
        found = connection.sql(f"from '{directory}/read.parquet'")
        return dict(zip(found.columns, map(str, found.types), strict=True))
