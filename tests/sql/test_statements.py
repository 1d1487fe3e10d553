"""The statements as files: each can be prepared on its schema, each is used, none has a surprise in it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import duckdb
import pytest

import sql
from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import Database, migrate
from gateway.store.state import StateSchema

ROOT = Path(sql.ROOT).parent
SOURCES = [path for package in ("gateway", "web") for path in (ROOT / package).rglob("*.py")]
SCHEMA_OF = {area: schema for schema, areas in sql.SCHEMAS.items() for area in areas}
KEEPING = [(schema, field.name) for schema in sql.SCHEMAS for field in fields(sql.Ledger)]
MIGRATIONS = [(schema, each) for schema in sql.SCHEMAS for each in sql.migrations(schema)]

each_statement = pytest.mark.parametrize("name", sql.names())
each_of_a_ledger = pytest.mark.parametrize(("schema", "name"), KEEPING, ids=lambda word: word)
each_migration = pytest.mark.parametrize(
    ("schema", "migration"), MIGRATIONS, ids=lambda part: part if isinstance(part, str) else part.name
)


@pytest.fixture(scope="module")
def databases() -> Iterator[Mapping[str, Database]]:
    with duckdb.connect() as analytics, closing(sqlite3.connect(":memory:", isolation_level=None)) as state:
        made: dict[str, Database] = {"analytics": AnalyticsSchema(analytics), "state/sqlite": StateSchema(state)}
        for schema, database in made.items():
            migrate(database, sql.migrations(schema))
        yield made


def prepare(database: Database, text: str) -> None:
    """Raises what the database raises when it cannot make sense of a statement."""
    names = re.findall(r"\$(\w+)", text)
    if names and isinstance(database, AnalyticsSchema):
        database.run(f"prepare tried as {text}")
        database.run("deallocate tried")
    else:
        database.rows(f"explain {text}", dict.fromkeys(names))


def test_every_area_belongs_to_one_schema() -> None:
    areas = {name.split("/")[0] for name in sql.names()}
    assert sorted(SCHEMA_OF) == sorted(area for areas in sql.SCHEMAS.values() for area in areas)
    assert areas == SCHEMA_OF.keys()


@each_statement
def test_every_statement_can_be_prepared_on_its_schema(name: str, databases: Mapping[str, Database]) -> None:
    prepare(databases[SCHEMA_OF[name.split("/", maxsplit=1)[0]]], sql.statement(name))


@each_of_a_ledger
def test_every_ledger_can_be_kept(schema: str, name: str, databases: Mapping[str, Database]) -> None:
    prepare(databases[schema], getattr(sql.ledger(schema), name))


@each_statement
def test_every_statement_is_used(name: str) -> None:
    assert any(f'"{name}"' in path.read_text(encoding="utf-8") for path in SOURCES), f"nobody asks {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_statement_asked_for_exists(path: Path) -> None:
    for name in re.findall(rf'"((?:{"|".join(SCHEMA_OF)})/[a-z_]+)"', path.read_text(encoding="utf-8")):
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


@pytest.mark.parametrize("schema", [schema for schema in sql.SCHEMAS if schema.endswith("sqlite")])
def test_a_migration_touches_tables_of_migrations_only(schema: str) -> None:
    made: set[str] = set()
    for migration in sql.migrations(schema):
        text = re.sub(r"--.*", "", migration.text)
        made |= set(re.findall(r"\bcreate table (\w+)", text))
        pattern = r"\b(?:alter table|drop table|insert into|update|delete from|create index \w+ on) (\w+)"
        assert set(re.findall(pattern, text)) <= made
        assert text.count("create table") == len(re.findall(r"^\) strict;", text, re.MULTILINE))
