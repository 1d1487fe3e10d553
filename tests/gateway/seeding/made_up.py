"""A history in a store of the test, and asking it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway.seeding.clients import KEYS
from gateway.seeding.history import Owned, Wish, parts
from gateway.seeding.world import TEAMS
from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import migrate

UNTIL_US = round(datetime(2026, 11, 20, 9, 40, tzinfo=UTC).timestamp()) * 1_000_000
"""A Friday."""

GROUPS = {team.name for team in TEAMS}

OWNED = {
    key.name: Owned(
        f"key:{key.name}",
        None if key.owner in GROUPS else f"user-{key.owner}",
        f"team-{key.owner}" if key.owner in GROUPS else None,
    )
    for key in KEYS
}


@dataclass(frozen=True)
class Store:
    """An analytics store in memory."""

    connection: DuckDBPyConnection

    def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def one(self, query: str, *parameters: object) -> Any:
        ((value,),) = self.ask(query, *parameters)
        return value

    def column(self, query: str, *parameters: object) -> Sequence[Any]:
        return [row[0] for row in self.ask(query, *parameters)]

    def columns(self) -> Sequence[str]:
        return self.column("select column_name from (describe requests)")

    def write(self, wish: Wish) -> Store:
        for part in parts(wish, OWNED):
            part.write(self.connection)
        return self


def empty(*, threads: int = 2) -> Store:
    """One with nothing in it."""
    connection = duckdb.connect(config={"threads": threads})
    migrate(AnalyticsSchema(connection), sql.migrations("analytics"))
    return Store(connection)


def wish(requests: int = 50_000, *, days: float = 30.0, seed: int = 1, at_once: int = 1_000_000) -> Wish:
    return Wish(requests=requests, days=days, until_us=UNTIL_US, seed=seed, at_once=at_once)
