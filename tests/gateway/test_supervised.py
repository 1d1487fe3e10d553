from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway import supervised
from gateway.leash import Refused, Reload, Reloaded, Start
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings
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
    return Start(settings=Settings(), port=free_port())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


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


async def test_each_death_is_told_before_the_next_start() -> None:
    told: list[str] = []

    async def start() -> Start:
        told.append("start")
        return await plain()

    child = Supervised("child", CHILD, start, bury=lambda: told.append("death"))
    life = asyncio.create_task(child.live())
    await auntil(child.ready.is_set)
    assert child._process
    child._process.kill()
    await auntil(lambda: len(told) == 3)
    child.kill()
    await asyncio.wait_for(life, 5)
    assert told == ["start", "death", "start", "death"]


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


async def test_what_a_child_says_to_new_settings_is_known() -> None:
    refused = Settings(client_keys=(ClientKeySettings(name="refused", key="sk-12345678"),))
    async with living(plain) as child:
        await auntil(child.ready.is_set)
        assert child.generation == 1
        assert await child.reload(Reload(settings=Settings(), generation=2), 5) == Reloaded(generation=2)
        said = await child.reload(Reload(settings=refused, generation=3), 5)
        assert said == Refused(generation=3, error="the child does not like it")
        assert child.generation == 2


async def test_a_child_that_is_not_there_or_does_not_answer_says_nothing_to_new_settings() -> None:
    order = Reload(settings=Settings(), generation=2)
    async with living(plain) as child:
        assert await child.reload(order, 5) is None
        await auntil(child.ready.is_set)
        assert child._process
        child._process.send_signal(signal.SIGSTOP)
        assert await child.reload(order, 0.05) is None
        waiting = asyncio.create_task(child.reload(Reload(settings=Settings(), generation=3), 10))
        await auntil(lambda: child._answers)
        child._process.kill()
        assert await asyncio.wait_for(waiting, 5) is None
