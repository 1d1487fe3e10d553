"""Queries to begin with, for people who write SQL of their own: statements like all others, each with its question.

Knows their names and their order. None of them has a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import sql

EXAMPLES = (
    "examples/cost_by_day",
    "examples/cost_by_tag",
    "examples/cost_by_month_and_team",
    "examples/dearest_requests",
    "examples/slowest_models",
    "examples/own_time_by_hour",
    "examples/requests_by_hour",
    "examples/cache_share",
    "examples/retries_by_provider",
    "examples/failed_attempts",
    "examples/lost_in_translation",
    "examples/clients",
    "examples/unpriced_models",
)
"""Statements, in the order of the page. Each opens with the question that it answers."""

FIRST = "sql/first"
"""The one for somebody who asks for nothing yet."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query to begin with."""

    name: str
    """By which an address names it."""
    title: str
    text: str


@cache
def examples() -> Mapping[str, Example]:
    """Every example, by its name."""
    return {each.name: each for each in map(_example, EXAMPLES)}


@cache
def first() -> str:
    """The text of that one."""
    return _example(FIRST).text


def _example(statement: str) -> Example:
    text = sql.statement(statement)
    question, _, query = text.partition("\n")
    return Example(statement.partition("/")[2], question.removeprefix("-- "), query.strip())
