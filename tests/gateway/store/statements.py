"""Statements of the tests, in place of ours."""

from __future__ import annotations

import pytest

import sql
from sql import Migration

TABLES = """
create table parents (name text primary key, age integer not null check (age >= 0));
create table children (name text primary key, parent text not null references parents (name));
"""

STATEMENTS = {
    "parents/insert": "insert into parents (name, age) values ($name, $age)",
    "parents/all": "select name, age from parents order by name",
    "parents/older": "update parents set age = age + $years where name = $name returning age",
    "parents/delete": "delete from parents where name = $name",
    "parents/sums": "select sum(age) as years, count(*) as parents, max(age) > 3 as old from parents",
    "parents/mean": "select avg(age) as mean from parents",
    "parents/none": "select nothing from nowhere",
    "parents/like": "select name from parents where name like '%$a''%' or name = $a -- 100 % of $b",
    "children/insert": "insert into children (name, parent) values ($name, $parent)",
    "children/all": "select name, parent from children order by name",
}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on there are these tables and statements, and no others."""
    strict = Migration(1, "tables", TABLES.replace(");\n", ") strict;\n"))
    wide = Migration(1, "tables", TABLES.replace("integer", "bigint"))
    monkeypatch.setattr(sql, "migrations", lambda schema: (strict if schema.endswith("sqlite") else wide,))
    monkeypatch.setattr(sql, "statement", STATEMENTS.__getitem__)
