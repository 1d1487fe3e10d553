"""A gateway whose state is in PostgreSQL: shared by its workers and by another gateway, through a restart of the
server, and without a word about the password."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import psycopg
import pytest

import sql
from gateway.credentials.keyfile import key_file
from tests.e2e.keeping import heard, is_stored, model_of, say, sdk, toml
from tests.gateway_process import GatewayProcess, environment, running
from tests.postgres import PASSWORD, Server, needs_postgres
from tests.providers import MockProcess
from tests.source import ROOT

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def url(postgres: Server) -> str:
    return postgres.fresh()


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("first"), kept_at(url, mock.url), workers=2) as made:
        yield made.complete()
        assert made.close() == 0, made.tail()
        assert PASSWORD not in made.said()


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with sdk(gateway) as made:
        yield made


def kept_at(url: str, mock: str) -> str:
    return f'[database]\nurl = "{url}"\n\n{toml(mock)}'


def migrations(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("select count(*) from schema_migrations").fetchone() or (0,)
        return int(count)


def test_every_worker_finds_what_one_has_kept(gateway: GatewayProcess, client: openai.OpenAI, url: str) -> None:
    first = say(client, model_of("chat", ";text=first"), "one")
    assert is_stored(first)
    for _ in range(6):
        with sdk(gateway) as another:  # a connection of its own, to whichever worker takes it
            assert another.responses.retrieve(first.id).id == first.id
    assert migrations(url) == len(sql.migrations("state/postgres"))
    assert not (gateway.data_dir / "state.sqlite3").exists()


def test_another_gateway_goes_on_where_one_began(
    client: openai.OpenAI, gateway: GatewayProcess, mock: MockProcess, url: str, tmp_path: Path
) -> None:
    first = say(client, model_of("chat", ";text=first"), "one")
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(key_file(gateway.data_dir), key_file(tmp_path / "data"))  # who shares a database shares its key
    with running(tmp_path, kept_at(url, mock.url)) as second, sdk(second) as there:
        said = say(there, model_of("chat", ";echo"), "two", previous_response_id=first.id)
        assert (heard(said)["turns"], heard(said)["last"]) == (3, "two")


def test_a_restart_of_the_server_is_not_noticed(client: openai.OpenAI, postgres: Server, url: str) -> None:
    first = say(client, model_of("chat", ";text=first"), "one")
    postgres.end_connections(url)
    assert is_stored(say(client, model_of("chat"), "two", previous_response_id=first.id))


def test_a_gateway_without_its_database_does_not_start(mock: MockProcess, url: str, tmp_path: Path) -> None:
    config = tmp_path / "sluicegate.toml"
    config.write_text(kept_at(url.replace("/test_", "/missing_"), mock.url))
    command = [sys.executable, "-m", "gateway", "serve", "--config", config, "--listen", "127.0.0.1:0"]
    ended = subprocess.run(
        [*map(str, command), "--data-dir", str(tmp_path / "data")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("sluicegate: PostgreSQL database 'missing_")
    assert "does not exist" in line
    assert PASSWORD not in line


def test_nobody_else_on_the_machine_is_shown_the_password(gateway: GatewayProcess) -> None:
    for pid in (gateway.process.pid, *gateway.pids()):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    for directory, _, names in os.walk(gateway.data_dir):
        for name in names:
            if (path := Path(directory) / name).is_file():
                assert PASSWORD.encode() not in path.read_bytes(), name
