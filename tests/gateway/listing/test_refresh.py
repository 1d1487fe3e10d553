"""Lists are asked for when they are due, kept while a provider is away, and told of when they are others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from gateway.catalog.served import Served
from gateway.errors import UpstreamUnreachable
from gateway.listing.ask import Models
from gateway.listing.kept import file_in, held
from gateway.listing.refresh import RETRY_SECONDS, Listing
from gateway.outbound.wire import Pool
from gateway.records import Credential, ModelFacts, Provider
from gateway.settings.model import RegistrySettings, Settings
from gateway.store.followed import Followed
from gateway.store.generations import Generations, shared_file
from tests.gateway.listing.servers import listing, serving
from tests.waiting import auntil

MINUTES = 60.0
ONE = Provider("one", "openai_chat", "http://localhost/v1", ("*",), "round_robin", ())
TWO = replace(ONE, id="two")


class World:
    """A data directory, the providers in it, what they say, and the time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.generations = Generations(shared_file(directory))
        self.settings = Settings(registry=RegistrySettings(models_minutes=MINUTES))
        self.providers: Sequence[Provider] = (ONE, TWO)
        self.says: dict[str, Models | None] = {"one": {"a": None}, "two": {"b": ModelFacts(context=10)}}
        self.asked: list[str] = []
        self.now = 1000.0
        self.listing = self.begin()

    def begin(self) -> Listing:
        return Listing(
            self.directory,
            self.generations,
            lambda: (self.settings, self.providers),
            ask_one=self._ask,
            clock=lambda: self.now,
        )

    async def refresh(self) -> list[str]:
        """Who was asked."""
        self.asked = []
        await self.listing.refresh()
        return self.asked

    @property
    def kept(self) -> dict[str, Models]:
        return {name: said.models for name, said in held(self.directory).lists.items()}

    @property
    def told(self) -> int:
        return self.generations.local("registry")

    async def _ask(self, provider: Provider, pool: Pool) -> Models:
        self.asked.append(provider.id)
        said = self.says[provider.id]
        if said is None:
            raise UpstreamUnreachable("It is away.")
        return said


def ticked(follower: Followed[Served]) -> bool:
    """Once more."""
    follower.tick()
    return True


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.generations.close()


async def test_everybody_is_asked_at_first_and_then_now_and_again(world: World) -> None:
    assert await world.refresh() == ["one", "two"]
    assert world.kept == world.says
    assert await world.refresh() == []
    world.now += MINUTES * 60 - 1
    assert await world.refresh() == []
    world.now += 1
    assert await world.refresh() == ["one", "two"]


async def test_others_are_told_of_what_is_new_and_of_nothing_else(world: World) -> None:
    await world.refresh()
    told = world.told
    assert told > 0
    world.now += MINUTES * 60
    await world.refresh()
    assert world.told == told
    world.now += MINUTES * 60
    world.says["one"] = {"a": None, "c": None}
    await world.refresh()
    assert world.told == told + 1
    assert world.kept["one"] == {"a": None, "c": None}


async def test_while_a_provider_is_away_its_last_list_holds(world: World) -> None:
    await world.refresh()
    world.says["one"] = None
    world.now += MINUTES * 60
    with capture_logs() as logs:
        await world.refresh()
        for _ in range(3):
            world.now += RETRY_SECONDS
            assert await world.refresh() == ["one"]
    assert [(line["provider"], line["reason"]) for line in logs if line["log_level"] == "warning"] == [
        ("one", "It is away.")
    ]
    assert world.kept["one"] == {"a": None}
    world.says["one"] = {"new": None}
    world.now += RETRY_SECONDS
    await world.refresh()
    assert world.kept["one"] == {"new": None}


async def test_who_fails_again_after_it_was_back_is_told_of_again(world: World) -> None:
    with capture_logs() as logs:
        silence: list[Models | None] = [None, {}, None]
        for world.says["one"] in silence:
            world.now += MINUTES * 60
            await world.refresh()
    assert [line["provider"] for line in logs if line["log_level"] == "warning"] == ["one", "one"]


async def test_a_start_asks_everybody_and_goes_on_from_what_was_kept(world: World) -> None:
    await world.refresh()
    world.says = {"one": None, "two": None}
    world.listing = world.begin()
    assert await world.refresh() == ["one", "two"]
    assert world.kept == {"one": {"a": None}, "two": {"b": ModelFacts(context=10)}}


