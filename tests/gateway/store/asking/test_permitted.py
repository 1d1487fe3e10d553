"""What a person's SQL may be: a corpus of what may, and of what must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from gateway.errors import QueryRefused
from gateway.store.asking.permitted import MOST_COPIED, MOST_TABLES, Permitted, permitted
from gateway.store.asking.words import AS_JSON
from tests.gateway.store.asking.corpus import ELSEWHERE, ENDLESS_TO_PLAN, FILES, GOOD, NO_SENSE, WRITING
from tests.gateway.store.asking.stores import opened


@pytest.fixture(scope="module")
def cursor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("store")) as (_, connection):
        cursor = connection.cursor()
        cursor.execute(AS_JSON)
        yield cursor
        cursor.close()


def refused(cursor: DuckDBPyConnection, text: str) -> QueryRefused:
    with pytest.raises(QueryRefused) as found:
        permitted(cursor, text)
    return found.value


@pytest.mark.parametrize("text", GOOD)
def test_what_reads_usage_may_be_run(cursor: DuckDBPyConnection, text: str) -> None:
    may = permitted(cursor, text)
    assert text.encode()[may.offset :].decode().startswith(may.text)
    cursor.execute(f"explain {may.text}").fetchall()


@pytest.mark.parametrize("text", [*WRITING, *ELSEWHERE, *NO_SENSE])
def test_whatever_else_there_is_may_not(cursor: DuckDBPyConnection, text: str) -> None:
    assert refused(cursor, text).message


@pytest.mark.parametrize("text", FILES)
def test_no_file_can_be_read_not_even_one_that_the_store_may_read(
    cursor: DuckDBPyConnection, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spool = Path(str(cursor.execute("select current_setting('allowed_directories')[1]").fetchall()[0][0]))
    spool.mkdir(exist_ok=True)
    file = spool / "canary.json"
    file.write_text('{"id": 1}\n')
    # What is refused here is otherwise there for the taking.
    assert duckdb.execute(f"select id from '{file}'").fetchall() == [(1,)]
    assert cursor.execute(f"select id from '{file}'").fetchall() == [(1,)]
    refused(cursor, text.replace("FILE", str(file)).replace("DIR", str(spool)))


@pytest.mark.parametrize("text", ENDLESS_TO_PLAN, ids=range(len(ENDLESS_TO_PLAN)))
def test_what_would_be_planned_for_ever_is_refused_at_once(cursor: DuckDBPyConnection, text: str) -> None:
    began = time.monotonic()
    refused(cursor, text)
    assert time.monotonic() - began < 20


def test_a_few_of_them_are_no_harm(cursor: DuckDBPyConnection) -> None:
    tables = ", ".join(f"range(1) as t{number}" for number in range(12))
    nested = "list_transform([1], lambda x: " * MOST_COPIED + "1" + ")" * MOST_COPIED
    for text in (f"select 1 from {tables}", f"select {nested}"):
        cursor.execute(permitted(cursor, text).text).fetchall()
    # A query by WITH counts as often as it is named.
    thrice = "with a as (select * from requests, requests as r) select 1 from a, a as b, a as c"
    assert permitted(cursor, thrice).text == thrice
    assert f"{MOST_TABLES} tables" in refused(cursor, ENDLESS_TO_PLAN[0]).message


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("select *\nfrom requests\nwhere modl = read_text('x')", "may not call read_text", (3, 14)),
        ("select 1,\n  nope(2)", "may not call nope", (2, 3)),
        ("from nowhere", "no table 'nowhere' here; there are latency_hourly, requests, rolled, usage_daily", (1, 6)),
        ("select 1 frm requests", "syntax error", (1, 14)),
        ("select 'ä', nope(1)", "may not call nope", (1, 13)),
        ("explain\n  select nope(1)", "may not call nope", (2, 10)),
        ("-- ü\nexplain analyze select * from 'x'", "no table", (2, 31)),
    ],
)
def test_a_refusal_says_where(cursor: DuckDBPyConnection, text: str, message: str, place: tuple[int, int]) -> None:
    error = refused(cursor, text)
    assert message in error.message
    assert (error.line, error.column) == place
    assert f"Line {place[0]}, column {place[1]}: " in error.message
    assert error.param == "sql"


def test_a_refusal_says_what_may_be_instead(cursor: DuckDBPyConnection) -> None:
    assert "this is INSERT" in refused(cursor, "insert into requests values (1)").message
    assert "one statement" in refused(cursor, "select 1; select 2").message
    assert "parameters" in refused(cursor, "select $x").message
    assert "DESCRIBE" in refused(cursor, "show databases").message
    assert "name of a table alone" in refused(cursor, "from main.requests").message


def test_an_explanation_is_kept_apart_from_what_it_explains(cursor: DuckDBPyConnection) -> None:
    assert permitted(cursor, "explain analyze\nselect 1; ") == Permitted("\nselect 1", "explain analyze", 15)
    assert permitted(cursor, "/* ü */explain select 1") == Permitted(" select 1", "explain", 15)


def test_what_is_run_is_what_was_looked_at(cursor: DuckDBPyConnection) -> None:
    """Whoever misleads about where the first statement ends gets an error, and nothing else."""
    for text in ("select e'\\';' || ' from nowhere", 'select 1 as "a"";b"', "select '''; drop table x; --'"):
        try:
            may = permitted(cursor, text)
        except QueryRefused:
            continue
        assert may.text == text
