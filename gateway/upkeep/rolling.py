"""One day of usage records at a time: sums and histograms beside its requests, then in their place, then nothing.

Every function is given the writing connection and does one transaction, so that whatever is killed a request is counted
once: as itself, or in its day's sums. Doing it again does no harm. Does not know which days are due: that is `upkeep`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from duckdb import DuckDBPyConnection

import sql
from gateway.store.analytics import AnalyticsSchema
from gateway.upkeep.days import moment_of

Kept = Literal["requests", "sums", "nothing"]
"""What is kept of a day; sums wherever there are requests too."""

Unit = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Beginnings:
    """The instants at which somebody begins to count what is spent, in Unix microseconds. Sums that take the place of
    requests are made so that they can be told from what was spent before."""

    of_periods: tuple[int, ...] = ()
    """Everybody's: of the present day, week and month, where the operator lives."""
    of_keys: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """When keys were counted from nothing, by their ids."""

    @property
    def cuts(self) -> list[dict[str, object]]:
        """As the statement takes them."""
        everybodys: list[tuple[str | None, int]] = [(None, us) for us in self.of_periods]
        found = [*everybodys, *self.of_keys.items()]
        return [{"key_id": key_id, "since": moment_of(us)} for key_id, us in found]


def catch_up(connection: DuckDBPyConnection, day: date, begun: Beginnings, now_us: int) -> None:
    """Have a day's sums be those of all its requests, the late ones too."""
    with AnalyticsSchema(connection).alone():
        count, kept = _known(connection, day)
        if kept == "requests":
            _forget(connection, day)
            _add(connection, day, [], "hour")
            _mark(connection, day, (_one(connection, "rollups/count_requests", {"d": day}), "requests"), now_us)
        else:
            _replace(connection, day, begun, (count, now_us))


def remove_requests(connection: DuckDBPyConnection, day: date, begun: Beginnings, now_us: int) -> None:
    """Have sums, made anew, in the place of a day's requests."""
    with AnalyticsSchema(connection).alone():
        count, kept = _known(connection, day)
        if kept == "requests":
            _forget(connection, day)
            count = 0
        _replace(connection, day, begun, (count, now_us))


def remove_sums(connection: DuckDBPyConnection, before: date, resets: Mapping[str, int], now_us: int) -> None:
    """Have one sum of what was spent on all days before this one, in the place of sums of each whose requests are
    gone. `resets` are the instants at which keys were counted from nothing."""
    parameters: dict[str, object] = {"sums_before": before, "now_us": now_us}
    counted = {"reset_ids": list(resets), "reset_at": list(resets.values())}
    with AnalyticsSchema(connection).alone():
        _run(connection, "rollups/add_up_before", {**parameters, **counted})
        _run(connection, "rollups/forget_before", {"now_us": now_us})
        _run(connection, "rollups/forget_expired_sums", {"sums_before": before})
        _run(connection, "rollups/forget_expired_latency", {"sums_before": before})
        _run(connection, "rollups/mark_expired", {"sums_before": before})


def bring_back(connection: DuckDBPyConnection, day: date, path: Path) -> int:
    """Take the requests of a day from a file of the archive, but for those that are there; how many that was. A day
    whose requests have gone into sums is left as it is."""
    with AnalyticsSchema(connection).alone():
        if _known(connection, day)[1] != "requests":
            return 0
        return _one(connection, "rollups/bring_back", {"d": day, "path": str(path)})


def _replace(connection: DuckDBPyConnection, day: date, begun: Beginnings, known: tuple[int, int]) -> None:
    """Add what there is of a day's requests to its sums, and delete them; `known` is how many are in there, and now."""
    count, now_us = known
    _add(connection, day, begun.cuts, "day")
    count += _one(connection, "rollups/forget_requests", {"d": day})
    _mark(connection, day, (count, "sums"), now_us)


def _known(connection: DuckDBPyConnection, day: date) -> tuple[int, Kept]:
    """How many of a day's requests are in its sums, and what is kept of it."""
    row = _run(connection, "rollups/day", {"d": day}).fetchone()
    return (row[0], row[1]) if row else (0, "requests")


def _add(connection: DuckDBPyConnection, day: date, cuts: Sequence[Mapping[str, object]], unit: Unit) -> None:
    _run(connection, "rollups/add_sums", {"d": day, "cuts": cuts})
    _run(connection, "rollups/add_latency", {"d": day, "unit": unit})


def _forget(connection: DuckDBPyConnection, day: date) -> None:
    _run(connection, "rollups/forget_sums", {"d": day})
    _run(connection, "rollups/forget_latency", {"d": day})


def _mark(connection: DuckDBPyConnection, day: date, found: tuple[int, Kept], now_us: int) -> None:
    count, kept = found
    _run(connection, "rollups/forget_day", {"d": day})
    _run(connection, "rollups/mark_day", {"d": day, "n": count, "kept": kept, "now_us": now_us})


def _run(connection: DuckDBPyConnection, name: str, parameters: Mapping[str, object]) -> DuckDBPyConnection:
    return connection.execute(sql.statement(name), dict(parameters))


def _one(connection: DuckDBPyConnection, name: str, parameters: Mapping[str, Any]) -> int:
    """The one number that a statement gives."""
    row = _run(connection, name, parameters).fetchone()
    return int(row[0]) if row else 0
