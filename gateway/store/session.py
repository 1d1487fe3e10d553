"""What is asked of a state database, whichever engine it is: named statements, and transactions.

Knows neither SQLite nor PostgreSQL; `sqlite` and `postgres` beside it are the two that do this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from gateway.errors import Conflict
from gateway.store.migrate import Database
from sql import Migration

Row = dict[str, Any]
"""Values by column; booleans are 0 and 1, sums are integers, bytes are bytes."""

Breach = Literal["unique", "reference", "refused", "unkeepable"]
"""What was wrong with a change, where the database is well."""

_TOLD: Mapping[Breach, str] = {
    "unique": "There is one with the same name or id already.",
    "reference": "Something else refers to it, or it refers to something that is not there.",
    "refused": "It is against a rule of what is kept.",
    "unkeepable": "It holds a value that cannot be kept: a number that is too large, or a character that is none.",
}


class DatabaseUnfit(Exception):
    """Why a database is none that we can use, in one line."""


class Session(Protocol):
    """One connection, used by one thread. Statements outside of a transaction stand each for itself.

    Every method raises the engine's own errors, which `State` translates; but Conflict where a statement is against a
    constraint. A transaction in which that has happened can only be ended.
    """

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row of the statement `area/name`."""

    def row(self, name: str, parameters: Mapping[str, object] | None = None) -> Row | None:
        """The first row of it, if any."""

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> int:
        """How many rows the statement changed."""

    def alone(self) -> AbstractContextManager[None]:
        """A transaction in which nobody else writes: it lasts unless something is raised in it."""

    def still(self) -> AbstractContextManager[None]:
        """A transaction that cannot write, and sees everything as it was when it began."""

    def leads(self) -> bool:
        """Whether this session is the one, of those that ask, that does what only one may do; while it is open."""

    def make_durable(self) -> None:
        """Have everything that was committed outlive a loss of power. Outside of a transaction."""

    def give_back_space(self) -> bool:
        """Make the database smaller by some of what is free in it; whether there is more to give back."""


class Opened(Session, Protocol):
    """A session, for whoever opens and closes it."""

    @property
    def migrated(self) -> int:
        """How many migrations were applied when it was opened."""

    def is_usable(self) -> bool:
        """Whether the next statement has a chance, as far as can be known without asking."""

    def survives(self, error: Exception) -> bool:
        """Whether it can be used on after this, with nothing left half done."""

    def interrupt(self) -> None:
        """Have what is under way fail, where it waits for somebody who does not answer. Another thread may call it."""

    def close(self) -> None:
        """Let go of the database. Raises nothing: what was committed is safe, and nothing else is wanted of it."""


class Whole(Database, Protocol):
    """A database in whatever version it is, for those who copy all of it or make it anew. `Engine` has its errors."""

    @property
    def migrations(self) -> Sequence[Migration]:
        """Those of its kind."""

    def still(self) -> AbstractContextManager[None]:
        """As a session's. Nothing can be written in it."""

    def scan(self, table: str) -> Iterator[Row]:
        """Every row, by the first two columns, of which the key is made; not all of them at once in memory."""

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Put rows into a table."""

    def close(self) -> None:
        """Let go of the database. Raises nothing."""


class Engine(Protocol):
    """One database, whether it can be reached or not."""

    @property
    def place(self) -> str:
        """Where it is, for people to read; never with a password."""

    @property
    def trouble(self) -> tuple[type[Exception], ...]:
        """Whatever opening and using it may raise."""

    def open(self) -> Opened:
        """A session with the database, which is up to date. Raises one of `trouble`."""

    def open_whole(self) -> Whole:
        """The database as it is; nothing is made and nothing brought up to date. Raises one of `trouble`."""


def conflict(breach: Breach) -> Conflict:
    """What a caller is told of it; the engine's own words may hold what was to be kept."""
    return Conflict(_TOLD[breach])
