"""The statements as files: each can be prepared on its schema, each is used, none has a surprise in it."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

import duckdb
import psycopg
import pytest

import sql
from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import Database, migrate
from gateway.store.postgres import PostgresSchema
from gateway.store.sqlite import SqliteSchema
from tests.postgres import needs_postgres

ROOT = Path(sql.ROOT).parent
SOURCES = [path for package in ("gateway", "web") for path in (ROOT / package).rglob("*.py")]
ASKED = [(schema, name) for schema, areas in sql.SCHEMAS.items() for name in sql.names() if name.split("/")[0] in areas]
KEEPING = [(schema, field.name) for schema in sql.SCHEMAS for field in fields(sql.Ledger)]
MIGRATIONS = [(schema, each) for schema in sql.SCHEMAS for each in sql.migrations(schema)]

each_statement = pytest.mark.parametrize("name", sql.names())
each_of_a_ledger = pytest.mark.parametrize(("schema", "name"), KEEPING, ids=lambda word: word)
each_migration = pytest.mark.parametrize(
    ("schema", "migration"), MIGRATIONS, ids=lambda part: part if isinstance(part, str) else part.name
)


@contextmanager
def duckdb_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with duckdb.connect() as connection:
        yield AnalyticsSchema(connection)


@contextmanager
def sqlite_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield SqliteSchema(connection)


@contextmanager
def postgres_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with psycopg.connect(request.getfixturevalue("postgres").fresh(), autocommit=True) as connection:
        yield PostgresSchema(connection)


MAKING = {"analytics": duckdb_database, "state/sqlite": sqlite_database, "state/postgres": postgres_database}

each_schema = pytest.mark.parametrize(
    "database",
    [pytest.param(name, marks=needs_postgres if name == "state/postgres" else ()) for name in MAKING],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with MAKING[request.param](request) as made:
        migrate(made, sql.migrations(request.param))
        yield made


def prepare(database: Database, text: str) -> None:
    """Raises what the database raises when it cannot make sense of a statement."""
    names = re.findall(r"\$(\w+)", text)
    if names and isinstance(database, AnalyticsSchema):
        database.run(f"prepare tried as {text}")
        database.run("deallocate tried")
    else:
        database.rows(f"explain {text}", dict.fromkeys(names))


def schema_of(database: Database) -> str:
    return next(schema for schema in sql.SCHEMAS if sql.ledger(schema) == database.ledger)


def test_every_area_is_asked_of_somebody() -> None:
    assert {name.split("/")[0] for name in sql.names()} == {area for areas in sql.SCHEMAS.values() for area in areas}
    assert sql.SCHEMAS["state/sqlite"] == sql.SCHEMAS["state/postgres"]
    assert not set(sql.SCHEMAS["analytics"]) & set(sql.STATE)


@each_schema
def test_every_statement_can_be_prepared_on_its_schema(database: Database) -> None:
    wrong = {}
    for schema, name in ASKED:
        if schema == schema_of(database):
            try:
                prepare(database, sql.statement(name))
            except (duckdb.Error, sqlite3.Error, psycopg.Error) as error:
                wrong[name] = str(error)
    assert not wrong


@each_schema
def test_every_ledger_can_be_kept(database: Database) -> None:
    for field in fields(sql.Ledger):
        # Of what makes tables PostgreSQL explains nothing; and it is there.
        if field.name != "create":
            prepare(database, getattr(database.ledger, field.name))


@each_statement
def test_every_statement_is_used(name: str) -> None:
    assert any(f'"{name}"' in path.read_text(encoding="utf-8") for path in SOURCES), f"nobody asks {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_statement_asked_for_exists(path: Path) -> None:
    areas = "|".join(area for areas in sql.SCHEMAS.values() for area in areas)
    for name in re.findall(rf'"((?:{areas})/[a-z_]+)"', path.read_text(encoding="utf-8")):
        assert name in sql.names(), f"{path} asks {name}"


@each_statement
def test_a_statement_opens_with_its_question_and_is_one(name: str) -> None:
    check_style(sql.statement(name))


@each_of_a_ledger
def test_a_statement_of_a_ledger_does_too(schema: str, name: str) -> None:
    check_style(getattr(sql.ledger(schema), name))


def check_style(text: str) -> None:
    assert re.match(r"-- [A-Z].*\?\s", text), "the first line is the question it answers"
    assert ";" not in text
    assert not re.search(r"\b(SELECT|FROM|WHERE|GROUP|ORDER|INSERT|DELETE)\b", text), "keywords are lower-case"
    assert "{{" not in text
    assert max(map(len, text.splitlines())) <= 140


ASKS = re.compile(r"\s*(select\s+\S|insert into\s+\S|update \w+ set\s|delete from\s+\S|with \w+ as\s)", re.IGNORECASE)
"""How a statement begins, and goes on: of one that is put together around a name only the beginning is in a text."""

IN_CODE = {
    "gateway/store/dump.py": "of tables whose names are asked for",
    "gateway/store/postgres.py": "of this engine, whose lock and schema it is; of tables whose names are asked for",
    "gateway/store/sqlite.py": "of tables whose names are asked for",
    "gateway/store/asking/at_hand.py": "of a table whose columns are asked for",
    "gateway/store/asking/cells.py": "around what somebody wrote",
    "gateway/upkeep/compacting.py": "of tables whose names are asked for",
}
"""Where statements are put together, and around what."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_statements_are_files_and_not_in_code(path: Path) -> None:
    found = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ASKS.match(node.value)
    ]
    if str(path.relative_to(ROOT)) not in IN_CODE:
        assert not found


@pytest.mark.parametrize("name", IN_CODE)
def test_every_exception_is_needed(name: str) -> None:
    assert re.search(r"(select|insert into|delete from) ", (ROOT / name).read_text(encoding="utf-8"))


def test_an_unknown_statement_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        sql.statement("usage/../responses/find")


@pytest.mark.parametrize("schema", sql.SCHEMAS)
def test_migrations_are_numbered_without_gaps(schema: str) -> None:
    versions = [migration.version for migration in sql.migrations(schema)]
    assert versions
    assert versions == list(range(1, len(versions) + 1))


@each_migration
def test_a_migration_does_not_end_its_own_transaction(schema: str, migration: sql.Migration) -> None:
    words = "begin|commit|rollback|savepoint|release|attach|detach|vacuum|pragma|checkpoint"
    assert not re.search(rf"^\s*({words})\b(?! *(--|$))", migration.text, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("schema", ["state/sqlite", "state/postgres"])
def test_a_migration_touches_tables_of_migrations_only(schema: str) -> None:
    made: set[str] = set()
    for migration in sql.migrations(schema):
        text = re.sub(r"--.*", "", migration.text)
        made |= set(re.findall(r"\bcreate table (\w+)", text))
        pattern = r"\b(?:alter table|drop table|insert into|update|delete from|create index \w+ on) (?!on\b)(\w+)"
        assert set(re.findall(pattern, text)) <= made
        end = r"^\) strict;" if schema.endswith("sqlite") else r"^\);"
        assert text.count("create table") == len(re.findall(end, text, re.MULTILINE))
