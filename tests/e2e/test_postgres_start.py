"""Two gateways are started at once on one empty database: both come up, or one says in a line why it does not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

import sql
from gateway.credentials.keyfile import key_file, make_file
from tests.e2e.nodes import LOCAL, api_of, kept_at, owned
from tests.gateway_process import GatewayProcess, configuration
from tests.postgres import Server, needs_postgres
from tests.providers import MockProcess

pytestmark = needs_postgres

ROUNDS = 3


@contextmanager
def started(directories: list[Path], toml: str) -> Iterator[list[GatewayProcess | str]]:
    """Gateways in these directories, started at once; what those said that do not run."""

    def start(directory: Path) -> GatewayProcess | str:
        try:
            return GatewayProcess(directory, toml)
        except AssertionError:
            return (directory / "gateway.log").read_text()

    with ExitStack() as stack, ThreadPoolExecutor(len(directories)) as threads:
        found = list(threads.map(start, directories))
        for each in found:
            if isinstance(each, GatewayProcess):
                stack.callback(each.kill)
        yield found


def places(directory: Path, *, with_keys: bool) -> list[Path]:
    """Two machines; with a vault key each, or to make one."""
    found = [directory / name for name in ("one", "other")]
    for place in found:
        (place / "data").mkdir(mode=0o700, parents=True)
        if with_keys:
            make_file(key_file(place / "data"))
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_with_the_same_vault_key_both_come_up(number: int, mock: MockProcess, postgres: Server, tmp_path: Path) -> None:
    url = postgres.fresh()
    directories = places(tmp_path, with_keys=False)
    make_file(key_file(directories[0] / "data"))
    shutil.copy(*(key_file(place / "data") for place in directories))
    with started(directories, kept_at(url, configuration(mock.url, LOCAL))) as both:
        assert all(isinstance(each, GatewayProcess) for each in both), both
        with psycopg.connect(url) as connection:
            (applied,) = connection.execute("select count(*) from schema_migrations").fetchone() or (0,)
            secrets = connection.execute("select name from server_secrets order by name").fetchall()
        assert applied == len(sql.migrations("state/postgres"))
        assert secrets == [("keys",), ("sessions",)]


@pytest.mark.parametrize("with_keys", [False, True], ids=["keys of their own are made", "keys of their own are there"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_with_another_vault_key_one_of_them_refuses(
    number: int, with_keys: bool, mock: MockProcess, postgres: Server, tmp_path: Path
) -> None:
    url = postgres.fresh()
    directories = places(tmp_path, with_keys=with_keys)
    with started(directories, kept_at(url, configuration(mock.url, LOCAL))) as both:
        (line,) = [each for each in both if isinstance(each, str)]
        assert line.startswith("sluicegate: ")
        assert "vault key" in line
        assert line.count("\n") == 1
        (there,) = [each for each in both if isinstance(each, GatewayProcess)]
        owner = owned(there.data_dir, url)
        with api_of(there.complete().url, owner) as api:
            made = {"id": "sealing", "format": "openai_chat", "base_url": f"{mock.url}/v1"}
            assert api.post("/api/providers", json=made).status_code == 201
            sealed = {"provider": "sealing", "name": "one", "api_key": "sk-of-the-winner"}
            assert api.post("/api/credentials", json=sealed).status_code == 201
            assert api.post("/api/credentials/sealing/one/test", json={}).json()["ok"] is True
        refused = next(place for place in directories if place / "data" != there.data_dir)
        assert key_file(refused / "data").exists() == with_keys, "no key is made that opens nothing"
