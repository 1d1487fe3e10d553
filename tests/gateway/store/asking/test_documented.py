"""What the documentation says of SQL is so: every column is told of, every example runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from gateway.store.analytics import MOST_TEMPORARY, Analytics
from gateway.store.asking import cells, exports, permitted, pipe, queries
from gateway.store.asking.functions import OURS, TABLES
from gateway.store.asking.queries import Query
from tests.gateway.store.asking.stores import opened
from tests.source import ROOT

TEXT = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Analytics, DuckDBPyConnection]]:
    with opened(tmp_path_factory.mktemp("store"), 100) as made:
        yield made


def told(table: str) -> set[str]:
    """The columns that the page tells of."""
    section = TEXT.partition(f"### `{table}`")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_column_is_told_of(at: tuple[Analytics, DuckDBPyConnection], table: str) -> None:
    columns = at[1].execute(f"select column_name from (describe {table})").fetchall()
    assert told(table) == {name for (name,) in columns}


def test_every_field_of_an_attempt_is_told_of(at: tuple[Analytics, DuckDBPyConnection]) -> None:
    fields = at[1].execute("select unnest(struct_keys(attempts[1])) from requests limit 20").fetchall()
    said = re.search(r"^\| `attempts` \| (.*) \|$", TEXT, re.MULTILINE)
    assert said is not None
    assert set(re.findall(r"`(\w+)`", said[1])) == {name for (name,) in fields}


async def test_every_example_runs(at: tuple[Analytics, DuckDBPyConnection]) -> None:
    assert len(EXAMPLES) >= 5
    for text in EXAMPLES:
        assert (await at[0].queries.ask(Query(id="1", who="me", text=text))).columns, text


def test_every_limit_is_the_one_that_holds(tmp_path: Path) -> None:
    assert (queries.QUERY_SECONDS, queries.EXPORT_SECONDS) == (10, 300)
    assert (queries.MOST_ROWS, queries.MOST_SHOWN_BYTES, cells.LONGEST_CELL) == (10_000, 16 * 2**20, 10_000)
    assert (queries.AT_ONCE, queries.SHARE, MOST_TEMPORARY) == (2, 2, "4GB")
    assert (permitted.MOST_TABLES, permitted.MOST_COPIED) == (60, 5)
    assert (exports.EXPORTS, exports.EXPORT_SECONDS, pipe.STALL_SECONDS) == (2, 3600, 60)
    assert all(f"`{name}(" in TEXT for name in OURS)
