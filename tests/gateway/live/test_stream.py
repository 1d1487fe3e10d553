"""What a viewer hears, as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gateway.errors import StateUnavailable
from gateway.live import stream as module
from gateway.live.events import Event, Gap
from gateway.live.feed import Feed
from gateway.live.stream import HEARTBEAT, RETRY, parts, write_events
from gateway.live.viewer import Viewer
from gateway.live.wanted import Sight, Wanted
from gateway.live.words import socket_in
from tests.waiting import auntil

from .samples import FIRST, ended, frame, ids_in, running
from .test_feed import FACTS, REQUESTS

MINE = Sight(key_ids=frozenset({"key:1"}))


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    (tmp_path / "run").mkdir()
    made = Feed(lambda: FACTS, most=10)
    await made.start(socket_in(tmp_path))
    yield made
    made.close()


@pytest.fixture
def viewer(feed: Feed) -> Viewer:
    return feed.subscribe(Sight(), REQUESTS, who="user:1")


class Reading:
    """Reads a stream in a task of its own, as a server does."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.parts: list[bytes] = []
        self.task = asyncio.create_task(self._read(stream))

    @property
    def all(self) -> bytes:
        return b"".join(self.parts)

    async def _read(self, stream: AsyncIterator[bytes]) -> None:
        async for part in stream:
            assert part, "an empty part would be the end"
            self.parts.append(part)

    async def ended(self) -> bytes:
        await asyncio.wait_for(self.task, 5)
        return self.all


async def whoever() -> Sight | None:
    return Sight()


async def nobody() -> Sight | None:
    return None


def test_events_are_written_as_server_sent_events() -> None:
    assert write_events([Event("b", 1, Gap(2)), Event("b", 2, Gap(None))]) == (
        b'id: b-1\nevent: gap\ndata: {"missed":2}\n\nid: b-2\nevent: gap\ndata: {"missed":null}\n\n'
    )
    assert write_events([]) == b""


async def test_a_stream_begins_at_once_and_goes_on_with_what_happens(feed: Feed, viewer: Viewer) -> None:
    reading = Reading(parts(viewer, whoever, write_events))
    await auntil(lambda: b"event: running" in reading.all)
    assert reading.all.startswith(RETRY + b"id: ")
    feed.told(FIRST, frame(running("a"), over=ended("b")))
    await auntil(lambda: b'"id":"b"' in reading.all)
    await auntil(lambda: b'"id":"a"' in reading.all)
    viewer.leave()
    await reading.ended()


async def test_a_stream_ends_after_as_long_as_was_asked_for(viewer: Viewer) -> None:
    said = await Reading(parts(viewer, whoever, write_events, seconds=0)).ended()
    assert said.count(b"event: ") == 2


async def test_silence_is_broken_now_and_then(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.02)
    reading = Reading(parts(viewer, whoever, write_events))
    await auntil(lambda: reading.parts.count(HEARTBEAT) == 3)
    viewer.leave()
    await reading.ended()


async def test_what_nobody_would_see_is_not_sent(viewer: Viewer) -> None:
    def nothing(events: Sequence[Event]) -> bytes:
        return b""

    assert await Reading(parts(viewer, whoever, nothing, seconds=0)).ended() == RETRY


async def test_whoever_may_watch_no_more_hears_that_and_nothing_else(
    feed: Feed, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.05)
    reading = Reading(parts(viewer, nobody, write_events))
    said = await reading.ended()
    assert said.endswith(b'event: end\ndata: {"why":"signed_out"}\n\n')


async def test_where_nobody_can_say_whether_they_may_it_ends_and_they_may_come_back(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.02)

    async def away() -> Sight | None:
        raise StateUnavailable("The database is away.")

    said = await Reading(parts(viewer, away, write_events)).ended()
    assert said.endswith(b'event: end\ndata: {"why":"unavailable"}\n\n')


async def test_what_ends_while_nobody_can_say_whether_they_may_is_told_when_they_come_back(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.02)
    viewer, other = (feed.subscribe(Sight(), REQUESTS, who=who) for who in ("user:1", "user:2"))

    async def away() -> Sight | None:
        feed.told(FIRST, frame(over=ended("meanwhile")))
        raise StateUnavailable("The database is away.")

    said = (await Reading(parts(viewer, away, write_events)).ended()).decode()
    viewer.leave()
    assert "meanwhile" not in said
    last_id = [line.removeprefix("id: ") for line in said.splitlines() if line.startswith("id: ")][-1]
    back = feed.subscribe(Sight(), REQUESTS, who="user:1", last_id=last_id).take()
    assert ids_in(back) == ids_in(other.take()) == ["meanwhile"]
    assert "gap" not in [event.name for event in back]


async def test_what_somebody_may_see_by_now_is_what_they_are_shown(
    feed: Feed, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.02)

    async def less() -> Sight | None:
        return MINE

    reading = Reading(parts(viewer, less, write_events))
    await auntil(lambda: viewer.sight == MINE)
    feed.told(FIRST, frame(over=(*ended("theirs"), *ended("mine", key_id="key:1"))))
    await auntil(lambda: b'"id":"mine"' in reading.all)
    assert b'"id":"theirs"' not in reading.all
    viewer.leave()
    await reading.ended()


async def test_a_review_takes_place_however_much_happens(
    feed: Feed, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REVIEW_SECONDS", 0.1)
    reading = Reading(parts(viewer, nobody, write_events))
    while not reading.task.done():
        feed.told(FIRST, frame(over=ended("a")))
        await asyncio.sleep(0.005)
    assert b"signed_out" in reading.all


async def test_one_that_is_stuck_is_ended_from_without(feed: Feed, viewer: Viewer) -> None:
    stuck = asyncio.Event()

    async def send() -> None:
        async for _ in parts(viewer, whoever, write_events):
            stuck.set()
            await asyncio.sleep(3600)

    sending = asyncio.create_task(send())
    await stuck.wait()
    viewer.give_up()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_the_end_of_the_gateway_is_the_end_of_the_stream(feed: Feed) -> None:
    viewer = feed.subscribe(Sight(), Wanted(), who="user:1")
    reading = Reading(parts(viewer, whoever, write_events))
    await auntil(lambda: reading.parts)
    feed.close()
    assert (await reading.ended()).endswith(b'{"why":"closing"}\n\n')
