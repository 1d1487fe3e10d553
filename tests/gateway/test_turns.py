"""A coroutine that gives turns away while it computes is like any other to whoever awaits it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest

from gateway.turns import in_turns


async def added(one: int, other: int) -> int:
    await asyncio.sleep(0)
    return one + other


async def broken() -> int:
    await asyncio.sleep(0)
    raise KeyError("broken")


async def test_what_it_returns_and_raises_is_handed_on() -> None:
    assert await in_turns(added(1, 2)) == 3
    with pytest.raises(KeyError, match="broken"):
        await in_turns(broken())


async def test_what_it_waits_for_may_fail() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waiting() -> str:
        try:
            return str(await future)
        except LookupError as error:
            return f"handled: {error}"

    task = asyncio.ensure_future(_task(waiting()))
    await asyncio.sleep(0)
    future.set_exception(LookupError("nothing"))
    assert await task == "handled: nothing"


async def test_it_is_cancelled_where_it_waits() -> None:
    cleaned: list[str] = []

    async def waiting() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append("cleaned")
        return ""

    task = asyncio.ensure_future(_task(waiting()))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert cleaned == ["cleaned"]


COMPUTING = """
import asyncio, os, signal
from gateway.turns import give_turns, in_turns

given = []
os.sched_yield = lambda: given.append(signal.getitimer(signal.ITIMER_REAL)[1])

async def compute():
    while len(given) < 5:
        pass
    await asyncio.sleep(0.05)
    timers.append(signal.getitimer(signal.ITIMER_REAL))
    return "done"

async def beside():
    while not timers:
        waiting.append(signal.getitimer(signal.ITIMER_REAL)[1])
        await asyncio.sleep(0.001)

async def both():
    return await asyncio.gather(in_turns(compute()), beside())

timers, waiting = [], []
give_turns()
print(asyncio.run(both())[0])
print(all(every > 0 for every in given), timers[0][1] > 0, set(waiting))
print(signal.getitimer(signal.ITIMER_REAL))
"""
"""Computes until it has given its turn away five times; somebody else looks whether there is a timer while it waits."""


def test_it_gives_turns_away_while_it_computes_and_only_then() -> None:
    done = subprocess.run([sys.executable, "-c", COMPUTING], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["done", "True True {0.0}", "(0.0, 0.0)"], done.stderr


async def _task(computing: object) -> object:
    return await in_turns(computing)  # type: ignore[arg-type]
