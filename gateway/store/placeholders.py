"""Statements with `$name` parameters, written as psycopg wants them: `%(name)s`, and every other `%` twice.

Knows where in SQL a `$` is none of ours: in texts, quoted names and comments. Does not know what a statement asks.
"""

from __future__ import annotations

import re
from functools import cache

_PIECES = re.compile(
    r"""
    (?P<kept> --[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?<![\w$]) \$ (?P<name> [A-Za-z_]\w* )
    """,
    re.VERBOSE | re.DOTALL,
)


@cache
def translated(statement: str) -> str:
    """The statement for psycopg."""
    return _PIECES.sub(_piece, statement.replace("%", "%%"))


def _piece(found: re.Match[str]) -> str:
    name = found["name"]
    return found[0] if name is None else f"%({name})s"
