"""The statements as files: each can be prepared on our schema, each is used, none has a surprise in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import sql
from gateway.store.migrate import migrate

ROOT = Path(sql.ROOT).parent
SOURCES = [path for package in ("gateway", "web") for path in (ROOT / package).rglob("*.py")]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        migrate(made, sql.migrations("analytics"))
        yield made


@pytest.mark.parametrize("name", sql.names())
def test_every_statement_can_be_prepared_on_our_schema(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    (statement,) = connection.extract_statements(sql.statement(name))
    if not statement.named_parameters:
        connection.execute(f"explain {sql.statement(name)}")
        return
    connection.execute(f"prepare tried as {sql.statement(name)}")
    connection.execute("deallocate tried")


@pytest.mark.parametrize("name", sql.names())
def test_every_statement_is_used(name: str) -> None:
    assert any(f'"{name}"' in path.read_text(encoding="utf-8") for path in SOURCES), f"nobody asks {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_statement_asked_for_exists(path: Path) -> None:
    areas = "|".join({name.split("/")[0] for name in sql.names()})
    for name in re.findall(rf'"((?:{areas})/[a-z_]+)"', path.read_text(encoding="utf-8")):
        assert name in sql.names(), f"{path} asks {name}"


@pytest.mark.parametrize("name", sql.names())
def test_a_statement_opens_with_its_question_and_is_one(name: str) -> None:
    text = sql.statement(name)
    assert re.match(r"-- [A-Z].*\?\s", text), "the first line is the question it answers"
    assert ";" not in text
    assert not re.search(r"\b(SELECT|FROM|WHERE|GROUP|ORDER|INSERT|DELETE)\b", text), "keywords are lower-case"
    assert "{{" not in text
    assert max(map(len, text.splitlines())) <= 140


def test_an_unknown_statement_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        sql.statement("usage/../schema/create")


def test_migrations_are_numbered_without_gaps() -> None:
    versions = [migration.version for migration in sql.migrations("analytics")]
    assert versions == list(range(1, len(versions) + 1))
