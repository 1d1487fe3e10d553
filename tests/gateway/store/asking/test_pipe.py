from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.errors import ControlUnavailable
from gateway.store.asking.pipe import ROOM, Pipe, Unwanted
from tests.waiting import auntil


class Maker(threading.Thread):
    """Puts numbers into a pipe until it is told not to."""

    def __init__(self, pipe: Pipe, count: int) -> None:
        super().__init__(daemon=True)
        self.pipe, self.count, self.put = pipe, count, 0
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            for number in range(self.count):
                self.pipe.put(b"%d" % number)
                self.put += 1
        except (Unwanted, ControlUnavailable) as error:
            self.error = error
        self.pipe.end()


async def taken(pipe: Pipe) -> list[bytes]:
    found = []
    while (piece := await pipe.take()) is not None:
        found.append(piece)
    return found


async def test_pieces_come_in_order_and_then_the_end() -> None:
    pipe = Pipe()
    maker = Maker(pipe, 100)
    assert await taken(pipe) == [b"%d" % number for number in range(100)]
    assert maker.error is None


async def test_who_makes_them_waits_while_nobody_takes_them() -> None:
    pipe = Pipe()
    maker = Maker(pipe, 100)
    await auntil(lambda: maker.put == ROOM)
    assert await pipe.take() == b"0"
    await auntil(lambda: maker.put == ROOM + 1)
    assert pipe._pieces.qsize() == ROOM
    assert len(await taken(pipe)) == 99


async def test_who_makes_them_hears_that_nobody_wants_them() -> None:
    pipe = Pipe()
    maker = Maker(pipe, 100)
    await auntil(lambda: maker.put == ROOM)
    pipe.close()
    await auntil(lambda: isinstance(maker.error, Unwanted))
    assert maker.put == ROOM


async def test_nobody_is_waited_for_for_ever() -> None:
    pipe = Pipe(stall_seconds=0.05)
    maker = Maker(pipe, 100)
    await auntil(lambda: maker.error is not None)
    assert isinstance(maker.error, ControlUnavailable)


async def test_nothing_is_no_piece() -> None:
    """It would be the end to whoever sends it on."""
    pipe = Pipe()
    for _ in range(3 * ROOM):
        await asyncio.to_thread(pipe.put, b"")
    await asyncio.to_thread(pipe.put, b"x")
    pipe.end()
    assert await taken(pipe) == [b"x"]


async def test_what_is_there_when_it_is_closed_can_still_be_taken() -> None:
    pipe = Pipe()
    pipe.put(b"x")
    pipe.end()
    pipe.close()
    assert await taken(pipe) == [b"x"]
    with pytest.raises(Unwanted):
        pipe.put(b"y")
