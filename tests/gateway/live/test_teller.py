"""A worker's end of the line, over a real socket, to a control process that this test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.live import teller as module
from gateway.live.teller import Teller
from gateway.live.words import MOST_ENDED, Frame, Glimpse, Hello, Told, socket_in
from tests.waiting import auntil

from .samples import ended, running

DECODER = msgspec.json.Decoder(Told)


class Relay:
    """What runs in the worker."""

    def __init__(self) -> None:
        self.runs: tuple[str, ...] = ()
        self.looks = 0

    def look(self) -> Glimpse:
        self.looks += 1
        return Glimpse(tuple(map(running, self.runs)), len(self.runs))


class Control:
    """The other end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Told] = []
        self.ends = 0
        self._server: asyncio.AbstractServer | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path), limit=2**24)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        if self.writer is not None:
            self.writer.close()
        self.path.unlink(missing_ok=True)

    def say(self, word: bytes) -> None:
        assert self.writer is not None
        self.writer.write(word + b"\n")

    def read(self, *, on: bool) -> None:
        """Go on reading, or stop it: the kernel holds what it has room for, and no more."""
        assert self.writer is not None
        transport = self.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        (transport.resume_reading if on else transport.pause_reading)()

    @property
    def frames(self) -> list[Frame]:
        return [line for line in self.lines if isinstance(line, Frame)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        while line := await reader.readline():
            self.lines.append(DECODER.decode(line))
        self.ends += 1
        writer.close()


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    (tmp_path / "run").mkdir()
    made = Control(socket_in(tmp_path))
    yield made
    await made.stop()


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
async def teller(control: Control, relay: Relay) -> AsyncIterator[Teller]:
    made = Teller(control.path, 3, relay.look)
    yield made
    await made.close()


async def met(control: Control, teller: Teller) -> None:
    """Until the two are connected."""
    await control.start()
    teller.tick()
    await auntil(lambda: control.lines)


async def watched(control: Control, teller: Teller) -> None:
    await met(control, teller)
    control.say(b'{"do":"watch"}')
    await auntil(lambda: teller.watched)


async def test_who_it_is_is_all_that_is_told_while_nobody_watches(
    control: Control, teller: Teller, relay: Relay
) -> None:
    relay.runs = ("a",)
    await met(control, teller)
    (hello,) = control.lines
    assert isinstance(hello, Hello)
    assert hello.worker == 3
    await asyncio.sleep(module.FRAME_SECONDS * 2)  # nothing can be waited for that must not come
    assert (control.lines, relay.looks, teller.watched) == ([hello], 0, False)


async def test_what_runs_is_told_when_it_changes(control: Control, teller: Teller, relay: Relay) -> None:
    relay.runs = ("a",)
    await watched(control, teller)
    await auntil(lambda: control.frames)
    looks = relay.looks
    await auntil(lambda: relay.looks >= looks + 2)
    assert [[each.id for each in frame.now.running] for frame in control.frames] == [["a"]], "nothing has changed"
    relay.runs = ("a", "b")
    await auntil(lambda: len(control.frames) == 2)
    relay.runs = ()
    await auntil(lambda: len(control.frames) == 3)
    assert control.frames[-1].now.total == 0


async def test_what_ended_before_anybody_watched_is_remembered_and_told_first(control: Control, teller: Teller) -> None:
    teller.note(ended("unconnected"))
    await met(control, teller)
    teller.note(ended("unwatched"))
    control.say(b'{"do":"watch"}')
    await auntil(lambda: control.frames)
    teller.note(ended("watched"))
    await auntil(lambda: len(control.frames) == 2)
    told = [([each.id for each in frame.before], [each.id for each in frame.ended]) for frame in control.frames]
    assert told == [(["unconnected", "unwatched"], []), ([], ["watched"])]


async def test_whoever_watches_again_is_told_what_ended_before_once_more(control: Control, teller: Teller) -> None:
    await watched(control, teller)
    teller.note(ended("a"))
    await auntil(lambda: control.frames)
    control.say(b'{"do":"rest"}')
    await auntil(lambda: not teller.watched)
    teller.note(ended("b"))
    control.say(b'{"do":"watch"}')
    await auntil(lambda: len(control.frames) == 2)
    frame = control.frames[-1]
    assert ([each.id for each in frame.before], frame.ended, frame.missed) == (["a", "b"], (), 0)


async def test_no_more_is_remembered_than_is_told_at_once(control: Control, teller: Teller) -> None:
    for number in range(MOST_ENDED + 30):
        teller.note(ended(str(number)))
    await watched(control, teller)
    await auntil(lambda: control.frames)
    (frame,) = control.frames
    assert (len(frame.before), frame.before[0].id, frame.missed) == (MOST_ENDED, "30", 0)


async def test_what_has_ended_is_told_once(control: Control, teller: Teller) -> None:
    await watched(control, teller)
    teller.note(ended("a", "b"))
    teller.note(ended("c"))
    await auntil(lambda: control.frames)
    teller.note(ended("d"))
    await auntil(lambda: len(control.frames) == 2)
    assert [[each.id for each in frame.ended] for frame in control.frames] == [["a", "b", "c"], ["d"]]


async def test_of_too_many_the_newest_are_told_and_the_others_counted(control: Control, teller: Teller) -> None:
    await watched(control, teller)
    teller.note(ended(*(str(number) for number in range(MOST_ENDED + 30))))
    await auntil(lambda: control.frames)
    (frame,) = control.frames
    assert (len(frame.ended), frame.ended[0].id, frame.missed) == (MOST_ENDED, "30", 30)


async def test_a_control_process_that_does_not_read_costs_no_memory(
    control: Control, teller: Teller, relay: Relay
) -> None:
    await watched(control, teller)
    control.read(on=False)
    told = 0
    while teller._transport is None or not teller._transport.get_write_buffer_size():
        teller.note(ended(*(str(told + number) for number in range(MOST_ENDED))))
        told += MOST_ENDED
        await asyncio.sleep(module.FRAME_SECONDS / 5)
    size, looks = teller._transport.get_write_buffer_size(), relay.looks
    for _ in range(20):
        teller.note(ended(*(str(told + number) for number in range(MOST_ENDED))))
        told += MOST_ENDED
    await asyncio.sleep(module.FRAME_SECONDS * 2)
    assert (teller._transport.get_write_buffer_size(), relay.looks) == (size, looks), (
        "nothing is made that nobody takes"
    )
    control.read(on=True)
    await auntil(lambda: sum(len(frame.ended) + frame.missed for frame in control.frames) == told, 10)


async def test_nothing_is_told_any_more_when_nobody_watches_any_more(
    control: Control, teller: Teller, relay: Relay
) -> None:
    relay.runs = ("a",)
    await watched(control, teller)
    await auntil(lambda: control.frames)
    control.say(b'{"do":"rest"}')
    await auntil(lambda: not teller.watched)
    looks, frames = relay.looks, len(control.frames)
    await asyncio.sleep(module.FRAME_SECONDS * 2)
    assert (relay.looks, len(control.frames)) == (looks, frames)
    control.say(b'{"do":"watch"}\n{"do":"watch"}')
    await auntil(lambda: len(control.frames) == frames + 1)


async def test_a_control_process_that_is_away_is_looked_for_now_and_then(control: Control, teller: Teller) -> None:
    tries = []
    for _ in range(7):
        teller.tick()
        tries.append(teller._connecting is not None)
        await auntil(lambda: teller._connecting is None)
    assert tries == [True, False, True, False, True, False, True]
    await control.start()
    while not control.lines:
        teller.tick()
        await asyncio.sleep(0.01)
    assert isinstance(control.lines[0], Hello)


async def test_a_control_process_that_comes_back_is_found_and_told_only_if_it_asks(
    control: Control, teller: Teller, relay: Relay
) -> None:
    relay.runs = ("a",)
    await watched(control, teller)
    await auntil(lambda: control.frames)
    await control.stop()
    await auntil(lambda: not teller.watched)
    control.lines.clear()
    await control.start()
    while not control.lines:
        teller.tick()
        await asyncio.sleep(0.01)
    assert not teller.watched
    control.say(b'{"do":"watch"}')
    await auntil(lambda: control.frames)
    assert [each.id for each in control.frames[0].now.running] == ["a"], "it knows nothing of what was told before"


async def test_whoever_leaves_tells_everything_first(control: Control, teller: Teller) -> None:
    await watched(control, teller)
    teller.note(ended("a"))
    await teller.close()
    await auntil(lambda: control.ends)
    last = control.frames[-1]
    assert ([each.id for each in last.ended], last.last) == (["a"], True)


async def test_whoever_leaves_unwatched_or_unconnected_just_leaves(control: Control, teller: Teller) -> None:
    await teller.close()
    await met(control, teller)
    await teller.close()
    await auntil(lambda: control.ends)
    assert not control.frames


@pytest.mark.parametrize("word", [b'{"do":"dance"}', b"\xff", b"[]"])
async def test_what_no_worker_understands_ends_the_line(control: Control, teller: Teller, word: bytes) -> None:
    await met(control, teller)
    with capture_logs() as lines:
        control.say(word)
        await auntil(lambda: control.ends)
    assert [line["log_level"] for line in lines] == ["error"]


async def test_a_mistake_in_looking_ends_the_line_and_not_the_worker(
    control: Control, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise AttributeError("there is no such thing")

    monkeypatch.setattr(teller, "_take", fail)
    await met(control, teller)
    with capture_logs() as lines:
        control.say(b'{"do":"watch"}')
        await auntil(lambda: control.ends)
    assert [line["event"] for line in lines] == ["what runs cannot be told"]
    assert not teller.watched


async def test_telling_much_is_done_less_often(
    control: Control, teller: Teller, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes a hundredth of a second is done every half second, whatever the clock says of the rest."""
    times = iter((10.0, 10.01, *(20.0 for _ in range(99))))
    monkeypatch.setattr(module, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: next(times))}))
    await met(control, teller)
    loop = asyncio.get_running_loop()
    began = loop.time()
    control.say(b'{"do":"watch"}')
    await auntil(lambda: relay.looks == 2)
    assert loop.time() - began >= module.SHARE * 0.01
