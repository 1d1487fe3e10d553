"""An empty demo is furnished once it answers, whatever interrupts that; one that is somebody's own is left alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import claims
from gateway.errors import ControlUnavailable
from gateway.management import keys, people
from gateway.management.keys import KeyFilter, KeyWish
from gateway.management.office import Office
from gateway.management.people import NewUser
from gateway.seeding import furnishing
from gateway.seeding.clients import KEYS
from gateway.seeding.furnishing import Furnishing
from gateway.seeding.kept import Furnished, keep, kept_in
from gateway.seeding.seeding import count
from gateway.seeding.settling import settle
from gateway.usage.ingest import Task
from tests.gateway.management.offices import OPERATOR, office_in
from tests.gateway.seeding.made_up import Store, empty
from tests.gateway.seeding.test_seeding import Written
from tests.waiting import auntil

REQUESTS = 3000

STARTED_US = 1_790_000_000_000_000


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(furnishing, "AT_ONCE", 500)


@dataclass
class Demo:
    """A data directory, and what is in it."""

    data_dir: Path
    office: Office
    written: Written

    @property
    def furnishing(self) -> Furnishing:
        return Furnishing(self.data_dir, self.office, self.written, self.written.read)

    def answers(self) -> None:
        """From now on."""
        said = claims.Announcement(pid=os.getpid(), url="http://127.0.0.1:1", version="1", started_at="")
        claims.announce(self.data_dir, said)

    async def run(self) -> None:
        """Furnish it, while it answers."""
        self.answers()
        await self.furnishing.run(STARTED_US, REQUESTS)

    async def keys(self) -> list[str]:
        found = await keys.list_keys(self.office, OPERATOR, KeyFilter(), after_id=None, limit=100)
        return [key.name for key in found]

    @property
    def store(self) -> Store:
        return self.written.store


@asynccontextmanager
async def demo_in(directory: Path) -> AsyncIterator[Demo]:
    (directory / "run").mkdir()
    async with office_in(directory) as office:
        store = empty()
        try:
            yield Demo(directory, office, Written(store))
        finally:
            store.connection.close()


def requests_at(store: Store, at_us: int) -> None:
    store.ask("insert into requests (ts, id) values (make_timestamp(?), uuid())", at_us)


async def test_an_empty_one_gets_people_keys_and_a_history(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        await demo.run()
        assert await count(demo.written.read) == REQUESTS
        kept = kept_in(tmp_path)
        assert kept is not None
        assert kept.secrets.keys() == {key.name for key in KEYS} == set(await demo.keys())
        assert demo.store.one("select epoch_us(max(ts)) from requests") < kept.until_us
        # Once is enough.
        await demo.run()
        assert await count(demo.written.read) == REQUESTS
        assert kept_in(tmp_path) == kept


async def test_it_waits_until_the_gateway_answers(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        made = demo.furnishing
        made.begin(STARTED_US, REQUESTS)
        await asyncio.sleep(0.25)
        assert kept_in(tmp_path) is None
        demo.answers()
        await auntil(lambda: kept_in(tmp_path) is not None)
        await auntil(lambda: demo.store.one("select count(*) from requests") == REQUESTS)
        await made.end()


async def _a_key(demo: Demo) -> None:
    await keys.create_key(demo.office, OPERATOR, KeyWish(name="own"))


async def _a_user(demo: Demo) -> None:
    await people.create_user(demo.office, OPERATOR, NewUser(email="ann@example.com"))


async def _a_record(demo: Demo) -> None:
    requests_at(demo.store, STARTED_US - 1)


@pytest.mark.parametrize("somebodys", [_a_key, _a_user, _a_record])
async def test_one_that_is_somebody_s_own_is_left_alone(tmp_path: Path, somebodys: Callable[[Demo], object]) -> None:
    async with demo_in(tmp_path) as demo:
        made = somebodys(demo)
        assert asyncio.iscoroutine(made)
        await made
        before = await demo.keys(), demo.store.ask("select count(*) from requests")
        await demo.run()
        assert (await demo.keys(), demo.store.ask("select count(*) from requests")) == before
        assert kept_in(tmp_path) is None


async def test_whoever_was_quick_keeps_nothing_from_being_done(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        requests_at(demo.store, STARTED_US + 1)
        await demo.run()
        assert demo.store.one("select count(*) from requests") == REQUESTS + 1


async def test_what_was_interrupted_goes_on_with_the_next_start(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        first = demo.furnishing
        demo.answers()
        first.begin(STARTED_US, REQUESTS)
        await auntil(lambda: demo.store.one("select count(*) from requests") > 0)
        await first.end()
        there = demo.store.one("select count(*) from requests")
        await demo.run()
        assert there <= demo.store.one("select count(*) from requests") == REQUESTS
        assert demo.store.one("select count(distinct id) from requests") == REQUESTS


async def test_keys_whose_secrets_were_lost_get_others(tmp_path: Path) -> None:
    """It ended while the keys were being made: nobody knows their secrets any more."""
    async with demo_in(tmp_path) as demo:
        keep(tmp_path, Furnished(requests=REQUESTS, until_us=STARTED_US))
        lost = (await settle(demo.office, OPERATOR)).secrets
        await demo.run()
        kept = kept_in(tmp_path)
        assert kept is not None
        assert kept.secrets.keys() == {key.name for key in KEYS}
        assert not set(kept.secrets.values()) & set(lost.values())
        assert demo.store.one("select count(*) from requests") == REQUESTS


async def test_requests_that_have_had_their_time_do_not_come_back(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        await demo.run()
        demo.store.ask("delete from requests")
        await demo.run()
        assert demo.store.one("select count(*) from requests") == 0


class Shut(Written):
    """A store that is not open."""

    async def write(self, task: Task[None]) -> None:
        raise ControlUnavailable("The analytics store is not open at the moment.")


class Broken(Written):
    """One whose disk is full."""

    async def write(self, task: Task[None]) -> None:
        raise OSError("no space left on device")


@pytest.mark.parametrize(("kind", "level"), [(Shut, "warning"), (Broken, "error")])
async def test_a_store_that_cannot_be_written_is_told_by_the_log(
    tmp_path: Path, kind: type[Written], level: str
) -> None:
    async with demo_in(tmp_path) as demo:
        demo.written = kind(demo.store)
        with capture_logs() as said:
            await demo.run()
        assert [(line["event"], line["log_level"]) for line in said] == [("the demo stays as it is", level)]
        # With the next start it is tried again.
        demo.written = Written(demo.store)
        await demo.run()
        assert demo.store.one("select count(*) from requests") == REQUESTS


async def test_one_that_never_began_ends(tmp_path: Path) -> None:
    async with demo_in(tmp_path) as demo:
        await demo.furnishing.end()
