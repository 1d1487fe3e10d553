"""What holds of PostgreSQL alone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

import sql
from gateway.errors import Conflict, StateUnavailable
from gateway.store import postgres as engine
from gateway.store import state
from gateway.store.postgres import Postgres, PostgresSession
from gateway.store.session import DatabaseUnfit, Session
from gateway.store.state import State, StateUnusable, Where, make_ready
from tests.postgres import PASSWORD, Server, needs_postgres
from tests.waiting import auntil

pytestmark = needs_postgres


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.fresh()


@pytest.fixture
async def opened(url: str) -> AsyncIterator[State]:
    made = State(at(url))
    yield made
    await made.close()


def at(url: str, seconds: float = 10.0) -> Where:
    return Where(Path("unused"), url, seconds)


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def asking(statement: str) -> Callable[[Session], list[tuple[Any, ...]]]:
    """Work that asks something which has no name."""

    def ask(session: Session) -> list[tuple[Any, ...]]:
        assert isinstance(session, PostgresSession)
        return session.connection.execute(statement.encode()).fetchall()

    return ask


PROMISED = {
    "application_name": "sluicegate",
    "client_encoding": "UTF8",
    "client_connection_check_interval": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "5s",
    "statement_timeout": "10s",
    "TimeZone": "UTC",
}


async def test_a_connection_is_set_up_as_promised(opened: State) -> None:
    found = {name: (await opened.run(asking(f"show {name}")))[0][0] for name in PROMISED}
    assert found == PROMISED


async def test_a_question_that_takes_too_long_is_ended_by_the_server(url: str) -> None:
    opened = State(at(url, 0.3), patience_seconds=10)
    with pytest.raises(StateUnavailable, match="cannot use"):
        await opened.run(asking("select pg_sleep(20)"))
    assert await opened.run(asking("select 1")) == [(1,)]
    await opened.close()


async def test_who_waits_too_long_for_another_who_writes_is_told(url: str) -> None:
    opened = State(at(url, 0.3), patience_seconds=10)
    await opened.run(asking("select 1"))
    with psycopg.connect(url) as other:
        other.execute("select pg_advisory_xact_lock(%s)", [engine.WRITING])
        with pytest.raises(StateUnavailable):
            await opened.write(asking("select 1"))
        assert await opened.read(asking("select 1")) == [(1,)], "reading goes on"
    assert await opened.write(asking("select 1")) == [(1,)]
    await opened.close()


async def test_a_connection_the_server_has_ended_is_replaced_before_it_is_missed(
    opened: State, postgres: Server, url: str
) -> None:
    assert await opened.run(asking("select 1")) == [(1,)]
    before = opened._session
    postgres.end_connections(url)
    with capture_logs() as said:
        assert await opened.write(asking("select 2")) == [(2,)]
    assert opened._session is not before
    assert not said


async def test_a_connection_that_ends_in_the_middle_is_trouble_once(opened: State, postgres: Server, url: str) -> None:
    def work(session: Session) -> None:
        session.row("generations/count", {"name": "keys"})
        postgres.end_connections(url)
        session.row("generations/count", {"name": "keys"})

    with pytest.raises(StateUnavailable):
        await opened.write(work)
    counted = await opened.read(lambda session: session.rows("generations/all"))
    assert {row["value"] for row in counted} == {0}


async def answers(opened: State) -> bool:
    try:
        return await opened.run(asking("select 1")) == [(1,)]
    except StateUnavailable:
        await asyncio.sleep(0.01)
        return False


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    """A server process that neither answers nor ends, on a machine that lives."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_server_that_hangs_is_given_up_and_asked_anew(url: str) -> None:
    opened = State(at(url, 0.3))
    ((pid,),) = await opened.run(asking("select pg_backend_pid()"))
    with hanging(pid), capture_logs() as said:
        with pytest.raises(StateUnavailable, match="too long"):
            await opened.run(asking("select 1"))
        deadline = time.monotonic() + 5
        while not await answers(opened):
            assert time.monotonic() < deadline
    assert [each["error"] for each in said if each["log_level"] == "error"] == ["no answer"]
    await opened.close()


async def test_nobody_queues_behind_a_server_that_hangs(url: str) -> None:
    opened = State(at(url, 0.5))
    ((pid,),) = await opened.run(asking("select pg_backend_pid()"))
    with hanging(pid):
        begun = time.monotonic()
        for _ in range(3):
            await asyncio.gather(*(answers(opened) for _ in range(20)))
        assert time.monotonic() - begun < 20
    await opened.close()


async def test_what_hangs_does_not_keep_it_from_closing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "CLOSING_SECONDS", 0.2)
    opened = State(at(url))
    ((pid,),) = await opened.run(asking("select pg_backend_pid()"))
    with hanging(pid):
        asked = asyncio.create_task(opened.run(asking("select 1")))
        await auntil(lambda: opened._begun_at)
        begun = time.monotonic()
        await opened.close()
        with pytest.raises(StateUnavailable):
            await asked
        assert time.monotonic() - begun < 20
        opened._thread.shutdown(wait=True)


async def test_a_transaction_whose_process_stops_is_ended(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.2)
    stopped, other = State(at(url)), State(at(url))
    begun, going_on = threading.Event(), threading.Event()

    def stop(session: Session) -> None:
        session.row("generations/count", {"name": "keys"})
        begun.set()
        going_on.wait(10)

    stopping = asyncio.create_task(stopped.write(stop))
    await asyncio.to_thread(begun.wait, 10)
    assert await other.write(lambda session: session.row("generations/count", {"name": "keys"})) == {"value": 1}
    going_on.set()
    with pytest.raises(StateUnavailable):
        await stopping
    for each in (stopped, other):
        await each.close()


