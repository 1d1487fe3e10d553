from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway import supervised
from gateway.leash import Start
from gateway.settings.model import Settings
from gateway.supervised import Supervised
from tests.waiting import auntil

CHILD = "tests.children.plain"


@asynccontextmanager
async def living(start: Callable[[], Awaitable[Start]], *, module: str = CHILD) -> AsyncIterator[Supervised]:
    """A child that is started again and again, until the test is over."""
    child = Supervised("child", module, start)
    life = asyncio.create_task(child.live())
    try:
        yield child
    finally:
        child.kill()
        await asyncio.wait_for(life, 5)


async def plain() -> Start:
    return Start(settings=Settings(), port=0)


async def never() -> Start:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses in place of waiting: what was to be waited, in order."""
    pauses: list[float] = []

    async def rest(self: Supervised) -> None:
        pauses.append(self._pause)
        self._pause = min(self._pause * 2, supervised.LONGEST_PAUSE)
        await asyncio.sleep(0)

    monkeypatch.setattr(Supervised, "_rest", rest)
    return pauses


async def test_the_pause_doubles_up_to_ten_seconds(quick: list[float]) -> None:
    async with living(plain, module="tests.children.no_such") as child:
        await auntil(lambda: len(quick) >= 9, 10)
        assert child.deaths >= 8
    assert quick[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


async def test_a_child_that_lived_long_starts_anew_at_once(quick: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "HEALTHY_SECONDS", 0.0)
    async with living(plain, module="tests.children.no_such"):
        await auntil(lambda: len(quick) >= 3, 10)
    assert quick[:3] == [0.1, 0.1, 0.1]


async def test_a_child_that_has_not_been_told_what_it_is_ends_at_once() -> None:
    child = Supervised("child", CHILD, never)
    life = asyncio.create_task(child.live())
    await auntil(lambda: child._process)
    await child.drain()
    await asyncio.wait_for(life, 5)


async def test_a_child_that_waits_to_be_started_again_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "SHORTEST_PAUSE", 60.0)
    child = Supervised("child", "tests.children.no_such", plain)
    life = asyncio.create_task(child.live())
    await auntil(lambda: child.deaths)
    await child.drain()
    await asyncio.wait_for(life, 5)


async def test_a_child_that_lets_go_of_its_leash_and_stays_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "GONE_SECONDS", 0.2)
    async with living(plain, module="tests.children.stubborn") as child:
        await auntil(lambda: child.deaths)


async def test_a_process_that_cannot_be_made_is_tried_again(
    quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fail)
    async with living(plain) as child:
        await auntil(lambda: len(quick) > 2)
        assert "Resource temporarily unavailable" in child.last_words
