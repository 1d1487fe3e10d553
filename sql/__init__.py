"""The statements, by name. Knows where the files lie; does not know what they ask or who asks.

`statement("usage/newest")` is the text of `queries/usage/newest.sql`; `migrations("analytics")` are the numbered files
of `analytics/migrations`, in order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent


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
def migrations(store: str) -> tuple[Migration, ...]:
    """The migrations of a store, `NNNN_what_it_does.sql` each, by number."""
    files = sorted((ROOT / store / "migrations").glob("*.sql"))
    return tuple(_migration(path) for path in files)


def _migration(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    return Migration(int(number), name, path.read_text(encoding="utf-8"))
