"""A process that brings a state file up to date, for tests that start several, or kill one.

`migrating_process FILE` waits for a line, opens the file and says how many migrations it has. `migrating_process FILE
stall` stops in the middle of a migration, with its transaction open, and says so.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

from gateway.store.migrate import migrate
from gateway.store.state import StateSchema, open_state
from sql import Migration

STALLING = Migration(
    1, "stalling", "create table half (x integer) strict; insert into half values (1); select stall();"
)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def stall() -> None:
    say("in the middle")
    threading.Event().wait()


def main(path: Path, stalling: bool) -> None:
    if stalling:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.create_function("stall", 0, stall)
        migrate(StateSchema(connection), [STALLING])
    say("here")
    sys.stdin.readline()
    connection = open_state(path)
    (count,) = connection.execute("select count(*) from schema_migrations").fetchone()
    say(str(count))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["stall"])
