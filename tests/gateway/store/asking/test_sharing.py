"""Who asks what is being asked gets the same answer; who asks again soon may get an old one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import wait

import pytest

from gateway.errors import ControlUnavailable
from gateway.store.asking import sharing
from gateway.store.asking.run import Run
from gateway.store.asking.sharing import READERS, Question, Row, SharedReads
from tests.waiting import auntil

ONE = Question("some/thing", "select 1", {"a": 1})
OTHER = Question("some/thing", "select 1", {"a": 2})


class Store:
    """Answers when it is let, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.stopped = 0
        self.let = threading.Event()
        self.rows: list[Row] = [{"n": 1}]
        self.error: Exception | None = None

    def perform(self, question: Question, run: Run) -> list[Row]:
        self.asked.append(question.parameters["a"])
        run.on_stop = self.let.set
        self.let.wait(10)
        run.over = True
        if run.stopped is not None:
            self.stopped += 1
            raise ControlUnavailable("stopped")
        if self.error is not None:
            raise self.error
        return [dict(row) for row in self.rows]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def reads(store: Store) -> Iterator[SharedReads]:
    made = SharedReads(store.perform)
    yield made
    store.let.set()
    made.end()


def begun(
    reads: SharedReads, question: Question = ONE, *, seconds: float = 5, kept: float = 0
) -> asyncio.Task[list[Row]]:
    return asyncio.create_task(reads.ask(question, seconds=seconds, kept=kept))


async def test_the_same_question_at_the_same_time_is_asked_once(reads: SharedReads, store: Store) -> None:
    tasks = [begun(reads) for _ in range(20)]
    await auntil(lambda: store.asked == [1])
    tasks += [begun(reads) for _ in range(20)]
    await asyncio.sleep(0)
    store.let.set()
    answers = await asyncio.gather(*tasks)
    assert store.asked == [1]
    assert all(answer == [{"n": 1}] for answer in answers)


async def test_what_one_does_to_the_rows_another_does_not_see(reads: SharedReads, store: Store) -> None:
    tasks = [begun(reads, kept=2) for _ in range(3)]
    await auntil(lambda: store.asked == [1])
    store.let.set()
    first, second, _ = await asyncio.gather(*tasks)
    first[0]["n"] = 99
    first.clear()
    assert second == [{"n": 1}]
    assert await reads.ask(ONE, seconds=1, kept=2) == [{"n": 1}]


async def test_other_parameters_and_types_are_other_questions(reads: SharedReads, store: Store) -> None:
    store.let.set()
    for value in (1, "1", True, 1.0, None):
        await reads.ask(Question("some/thing", "", {"a": value}), seconds=1, kept=2)
    assert len(store.asked) == 5


async def test_an_answer_is_kept_for_whoever_takes_an_old_one(reads: SharedReads, store: Store) -> None:
    store.let.set()
    await reads.ask(ONE, seconds=1, kept=2)
    await reads.ask(ONE, seconds=1, kept=2)
    assert store.asked == [1]
    await reads.ask(ONE, seconds=1, kept=0)
    assert store.asked == [1, 1]
    await reads.ask(OTHER, seconds=1, kept=2)
    assert store.asked == [1, 1, 2]


async def test_an_answer_is_as_old_as_its_question(reads: SharedReads, store: Store) -> None:
    """It was begun to be asked so long ago: what has come since is not in it."""
    slow = begun(reads, kept=5)
    await auntil(lambda: store.asked == [1])
    await asyncio.sleep(0.3)
    store.let.set()
    await slow
    await reads.ask(ONE, seconds=1, kept=0.2)
    assert store.asked == [1, 1]


async def test_nobody_who_did_not_want_it_has_anything_kept(reads: SharedReads, store: Store) -> None:
    store.let.set()
    await reads.ask(ONE, seconds=1, kept=0)
    assert reads._kept_rows == 0
    await reads.ask(ONE, seconds=1, kept=2)
    assert store.asked == [1, 1]