async def test_a_provider_that_has_changed_is_asked_at_once(world: World) -> None:
    await world.refresh()
    changed = replace(ONE, credentials=(Credential("one", "c", "s"),))
    world.providers = (changed, TWO)
    assert await world.refresh() == ["one"]
    assert await world.refresh() == []


async def test_a_list_does_not_follow_a_provider_to_another_address(world: World) -> None:
    await world.refresh()
    world.providers = (replace(ONE, base_url="http://elsewhere/v1"), TWO)
    world.says["one"] = None
    assert await world.refresh() == ["one"]
    assert world.kept.keys() == {"two"}


async def test_who_is_no_more_is_forgotten(world: World) -> None:
    await world.refresh()
    told = world.told
    world.providers = (TWO,)
    assert await world.refresh() == []
    assert world.kept.keys() == {"two"}
    assert world.told == told + 1


@pytest.mark.parametrize("silent", [{"list_models": False}, {"models_path": None}])
async def test_who_is_not_to_be_asked_is_not(world: World, silent: dict[str, None]) -> None:
    world.providers = (replace(ONE, **silent), TWO)  # type: ignore[arg-type]
    assert await world.refresh() == ["two"]


async def test_nobody_is_asked_where_that_is_turned_off_and_nothing_old_is_believed(world: World) -> None:
    await world.refresh()
    world.settings = Settings(registry=RegistrySettings(models_minutes=0))
    world.now += 10 * MINUTES * 60
    assert await world.refresh() == []
    assert world.kept == {}


async def test_who_is_added_while_others_are_asked_is_asked_too(world: World) -> None:
    world.providers = (ONE,)
    sources = world.listing._sources  # the moment between two looks has no other door

    def growing() -> tuple[Settings, Sequence[Provider]]:
        found = sources()
        world.providers = (ONE, TWO)
        return found

    world.listing._sources = growing
    assert await world.refresh() == ["one", "two"]


@pytest.mark.parametrize("text", [b"", b"{", b'{"lists": {"one": 7}}'])
async def test_a_damaged_file_is_as_good_as_none(world: World, text: bytes) -> None:
    await world.refresh()
    file_in(world.directory).write_bytes(text)
    with capture_logs() as logs:
        assert held(world.directory).lists == {}
    assert [line["log_level"] for line in logs] == ["warning"]
    world.listing = world.begin()
    assert await world.refresh() == ["one", "two"]
    assert world.kept == world.says


async def test_a_file_that_cannot_be_written_leaves_the_former_one(world: World) -> None:
    await world.refresh()
    before = file_in(world.directory).read_bytes()
    draft = file_in(world.directory).with_suffix(".new")
    draft.mkdir()
    world.says["one"] = {"x": None}
    world.now += MINUTES * 60
    with pytest.raises(OSError, match="directory"):
        await world.refresh()
    assert file_in(world.directory).read_bytes() == before
    draft.rmdir()
    world.now += MINUTES * 60
    await world.refresh()
    assert world.kept["one"] == {"x": None}


async def test_only_we_may_read_what_is_kept(world: World) -> None:
    await world.refresh()
    assert file_in(world.directory).stat().st_mode & 0o777 == 0o600


async def test_a_follower_hears_of_new_lists_and_of_nothing_else(world: World) -> None:
    heard: list[int] = []
    follower = Followed(world.generations, lambda: held(world.directory), lambda: heard.append(1))
    follower.tick()
    assert follower.held.lists == {}
    await world.refresh()
    await auntil(lambda: ticked(follower) and bool(heard))
    assert follower.held == world.listing.served
    world.generations.tell("registry")
    await auntil(lambda: ticked(follower) and follower._loading is not None and follower._loading.done())
    assert heard == [1]
    await follower.close()
    assert held(world.directory) == follower.held


async def test_from_a_provider_to_a_follower_over_real_sockets(tmp_path: Path) -> None:
    async with serving({"/v1/models": listing("a", "b")}) as server:
        said = replace(ONE, base_url=server.url + "/v1")
        generations = Generations(shared_file(tmp_path))
        settings = Settings()
        follower = Followed(generations, lambda: held(tmp_path), lambda: None)
        lists = Listing(tmp_path, generations, lambda: (settings, (said,)))
        await lists.refresh()
        await auntil(lambda: ticked(follower) and follower.held.ids((said,)) == {"one": ("a", "b")})
        server.answers.clear()
        await Listing(tmp_path, generations, lambda: (settings, (said,))).refresh()
        assert held(tmp_path).ids((said,)) == {"one": ("a", "b")}
        await follower.close()
        generations.close()
