from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import StateUnavailable
from gateway.store import state
from gateway.store.migrate import MigrationRefused, migrate
from gateway.store.state import State, StateSchema, StateUnusable, make_ready, open_state, state_file
from sql import Migration, migrations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return state_file(tmp_path)


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[State]:
    made = State(path)
    yield made
    await made.close()


def spawn(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.gateway.store.migrating_process", str(path), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def written_to(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else is in the middle of writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield connection


def one(connection: sqlite3.Connection, question: str) -> object:
    (answer,) = connection.execute(question).fetchone()
    return answer


def test_the_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    make_ready(tmp_path / "data")
    with closing(open_state(state_file(tmp_path / "data"))):
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "data").iterdir()}
    names = ("state.lock", "state.sqlite3", "state.sqlite3-shm", "state.sqlite3-wal")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.touch(mode=0o644)
    open_state(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_connection_is_set_up_as_promised(path: Path) -> None:
    with closing(open_state(path)) as connection:
        assert one(connection, "pragma journal_mode") == "wal"
        assert one(connection, "pragma synchronous") == 1
        assert one(connection, "pragma foreign_keys") == 1
        assert one(connection, "pragma auto_vacuum") == 2
        assert one(connection, "pragma busy_timeout") == 5000


def test_every_table_is_strict(path: Path) -> None:
    with closing(open_state(path)) as connection:
        kinds = connection.execute("select name, strict from pragma_table_list where schema = 'main'").fetchall()
    assert {name for name, strict in kinds if not strict} <= {"sqlite_schema"}


def test_several_processes_may_start_at_once(path: Path) -> None:
    processes = [spawn(path) for _ in range(3)]
    assert [line(process) for process in processes] == ["here"] * 3
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [line(process) for process in processes] == [str(len(migrations("state/sqlite")))] * 3
    assert [process.communicate(timeout=10) and process.returncode for process in processes] == [0] * 3


def test_a_process_killed_in_the_middle_of_a_migration_leaves_nothing_of_it(path: Path) -> None:
    process = spawn(path, "stall")
    assert line(process) == "in the middle"
    process.kill()
    process.communicate(timeout=10)
    with closing(open_state(path)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
        assert tables == {"responses", "schema_migrations"}
        assert one(connection, "pragma integrity_check") == "ok"


def test_a_migration_waits_for_the_one_that_runs_and_then_has_nothing_to_do(path: Path) -> None:
    first = Migration(1, "first", "create table a (x integer) strict;")
    with closing(sqlite3.connect(path, isolation_level=None)) as one_of_two:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            schema = StateSchema(one_of_two)
            schema.rows(schema.ledger.create, {})
            late = Late(schema, lambda: migrate(StateSchema(other), [first]))
            assert migrate(late, [first]) == 0
        assert one(one_of_two, "select count(*) from schema_migrations") == 1


class Late(StateSchema):
    """Somebody else migrates between its first look and its transaction."""

    def __init__(self, schema: StateSchema, meanwhile: object) -> None:
        super().__init__(schema._connection)
        self._meanwhile = meanwhile

    @contextmanager
    def alone(self) -> Iterator[None]:
        assert callable(self._meanwhile)
        self._meanwhile()
        with super().alone():
            yield


def test_a_migration_may_have_semicolons_in_texts_comments_and_triggers(path: Path) -> None:
    text = """
    -- Two; of them.
    create table a (x text) strict;
    create trigger t after insert on a begin delete from a where x = 'y;z'; end;
    insert into a values ('y;z') -- the last one; without its end"""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(StateSchema(connection), [Migration(1, "first", text)])
        assert connection.execute("select x from a").fetchall() == []


@pytest.mark.parametrize("rest", ["insert into a values ('", "create trigger t after insert on a begin select 1;"])
def test_a_migration_that_ends_within_a_statement_is_none(rest: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.Error):
            migrate(StateSchema(connection), [Migration(1, "first", f"create table a (x text) strict; {rest}")])
        assert one(connection, "select count(*) from sqlite_master where name = 'a'") == 0


def test_a_migration_that_leaves_references_to_nowhere_is_undone(path: Path) -> None:
    tables = "create table a (x integer primary key) strict; create table b (x integer references a) strict;"
    text = f"{tables} insert into b values (1);"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="lead nowhere"):
            migrate(StateSchema(connection), [Migration(1, "first", text)])
        assert not connection.in_transaction


def test_why_the_file_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    state_file(tmp_path).write_text("this is not a database, whatever it is called, and never was " * 20)
    with pytest.raises(StateUnusable) as refused:
        make_ready(tmp_path)
    assert str(refused.value) == f"{state_file(tmp_path)} cannot be used: file is not a database"


def test_a_file_of_a_newer_version_is_not_used(tmp_path: Path) -> None:
    make_ready(tmp_path)
    with closing(sqlite3.connect(state_file(tmp_path))) as connection, connection:
        connection.execute("insert into schema_migrations values (99, 'later', 'x', 0)")
    with pytest.raises(StateUnusable, match="schema version 99"):
        make_ready(tmp_path)
    with pytest.raises(MigrationRefused):
        open_state(state_file(tmp_path))


def test_who_waits_too_long_for_the_lock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "LOCK_SECONDS", 0.05)
    path = state_file(tmp_path)
    with state._locked(path.with_suffix(".lock")), pytest.raises(StateUnusable, match=r"another process holds .*lock"):
        make_ready(tmp_path)


