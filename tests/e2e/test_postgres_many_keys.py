"""Twenty thousand client keys: a worker starts soon and stays small, and hears of a change by reading that one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from gateway.access.tokens import digest
from gateway.freshness import Followers, Freshness
from gateway.management import keys
from gateway.management.keys import KeyWish
from gateway.settings.model import DatabaseSettings, ServerSettings, Settings
from gateway.store.generations import Generations, shared_file
from gateway.store.session import Session
from gateway.store.state import State, Where, database_of, engine_of
from gateway.unlock import unlock
from tests.e2e.keyed import answered
from tests.e2e.nodes import LOCAL, Node, Owner, api_of, kept_at, owned
from tests.gateway.management.offices import OPERATOR, office_in
from tests.gateway_process import configuration, resident_bytes, running
from tests.postgres import ENGINES, fresh_database
from tests.providers import MockProcess
from tests.waiting import auntil

KEYS = 20_000

START_SECONDS = 15.0
"""It takes two; the machine is not ours alone."""

ROOM_BYTES = 64 * 2**20
"""They take some 26 MB."""

MODEL = "mock/gpt-4o-mini"

T = TypeVar("T")


@pytest.fixture(scope="module", params=ENGINES)
def where(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Where:
    return fresh_database(request, tmp_path_factory.mktemp("many") / "data", request.param)


@pytest.fixture(scope="module")
def settings(where: Where) -> Settings:
    return Settings(server=ServerSettings(data_dir=str(where.path.parent)), database=DatabaseSettings(url=where.url))


@pytest.fixture(scope="module")
def owner(where: Where, settings: Settings) -> Owner:
    made = owned(where.path.parent, where.url)
    issue(settings)
    return made


def secret_of(number: int) -> str:
    return f"sk-of-many-{number}"


def issue(settings: Settings) -> None:
    """All of them, each a change of its own."""
    engine = engine_of(database_of(settings))
    with closing(engine.open()) as session, session.alone():
        secret = unlock(session, settings).secrets.keys

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(KEYS):
            mark = digest(secret_of(number).encode(), secret)
            spec = json.dumps({"models": [MODEL, f"team-{number % 50}/*"], "tags": ["bulk"]})
            yield str(uuid4()), f"many-{number}", mark, "sk-of-many-0", "0000", spec, "\nbulk\n", 1, 1, number + 1

    columns = ["id", "name", "digest", "prefix", "last_four", "spec", "tags", "created_at", "updated_at", "revision"]
    with closing(engine.open_whole()) as database, database.alone():
        database.fill("client_keys", columns, rows())
        database.rows(f"update generations set value = {KEYS} where name = 'keys'", {})


async def test_a_worker_starts_soon_with_many_and_stays_small(
    settings: Settings, owner: Owner, mock: MockProcess, tmp_path: Path
) -> None:
    data_dir = Path(settings.server.data_dir)
    (tmp_path / "empty").mkdir()
    with running(tmp_path / "empty", configuration(mock.url)) as without:
        await answered(without, "chat", MODEL, without.key)
        least = resident_bytes(without.workers()[0])
    begun = time.monotonic()
    toml = kept_at(settings.database.url, configuration(mock.url, LOCAL))
    with running(data_dir.parent, toml) as gateway, api_of(gateway.url, owner) as api:
        for number in (0, KEYS // 2, KEYS - 1):
            assert (await answered(gateway, "chat", MODEL, secret_of(number))).status == 200
        assert time.monotonic() - begun < START_SECONDS
        assert resident_bytes(gateway.workers()[0]) - least < ROOM_BYTES
        key_id, secret = Node(gateway.complete(), api).new_key("one-more")
        assert (await answered(gateway, "chat", MODEL, secret)).status == 200, "at once, as among few"
        assert api.delete(f"/api/keys/{key_id}", headers={"if-match": "*"}).is_success
        assert (await answered(gateway, "chat", MODEL, secret)).status == 401


class Counting:
    """A session that counts the rows it gives."""

    def __init__(self, session: Session, given: list[int]) -> None:
        self._session, self._given = session, given

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        found = self._session.rows(name, parameters)
        if name.startswith("keys/"):
            self._given.append(len(found))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class CountingState(State):
    """A state that counts the rows of keys it reads."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self.given: list[int] = []

    async def run(self, work: Callable[[Session], T]) -> T:
        return await super().run(lambda session: work(Counting(session, self.given)))


async def test_a_change_of_one_is_read_as_one_row(where: Where, settings: Settings, owner: Owner) -> None:
    state, generations = CountingState(where), Generations(shared_file(where.path.parent))
    followers = Followers(keys=lambda rotated: None, configuration=lambda objects: None, use=lambda key: None)
    fresh = Freshness(state, generations, settings, followers)
    await fresh.start()
    await auntil(lambda: state.given, 20)
    assert state.given[0] >= KEYS
    async with office_in(where.path.parent, where.url) as office:
        for count in range(3):
            made = await keys.create_key(office, OPERATOR, KeyWish(name=f"another-{count}"))
            await fresh.catch_up()
            assert fresh.ring.find(made.secret.encode())
            assert state.given[1:] == [1] * (count + 1)
    await fresh.close()
    fresh.shown.release()
    generations.close()
