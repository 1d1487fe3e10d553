"""When keys were last used reaches the database now and then, and never goes back."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store.state import State, Where
from gateway.uses import Uses
from tests.issuing import Issuer
from tests.waiting import auntil


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


@pytest.fixture
async def state(issuer: Issuer) -> AsyncIterator[State]:
    made = State(Where(issuer.path))
    yield made
    await made.close()


async def test_the_latest_use_of_each_key_is_written(issuer: Issuer, state: State) -> None:
    uses = Uses(state)
    for key, used_at in (("one", 5), ("two", 3), ("one", 4)):
        uses.note(key, used_at)
    await uses.write()
    assert issuer.uses() == {"one": 5, "two": 3}


async def test_the_later_of_two_workers_counts(issuer: Issuer, state: State) -> None:
    for used_at in (7, 6, 8):
        uses = Uses(state)
        uses.note("one", used_at)
        await uses.write()
        assert issuer.uses() == {"one": max(7, used_at)}


async def test_it_is_written_when_it_is_due_and_only_where_there_is_something(issuer: Issuer, state: State) -> None:
    uses = Uses(state, write_seconds=0.2)
    uses.tick()
    assert uses._writing is None
    uses.note("one", 1)
    uses.tick()
    await auntil(lambda: issuer.uses() == {"one": 1})
    uses.note("one", 2)
    uses.tick()
    assert issuer.uses() == {"one": 1}, "not so soon again"

    def written() -> bool:
        uses.tick()
        return issuer.uses() == {"one": 2}

    await auntil(written)


async def test_what_cannot_be_written_is_written_later(issuer: Issuer, state: State) -> None:
    uses = Uses(state)
    uses.note("one", 1)
    with closing(sqlite3.connect(issuer.path)) as connection:
        connection.execute("alter table key_uses rename to elsewhere")
        await uses.write()
        uses.note("one", 2)
        uses.note("two", 3)
        connection.execute("alter table elsewhere rename to key_uses")
    await uses.write()
    assert issuer.uses() == {"one": 2, "two": 3}
