"""A real PostgreSQL for tests, started by the run that needs it, and fresh databases in it.

`where` gives a test each of the engines that the state can be kept in, one after the other. `postgres` is the server.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.store.state import Where, state_file
from tests.memory import roomy_memory
from tests.programs import find
from tests.waiting import until

PASSWORD = "canary-of-the-database"
SUPERUSER = "sluice"

QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
}
"""Nothing here has to outlive the machine, and nothing is left of a server that was killed."""

needs_postgres = pytest.mark.needs("postgres", "initdb")

ENGINES = ["sqlite", pytest.param("postgres", marks=needs_postgres)]


@dataclass(frozen=True)
class Server:
    """A running server, listening on a socket in a directory of its own."""

    directory: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str, user: str = SUPERUSER, password: str = PASSWORD) -> str:
        """How to get into a database."""
        return f"postgresql://{user}:{password}@/{name}?host={self.directory}"

    def fresh(self, **options: str) -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        said = " ".join(f"{option} {value}" for option, value in options.items())
        self.run(f"create database {name} {said}")
        return self.url(name)

    def run(self, statement: str) -> None:
        """Have the superuser do something, outside of any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def end_connections(self, url: str) -> None:
        """What a restart of the server does to those who use a database."""
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:

            def used_by() -> set[int]:
                found = connection.execute("select pid from pg_stat_activity where datname = %s", [name])
                return {pid for (pid,) in found}

            before = used_by()
            connection.execute("select pg_terminate_backend(pid) from unnest(%s) as pid", [list(before)])
            until(lambda: not before & used_by())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="sluicegate-postgres-", dir=roomy_memory() or "/tmp"))
    try:
        process = start(directory)
        try:
            server = Server(directory, process)
            until(lambda: answers(server), 30.0)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=20)
    finally:
        # Each database that a test has had is some three hundred files.
        subprocess.run(["rm", "-rf", "--", directory], check=True)


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """A database that is not there yet, or has nothing in it."""
    return fresh_database(request, tmp_path, request.param)


def fresh_database(request: pytest.FixtureRequest, directory: Path, engine: str) -> Where:
    """The same, for fixtures that have the engine as a parameter of their own."""
    url = request.getfixturevalue("postgres").fresh() if engine == "postgres" else ""
    return Where(state_file(directory), url)


def start(directory: Path, **settings: str) -> subprocess.Popen[bytes]:
    """Make a cluster in a directory of its own, and serve it."""
    secret = directory / "password"
    secret.write_text(PASSWORD)
    for path in (directory, secret):
        os.chown(path, somebody().get("user", -1), somebody().get("group", -1))
    make = [find("initdb"), "-D", directory / "cluster", "-U", SUPERUSER, f"--pwfile={secret}", "--auth=scram-sha-256"]
    make += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    command = list(map(str, make))
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, **somebody())
    assert made.returncode == 0, made.stderr
    return serve(directory, **settings)


def serve(directory: Path, **settings: str) -> subprocess.Popen[bytes]:
    """Serve the cluster in a directory."""
    command = [find("postgres"), "-D", directory / "cluster", "-k", directory, "-c", "listen_addresses="]
    command += [part for name, value in {**QUICK, **settings}.items() for part in ("-c", f"{name}={value}")]
    with (directory / "log").open("ab") as log:
        return subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=directory, **somebody())


def somebody() -> dict[str, Any]:
    """Who is to do it: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    unprivileged = pwd.getpwnam("nobody")
    return {"user": unprivileged.pw_uid, "group": unprivileged.pw_gid, "extra_groups": []}


def answers(server: Server) -> bool:
    """Whether one can get in; AssertionError with the log where the server has ended."""
    assert server.process.poll() is None, (server.directory / "log").read_text()
    with suppress(psycopg.OperationalError):
        psycopg.connect(server.url("postgres")).close()
        return True
    return False
