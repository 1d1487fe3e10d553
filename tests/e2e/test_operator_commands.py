"""Commands that ask the running gateway, each as a process of its own would: keys are made and ended, the vault key is
replaced under traffic, the state is backed up and put back elsewhere."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway import operator
from gateway.credentials.keyfile import key_file
from tests.e2e.streaming import settle, statuses
from tests.gateway.commands.calling import call, refuses, says
from tests.gateway_process import GatewayProcess, configuration, running
from tests.postgres import Server
from tests.providers import MockProcess

MODEL = "mock/gpt-4o-mini;chunks=1"

PROVIDER_SECRET = "sk-canary-of-a-provider"


@pytest.fixture(scope="module")
def commanded(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("commanded"), configuration(mock.url), workers=2) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


def keys(gateway: GatewayProcess, *words: str) -> str:
    return says("keys", *words, "--data-dir", gateway.data_dir)


def keys_json(gateway: GatewayProcess, *words: str) -> Any:
    return json.loads(keys(gateway, *words, "--json"))


async def test_a_key_lives_and_dies_by_commands(commanded: GatewayProcess) -> None:
    """Commands run an event loop of their own, so they are called from a thread."""

    async def command(*words: str) -> str:
        return await asyncio.to_thread(keys, commanded, *words)

    secret = (await command("create", "laptop", "--models", "mock/*", "--tags", "a", "--tags", "b")).strip()
    assert secret.startswith("sk-slg-")
    assert (await statuses(commanded, MODEL, secret)).keys() == {200}
    assert await command("pause", "laptop") == "laptop is paused\n"
    await settle(commanded, MODEL, secret, 403)
    assert await command("resume", "laptop") == "laptop is active\n"
    await settle(commanded, MODEL, secret, 200)
    other = (await command("rotate", "laptop")).strip()
    assert other != secret
    await settle(commanded, MODEL, secret, 401)
    assert (await statuses(commanded, MODEL, other)).keys() == {200}
    assert await command("revoke", "laptop") == "laptop is revoked\n"
    await settle(commanded, MODEL, other, 401)
    line = await asyncio.to_thread(refuses, "keys", "resume", "laptop", "--data-dir", commanded.data_dir)
    assert line == "This key is revoked, and that is for good."


def test_keys_are_listed_and_shown(commanded: GatewayProcess) -> None:
    rules = ("--strict", "--allow-unpriced", "--budget-usd", "2.5", "--budget-period", "week")
    made = keys_json(commanded, "create", "shown", *rules)
    assert made["secret"].startswith(made["key"]["prefix"])
    keys(commanded, "create", "other", "--tags", "rare")
    listed = keys_json(commanded, "list", "--search", "sho")
    assert [key["name"] for key in listed] == ["shown"]
    (head, row) = keys(commanded, "list", "--tag", "rare").splitlines()
    assert head.split() == ["NAME", "STATUS", "KEY", "OWNER", "LAST", "USED", "ID"]
    assert row.startswith("other  active  sk-slg-")
    assert made["secret"] not in keys(commanded, "list")
    text = keys(commanded, "show", made["key"]["id"])
    assert "name                  shown\n" in text
    assert "strict                True\n" in text
    assert "allow_unpriced        True\n" in text
    assert "budget_usd            2.5\n" in text
    assert keys_json(commanded, "show", "shown") == listed[0]
    assert keys(commanded, "list", "--tag", "none") == "No keys.\n"


def test_many_keys_are_listed_page_by_page(commanded: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commands.keys.AT_ONCE", 2)
    for number in range(5):
        keys(commanded, "create", f"page-{number}")
    found = [key["name"] for key in keys_json(commanded, "list", "--search", "page-")]
    assert found == [f"page-{number}" for number in reversed(range(5))]
    assert keys(commanded, "show", "page-0")


def test_the_secret_alone_is_on_standard_output(commanded: GatewayProcess) -> None:
    done = call("keys", "create", "piped", "--data-dir", commanded.data_dir)
    assert done.stdout.count("\n") == 1
    assert done.stderr == "piped: this is not shown again\n"


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "a name that is taken": (("create", "taken"), "There is a key `taken` already."),
    "a name that is none": (("create", "a b"), "`name`: "),
    "an owner that is none": (("create", "x", "--user", "nobody"), "There is no user nobody."),
    "a date that is none": (("create", "x", "--expires-at", "soon"), "`expires_at`: "),
    "a limit that is none": (("create", "x", "--max-parallel", "0"), "`max_parallel`: "),
    "a key that is none": (("pause", "nothing"), "there is no key nothing"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused_in_words(what: str, commanded: GatewayProcess) -> None:
    call("keys", "create", "taken", "--data-dir", commanded.data_dir)
    words, line = WRONG[what]
    assert line in refuses("keys", *words, "--data-dir", commanded.data_dir)


def test_without_a_gateway_it_says_so(tmp_path: Path) -> None:
    assert refuses("keys", "list", "--data-dir", tmp_path) == f"no gateway is running on {tmp_path}"
    line = refuses("keys", "list", "--data-dir", tmp_path / "none")
    assert line == f"there is no data directory {tmp_path / 'none'}: name it with --data-dir or --config"


async def test_the_vault_key_is_replaced_and_no_request_is_dropped(
    commanded: GatewayProcess, mock: MockProcess
) -> None:
    data_dir = commanded.data_dir
    before = key_file(data_dir).read_bytes()
    provider = {"id": "sealed", "format": "openai_chat", "base_url": "https://192.0.43.8/v1"}
    operator.tell(data_dir, "POST", "/api/providers", {**provider, "headers": {"x-team": PROVIDER_SECRET}})
    secret = (await asyncio.to_thread(keys, commanded, "create", "busy")).strip()
    answered: Counter[int] = Counter()
    over = asyncio.Event()

    async def ask_on() -> None:
        while not over.is_set():
            answered.update(await statuses(commanded, MODEL, secret, 2))

    asking = asyncio.create_task(ask_on())
    for _ in range(5):
        said = await asyncio.to_thread(says, "rotate-key", "--data-dir", data_dir)
        assert said == "3 secrets sealed anew\n"
    made = (await asyncio.to_thread(keys, commanded, "create", "made-after")).strip()
    assert (await statuses(commanded, MODEL, made)).keys() == {200}
    over.set()
    await asking
    assert answered.keys() == {200}
    assert key_file(data_dir).read_bytes() != before
    assert "KeyUnusable" not in commanded.said()
    line = await asyncio.to_thread(
        refuses, "rotate-key", "--new-key-file", data_dir / "other.key", "--data-dir", data_dir
    )
    assert line.endswith(", which goes by the key it was started with: stop it first")
    assert not (data_dir / "other.key").exists()


async def test_a_backup_made_while_others_write_is_a_gateway_again_elsewhere(
    commanded: GatewayProcess, mock: MockProcess, tmp_path: Path
) -> None:
    path, other, data_dir = tmp_path / "a.backup", tmp_path / "other" / "data", commanded.data_dir
    secret = (await asyncio.to_thread(keys, commanded, "create", "kept")).strip()
    wishes: list[Mapping[str, str]] = [{"name": f"meanwhile-{number}"} for number in range(20)]
    making = [asyncio.to_thread(operator.tell, data_dir, "POST", "/api/keys", wish) for wish in wishes]
    await asyncio.gather(*making, asyncio.to_thread(says, "backup", "--data-dir", data_dir, path))
    assert path.stat().st_mode & 0o777 == 0o600
    line = await asyncio.to_thread(refuses, "restore", "--data-dir", data_dir, "--force", path)
    assert f"is in use by the gateway at {commanded.url}" in line
    await asyncio.to_thread(put_back, path, other, data_dir)
    with running(tmp_path / "other", configuration(mock.url)) as restored:
        await works(restored.complete(), secret)
        assert restored.close() == 0


@pytest.mark.needs("postgres", "initdb")
async def test_a_gateway_moves_from_sqlite_to_postgresql(
    commanded: GatewayProcess, mock: MockProcess, postgres: Server, tmp_path: Path
) -> None:
    path, data_dir = tmp_path / "a.backup", tmp_path / "data"
    toml = configuration(mock.url, f'[database]\nurl = "{postgres.fresh()}"\n')
    config = tmp_path / "sluicegate.toml"
    config.write_text(toml)
    secret = (await asyncio.to_thread(keys, commanded, "create", "moved")).strip()
    await asyncio.to_thread(says, "backup", "--data-dir", commanded.data_dir, path)
    await asyncio.to_thread(put_back, path, data_dir, commanded.data_dir, "--config", config)
    with running(tmp_path, toml) as moved:
        await works(moved.complete(), secret)
        line = await asyncio.to_thread(refuses, "restore", "--config", config, "--data-dir", data_dir, "--force", path)
        assert f"is in use by the gateway at {moved.url}" in line
        await asyncio.to_thread(says, "backup", "--config", config, "--data-dir", data_dir, path)
        assert moved.close() == 0
    assert not (data_dir / "state.sqlite3").exists()
    assert (await asyncio.to_thread(says, "rotate-key", "--config", config, "--data-dir", data_dir)).endswith("anew\n")
    with running(tmp_path, toml) as moved:
        await works(moved.complete(), secret)


def put_back(path: Path, data_dir: Path, former: Path, *words: str | Path) -> None:
    """Restore a backup of one data directory in another, which has the same vault key."""
    data_dir.mkdir(parents=True, mode=0o700)
    shutil.copy(key_file(former), key_file(data_dir))
    says("restore", "--data-dir", data_dir, *words, path)


async def works(gateway: GatewayProcess, secret: str) -> None:
    """A key of the backup does, the audit log knows where it came from, and another key can be made."""
    assert (await statuses(gateway, MODEL, secret)).keys() == {200}
    entries = operator.ask(gateway.data_dir, "/api/audit", {"action": "state.restore"})["items"]
    assert len(entries) == 1
    name = f"later-{time.monotonic_ns()}"
    made = operator.tell(gateway.data_dir, "POST", "/api/keys", {"name": name})
    assert (await statuses(gateway, MODEL, made["secret"])).keys() == {200}
