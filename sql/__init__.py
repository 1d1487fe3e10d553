"""The statements, by name. Knows where the files lie; does not know what they ask or who asks.

`statement("usage/newest")` is the text of `queries/usage/newest.sql`. `migrations("analytics")` are the numbered files
of `analytics/migrations`, in order, and `ledger("analytics")` the statements that keep book of them. What depends on
the kind of database lies with its schema: `analytics` is DuckDB's, `state/sqlite` SQLite's, `state/postgres`
PostgreSQL's. Statements that ask the state are such as both of its engines read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parent

STATE = (
    "alerts",
    "answers",
    "attempts",
    "audit",
    "configuration",
    "generations",
    "invitations",
    "jobs",
    "keys",
    "limits",
    "openid",
    "people",
    "responses",
    "saved",
    "sessions",
    "system",
    "teams",
    "tokens",
    "transfer",
    "vault",
)
"""Areas of `queries` that ask the state, whichever engine keeps it."""

SCHEMAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "analytics": (
            "demo",
            "examples",
            "latency",
            "models",
            "overview",
            "providers",
            "requests",
            "rollups",
            "spend",
            "sql",
            "usage",
        ),
        "state/sqlite": STATE,
        "state/postgres": STATE,
    }
)
"""Every schema, and the areas of `queries` that ask it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered change of a schema."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal: a file that was applied may not change."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The statements by which a database knows which migrations it has, and what tables are in it."""

    tables: str
    create: str
    applied: str
    record: str


@cache
def statement(name: str) -> str:
    """The text of the statement `area/name`; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    return (ROOT / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def names() -> tuple[str, ...]:
    """Every statement there is, sorted."""
    queries = ROOT / "queries"
    return tuple(sorted(path.relative_to(queries).with_suffix("").as_posix() for path in queries.rglob("*.sql")))


@cache
def migrations(schema: str) -> tuple[Migration, ...]:
    """The migrations of a schema, `NNNN_what_it_does.sql` each, by number."""
    files = sorted((ROOT / schema / "migrations").glob("*.sql"))
    return tuple(_migration(path) for path in files)


@cache
def ledger(schema: str) -> Ledger:
    """What keeps book of the migrations of a schema."""
    directory = ROOT / schema / "ledger"
    return Ledger(**{path.stem: path.read_text(encoding="utf-8") for path in directory.glob("*.sql")})


def _migration(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    return Migration(int(number), name, path.read_text(encoding="utf-8"))
