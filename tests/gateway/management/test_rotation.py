"""The vault key is changed in one step: whatever happens meanwhile, everything can be opened afterwards."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from msgspec import structs

from gateway.credentials.keyfile import key_file, next_key_file, read_file, write_key
from gateway.credentials.vault import Vault
from gateway.errors import NotPermitted, Unacceptable
from gateway.management import audit, configuration, rotation
from gateway.management.audit import AuditFilter
from gateway.management.office import Office
from gateway.management.rotation import rotate_key
from gateway.settings.model import VaultSettings
from gateway.store.session import Session
from gateway.unlock import Unlocked, unlock
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.postgres import ENGINES
from tests.source import ROOT

SECRETS = {f"p{number}": f"sk-canary-{number}" for number in range(3)}

ROUNDS = 30


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> str:
    """A PostgreSQL database, or nothing for SQLite."""
    return request.getfixturevalue("postgres").fresh() if request.param == "postgres" else ""


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as office:
        await fill(office)
        yield office


async def fill(office: Office) -> None:
    for name, secret in SECRETS.items():
        provider = {"id": name, "format": "anthropic", "base_url": "https://192.0.43.8", "headers": {"x-team": secret}}
        await configuration.create_object(office, OPERATOR, "provider", provider)


async def opened(office: Office) -> Unlocked:
    """What opens the database now; everything in it has been opened."""

    def look(session: Session) -> Unlocked:
        unlocked = unlock(session, office.declared.settings)
        found = {}
        for row in session.rows("vault/sealed_objects"):
            plain = unlocked.vault.open(row["sealed"], f"configuration/{row['kind']}/{row['name']}")
            found[row["name"]] = orjson.loads(plain)["headers.x-team"]
        assert found == SECRETS
        return unlocked

    return await office.read(look)


def settings_of(office: Office) -> Path:
    return Path(office.declared.settings.server.data_dir)


async def test_everything_is_sealed_under_a_new_key_and_stays_what_it_was(office: Office) -> None:
    before = await opened(office)
    assert await rotate_key(office, OPERATOR, office.declared.settings) == len(SECRETS) + 2
    after = await opened(office)
    assert after.vault.mark != before.vault.mark
    assert after.secrets == before.secrets == office.secrets
    data_dir = settings_of(office)
    assert Vault(read_file(key_file(data_dir)) or b"").mark == after.vault.mark
    assert {path.name for path in data_dir.iterdir() if "vault" in path.name} == {"vault.key"}


async def test_it_is_counted_and_noted(office: Office) -> None:
    before = office.generations.of("configuration")
    await rotate_key(office, OPERATOR, office.declared.settings)
    assert office.generations.of("configuration") == before + 1
    (entry, *_) = await audit.list_entries(office, OPERATOR, AuditFilter(action="vault.rotate"), after_id=None, limit=9)
    assert (entry.actor_name, entry.after) == ("operator", {"sealed_anew": len(SECRETS) + 2})


async def test_the_settings_key_is_replaced_by_one_that_is_given(office: Office) -> None:
    settings, key = office.declared.settings, bytes(range(32))
    assert await rotate_key(office, OPERATOR, settings, key) == len(SECRETS) + 2
    said = structs.replace(settings, vault=VaultSettings(key=write_key(key)))
    unlocked = await office.read(lambda session: unlock(session, said))
    assert unlocked.vault.mark == Vault(key).mark
    with pytest.raises(Unacceptable, match="only they can replace it"):
        await rotate_key(office, OPERATOR, said)


async def test_only_who_may_change_the_system_changes_its_key(office: Office) -> None:
    with pytest.raises(NotPermitted):
        await rotate_key(office, somebody("member"), office.declared.settings)


async def test_several_at_once_wait_for_each_other(office: Office) -> None:
    settings = office.declared.settings
    async with office_in(settings_of(office)) as other:
        await asyncio.gather(*(rotate_key(each, OPERATOR, settings) for each in (office, other) * 5))
    await opened(office)
    assert not next_key_file(settings_of(office)).exists()


async def test_a_change_that_fails_leaves_the_old_key(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await opened(office)

    def broken(*_: object) -> int:
        raise Unacceptable("broken")

    with monkeypatch.context() as broken_here:
        broken_here.setattr(rotation, "_reseal_objects", broken)
        with pytest.raises(Unacceptable, match="broken"):
            await rotate_key(office, OPERATOR, office.declared.settings)
    assert (await opened(office)).vault.mark == before.vault.mark
    await rotate_key(office, OPERATOR, office.declared.settings)
    assert not next_key_file(settings_of(office)).exists()


async def test_what_no_key_opens_stays_and_hinders_nothing(office: Office) -> None:
    lost = Vault(bytes(32)).seal(b"{}", "configuration/provider/p0")
    place = {"kind": "provider", "name": "p0", "sealed": lost}
    await office.state.write(lambda session: session.run("vault/reseal_object", place))
    assert await rotate_key(office, OPERATOR, office.declared.settings) == len(SECRETS) + 1
    rows = await office.read(lambda session: session.rows("vault/sealed_objects"))
    assert lost in [row["sealed"] for row in rows]


def rotate_and_be_killed(data_dir: Path, url: str) -> None:
    command = [sys.executable, "-m", "tests.gateway.management.rotating_process", str(data_dir), url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(random.uniform(0, 0.03))  # any moment will do
        process.kill()


async def test_killed_at_any_point_everything_can_be_opened(url: str, tmp_path: Path) -> None:
    async with office_in(tmp_path, url) as office:
        await fill(office)
        marks = set()
        for _ in range(ROUNDS):
            await asyncio.to_thread(rotate_and_be_killed, tmp_path, url)
            marks.add((await opened(office)).vault.mark)
        await rotate_key(office, OPERATOR, office.declared.settings)
        await opened(office)
        assert len(marks) == ROUNDS, "every round has changed the key"
        assert not next_key_file(tmp_path).exists()
