from __future__ import annotations

import asyncio
import time
from functools import partial

from gateway.mock.pacer import Pacer


async def test_everybody_is_called_in_the_order_of_their_time_and_never_early() -> None:
    loop = asyncio.get_running_loop()
    pacer, called, done = Pacer(loop), list[tuple[int, float]](), asyncio.Event()
    begin = time.monotonic()

    def call(number: int) -> None:
        called.append((number, time.monotonic() - begin))

    for number in (30, 10, 20, 10, 0):
        pacer.at(begin + number / 1000, partial(call, number))
    pacer.at(begin + 0.04, done.set)
    await asyncio.wait_for(done.wait(), 5)
    assert [number for number, _ in called] == [0, 10, 10, 20, 30]
    assert all(when * 1000 >= number for number, when in called)


async def test_a_call_may_ask_for_the_next_one() -> None:
    pacer, done, left = Pacer(asyncio.get_running_loop()), asyncio.Event(), iter(range(20))

    def again() -> None:
        if next(left, None) is None:
            done.set()
        else:
            pacer.at(time.monotonic(), again)

    again()
    await asyncio.wait_for(done.wait(), 5)


async def test_nobody_is_called_after_the_stop() -> None:
    loop = asyncio.get_running_loop()
    pacer, called = Pacer(loop), []
    pacer.at(time.monotonic(), lambda: called.append(1))
    pacer.stop()
    later = loop.create_future()
    loop.call_later(0.02, later.set_result, None)
    await later
    assert not called
