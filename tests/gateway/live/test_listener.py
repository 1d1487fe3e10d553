"""The control process's end of the lines, over a real socket, with workers that this test plays."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.live import listener as module
from gateway.live.listener import Listener
from gateway.live.words import Frame, Hello, socket_in
from tests.waiting import auntil

from .samples import FIRST, SECOND, ended, frame, running


class Heard:
    """Remembers what was heard."""

    def __init__(self) -> None:
        self.frames: list[tuple[Hello, Frame]] = []
        self.gone: list[tuple[Hello, bool]] = []

    def told(self, worker: Hello, frame: Frame) -> None:
        if frame.missed == 13:
            raise KeyError("a mistake of ours")
        self.frames.append((worker, frame))

    def left(self, worker: Hello, *, told_all: bool) -> None:
        self.gone.append((worker, told_all))


class Worker:
    """One that tells."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, word: Hello | Frame) -> None:
        self.writer.write(msgspec.json.encode(word) + b"\n")

    async def order(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return socket_in(tmp_path)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def listener(path: Path, heard: Heard) -> AsyncIterator[Listener]:
    made = Listener(heard)
    await made.start(path)
    yield made
    made.close()


Call = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def call(path: Path) -> AsyncIterator[Call]:
    """Has a worker call, who says who they are unless it is nobody."""
    async with AsyncExitStack() as stack:

        async def made(hello: Hello | None = FIRST) -> Worker:
            worker = Worker(*await asyncio.open_unix_connection(str(path)))
            stack.push_async_callback(_closed, worker.writer)
            if hello is not None:
                worker.say(hello)
            return worker

        yield made


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def test_only_its_owner_may_talk_to_it(listener: Listener, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_a_dead_one_has_left_is_in_nobody_s_way(
    listener: Listener, path: Path, heard: Heard, call: Call
) -> None:
    later = Listener(heard)
    await later.start(path)
    (await call()).say(frame())
    await auntil(lambda: heard.frames)
    assert (len(later.workers), listener.workers) == (1, [])
    later.close()


async def test_a_place_where_no_socket_can_be_is_an_error(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(OSError, match=r"nowhere|No such"):
        await Listener(heard).start(tmp_path / "nowhere" / "live.sock")


async def test_who_tells_what_is_known(listener: Listener, call: Call, heard: Heard) -> None:
    one, other = await call(), await call(SECOND)
    one.say(frame(running("a"), over=ended("b")))
    await auntil(lambda: heard.frames)
    other.say(frame(running("c")))
    await auntil(lambda: len(heard.frames) == 2)
    assert [(who, told.now.running[0].id) for who, told in heard.frames] == [(FIRST, "a"), (SECOND, "c")]
    assert heard.frames[0][1].ended == ended("b")
    assert sorted(each.worker for each in listener.workers) == [0, 1]


async def test_orders_reach_those_that_are_there_and_those_that_come(listener: Listener, call: Call) -> None:
    one = await call()
    await auntil(lambda: listener.workers)
    listener.watch()
    assert await one.order() == b'{"do":"watch"}\n'
    other = await call(SECOND)
    assert await other.order() == b'{"do":"watch"}\n'
    listener.rest()
    assert await one.order() == await other.order() == b'{"do":"rest"}\n'
    third = await call(Hello(2, 102))
    await auntil(lambda: len(listener.workers) == 3)
    listener.watch()
    assert await third.order() == b'{"do":"watch"}\n', "while nobody watched there was nothing to say"


async def test_a_worker_that_is_gone_is_told_of(listener: Listener, call: Call, heard: Heard) -> None:
    one, other = await call(), await call(SECOND)
    one.say(frame(last=True))
    other.say(frame())
    await auntil(lambda: len(heard.frames) == 2)
    for each in (one, other):
        each.writer.close()
    await auntil(lambda: len(heard.gone) == 2)
    assert sorted(heard.gone, key=lambda each: each[0].worker) == [(FIRST, True), (SECOND, False)]
    assert listener.workers == []


async def test_a_frame_comes_whole_however_it_is_cut(listener: Listener, call: Call, heard: Heard) -> None:
    one = await call(None)
    data = b"".join(msgspec.json.encode(each) + b"\n" for each in (FIRST, frame(running("a")), frame(missed=2)))
    for at in range(0, len(data), 97):
        one.writer.write(data[at : at + 97])
        await asyncio.sleep(0)
    await auntil(lambda: len(heard.frames) == 2)
    assert heard.frames[1][1].missed == 2


@pytest.mark.parametrize("said", [b"nonsense\n", b'{"is":"hello"}\n', b'{"is":"frame","missed":1}\n', b"\xff\xfe\n"])
async def test_whoever_says_what_no_worker_says_is_hung_up_on(
    listener: Listener, call: Call, heard: Heard, said: bytes
) -> None:
    stranger, one = await call(None), await call()
    with capture_logs() as lines:
        stranger.writer.write(said)
        assert await stranger.order() == b""
    assert [line["event"] for line in lines] == ["somebody says what no worker says"]
    one.say(frame(running("a")))
    await auntil(lambda: heard.frames)


async def test_whoever_says_too_much_at_once_is_hung_up_on(
    listener: Listener, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 100_000)
    one = await call()
    with capture_logs() as lines:
        one.writer.write(b"x" * 200_000)
        with pytest.raises((ConnectionError, AssertionError)):
            assert await one.order() != b""
    assert [line["event"] for line in lines] == ["a worker tells too much at once"]


async def test_a_mistake_of_ours_ends_one_line_and_not_the_others(listener: Listener, call: Call, heard: Heard) -> None:
    one, other = await call(), await call(SECOND)
    with capture_logs() as lines:
        one.say(frame(missed=13))
        assert await one.order() == b""
    assert [line["event"] for line in lines] == ["what a worker tells cannot be taken in"]
    other.say(frame())
    await auntil(lambda: heard.frames)


async def test_at_the_end_everybody_is_hung_up_on(listener: Listener, call: Call) -> None:
    one = await call()
    await auntil(lambda: listener.workers)
    listener.close()
    assert await one.order() == b""