async def test_the_loop_runs_on_while_the_file_is_locked_and_nobody_waits_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "BUSY_SECONDS", 0.2)
    opened = State(path)
    await opened.run(lambda connection: None)
    with written_to(path):
        writing = asyncio.create_task(opened.run(lambda connection: connection.execute("delete from responses")))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert turns > 5
        assert isinstance(writing.exception(), StateUnavailable)
        counting = "select count(*) from responses"
        assert await opened.run(lambda connection: connection.execute(counting).fetchone()) == (0,), "reading goes on"
    assert await opened.run(lambda connection: connection.execute("delete from responses").rowcount) == 0
    await opened.close()


async def test_what_takes_longer_than_the_patience_is_not_waited_for(path: Path) -> None:
    opened = State(path, patience_seconds=0.2)
    await opened.run(lambda connection: None)
    released = threading.Event()
    with pytest.raises(StateUnavailable, match="too long"):
        await opened.run(lambda connection: released.wait(10))
    released.set()
    assert await opened.run(lambda connection: 1) == 1
    await opened.close()


async def test_more_than_so_many_do_not_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_WAITING", 2)
    opened = State(path)
    waiting = [asyncio.create_task(opened.run(lambda connection: 1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StateUnavailable, match="Too many"):
        await opened.run(lambda connection: 1)
    assert await asyncio.gather(*waiting) == [1, 1]
    await opened.close()


async def test_trouble_is_said_once_and_so_is_its_end(opened: State) -> None:
    with capture_logs() as said:
        for _ in range(3):
            with pytest.raises(StateUnavailable) as refused:
                await opened.run(lambda connection: connection.execute("select nothing from nowhere").fetchall())
            assert "nowhere" not in refused.value.message
        for _ in range(3):
            await opened.run(lambda connection: None)
    assert [each["event"] for each in said] == ["the state cannot be used", "the state can be used again"]


async def test_what_was_left_half_done_is_undone(opened: State) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("begin immediate")
        connection.execute("insert into schema_migrations values (98, 'half', 'x', 0)")
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StateUnavailable):
        await opened.run(half)
    count = await opened.run(lambda connection: one(connection, "select count(*) from schema_migrations"))
    assert count == len(migrations("state/sqlite"))


async def test_a_closed_state_says_so(path: Path) -> None:
    opened = State(path)
    await opened.run(lambda connection: None)
    await opened.close()
    await opened.close()
    with pytest.raises(StateUnavailable):
        await opened.run(lambda connection: None)
    assert not path.with_name("state.sqlite3-wal").exists()
