"""`sluicegate rotate-key` while no gateway runs."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway.claims import claim_data_dir
from gateway.commands.opening import OPERATOR
from gateway.credentials.keyfile import key_file, make_file, read_file, write_key
from gateway.credentials.vault import Vault
from gateway.management import configuration
from gateway.settings.model import ServerSettings, Settings, VaultSettings
from gateway.store.state import Where, engine_of, state_file
from gateway.unlock import unlock
from tests.gateway.commands.calling import refuses, says
from tests.gateway.commands.test_state import PROVIDER
from tests.gateway.management.offices import office_in


@pytest.fixture
async def data_dir(tmp_path: Path) -> Path:
    """A data directory with a secret in its database."""
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    async with office_in(directory) as office:
        await configuration.create_object(office, OPERATOR, "provider", PROVIDER)
    return directory


def opens(data_dir: Path, key: bytes | None) -> bool:
    """Whether this key, said by the settings, is the one of the database."""
    assert key is not None
    settings = Settings(server=ServerSettings(data_dir=str(data_dir)), vault=VaultSettings(key=write_key(key)))
    with closing(engine_of(Where(state_file(data_dir))).open()) as session:
        return unlock(session, settings).vault.mark == Vault(key).mark


def test_the_key_file_is_replaced(data_dir: Path) -> None:
    before = read_file(key_file(data_dir))
    assert says("rotate-key", "--data-dir", data_dir) == "3 secrets sealed anew\n"
    after = read_file(key_file(data_dir))
    assert after != before
    assert opens(data_dir, after)
    assert {path.name for path in data_dir.iterdir() if "vault" in path.name} == {"vault.key"}


def test_a_new_key_is_made_where_it_is_wanted(data_dir: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.key"
    said = says("rotate-key", "--data-dir", data_dir, "--new-key-file", new)
    assert said == f"3 secrets sealed anew; from now on `vault` must say the key in {new}\n"
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert opens(data_dir, read_file(new))
    line = refuses("user", "list", "--data-dir", data_dir)
    assert line.startswith(f"{key_file(data_dir)} is not the vault key that sealed the secrets in the database")


def test_a_key_that_the_settings_say_is_replaced_by_one_that_is_there(data_dir: Path, tmp_path: Path) -> None:
    config, old, new = tmp_path / "sluicegate.toml", tmp_path / "old.key", tmp_path / "new.key"
    says("rotate-key", "--data-dir", data_dir, "--new-key-file", old)
    config.write_text(f'[server]\ndata_dir = "data"\n[vault]\nkey_file = "{old}"\n')
    assert "give the new one as well" in refuses("rotate-key", "--config", config)
    key = make_file(new)
    says("rotate-key", "--config", config, "--new-key-file", new)
    assert opens(data_dir, key)
    config.write_text(config.read_text().replace("old.key", "new.key"))
    assert says("user", "list", "--config", config)


def test_somebody_who_works_on_the_directory_is_waited_for_by_nobody(data_dir: Path, tmp_path: Path) -> None:
    lock = claim_data_dir(data_dir)
    line = refuses("rotate-key", "--data-dir", data_dir, "--new-key-file", tmp_path / "new.key")
    assert line.endswith("is in use by another gateway, which goes by the key it was started with: stop it first")
    assert refuses("rotate-key", "--data-dir", data_dir) == f"no gateway is running on {data_dir}"
    os.close(lock)
    assert not (tmp_path / "new.key").exists()


def test_where_there_is_no_data_directory_none_is_made(tmp_path: Path) -> None:
    line = refuses("rotate-key", "--data-dir", tmp_path / "none")
    assert line == f"there is no data directory {tmp_path / 'none'}: name it with --data-dir or --config"
    assert list(tmp_path.iterdir()) == []
