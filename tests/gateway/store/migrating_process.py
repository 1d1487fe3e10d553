"""A process that uses a state database, for tests that start several, or kill one.

`migrating_process PATH_OR_URL` waits for a line, opens the database and says how many migrations that took. With
`stall` it stops in the middle of the next migration, its transaction open, and says so. With `write` it counts a
generation again and again, and says each number once it is kept.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.store.postgres import PostgresSchema
from gateway.store.sqlite import SqliteSchema
from gateway.store.state import State, Where, make_ready


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def stall(where: Where) -> None:
    for schema in (SqliteSchema, PostgresSchema):
        setattr(schema, "run", stalling(schema.run))  # noqa: B010 - a method is not to be assigned to
    make_ready(where)


def stalling(run: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    def stalled(schema: object, text: str) -> None:
        run(schema, text)
        say("in the middle")
        threading.Event().wait()

    return stalled


async def write(where: Where) -> None:
    opened = State(where)
    while True:
        row = await opened.write(lambda session: session.row("generations/count", {"name": "keys"}))
        assert row is not None
        say(row["value"])


def migrate(where: Where) -> None:
    say("here")
    sys.stdin.readline()
    say(make_ready(where))


def main(place: str, task: str) -> None:
    where = Where(Path(place), place if place.startswith("postgresql://") else "")
    if task == "stall":
        stall(where)
    elif task == "write":
        asyncio.run(write(where))
    else:
        migrate(where)


if __name__ == "__main__":
    main(sys.argv[1], "".join(sys.argv[2:]))
