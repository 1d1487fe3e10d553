"""What is asked of a state database, whichever engine it is: named statements, and transactions that write.

Knows neither SQLite nor PostgreSQL; `sqlite` and `postgres` beside it are the two that do this.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = dict[str, Any]
"""Values by column; booleans are 0 and 1, bytes are bytes."""


class Session(Protocol):
    """One connection, used by one thread. Every method raises the engine's own errors, which `State` translates."""

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row of the statement `area/name`."""

    def row(self, name: str, parameters: Mapping[str, object] | None = None) -> Row | None:
        """The first row of it, if any."""

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> int:
        """How many rows the statement changed."""

    def alone(self) -> AbstractContextManager[None]:
        """A transaction in which nobody else writes: it lasts unless something is raised in it."""

    def give_back_space(self) -> bool:
        """Make the database smaller by some of what is free in it; whether there is more to give back."""