async def test_what_is_kept_is_bounded_by_rows(
    reads: SharedReads, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_KEPT_ROWS", 10)
    monkeypatch.setattr(sharing, "MOST_ROWS_OF_ONE", 6)
    store.let.set()
    store.rows = [{"n": 1}] * 4
    for number in range(5):
        await reads.ask(Question("some/thing", "", {"a": number}), seconds=1, kept=60)
    assert (reads._kept_rows, len(reads._kept)) == (8, 2)
    store.rows = [{"n": 1}] * 7
    await reads.ask(Question("some/thing", "", {"a": "large"}), seconds=1, kept=60)
    assert (reads._kept_rows, len(reads._kept)) == (8, 2)
    store.rows = []
    for number in range(50):
        await reads.ask(Question("some/thing", "", {"a": f"none {number}"}), seconds=1, kept=60)
    assert len(reads._kept) == 10, "an answer without rows takes a place, too"


async def test_one_who_leaves_does_not_take_the_others_with_them(reads: SharedReads, store: Store) -> None:
    tasks = [begun(reads) for _ in range(3)]
    await auntil(lambda: store.asked == [1])
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    store.let.set()
    assert await asyncio.gather(*tasks[1:]) == [[{"n": 1}]] * 2
    assert store.stopped == 0


async def test_one_who_has_waited_long_enough_leaves_the_others_waiting(reads: SharedReads, store: Store) -> None:
    patient, hasty = begun(reads, seconds=5), begun(reads, seconds=0.05)
    with pytest.raises(ControlUnavailable, match="too long"):
        await hasty
    store.let.set()
    assert await patient == [{"n": 1}]
    assert store.stopped == 0


async def test_when_the_last_one_leaves_it_is_stopped_and_who_comes_then_asks_anew(
    reads: SharedReads, store: Store
) -> None:
    tasks = [begun(reads) for _ in range(2)]
    await auntil(lambda: store.asked == [1])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    late = begun(reads)
    await auntil(lambda: store.stopped == 1)
    store.let.set()
    assert await late == [{"n": 1}]
    assert store.asked == [1, 1]


async def test_who_leaves_the_queue_is_never_asked_for(reads: SharedReads, store: Store) -> None:
    running = [begun(reads, Question("some/thing", "", {"a": number})) for number in range(READERS)]
    await auntil(lambda: len(store.asked) == READERS)
    waiting = begun(reads, Question("some/thing", "", {"a": "waiting"}), seconds=0.05)
    with pytest.raises(ControlUnavailable):
        await waiting
    store.let.set()
    await asyncio.gather(*running)
    await reads.ask(ONE, seconds=1, kept=0)
    assert "waiting" not in store.asked


async def test_questions_are_asked_in_the_order_in_which_they_came(reads: SharedReads, store: Store) -> None:
    tasks = [begun(reads, Question("some/thing", "", {"a": number})) for number in range(40)]
    await auntil(lambda: len(store.asked) == READERS)
    store.let.set()
    await asyncio.gather(*tasks)
    # Two threads take them in turn: who came ten places before is never behind.
    assert all(store.asked.index(number) < store.asked.index(number + READERS) for number in range(40 - READERS))


async def test_an_error_is_everybodys_and_is_not_kept(reads: SharedReads, store: Store) -> None:
    store.error = ControlUnavailable("broken")
    tasks = [begun(reads, kept=2) for _ in range(3)]
    await auntil(lambda: store.asked == [1])
    store.let.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["broken"] * 3
    store.error = None
    assert await reads.ask(ONE, seconds=1, kept=2) == [{"n": 1}]


async def test_reading_gives_way_to_everything_else(store: Store) -> None:
    policies: list[int] = []

    def perform(question: Question, run: Run) -> list[Row]:
        policies.append(os.sched_getscheduler(0))
        return []

    reads = SharedReads(perform)
    await reads.ask(ONE, seconds=5, kept=0)
    reads.end()
    assert policies == [os.SCHED_IDLE]
    assert os.sched_getscheduler(0) != os.SCHED_IDLE


class Starved:
    """The first thread waits, as one does that others leave nothing of a core; every other one answers."""

    def __init__(self) -> None:
        self.policies: list[int] = []
        self.stopped = threading.Event()

    def perform(self, question: Question, run: Run) -> list[Row]:
        self.policies.append(os.sched_getscheduler(0))
        if len(self.policies) == 1:
            run.on_stop = self.stopped.set
            assert self.stopped.wait(10)
            run.over = True
            raise ControlUnavailable("stopped")
        return [{"n": len(self.policies)}]


async def test_who_gives_way_and_never_gets_a_turn_begins_anew_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PATIENCE_SECONDS", 0.05)
    starved = Starved()
    reads = SharedReads(starved.perform)
    tasks = [begun(reads) for _ in range(3)]
    assert await asyncio.gather(*tasks) == [[{"n": 2}]] * 3
    reads.end()
    assert starved.policies[0] == os.SCHED_IDLE
    assert starved.policies[1:] == [os.sched_getscheduler(0)]


async def test_who_leaves_after_that_stops_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PATIENCE_SECONDS", 0.05)
    reasons: list[object] = []

    def perform(question: Question, run: Run) -> list[Row]:
        stopped = threading.Event()
        run.on_stop = stopped.set
        assert stopped.wait(10)
        run.over = True
        reasons.append(run.stopped)
        raise ControlUnavailable("stopped")

    reads = SharedReads(perform)
    task = begun(reads)
    await auntil(lambda: "starved" in reasons)
    task.cancel()
    await auntil(lambda: reasons[-1] == "left")
    reads.end()
    assert set(reasons) == {"starved", "left"}


FULL = "while True: pass"


@pytest.fixture
def full_core() -> Iterator[None]:
    """Threads that are begun from now on have one core, and somebody else keeps it busy."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    busy = subprocess.Popen([sys.executable, "-c", FULL])
    yield
    busy.kill()
    busy.wait()
    os.sched_setaffinity(0, allowed)


@pytest.mark.usefixtures("full_core")
async def test_on_a_full_core_who_waits_behind_somebody_starved_begins_without_giving_way() -> None:
    policies: list[int] = []

    def perform(question: Question, run: Run) -> list[Row]:
        policies.append(os.sched_getscheduler(0))
        hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000)  # computes as a statement does: without the interpreter's lock
        run.over = True
        if run.stopped is not None:
            raise ControlUnavailable("stopped")
        return [{"policy": os.sched_getscheduler(0)}]

    reads = SharedReads(perform)
    questions = [Question("some/thing", "select 1", {"a": number}) for number in range(READERS + 5)]
    answers = await asyncio.gather(*(reads.ask(each, seconds=60, kept=0) for each in questions))
    assert [rows[0]["policy"] for rows in answers] == [os.sched_getscheduler(0)] * len(questions)
    assert policies.count(os.SCHED_IDLE) <= READERS, "what waited was not begun there"
    before = policies.count(os.SCHED_IDLE)
    assert await reads.ask(ONE, seconds=60, kept=0) == [{"policy": os.sched_getscheduler(0)}], "and nor is what comes"
    assert policies.count(os.SCHED_IDLE) == before
    reads.end()


async def test_everybody_gives_way_again_some_time_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(sharing, "PRESSING_SECONDS", 0.1)
    starved = Starved()
    reads = SharedReads(starved.perform)
    await reads.ask(ONE, seconds=10, kept=0)
    assert starved.policies == [os.SCHED_IDLE, os.sched_getscheduler(0)]

    since = asyncio.get_running_loop().time()
    while starved.policies[-1] != os.SCHED_IDLE:
        await reads.ask(ONE, seconds=10, kept=0)
        assert asyncio.get_running_loop().time() - since < 20
    reads.end()


async def test_what_does_not_give_way_is_left_alone_when_others_begin_anew(
    reads: SharedReads, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "PATIENCE_SECONDS", 0.05)
    reads._pressing_until = asyncio.get_running_loop().time() + 3600
    pressing = begun(reads, ONE)
    await auntil(lambda: store.asked == [1])
    reads._pressing_until = 0
    starved = begun(reads, OTHER)
    await auntil(lambda: store.asked.count(2) == 2)
    store.let.set()
    await asyncio.gather(pressing, starved)
    assert store.asked.count(1) == 1


async def test_what_is_answered_and_not_handed_on_yet_is_not_asked_once_more(
    reads: SharedReads, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "PATIENCE_SECONDS", 0.05)
    asking = begun(reads)
    await auntil(lambda: store.asked == [1])
    (shared,) = reads._under_way.values()
    store.let.set()
    wait([shared.handle])
    due = asyncio.get_running_loop().time() + 0.1  # the loop is busy until long after the time to look after it
    while asyncio.get_running_loop().time() < due:
        pass
    assert await asking == [{"n": 1}]
    assert store.asked == [1]
