"""What a person's SQL may be: one statement that reads, of the tables about usage, by functions known to be harmless.

DuckDB's own parser says what a text is, and gives it as a tree; every table and every function in that tree must be one
that we know. That a file cannot be read by it is so because nothing that reads files has a name here. Nothing is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway.errors import QueryRefused

from .functions import FUNCTIONS, TABLE_FUNCTIONS, TABLES
from .words import refusal, refused_at

READING = "A query reads: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN of one of these"

UNTOLD = (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.InternalException)
"""What is not the text's fault, or not as such."""

NODES = frozenset(
    (
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF"),
        *("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    )
)
"""Whatever in a tree is no expression. Of an expression there is nothing to know but the functions in it."""

OF_TYPES = "_TYPE_INFO"
"""How the name of what tells more of a type ends."""

PLACES = frozenset(("", "main", "pg_catalog"))
"""Where the functions that we know are; DuckDB says the last one itself, of some that have a syntax of their own."""

SHOWN = frozenset(('"tables"', "__show_tables_expanded"))
"""What can be shown that is no table: which tables there are."""

COPYING = frozenset(("BETWEEN", "LAMBDA"))
"""Classes of expressions of which DuckDB plans a part more than once: nested deeply, it plans for ever, and cannot be
stopped at that."""

MOST_COPIED = 5

MOST_TABLES = 60
"""With more of them finding an order to join them takes too long, and cannot be stopped either."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
"""What a query may be called by WITH: nothing that could be a file's name, or another one than DuckDB takes it for."""

_EXPLAIN = re.compile(r"(?P<before>(?:\s|--[^\n]*\n|/\*.*?\*/)*)explain\b(?P<analyze>\s+analyze\b)?", re.I | re.S)
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]* | /\*.*?\*/ | (?P<end>;) | .""",
    re.S | re.X,
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """A text that may be run."""

    text: str
    """One statement that gives rows, with no semicolon behind it."""
    explained: str = ""
    """What is to stand before it: `explain`, `explain analyze` or nothing."""
    offset: int = 0
    """Where it begins in what was written, in bytes."""


def permitted(cursor: DuckDBPyConnection, written: str) -> Permitted:
    """What may be run of it. Raises QueryRefused, which says why not, and where."""
    kind = _kind(cursor, written)
    text = written[: _end_of(written)]
    found = Permitted(text)
    if kind == "EXPLAIN":
        found = _explained(text)
        kind = _kind(cursor, found.text, within=found)
    if kind != "SELECT":
        raise QueryRefused(f"{READING}; this is {kind.replace('_', ' ')}.")
    _check(_tree(cursor, found, written), found, written)
    return found


def _end_of(text: str) -> int:
    """Where the first semicolon is that stands for itself. Who is misled by this gets an error, and no more than that:
    what is left is judged as a whole."""
    return next((found.start() for found in _TOKEN.finditer(text) if found["end"]), len(text))


def _kind(cursor: DuckDBPyConnection, text: str, within: Permitted | None = None) -> str:
    """The kind of statement that a text is, if it is one."""
    try:
        statements = cursor.extract_statements(text)
        kinds = [each.type.name for each in statements]
    except UNTOLD:
        raise
    except duckdb.Error as error:
        raise refusal(error, text, offset=0) from None
    except ValueError:  # a kind that the library knows and its binding does not
        raise QueryRefused(f"{READING}.") from None
    if len(kinds) != 1:
        raise QueryRefused("Write one statement." if not kinds else "Write one statement, and no more than one.")
    if statements[0].named_parameters:
        raise QueryRefused("There are no parameters here: write the values themselves.")
    if within is not None and kinds != ["SELECT"]:
        raise QueryRefused("Only what reads can be explained.")
    kind: str = kinds[0]
    return kind


def _explained(text: str) -> Permitted:
    found = _EXPLAIN.match(text)
    if found is None:
        raise QueryRefused("Write EXPLAIN or EXPLAIN ANALYZE, and the query behind it.")
    offset = len(text[: found.end()].encode())
    return Permitted(text[found.end() :], "explain analyze" if found["analyze"] else "explain", offset)


def _tree(cursor: DuckDBPyConnection, found: Permitted, written: str) -> Any:
    try:
        row = cursor.execute(sql.statement("sql/parsed"), {"text": found.text}).fetchone()
        assert row is not None
        # The standard library's, since a number may be infinite here.
        tree = json.loads(row[0])
    except UNTOLD:
        raise
    except duckdb.Error as error:
        raise refusal(error, written, offset=found.offset) from None
    except RecursionError:
        raise QueryRefused("This is nested too deeply.") from None
    if tree["error"]:
        position = int(tree["position"]) if "position" in tree else None
        raise refused_at(f"{tree['error_message']}.", written, position, found.offset)
    return tree["statements"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A piece of the tree, and where in it that stands."""

    piece: Any
    named: Mapping[str, int]
    """The queries that a name stands for here, by WITH."""
    within: int = 0
    """The one of these queries that the piece belongs to; 0 for the whole."""
    copied: int = 0
    """In how many things it stands of which each one has DuckDB plan it more than once."""


def _check(tree: Any, found: Permitted, written: str) -> None:
    """Raises QueryRefused at the first thing that may not be in it. Not recursive: a text may be nested deeply."""
    left, walk = [_Seen(tree, {})], _Walk()
    while left:
        seen = left.pop()
        if isinstance(seen.piece, list):
            left += [replace(seen, piece=each) for each in seen.piece]
        elif isinstance(seen.piece, dict):
            try:
                left += walk.look(seen, seen.piece)
            except QueryRefused as refused:
                raise refused_at(refused.message, written, seen.piece.get("query_location"), found.offset) from None
    if walk.weight() > MOST_TABLES:
        raise QueryRefused(f"A query may ask {MOST_TABLES} tables, each counted as often as it is named.")


class _Walk:
    """What was found on the way through one tree."""

    def __init__(self) -> None:
        self._asked: dict[int, list[int | None]] = {0: []}
        """By the query: what it asks, None for a table that is none of these queries."""

    def look(self, seen: _Seen, piece: dict[str, Any]) -> Iterator[_Seen]:
        """What is in a piece, once the piece itself is found to be harmless."""
        kind = piece.get("type")
        _check_kind(piece, kind, seen.copied)
        inner = {name: each for name, each in piece.items() if name != "cte_map"}
        if kind == "BASE_TABLE":
            self._asked[seen.within].append(_asked_table(piece, seen.named))
        elif kind == "TABLE_FUNCTION":
            self._asked[seen.within].append(None)
            inner["function"] = _without_name(piece["function"], TABLE_FUNCTIONS, "ask")
        elif piece.get("function_name"):
            _without_name(piece, FUNCTIONS, "call")
        seen = replace(seen, copied=seen.copied + (piece.get("class") in COPYING))
        named, queries = self._queries(seen, piece)
        # In the first half of a recursive query its name is not yet that query's.
        own = {**named, str(piece.get("cte_name")).lower(): 0} if kind == "RECURSIVE_CTE_NODE" else named
        rest = (replace(seen, piece=each, named=own if name == "right" else named) for name, each in inner.items())
        return iter([*queries, *rest])

    def weight(self) -> int:
        """How many tables are asked, where every query is asked as often as its name is: DuckDB may do just that."""
        known: dict[int, int] = {}

        def weigh(query: int) -> int:
            if query not in known:
                known[query] = max(1, sum(weigh(each) if each else 1 for each in self._asked[query]))
            return known[query]

        return weigh(0)

    def _queries(self, seen: _Seen, piece: dict[str, Any]) -> tuple[Mapping[str, int], list[_Seen]]:
        """The names that hold in a node by its WITH; and the queries there, each of which knows those before it."""
        found, named = [], seen.named
        for entry in (piece.get("cte_map") or {}).get("map", ()):
            name, query = str(entry["key"]), len(self._asked)
            if _NAME.fullmatch(name) is None:
                raise QueryRefused(f"Letters of ASCII, digits and underscores make a name; {name!r} is none.")
            if query > MOST_TABLES:
                raise QueryRefused(f"A query may have {MOST_TABLES} others by WITH.")
            self._asked[query] = []
            found.append(replace(seen, piece=entry["value"], named=named, within=query))
            named = {**named, name.lower(): query}
        return named, found


def _check_kind(piece: dict[str, Any], kind: object, copied: int) -> None:
    if isinstance(kind, str) and "class" not in piece and not (kind in NODES or kind.endswith(OF_TYPES)):
        raise QueryRefused(f"A query may not have this in it: {kind.replace('_', ' ').lower()}.")
    if kind == "SHOW_REF" and piece.get("table_name") and piece["table_name"] not in SHOWN:
        raise QueryRefused("What can be shown is SHOW TABLES; DESCRIBE tells of a table.")
    if copied > MOST_COPIED:
        raise QueryRefused(f"BETWEEN and lambdas may stand in each other {MOST_COPIED} deep.")


def _asked_table(piece: dict[str, Any], named: Mapping[str, int]) -> int | None:
    """The query that a name stands for; None for a table."""
    name = str(piece.get("table_name"))
    path = (piece.get("qualified_name") or {}).get("path", [name])
    if path != [name] or piece.get("schema_name") or piece.get("catalog_name"):
        raise QueryRefused("Write the name of a table alone.")
    if name.lower() not in TABLES | named.keys():
        raise QueryRefused(f"There is no table {name!r} here; there are {', '.join(sorted(TABLES))}.")
    return named.get(name.lower()) or None


def _without_name(piece: dict[str, Any], allowed: frozenset[str], verb: str) -> dict[str, Any]:
    """A function without its name, which has been looked at."""
    name = str(piece.get("function_name"))
    path = (piece.get("qualified_name") or {}).get("path", [name])
    if path[-1] != name or piece.get("catalog") or not PLACES.issuperset((*path[:-1], piece.get("schema") or "")):
        raise QueryRefused("Write the name of a function alone.")
    if name.lower() not in allowed:
        raise QueryRefused(f"A query may not {verb} {name}.")
    return {**piece, "function_name": ""}
