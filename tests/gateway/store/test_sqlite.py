"""What holds of the file alone."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.errors import StateUnavailable
from gateway.store import sqlite
from gateway.store.migrate import migrate
from gateway.store.session import Session
from gateway.store.sqlite import Sqlite, SqliteSchema, SqliteSession
from gateway.store.state import State, StateUnusable, Where, make_ready, state_file
from sql import Migration
from tests.gateway.store import statements


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return state_file(tmp_path)


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as a session has it."""
    session = Sqlite(path).open()
    assert isinstance(session, SqliteSession)
    yield session.connection
    session.close()


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Somebody else is in the middle of writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield


def one(connection: sqlite3.Connection, question: str) -> object:
    (answer,) = connection.execute(question).fetchone()
    return answer


def test_the_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = state_file(tmp_path / "data")
    make_ready(Where(path))
    with connected(path):
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "data").iterdir()}
    names = ("state.lock", "state.sqlite3", "state.sqlite3-shm", "state.sqlite3-wal")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.touch(mode=0o644)
    make_ready(Where(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_connection_is_set_up_as_promised(path: Path) -> None:
    with connected(path) as connection:
        assert one(connection, "pragma journal_mode") == "wal"
        assert one(connection, "pragma synchronous") == 1
        assert one(connection, "pragma foreign_keys") == 1
        assert one(connection, "pragma auto_vacuum") == 2
        assert one(connection, "pragma busy_timeout") == 5000


def test_every_table_is_strict(path: Path) -> None:
    with connected(path) as connection:
        kinds = connection.execute("select name, strict from pragma_table_list where schema = 'main'").fetchall()
    assert {name for name, strict in kinds if not strict} <= {"sqlite_schema"}


def test_a_migration_may_have_semicolons_in_texts_comments_and_triggers(path: Path) -> None:
    text = """
    -- Two; of them.
    create table a (x text) strict;
    create trigger t after insert on a begin delete from a where x = 'y;z'; end;
    insert into a values ('y;z') -- the last one; without its end"""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(SqliteSchema(connection), [Migration(1, "first", text)])
        assert connection.execute("select x from a").fetchall() == []


@pytest.mark.parametrize("rest", ["insert into a values ('", "create trigger t after insert on a begin select 1;"])
def test_a_migration_that_ends_within_a_statement_is_none(rest: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.Error):
            migrate(SqliteSchema(connection), [Migration(1, "first", f"create table a (x text) strict; {rest}")])
        assert one(connection, "select count(*) from sqlite_master where name = 'a'") == 0


def test_a_migration_that_leaves_references_to_nowhere_is_undone(path: Path) -> None:
    tables = "create table a (x integer primary key) strict; create table b (x integer references a) strict;"
    text = f"{tables} insert into b values (1);"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="lead nowhere"):
            migrate(SqliteSchema(connection), [Migration(1, "first", text)])
        assert not connection.in_transaction


def test_why_the_file_cannot_be_used_is_one_line(path: Path) -> None:
    path.write_text("this is not a database, whatever it is called, and never was " * 20)
    with pytest.raises(StateUnusable) as refused:
        make_ready(Where(path))
    assert str(refused.value) == f"{path} cannot be used: file is not a database"


def test_who_waits_too_long_for_the_lock_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.05)
    with (
        sqlite._locked(path.with_suffix(".lock")),
        pytest.raises(StateUnusable, match=r"another process holds .*lock"),
    ):
        make_ready(Where(path))


async def test_the_loop_runs_on_while_the_file_is_locked_and_nobody_waits_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements.install(monkeypatch)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    opened = State(Where(path))

    def delete(session: Session) -> int:
        return session.run("parents/delete", {"name": "Anna"})

    await opened.write(delete)
    with written_to(path):
        writing = asyncio.create_task(opened.write(delete))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert turns > 5
        assert isinstance(writing.exception(), StateUnavailable)
        assert await opened.read(lambda session: session.rows("parents/all")) == [], "reading goes on"
    assert await opened.write(delete) == 0
    await opened.close()


async def test_a_database_that_is_full_is_told_and_what_was_kept_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements.install(monkeypatch)
    real = sqlite._set_up

    def set_up(connection: sqlite3.Connection) -> int:
        done = real(connection)
        connection.execute("pragma max_page_count = 20")
        return done

    monkeypatch.setattr(sqlite, "_set_up", set_up)
    opened = State(Where(path))
    await opened.write(lambda session: session.run("parents/insert", {"name": "Anna", "age": 1}))
    with pytest.raises(StateUnavailable):
        await opened.write(lambda session: session.run("parents/insert", {"name": "x" * 200_000, "age": 1}))
    assert await opened.read(lambda session: session.rows("parents/all")) == [{"name": "Anna", "age": 1}]
    await opened.close()


async def test_a_closed_state_leaves_no_log(path: Path) -> None:
    opened = State(Where(path))
    await opened.run(lambda session: None)
    await opened.close()
    assert not path.with_name("state.sqlite3-wal").exists()


async def test_whoever_has_the_data_directory_leads(path: Path) -> None:
    opened = State(Where(path))
    assert await opened.read(lambda session: session.leads())
    await opened.close()


async def test_a_mistake_of_ours_is_no_contradiction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements.install(monkeypatch)
    opened = State(Where(path))
    with pytest.raises(StateUnavailable):
        await opened.write(lambda session: session.run("parents/insert", {"name": "Anna", "age": "not known"}))
    await opened.close()
