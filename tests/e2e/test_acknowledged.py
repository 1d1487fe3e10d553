"""kill -9 of whatever process, at any moment, under changes of every kind: what was acknowledged is there, whole."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.management.stored import read_objects
from gateway.settings.model import DatabaseSettings, ServerSettings, Settings
from gateway.store.state import Where, database_of, engine_of
from gateway.unlock import unlock
from tests.e2e.hammering import PROVIDER, SETTINGS, Program, Told
from tests.e2e.keyed import answered
from tests.e2e.nodes import LOCAL, Owner, api_of, kept_at, owned
from tests.gateway_process import GatewayProcess, configuration, is_alive
from tests.postgres import ENGINES, fresh_database
from tests.providers import MockProcess
from tests.waiting import auntil

WRITES = 130
"""Acknowledged ones, at least."""

VICTIMS = ("control", "worker", "everything", "control", "supervisor", "worker", "control")
"""One after another; between two of them some twenty changes are acknowledged."""

SEED = 20240607


class Struck:
    """A gateway that dies again and again, and comes back in the same data directory."""

    def __init__(self, directory: Path, toml: str) -> None:
        self._directory, self._toml = directory, toml
        self.gateway = GatewayProcess(directory, toml, workers=2).complete()

    @property
    def url(self) -> str:
        """Where it answers at the moment."""
        return self.gateway.url

    async def lose(self, victim: str) -> None:
        """Kill one of its processes or all; back when everybody is there again."""
        old = self.gateway.pids()
        if victim == "everything":
            await asyncio.to_thread(self.gateway.kill)
            await self._begin()
        elif victim == "supervisor":
            self.gateway.process.kill()
            self.gateway.process.wait()
            await self._begin()
            await auntil(lambda: not any(map(is_alive, old)), 15)
        else:
            pid = self.gateway.control() if victim == "control" else self.gateway.workers()[0]
            assert pid
            os.kill(pid, signal.SIGKILL)
            await auntil(lambda: len(self.gateway.workers()) == 2 and self.gateway.control() not in (None, pid), 15)
        await asyncio.to_thread(self.gateway.complete)

    async def _begin(self) -> None:
        stdout = self.gateway.process.stdout
        self.gateway = await asyncio.to_thread(GatewayProcess, self._directory, self._toml, workers=2)
        if stdout is not None:
            stdout.close()


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    return fresh_database(request, tmp_path / "data", request.param)


@pytest.fixture
def owner(where: Where, tmp_path: Path) -> Owner:
    return owned(tmp_path / "data", where.url)


@pytest.fixture
def struck(where: Where, owner: Owner, mock: MockProcess, tmp_path: Path) -> Iterator[Struck]:
    made = Struck(tmp_path, kept_at(where.url, configuration(mock.url, LOCAL)))
    yield made
    made.gateway.kill()


async def test_what_was_acknowledged_is_there_and_nothing_is_half_done(
    struck: Struck, owner: Owner, where: Where, mock: MockProcess, tmp_path: Path
) -> None:
    with api_of(struck.url, owner) as api:
        wish = {"id": PROVIDER, "format": "openai_chat", "base_url": f"{mock.url}/v1"}
        assert api.post("/api/providers", json=wish).is_success
    programs = [Program(number, owner, lambda: struck.url) for number in range(len(SETTINGS))]
    await asyncio.gather(*(program.prepare() for program in programs))
    await hammer(struck, programs)
    told = [program.told for program in programs]
    assert sum(each.unanswered for each in told) > 0, "nobody was hit"
    await live_keys_are_as_told(struck.gateway, told)
    struck.gateway.kill()
    settings = Settings(
        server=ServerSettings(data_dir=str(tmp_path / "data")), database=DatabaseSettings(url=where.url)
    )
    check_whole(where)
    check_kept(settings, programs)


async def hammer(struck: Struck, programs: Sequence[Program]) -> None:
    """Have every victim die while all of them write, and the last of them survived."""
    chance, over = random.Random(SEED), False
    running = [asyncio.create_task(program.run(lambda: over)) for program in programs]

    def acknowledged() -> int:
        for task in running:
            if task.done():
                task.result()
        return sum(program.told.acknowledged for program in programs)

    for victim in VICTIMS:
        enough = acknowledged() + chance.randint(10, 30)
        await auntil(lambda enough=enough: acknowledged() >= enough, 20, every=0.001)  # type: ignore[misc]
        await asyncio.sleep(chance.random() / 100)
        await struck.lose(victim)
    await auntil(lambda: acknowledged() >= WRITES, 30)
    over = True
    await asyncio.gather(*running)
    await asyncio.gather(*(program.close() for program in programs))


async def live_keys_are_as_told(gateway: GatewayProcess, told: Sequence[Told]) -> None:
    """Workers let in whom they should, and nobody else."""
    for key in (key for each in told for key in each.keys):
        answer = await answered(gateway, "chat", "mock/gpt-4o-mini", key.secret)
        expected = {200, 401} if key.revoked is None else {401 if key.revoked else 200}
        assert answer.status in expected, key


def rows(where: Where, statement: str) -> list[tuple[Any, ...]]:
    with closing(engine_of(where).open_whole()) as database:
        return [tuple(row) for row in database.rows(statement, {})]


def check_whole(where: Where) -> None:
    """No change without its entry in the audit log, no entry without its change, each counted once."""
    if not where.url:
        assert rows(where, "pragma integrity_check") == [("ok",)]
        assert not rows(where, "pragma foreign_key_check")
    versions = dict(rows(where, "select id, version from client_keys"))
    entries = Counter(row[0] for row in rows(where, "select target_id from audit where target_kind = 'key'"))
    assert versions == dict(entries), "a version is one change, and one entry"
    created = rows(where, "select target_id from audit where action = 'key.create'")
    assert sorted(row[0] for row in created) == sorted(versions)
    counted = dict(rows(where, "select name, value from generations"))
    assert counted["keys"] == sum(entries.values())
    assert {row[0] for row in rows(where, "select revision from client_keys")} <= set(range(1, counted["keys"] + 1))
    objects = rows(where, "select kind, name, version from configuration")
    noted = rows(where, "select target_kind, target_id from audit where target_kind not in ('key', 'user', 'token')")
    assert {(kind, name): version for kind, name, version in objects} == dict(Counter(noted))
    assert counted["configuration"] == len(noted)


def check_kept(settings: Settings, programs: Sequence[Program]) -> None:
    """The last value that was acknowledged, or one that was tried since; secrets open."""
    with closing(engine_of(database_of(settings)).open()) as session, session.alone():
        objects = {(one.kind, one.name): one for one in read_objects(session, unlock(session, settings).vault)}
        for program in programs:
            told = program.told
            assert objects["credential", f"{PROVIDER}/{program.credential}"].secrets["api_key"] in told.secret
            assert objects["setting", program.setting].spec["value"] in told.setting
            for key in told.keys:
                row = session.row("keys/found", {"id": key.id})
                assert row is not None, "a key that was acknowledged is gone"
                assert key.revoked in (None, row["revoked_at"] is not None)
                assert {int(tag) for tag in orjson.loads(row["spec"])["tags"]} <= key.tags
