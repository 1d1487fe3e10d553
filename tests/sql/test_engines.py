"""The state's schema on PostgreSQL is SQLite's, and what both are asked means the same on both."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import psycopg
import pytest

import sql
from gateway.store.migrate import migrate
from gateway.store.postgres import PostgresSchema
from gateway.store.sqlite import SqliteSchema
from tests.postgres import Server, needs_postgres

SPOKEN = {"bigint": "integer", "bytea": "blob", "text": "text"}
"""PostgreSQL's types and SQLite's."""

Column = tuple[str, str, str, bool]

PAIRS = list(zip(sql.migrations("state/sqlite"), sql.migrations("state/postgres"), strict=True))


def columns_of_sqlite() -> set[Column]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(SqliteSchema(connection), sql.migrations("state/sqlite"))
        found = connection.execute(
            """select tables.name, columns.name, lower(columns.type), columns."notnull" or columns.pk
               from sqlite_master as tables join pragma_table_info(tables.name) as columns
               where tables.type = 'table'"""
        )
        return {(table, column, kind, bool(required)) for table, column, kind, required in found}


def columns_of_postgres(url: str) -> set[Column]:
    with psycopg.connect(url, autocommit=True) as connection:
        migrate(PostgresSchema(connection), sql.migrations("state/postgres"))
        found = connection.execute(
            """select table_name, column_name, data_type, is_nullable = 'NO'
               from information_schema.columns where table_schema = 'public'"""
        ).fetchall()
        return {(table, column, SPOKEN[kind], required) for table, column, kind, required in found}


@needs_postgres
def test_tables_and_columns_are_the_same(postgres: Server) -> None:
    assert columns_of_postgres(postgres.fresh()) == columns_of_sqlite()


@pytest.mark.parametrize(("sqlite", "postgres"), PAIRS, ids=lambda migration: migration.name)
def test_a_migration_says_the_same_in_both(sqlite: sql.Migration, postgres: sql.Migration) -> None:
    """Constraints, references, defaults and indexes included; triggers have a language for each."""
    assert (sqlite.version, sqlite.name) == (postgres.version, postgres.name)
    assert declared(postgres.text) == declared(sqlite.text)


TRIGGERS = r"^create function .*?^\$\$;$|^create trigger [^;]*\bbegin\b.*?^end;$|^create trigger [^;]*;"


def declared(text: str) -> list[str]:
    """What the statements of a migration say, in SQLite's words."""
    text = re.sub(r"--.*", "", text)
    text = re.sub(TRIGGERS, "", text, flags=re.MULTILINE | re.DOTALL)
    for theirs, ours in {"bigint": "integer", "bytea": "blob", ' collate "C"': "", " = 1": "", ") strict": ")"}.items():
        text = text.replace(theirs, ours)
    return [" ".join(statement.split()) for statement in text.split(";") if statement.strip()]


OF_ONE_ENGINE = {
    r"::": "a cast that SQLite does not read",
    r"^(?!.*(\blower\([\w.]+\)|\bemail) like\b).* like\b": "lower(a) like lower(b)",
    r"\bilike\b|\bglob\b|\bregexp\b": "a comparison of one engine",
    r"\b(insert|update) or \w+": "on conflict ... do",
    r"\b(ifnull|iif|instr|strftime|julianday|unixepoch|group_concat|string_agg|rowid)\b": "a function of one engine",
    r"\b(now|random|current_timestamp)\b": "time and chance are handed in",
}


@pytest.mark.parametrize("name", [name for name in sql.names() if name.split("/")[0] in sql.STATE])
def test_a_statement_is_such_as_both_engines_understand_alike(name: str) -> None:
    text = re.sub(r"--.*|\$\w+", "", sql.statement(name))
    assert not [why for pattern, why in OF_ONE_ENGINE.items() if re.search(pattern, text, re.MULTILINE)]
