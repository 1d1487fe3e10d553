"""Keys and configuration are as fresh as the database, at once where somebody tells and soon where nobody does."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gateway.errors import InvalidKey, KeyExpired, KeyPaused, StateUnavailable
from gateway.freshness import Followers, Freshness
from gateway.records import ClientKey
from gateway.settings.stored import StoredObject
from gateway.store.generations import Generations, shared_file
from gateway.store.state import State, Where, state_file
from gateway.unlock import make_key
from tests.issuing import Issuer, settings_of
from tests.waiting import auntil

FILE_KEY = "sk-of-the-file"
TEAM = ClientKey("team", id="team")


class Heard:
    """What the followers were told."""

    def __init__(self) -> None:
        self.keys: list[frozenset[str]] = []
        self.configuration: list[list[tuple[str, str]]] = []
        self.used: list[str] = []

    def followers(self) -> Followers:
        return Followers(self.keys.append, self._note, lambda key: self.used.append(key.name))

    def _note(self, objects: Sequence[StoredObject]) -> None:
        self.configuration.append([(one.name, one.secrets.get("api_key", "")) for one in objects])


class Watched:
    """A worker's freshness in the middle of a test."""

    def __init__(self, data_dir: Path, *, patience: float = 5.0) -> None:
        self.heard = Heard()
        self._generations = Generations(shared_file(data_dir))
        state = State(Where(state_file(data_dir)), patience_seconds=patience)
        self.fresh = Freshness(state, self._generations, settings_of(data_dir), self.heard.followers())
        self.fresh.say([(FILE_KEY, TEAM)])

    async def get(self, secret: str) -> ClientKey:
        return await self.fresh.get({b"x-api-key": secret.encode()})

    async def ticks_until(self, predicate: Callable[[], bool], seconds: float = 5.0) -> None:
        def tick() -> bool:
            self.fresh.tick()
            return predicate()

        await auntil(tick, seconds)

    async def close(self) -> None:
        await self.fresh.close()
        self.fresh.shown.release()
        self._generations.close()


@asynccontextmanager
async def watching(data_dir: Path, *, patience: float = 5.0) -> AsyncIterator[Watched]:
    watched = Watched(data_dir, patience=patience)
    await watched.fresh.start()
    try:
        yield watched
    finally:
        await watched.close()


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


