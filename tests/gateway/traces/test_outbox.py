"""Spans on their way: batches, a collector that is away, slow or refuses, and the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import UpstreamUnreachable
from gateway.outbound.client import Fetched
from gateway.traces import outbox
from gateway.traces.outbox import Losses, Outbox
from tests.waiting import auntil

OK = Fetched(200, {}, b"")


class Batches:
    """Batches that can be looked into."""

    def __init__(self) -> None:
        self.rejects = 0

    def batch(self, spans: Iterable[bytes]) -> bytes:
        return b" ".join(spans)

    def rejected(self, body: bytes) -> tuple[int, str]:
        return self.rejects, "too old"


class There:
    """A collector: answers what it is told to, one after another, the last for ever."""

    def __init__(self, *answers: Fetched | Exception) -> None:
        self.answers = list(answers) or [OK]
        self.taken: list[bytes] = []
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def __call__(self, body: bytes) -> Fetched:
        self.asked += 1
        await self.answering.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer.status == 200:
            self.taken.append(body)
        return answer


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"GATHER_SECONDS": 0.02, "SHORTEST_PAUSE": 0.01, "CLOSING_SECONDS": 0.5}.items():
        monkeypatch.setattr(outbox, name, seconds)


@asynccontextmanager
async def outbox_to(there: There, losses: Losses | None = None) -> AsyncIterator[Outbox]:
    box = Outbox(Batches(), there, losses or Losses())
    yield box
    await box.close()


async def test_spans_that_come_together_go_together() -> None:
    there = There()
    async with outbox_to(there) as box:
        for span in (b"a", b"b", b"c"):
            box.add(span)
        await auntil(lambda: there.taken)
        box.add(b"d")
        await auntil(lambda: len(there.taken) == 2)
    assert there.taken == [b"a b c", b"d"]


async def test_nothing_is_sent_where_there_is_nothing() -> None:
    there = There()
    async with outbox_to(there):
        await asyncio.sleep(0.1)
    assert there.asked == 0


async def test_a_whole_batch_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "GATHER_SECONDS", 60.0)
    monkeypatch.setattr(outbox, "BATCH_SPANS", 3)
    there = There()
    async with outbox_to(there) as box:
        for number in range(7):
            box.add(b"%d" % number)
        await auntil(lambda: len(there.taken) == 2)
        assert there.taken == [b"0 1 2", b"3 4 5"]
    assert there.taken[2:] == [b"6"], "the rest at the end"


async def test_a_collector_that_is_away_gets_everything_once_it_is_back() -> None:
    away = UpstreamUnreachable("nobody there")
    there, losses = There(away, Fetched(503, {}, b""), Fetched(429, {}, b""), away, OK), Losses()
    with capture_logs() as lines:
        async with outbox_to(there, losses) as box:
            box.add(b"a")
            await auntil(lambda: there.asked > 1)
            box.add(b"b")
            await auntil(lambda: len(there.taken) == 2)
    assert there.taken == [b"a", b"b"]
    assert losses.spans == 0
    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("the collector of spans is away, they wait", "nobody there"),
        ("the collector of spans takes them again", None),
    ], "said once, however often it was tried"


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 302])
async def test_what_a_collector_refuses_is_lost_and_not_sent_again(status: int) -> None:
    there, losses = There(Fetched(status, {}, b""), OK), Losses()
    with capture_logs() as lines:
        async with outbox_to(there, losses) as box:
            box.add(b"a")
            box.add(b"b")
            await auntil(lambda: losses.spans)
            box.add(b"c")
            await auntil(lambda: there.taken)
    assert (there.taken, there.asked, losses.spans) == ([b"c"], 2, 2)
    assert [(line["event"], line["spans"]) for line in lines] == [("spans are lost", 2)]
    assert str(status) in lines[0]["reason"]


async def test_spans_of_a_batch_that_was_taken_may_be_refused() -> None:
    there, losses, batches = There(), Losses(), Batches()
    batches.rejects = 1
    box = Outbox(batches, there, losses)
    box.add(b"a")
    box.add(b"b")
    await auntil(lambda: losses.spans)
    await box.close()
    assert (losses.spans, there.asked) == (1, 1)


async def test_a_collector_says_how_long_it_wants_to_be_left() -> None:
    there = There(Fetched(503, {"retry-after": "1"}, b""), OK)
    async with outbox_to(there) as box:
        began = time.monotonic()
        box.add(b"a")
        await auntil(lambda: there.taken)
        assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("86400", 60.0), ("soon", 0.0), ("-1", 0.0), ("", 0.0), ("²", 0.0)]
)
def test_what_it_says_is_a_number_of_seconds_within_reason(said: str, seconds: float) -> None:
    assert outbox._retry_after({"retry-after": said}) == seconds


async def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SHORTEST_PAUSE", 0.02)
    there = There(UpstreamUnreachable("nobody there"))
    async with outbox_to(there) as box:
        box.add(b"a")
        await auntil(lambda: there.asked >= 2)
        began, asked = time.monotonic(), there.asked
        await auntil(lambda: there.asked >= asked + 3)
        assert time.monotonic() - began > 0.02 + 0.04 + 0.08 - 0.05


async def test_when_too_many_wait_new_ones_are_lost_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_SPANS", 10)
    there, losses = There(), Losses()
    there.answering.clear()
    with capture_logs() as lines:
        async with outbox_to(there, losses) as box:
            box.add(b"first")
            await auntil(lambda: there.asked)
            for number in range(25):
                box.add(b"%d" % number)
            assert losses.spans == 15
            there.answering.set()
            await auntil(lambda: len(there.taken) == 2)
    assert there.taken == [b"first", b" ".join(b"%d" % number for number in range(10))]
    assert [line["event"] for line in lines] == ["spans are lost"], "not a line for each"


async def test_at_the_end_everything_is_sent() -> None:
    there, losses = There(), Losses()
    box = Outbox(Batches(), there, losses)
    for number in range(5):
        box.add(b"%d" % number)
    await box.close()
    assert (there.taken, losses.spans) == ([b"0 1 2 3 4"], 0)


@pytest.mark.parametrize("is_away", [True, False])
async def test_the_end_does_not_wait_for_a_collector_that_does_not_answer(is_away: bool) -> None:
    there, losses = There(UpstreamUnreachable("nobody there")), Losses()
    if not is_away:
        there.answering.clear()
    box = Outbox(Batches(), there, losses)
    box.add(b"a")
    await auntil(lambda: there.asked)
    for span in (b"b", b"c"):
        box.add(span)
    began = time.monotonic()
    with capture_logs():
        await box.close()
    assert time.monotonic() - began < 8
    assert losses.spans == 3, "and they are counted"


async def test_a_mistake_of_ours_costs_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    mistakes: list[Callable[..., Any]] = [lambda *_: 1 / 0]
    batches, there, losses = Batches(), There(), Losses()
    rightly = batches.batch
    monkeypatch.setattr(batches, "batch", lambda spans: mistakes.pop()() if mistakes else rightly(spans))
    with capture_logs() as lines:
        box = Outbox(batches, there, losses)
        box.add(b"a")
        await auntil(lambda: losses.spans == 1)
        box.add(b"b")
        await auntil(lambda: there.taken == [b"b"])
        await box.close()
    assert [line["event"] for line in lines] == ["a batch of spans failed", "spans are lost"]
