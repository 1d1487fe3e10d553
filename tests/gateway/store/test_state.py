"""What holds of the state whichever engine keeps it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import Conflict, StateUnavailable
from gateway.settings.model import DatabaseSettings, ServerSettings, Settings
from gateway.store import state
from gateway.store.session import Row, Session
from gateway.store.state import State, StateUnusable, Where, database_of, make_ready, state_file
from tests.gateway.store import statements

ANNA = {"name": "Anna", "age": 40}


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    statements.install(monkeypatch)


@pytest.fixture
async def opened(where: Where) -> AsyncIterator[State]:
    made = State(where)
    yield made
    await made.close()


def insert(name: str, age: object = 40) -> Callable[[Session], int]:
    return lambda session: session.run("parents/insert", {"name": name, "age": age})


async def parents(opened: State) -> list[Row]:
    return await opened.read(lambda session: session.rows("parents/all"))


async def test_what_is_written_is_read_by_name(opened: State) -> None:
    assert await opened.write(insert("Anna")) == 1
    assert await parents(opened) == [ANNA]
    assert await opened.read(lambda session: session.row("parents/all")) == ANNA


async def test_where_there_is_no_row_there_is_none(opened: State) -> None:
    assert await parents(opened) == []
    assert await opened.read(lambda session: session.row("parents/all")) is None
    assert await opened.write(lambda session: session.rows("parents/delete", {"name": "nobody"})) == []
    assert await opened.write(lambda session: session.run("parents/delete", {"name": "nobody"})) == 0


async def test_a_change_can_give_rows(opened: State) -> None:
    await opened.write(insert("Anna"))
    change = {"name": "Anna", "years": 2}
    assert await opened.write(lambda session: session.rows("parents/older", change)) == [{"age": 42}]
    assert await opened.write(lambda session: session.run("parents/older", change)) == 1


async def test_numbers_are_python_integers_and_truth_is_one(opened: State) -> None:
    await opened.write(insert("Anna", 2**62))
    await opened.write(insert("Berta", True))
    found = await opened.read(lambda session: session.row("parents/sums"))
    assert found is not None
    assert set(map(type, found.values())) == {int}
    assert (found["years"], found["parents"], found["old"]) == (2**62 + 1, 2, 1)


async def test_a_mean_is_a_fraction(opened: State) -> None:
    await opened.write(insert("Anna", 4))
    await opened.write(insert("Berta", 5))
    assert await opened.read(lambda session: session.row("parents/mean")) == {"mean": 4.5}


async def test_texts_are_kept_as_they_are_and_sorted_by_their_bytes(opened: State) -> None:
    names = ["B", "a", "Ä", "👋", "-", "%(x)s $x ' \" \\"]
    for name in names:
        await opened.write(insert(name))
    assert [row["name"] for row in await parents(opened)] == sorted(names)


async def test_what_is_no_parameter_is_left_alone(opened: State) -> None:
    for name in ("x$a'y", "other", "Anna"):
        await opened.write(insert(name))
    found = await opened.read(lambda session: session.rows("parents/like", {"a": "Anna"}))
    assert sorted(row["name"] for row in found) == ["Anna", "x$a'y"]


async def test_a_parameter_that_is_missing_is_an_error(opened: State) -> None:
    with pytest.raises(StateUnavailable):
        await opened.write(lambda session: session.run("parents/insert", {"name": "Anna"}))


CONFLICTS = {
    "a name that is taken": (insert("Anna", 1), "already"),
    "a reference to nothing": (
        lambda session: session.run("children/insert", {"name": "Bill", "parent": "nobody"}),
        "not there",
    ),
    "a parent of children": (lambda session: session.run("parents/delete", {"name": "Anna"}), "refers"),
    "a value that is not allowed": (insert("Berta", -1), "rule"),
    "no value": (insert("Berta", None), "rule"),
    "a number that is too large": (insert("Berta", 2**63), "cannot be kept"),
    "half a character": (insert("\ud800", 1), "cannot be kept"),
}


@pytest.mark.parametrize("what", CONFLICTS)
async def test_what_contradicts_is_told_and_changes_nothing(what: str, opened: State) -> None:
    work, words = CONFLICTS[what]
    await opened.write(insert("Anna"))
    await opened.write(lambda session: session.run("children/insert", {"name": "Ben", "parent": "Anna"}))
    used = opened._session

    def change(session: Session) -> None:
        session.run("parents/insert", {"name": "Clara", "age": 3})
        work(session)

    with capture_logs() as said, pytest.raises(Conflict, match=words) as refused:
        await opened.write(change)
    assert "Berta" not in refused.value.message
    assert await parents(opened) == [ANNA]
    assert opened._session is used, "there is no reason to connect again"
    assert not said


async def test_a_contradiction_that_is_passed_over_is_told_all_the_same(opened: State) -> None:
    await opened.write(insert("Anna"))

    def change(session: Session) -> None:
        session.run("parents/insert", {"name": "Clara", "age": 3})
        with pytest.raises(Conflict):
            session.run("parents/insert", ANNA)

    with pytest.raises(Conflict):
        await opened.write(change)
    assert await parents(opened) == [ANNA]
    assert await opened.write(insert("Clara")) == 1


async def test_work_that_fails_changes_nothing_and_says_why(opened: State) -> None:
    def fail(session: Session) -> None:
        session.run("parents/insert", ANNA)
        raise KeyError("of my own")

    with pytest.raises(KeyError):
        await opened.write(fail)
    assert await parents(opened) == []


async def test_a_statement_outside_of_a_transaction_stands_for_itself(opened: State) -> None:
    def fail(session: Session) -> None:
        session.run("parents/insert", ANNA)
        raise KeyError("of my own")

    with pytest.raises(KeyError):
        await opened.run(fail)
    assert await parents(opened) == [ANNA]


async def test_who_reads_cannot_write(opened: State) -> None:
    with pytest.raises(StateUnavailable):
        await opened.read(insert("Anna"))
    assert await opened.write(insert("Anna")) == 1


async def test_who_reads_sees_one_moment(opened: State, where: Where) -> None:
    other = State(where)
    looked, written = threading.Event(), threading.Event()

    def look_twice(session: Session) -> tuple[list[Row], list[Row]]:
        first = session.rows("parents/all")
        looked.set()
        written.wait(10)
        return first, session.rows("parents/all")

    looking = asyncio.create_task(opened.read(look_twice))
    await asyncio.to_thread(looked.wait, 10)
    await other.write(insert("Anna"))
    written.set()
    assert await looking == ([], [])
    assert await parents(opened) == [ANNA]
    await other.close()


async def test_one_writes_at_a_time(where: Where, opened: State) -> None:
    """What is read in a transaction that writes is what its predecessor left, so that counting loses nothing."""
    others = [State(where) for _ in range(3)]
    await opened.write(insert("Anna", 0))

    def count(session: Session) -> None:
        (row,) = session.rows("parents/all")
        session.run("parents/older", {"name": "Anna", "years": 1})
        assert session.rows("parents/all")[0]["age"] == row["age"] + 1

    await asyncio.gather(*(each.write(count) for each in others for _ in range(20)))
    assert (await parents(opened))[0]["age"] == 60
    for each in others:
        await each.close()


async def test_a_transaction_within_a_transaction_is_a_mistake(opened: State) -> None:
    def nest(session: Session) -> None:
        session.run("parents/insert", ANNA)
        with session.alone():
            pass

    with pytest.raises(StateUnavailable):
        await opened.write(nest)
    assert await parents(opened) == []


async def test_what_takes_longer_than_the_patience_is_not_waited_for(where: Where) -> None:
    opened = State(where, patience_seconds=0.2)
    while True:
        try:  # to open it may take longer on a busy machine
            await opened.run(lambda session: None)
            break
        except StateUnavailable:
            continue
    released = threading.Event()
    with pytest.raises(StateUnavailable, match="too long"):
        await opened.run(lambda session: released.wait(10))
    released.set()
    await opened.close()


async def test_more_than_so_many_do_not_wait(opened: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_WAITING", 2)
    waiting = [asyncio.create_task(opened.run(lambda session: 1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StateUnavailable, match="Too many"):
        await opened.run(lambda session: 1)
    assert await asyncio.gather(*waiting) == [1, 1]


async def test_trouble_is_said_once_and_so_is_its_end(opened: State) -> None:
    with capture_logs() as said:
        for _ in range(3):
            with pytest.raises(StateUnavailable) as refused:
                await opened.read(lambda session: session.rows("parents/none"))
            assert "nowhere" not in refused.value.message
        for _ in range(3):
            await parents(opened)
    assert [each["event"] for each in said] == ["the state cannot be used", "the state can be used again"]
    assert "\n" not in said[0]["error"]


async def test_a_closed_state_says_so(where: Where) -> None:
    opened = State(where)
    await parents(opened)
    await opened.close()
    await opened.close()
    with pytest.raises(StateUnavailable):
        await parents(opened)


def test_making_ready_says_how_much_was_to_do(where: Where) -> None:
    assert [make_ready(where), make_ready(where)] == [1, 0]


def test_the_state_is_in_the_data_directory_unless_a_database_is_said() -> None:
    server = ServerSettings(data_dir="/var/somewhere")
    kept = database_of(Settings(server=server))
    assert kept == Where(Path("/var/somewhere/state.sqlite3"))
    assert not kept.is_shared
    database = DatabaseSettings(url="postgresql://me:canary@there/db", timeout_seconds=3)
    said = database_of(Settings(server=server, database=database))
    assert (said.url, said.seconds, said.is_shared) == ("postgresql://me:canary@there/db", 3, True)
    assert "canary" not in repr(said)


def test_what_must_be_installed_for_a_database_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "gateway.store.postgres", raising=False)
    with pytest.raises(StateUnusable, match=r"pip install 'sluicegate\[postgres\]'"):
        make_ready(Where(state_file(Path()), "postgresql://there/db"))