@pytest.fixture
async def worker(issuer: Issuer, tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as watched:
        yield watched


async def refused(worker: Watched, secret: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await worker.get(secret)


async def test_keys_that_were_there_before_are_known(issuer: Issuer, tmp_path: Path) -> None:
    user = issuer.add_user()
    kept = issuer.create("kept", models=["a", "b*"], providers=["p"], credentials=["p/x"], strict=True, user_id=user)
    gone = issuer.create("gone")
    issuer.revoke("gone")
    async with watching(tmp_path) as worker:
        key = await worker.get(kept)
        assert (key.name, key.models, key.providers, key.credentials) == ("kept", ("a", "b*"), ("p",), ("p/x",))
        assert (key.strict, key.endpoints, key.user_id, key.team_id) == (True, ("*",), user, None)
        assert key.id.startswith("key:")
        assert worker.fresh.ring.now(key.id) is key
        await refused(worker, gone, InvalidKey)
        assert await worker.get(FILE_KEY) is TEAM
        assert worker.heard.used == ["kept", "team"]


async def test_what_is_told_holds_for_the_next_request(issuer: Issuer, worker: Watched) -> None:
    for name in ("one", "two"):
        secret = issuer.create(name)
        assert (await worker.get(secret)).name == name
        issuer.respecify(name, models=["x"])
        assert (await worker.get(secret)).models == ("x",)
        issuer.change(name, paused_at=1)
        await refused(worker, secret, KeyPaused)
        issuer.change(name, paused_at=None)
        other = issuer.rotate(name)
        assert (await worker.get(other)).name == name
        await refused(worker, secret, InvalidKey)
        assert worker.heard.keys[-1] == {(await worker.get(other)).id}, "those that go by another secret are told"
        issuer.revoke(name)
        await refused(worker, other, InvalidKey)


async def test_what_nobody_told_is_found_out(issuer: Issuer, worker: Watched) -> None:
    """Its author was killed before it could tell, or it is on another machine."""
    secret = issuer.create("quiet", tell=False)
    begun = time.monotonic()
    await worker.ticks_until(lambda: worker.fresh.ring.find(secret.encode()) is not None)
    issuer.revoke("quiet", tell=False)
    await worker.ticks_until(lambda: worker.fresh.ring.find(secret.encode()) is None)
    assert time.monotonic() - begun < 5
    assert issuer.generations.of("keys") == 2, "the others on this machine hear it at once"


async def test_what_is_told_is_heard_without_a_request(issuer: Issuer, worker: Watched) -> None:
    secret = issuer.create()
    await worker.ticks_until(lambda: worker.fresh.ring.find(secret.encode()) is not None, 0.4)


async def test_many_requests_share_one_reading(issuer: Issuer, worker: Watched) -> None:
    secret = issuer.create()
    before = len(worker.heard.keys)
    keys = await asyncio.gather(*(worker.get(secret) for _ in range(50)))
    assert len(set(map(id, keys))) == 1
    assert len(worker.heard.keys) == before + 1


async def test_the_keys_of_a_disabled_user_are_paused(issuer: Issuer, worker: Watched) -> None:
    user = issuer.add_user()
    secret = issuer.create(user_id=user)
    assert (await worker.get(secret)).user_id == user
    issuer.disable(user)
    await refused(worker, secret, KeyPaused)


async def test_time_is_told_too(issuer: Issuer, worker: Watched) -> None:
    secret = issuer.create(expires_at=time.time_ns() // 1000 + 300_000)
    await worker.get(secret)
    told = len(worker.heard.keys)
    await worker.ticks_until(lambda: len(worker.heard.keys) > told)
    await refused(worker, secret, KeyExpired)


async def test_a_key_that_nobody_can_read_is_refused(issuer: Issuer, worker: Watched) -> None:
    secret = issuer.create("odd")
    await worker.get(secret)
    issuer.respecify("odd", models="everything")
    await refused(worker, secret, InvalidKey)


# A database in trouble


async def test_while_the_database_cannot_be_read_known_keys_go_on_and_unknown_ones_wait(
    issuer: Issuer, worker: Watched
) -> None:
    known = issuer.create("known")
    await worker.get(known)
    with closing(sqlite3.connect(issuer.path)) as connection:
        connection.execute("alter table generations rename to elsewhere")
        issuer.generations.show("keys", issuer.generations.of("keys") + 1)
        await refused(worker, "sk-unknown", StateUnavailable)
        assert (await worker.get(known)).name == "known"
        assert await worker.get(FILE_KEY) is TEAM
        await refused(worker, "", InvalidKey)
        connection.execute("alter table elsewhere rename to generations")
    await worker.ticks_until(lambda: not worker.fresh.ring.doubtful)
    await refused(worker, "sk-unknown", InvalidKey)


async def test_without_a_word_the_failing_poll_alone_is_reason_enough_to_doubt(issuer: Issuer, worker: Watched) -> None:
    with closing(sqlite3.connect(issuer.path)) as connection:
        connection.execute("alter table generations rename to elsewhere")
        await refused(worker, "sk-unknown", InvalidKey)
        await worker.ticks_until(lambda: worker.fresh.ring.doubtful)
        await refused(worker, "sk-unknown", StateUnavailable)
        connection.execute("alter table elsewhere rename to generations")


async def test_whoever_writes_for_long_keeps_nobody_from_reading(issuer: Issuer, worker: Watched) -> None:
    secret = issuer.create()
    with closing(sqlite3.connect(issuer.path, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        assert (await worker.get(secret)).id
        writer.execute("rollback")


async def test_a_database_that_does_not_answer_keeps_nobody_waiting_for_long(
    issuer: Issuer, worker: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.freshness.PATIENCE_SECONDS", 0.05)
    known = issuer.create("known")
    await worker.get(known)
    going_on = asyncio.Event()

    async def never(work: object) -> object:
        await going_on.wait()
        raise StateUnavailable("It took too long.")

    monkeypatch.setattr(worker.fresh._state, "read", never)
    unknown = issuer.create()
    assert (await worker.get(known)).name == "known"
    await refused(worker, unknown, StateUnavailable)
    going_on.set()
    await auntil(lambda: worker.fresh._fails)
    monkeypatch.undo()
    await worker.ticks_until(lambda: worker.fresh.ring.find(unknown.encode()) is not None)


async def test_a_worker_starts_without_a_database_and_finds_it_later(tmp_path: Path) -> None:
    path = state_file(tmp_path)
    path.mkdir()
    async with watching(tmp_path, patience=0.5) as worker:
        assert await worker.get(FILE_KEY) is TEAM
        await refused(worker, "sk-unknown", StateUnavailable)
        path.rmdir()
        secret = Issuer(tmp_path).create()
        await worker.ticks_until(lambda: worker.fresh.ring.find(secret.encode()) is not None)
        assert await worker.get(FILE_KEY) is TEAM, "found under the server's own secret now"


async def test_whoever_asks_first_makes_the_secret_that_digests_are_made_under(tmp_path: Path) -> None:
    make_key(settings_of(tmp_path))
    async with watching(tmp_path) as worker:
        assert not worker.fresh.ring.doubtful
        secret = Issuer(tmp_path).create()
        assert (await worker.get(secret)).id


async def test_without_a_vault_key_the_keys_of_the_file_work(tmp_path: Path) -> None:
    async with watching(tmp_path) as worker:
        assert await worker.get(FILE_KEY) is TEAM
        await refused(worker, "sk-unknown", StateUnavailable)


async def test_a_mistake_of_ours_is_no_reason_to_call_a_key_wrong(
    issuer: Issuer, worker: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = issuer.create()
    await worker.get(known)
    monkeypatch.delattr("gateway.freshness.changed_keys")
    unknown = issuer.create()
    await refused(worker, unknown, StateUnavailable)
    assert (await worker.get(known)).id
    monkeypatch.undo()
    await worker.ticks_until(lambda: worker.fresh.ring.find(unknown.encode()) is not None)


async def test_a_copy_that_was_put_back_is_read_as_a_whole(issuer: Issuer, worker: Watched) -> None:
    before = issuer.create("before")
    copy = issuer.path.with_suffix(".copy")
    with closing(sqlite3.connect(issuer.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    after = issuer.create("after")
    await worker.get(after)
    issuer.revoke("before")
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(issuer.path)) as target:
        source.backup(target)
    await worker.ticks_until(lambda: worker.fresh.ring.find(after.encode()) is None)
    assert (await worker.get(before)).name == "before"


# The configuration


async def test_the_configuration_is_told_with_its_secrets_opened(issuer: Issuer, worker: Watched) -> None:
    assert worker.heard.configuration == [[]]
    issuer.configure("credential", "mock/spare", {"name": "spare"}, {"api_key": "sk-spare"})
    await worker.fresh.catch_up()
    assert worker.heard.configuration[1:] == [[("mock/spare", "sk-spare")]]
    issuer.create()
    await worker.fresh.catch_up()
    assert len(worker.heard.configuration) == 2, "and not again, when something else has changed"
