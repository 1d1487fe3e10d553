"""Commands on the state as a whole: migrate, backup, restore."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import sql
from gateway.claims import claim_data_dir
from gateway.commands.opening import OPERATOR
from gateway.credentials.keyfile import key_file, make_file
from gateway.management import configuration, keys
from gateway.management.keys import KeyWish
from gateway.settings.model import ServerSettings, Settings
from gateway.store.generations import Generations, shared_file
from gateway.store.state import Where, count_pending, engine_of, make_ready, state_file
from gateway.unlock import Secrets, unlock
from tests.gateway.commands.calling import refuses, says
from tests.gateway.management.offices import office_in
from tests.gateway.store import samples

PROVIDER = {
    "id": "mine",
    "format": "anthropic",
    "base_url": "https://192.0.43.8",
    "headers": {"x-team": "sk-canary-of-the-backup"},
}

NEWEST = len(sql.migrations("state/sqlite"))


@contextmanager
def in_use(data_dir: Path) -> Iterator[None]:
    """A gateway runs on the data directory, as far as can be seen."""
    lock = claim_data_dir(data_dir)
    try:
        yield
    finally:
        os.close(lock)


def test_migrate_says_in_one_line_what_it_did(tmp_path: Path) -> None:
    place = state_file(tmp_path)
    assert says("migrate", "--data-dir", tmp_path) == f"{place} is up to date, {NEWEST} migrations later\n"
    assert says("migrate", "--data-dir", tmp_path) == f"{place} is up to date\n"


def test_migrate_check_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, ours = state_file(tmp_path), sql.migrations
    assert refuses("migrate", "--check", "--data-dir", tmp_path) == f"{place} cannot be used: there is no such file"
    with monkeypatch.context() as past:
        past.setattr(sql, "migrations", lambda schema: ours(schema)[:1])
        make_ready(Where(place))
    line = refuses("migrate", "--check", "--data-dir", tmp_path)
    assert line.startswith(f"{place} is {NEWEST - 1} migration")
    assert count_pending(Where(place)) == NEWEST - 1
    make_ready(Where(place))
    assert says("migrate", "--check", "--data-dir", tmp_path) == f"{place} is up to date\n"


def test_migrate_leaves_alone_what_a_gateway_runs_on(tmp_path: Path) -> None:
    with in_use(tmp_path):
        line = refuses("migrate", "--data-dir", tmp_path)
    assert line == f"the data directory {tmp_path} is in use by another gateway"
    assert not state_file(tmp_path).exists()


def test_migrate_refuses_a_database_of_a_newer_version(tmp_path: Path) -> None:
    place = state_file(tmp_path)
    make_ready(Where(place))
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("insert into schema_migrations values (99, 'later', 'x', 0)")
    for words in (("migrate",), ("migrate", "--check"), ("backup", tmp_path / "a.backup")):
        assert "has schema version 99, which this version does not know" in refuses(*words, "--data-dir", tmp_path)


@pytest.fixture
async def kept(tmp_path: Path) -> Path:
    """A data directory with a client key and a provider's secret in it."""
    data_dir = tmp_path / "kept"
    data_dir.mkdir(mode=0o700)
    async with office_in(data_dir) as office:
        await keys.create_key(office, OPERATOR, KeyWish(name="laptop"))
        await configuration.create_object(office, OPERATOR, "provider", PROVIDER)
    return data_dir


def names(data_dir: Path) -> list[str]:
    with closing(sqlite3.connect(state_file(data_dir))) as connection:
        return [row[0] for row in connection.execute("select name from client_keys")]


def actions(data_dir: Path) -> list[str]:
    with closing(sqlite3.connect(state_file(data_dir))) as connection:
        return [row[0] for row in connection.execute("select action from audit order by id")]


def test_a_backup_is_made_while_a_gateway_runs_and_holds_no_secret(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    with in_use(kept):
        said = says("backup", "--data-dir", kept, path)
    tables = len(samples.ROWS)
    assert said.startswith(f"{path} has ")
    assert said.endswith(f" rows of {tables} tables, schema {NEWEST}\n")
    assert b"canary" not in path.read_bytes()


def test_what_was_backed_up_is_restored_elsewhere_under_the_same_key(kept: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "a.backup", tmp_path / "other"
    says("backup", "--data-dir", kept, path)
    other.mkdir(mode=0o700)
    key_file(other).write_bytes(key_file(kept).read_bytes())
    key_file(other).chmod(0o600)
    said = says("restore", "--data-dir", other, path)
    assert said.startswith("restored ")
    assert names(other) == ["laptop"]
    assert actions(other) == [*actions(kept), "state.restore"]
    assert secrets(other) == secrets(kept)


def secrets(data_dir: Path) -> Secrets:
    """The gateway's own, which the key of its data directory opens."""
    settings = Settings(server=ServerSettings(data_dir=str(data_dir)))
    with closing(engine_of(Where(state_file(data_dir))).open()) as session:
        return unlock(session, settings).secrets


def test_without_the_vault_key_nothing_is_restored(kept: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "a.backup", tmp_path / "other"
    says("backup", "--data-dir", kept, path)
    line = refuses("restore", "--data-dir", other, path)
    assert line == f"there is no vault key: {key_file(other)} is missing"
    assert not other.exists()
    other.mkdir()
    make_file(key_file(other))
    line = refuses("restore", "--data-dir", other, path)
    assert line.startswith(f"{key_file(other)} is not the vault key that sealed the secrets in {path}; give the one")
    assert not state_file(other).exists()


def test_what_is_there_is_replaced_when_it_is_said_so(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    says("backup", "--data-dir", kept, path)
    with closing(sqlite3.connect(state_file(kept))) as connection, connection:
        connection.execute("update client_keys set name = 'other'")
    with closing(Generations(shared_file(kept))) as generations:
        generations.show("keys", 50)
    line = refuses("restore", "--data-dir", kept, path)
    assert line == f"{state_file(kept)} is not empty: --force replaces what is in it"
    assert names(kept) == ["other"]
    says("restore", "--force", "--data-dir", kept, path)
    assert names(kept) == ["laptop"]
    with closing(sqlite3.connect(state_file(kept))) as connection:
        assert connection.execute("select value from generations where name = 'keys'").fetchone() == (51,)


def test_nothing_is_restored_while_a_gateway_runs(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    says("backup", "--data-dir", kept, path)
    with in_use(kept):
        line = refuses("restore", "--force", "--data-dir", kept, path)
    assert line == f"the data directory {kept} is in use by another gateway"


def test_a_damaged_backup_is_refused_before_anything_is_touched(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    says("backup", "--data-dir", kept, path)
    path.write_bytes(path.read_bytes()[:-50])
    assert "no backup, or a damaged one" in refuses("restore", "--data-dir", tmp_path / "other", path)
    assert not (tmp_path / "other").exists()


def test_where_nothing_is_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    line = refuses("backup", "--data-dir", tmp_path / "none", tmp_path / "a.backup")
    assert line == f"{tmp_path / 'none' / 'state.sqlite3'} cannot be used: there is no such file"
    assert list(tmp_path.iterdir()) == []