async def test_a_nul_cannot_be_kept(opened: State) -> None:
    with pytest.raises(Conflict, match="cannot be kept"):
        await opened.write(lambda session: session.row("generations/count", {"name": "a\0b"}))


@pytest.mark.parametrize("wrong", ["select value + 'x' from generations", "select value / 0 from generations"])
async def test_a_mistake_of_ours_is_no_contradiction(
    wrong: str, opened: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "statement", lambda name: wrong)
    with pytest.raises(StateUnavailable):
        await opened.write(lambda session: session.rows("wrong"))


async def test_one_of_several_leads_until_it_goes(url: str) -> None:
    first, second = State(at(url)), State(at(url))
    assert [await first.read(leads), await second.read(leads), await first.read(leads)] == [True, False, True]
    await first.close()
    for _ in range(100):
        if await second.read(leads):
            break
        await asyncio.sleep(0.02)
    assert await second.read(leads)
    await second.close()


def leads(session: Session) -> bool:
    return session.leads()


async def test_space_is_the_servers_business(opened: State) -> None:
    assert not await opened.run(lambda session: session.give_back_space())


def test_all_texts_compare_by_their_bytes(url: str) -> None:
    make_ready(at(url))
    question = """
        select table_name, column_name from information_schema.columns
        where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
    """
    assert {table for table, _ in rows(url, question)} <= {"schema_migrations"}


def test_the_audit_log_cannot_be_emptied(url: str) -> None:
    make_ready(at(url))
    with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
        rows(url, "truncate audit")


UNREADABLE = {
    "another kind of database": "mysql://me:canary@there/db",
    "a slash in the password": "postgresql://me:can/ary@there/db",
    "a slash after digits": "postgresql://me:12/canary@there/db",
    "an option that is none": "postgresql://there/db?canary=1",
    "a percent sign that means nothing": "postgresql://me:canary%zz@there/db",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_url_that_cannot_be_read_is_refused_and_not_shown(what: str) -> None:
    with pytest.raises(StateUnusable) as refused:
        make_ready(at(UNREADABLE[what]))
    assert str(refused.value).startswith(
        "the database of `database.url` cannot be used: `database.url` is no `postgres"
    )
    assert not [word for word in ("can", "ary", "12") if word in str(refused.value).replace("cannot", "")]


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("sluice:", "nobody:"),
        lambda url: url.replace("/test_", "/missing_"),
        lambda url: url.replace("host=/", "host=/nowhere/"),
        lambda url: url.replace(PASSWORD, f"{PASSWORD}x"),
    ],
    ids=["wrong user", "wrong database", "wrong place", "wrong password"],
)
async def test_why_there_is_no_connection_is_one_line_without_the_password(
    change: Callable[[str], str], url: str
) -> None:
    where = at(change(url))
    with pytest.raises(StateUnusable, match=r"PostgreSQL database '\w+' at /\S+ cannot be used: ") as refused:
        make_ready(where)
    opened = State(where)
    with capture_logs() as said, pytest.raises(StateUnavailable) as unavailable:
        await opened.run(lambda session: None)
    await opened.close()
    for text in (str(refused.value), str(unavailable.value), repr(said), repr(where), repr(opened._engine)):
        assert PASSWORD not in text
        assert "\n" not in text


@pytest.mark.parametrize("secret", ["p@ss", "p/?#%&=", "ü 'x\"", "a:b"])
def test_any_password_will_do_once_it_is_escaped(secret: str, postgres: Server, url: str) -> None:
    quoted, escaped = secret.replace("'", "''"), "".join(f"%{byte:02x}" for byte in secret.encode())
    name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    postgres.run(f"create role quaint_{name} superuser login password '{quoted}'")
    assert make_ready(at(postgres.url(name, f"quaint_{name}", escaped))) == len(sql.migrations("state/postgres"))


def test_a_database_of_another_encoding_is_refused(postgres: Server) -> None:
    url = postgres.fresh(encoding="latin1", template="template0")
    with pytest.raises(StateUnusable, match="its encoding is LATIN1, and must be UTF8"):
        make_ready(at(url))


def test_a_database_without_a_schema_for_us_is_refused(url: str) -> None:
    with pytest.raises(StateUnusable, match="no schema of its search_path exists"):
        make_ready(at(f"{url}&options=-csearch_path%3Dnowhere"))


def test_what_is_said_in_the_url_counts(url: str) -> None:
    session = Postgres(f"{url}&application_name=mine&connect_timeout=3", 10.0).open()
    assert asking("show application_name")(session) == [("mine",)]
    session.close()


def test_a_schema_of_our_own_is_left_alone_by_the_others(url: str) -> None:
    rows(url, "create schema ours")
    rows(url, "create table public.users (theirs text)")
    rows(url, "create table public.schema_migrations (version text)")
    ours = f"{url}&options=-csearch_path%3Dours,public"
    assert make_ready(at(ours)) == len(sql.migrations("state/postgres"))
    assert rows(url, "select * from public.users") == []
    assert ("generations",) in rows(url, "select tablename from pg_tables where schemaname = 'ours'")


def test_a_server_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "OLDEST", 99)
    with pytest.raises(DatabaseUnfit, match="older than PostgreSQL 99"):
        Postgres(url, 10.0).open()
