from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.errors import ControlUnavailable
from gateway.live import feed as module
from gateway.live.events import Event, Gap, RunningNow, System
from gateway.live.feed import MOST_OF_ONE, Facts, Feed
from gateway.live.viewer import MOST_WAITING, Viewer
from gateway.live.wanted import Sight, Wanted
from gateway.live.words import socket_in
from tests.waiting import auntil

from .samples import FIRST, SECOND, ended, frame, ids_in, running

EVERYTHING = Sight(system=True)
FACTS = Facts({"segments_waiting": 2}, 0.5, {"usage.duckdb": 4096})
REQUESTS = Wanted(kinds=frozenset({"running", "finished"}))


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    (tmp_path / "run").mkdir()
    made = Feed(lambda: FACTS, most=30)
    await made.start(socket_in(tmp_path))
    yield made
    made.close()


def watching(feed: Feed, sight: Sight = EVERYTHING, wanted: Wanted = REQUESTS, last_id: str = "") -> Viewer:
    return feed.subscribe(sight, wanted, who="user:1", last_id=last_id)


def is_watching(feed: Feed) -> bool:
    """Whether the workers tell."""
    return feed._listener.watching


async def taken(viewer: Viewer, *names: str) -> list[Event]:
    """Everything that waits, once it is of these kinds at least."""
    events: list[Event] = []
    while not {*names} <= {event.name for event in events}:
        waited = asyncio.get_running_loop().time()
        await viewer.wait(5)
        assert asyncio.get_running_loop().time() < waited + 5, [event.name for event in events]
        events += viewer.take()
    return events


def runs(events: list[Event]) -> list[str]:
    """What runs by the last of these that says so."""
    last = next(event.of for event in reversed(events) if isinstance(event.of, RunningNow))
    return [request.id for request in last.requests]


async def test_whoever_comes_is_greeted_and_told_what_runs(feed: Feed) -> None:
    first = watching(feed)
    assert [event.name for event in first.take()] == ["hello", "running"]
    feed.told(FIRST, frame(running("a")))
    events = watching(feed).take()
    assert [event.name for event in events] == ["hello", "running"]
    assert runs(events) == ["a"]


async def test_numbers_grow_whoever_comes_and_whatever_happens(feed: Feed) -> None:
    viewer, seen = watching(feed), []
    for number in range(5):
        feed.told(FIRST, frame(running(str(number)), over=ended(f"e{number}")))
        other = watching(feed)
        seen += await taken(viewer, "finished")
        other.leave()
    seen += await taken(viewer, "running")
    numbers = [event.number for event in seen]
    assert numbers == sorted(set(numbers))
    assert len({event.id.partition("-")[0] for event in seen}) == 1


async def test_what_runs_is_told_four_times_a_second_at_most(feed: Feed) -> None:
    viewer = watching(feed)
    viewer.take()
    loop, times = asyncio.get_running_loop(), []
    for number in range(100):
        feed.told(FIRST, frame(running(str(number))))
        await asyncio.sleep(0.01)
        if any(event.name == "running" for event in viewer.take()):
            times.append(loop.time())
    assert 3 <= len(times) <= 2 + (times[-1] - times[0]) / module.PUBLISH_SECONDS
    assert runs(await taken(viewer, "running")) == ["99"], "the last word is told in the end"


async def test_what_has_ended_is_told_at_once_and_once(feed: Feed) -> None:
    viewer = watching(feed)
    viewer.take()
    feed.told(FIRST, frame(over=ended("a", "b")))
    feed.told(SECOND, frame(over=ended("c")))
    assert ids_in(viewer.take()) == ["a", "b", "c"]
    assert ids_in(await taken(viewer, *())) == []


async def test_what_a_worker_could_not_tell_is_a_gap(feed: Feed) -> None:
    viewer = watching(feed)
    viewer.take()
    feed.told(FIRST, frame(missed=9))
    feed.left(FIRST, told_all=False)
    assert [event.of for event in viewer.take() if event.name == "gap"] == [Gap(9), Gap(None)]
    feed.left(SECOND, told_all=True)
    assert [event.name for event in await taken(viewer, *())] == []


async def test_what_ran_in_a_worker_that_is_gone_vanishes(feed: Feed) -> None:
    viewer = watching(feed)
    feed.told(FIRST, frame(running("a")))
    feed.told(SECOND, frame(running("b", started_at_us=1)))
    assert runs(await taken(viewer, "running")) in ([], ["a", "b"])
    await auntil(lambda: feed._publishing is None)
    viewer.take()
    feed.left(FIRST, told_all=True)
    assert runs(await taken(viewer, "running")) == ["b"]


async def test_each_kind_is_told_to_those_who_want_it(feed: Feed) -> None:
    only_running = watching(feed, wanted=Wanted(kinds=frozenset({"running"})))
    only_ended = watching(feed, wanted=Wanted(kinds=frozenset({"finished"})))
    feed.told(FIRST, frame(running("a"), over=ended("b"), missed=1))
    await auntil(lambda: feed._publishing is None)
    assert [event.name for event in only_running.take()] == ["hello", "running"]
    assert [event.name for event in only_ended.take()] == ["hello", "finished", "gap"]


async def test_the_same_is_made_once_for_all_who_see_the_same(feed: Feed) -> None:
    viewers = [watching(feed) for _ in range(5)]
    narrow = watching(feed, wanted=Wanted(provider="other"))
    for each in (*viewers, narrow):
        each.take()
    feed.told(FIRST, frame(running("a")))
    told = [(await taken(each, "running"))[0] for each in viewers]
    assert all(event is told[0] for event in told)
    other = (await taken(narrow, "running"))[0]
    assert isinstance(other.of, RunningNow)
    assert (other.of.total, other.of.requests, other.number) == (1, (), told[0].number)


async def test_workers_tell_while_somebody_watches_and_a_little_longer(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.05)
    assert not is_watching(feed)
    first, second = watching(feed), watching(feed)
    assert is_watching(feed)
    first.leave()
    first.leave()
    second.leave()
    third = watching(feed)
    await asyncio.sleep(0.1)
    assert is_watching(feed), "somebody came back in time"
    feed.told(FIRST, frame(over=ended("old")))
    third.leave()
    assert is_watching(feed)
    await auntil(lambda: not is_watching(feed))
    feed.told(FIRST, frame(running("late"), over=ended("late"), before=ended("early")))
    feed.left(FIRST, told_all=False)
    events = watching(feed, wanted=Wanted(recent=True)).take()
    assert ([event.name for event in events], runs(events)) == (["hello", "running"], [])


async def test_no_more_watch_than_may(feed: Feed) -> None:
    feed.most = 3
    viewers = [watching(feed) for _ in range(3)]
    with pytest.raises(ControlUnavailable) as refused:
        watching(feed)
    assert refused.value.retry_after == module.RETRY_SECONDS
    viewers[0].leave()
    watching(feed)


async def test_nobody_takes_all_the_seats(feed: Feed) -> None:
    for _ in range(MOST_OF_ONE):
        watching(feed)
    with pytest.raises(ControlUnavailable):
        watching(feed)
    feed.subscribe(EVERYTHING, REQUESTS, who="user:2")


@pytest.mark.parametrize(("most", "kept"), [(30, 5), (100, 5), (12, 3), (3, 0)])
async def test_a_few_seats_are_kept_for_those_who_look_after_the_gateway(feed: Feed, most: int, kept: int) -> None:
    feed.most = most
    for number in range(most - kept):
        feed.subscribe(Sight(), REQUESTS, who=f"user:{number}")
    with pytest.raises(ControlUnavailable):
        feed.subscribe(Sight(), REQUESTS, who="user:one-more")
    for number in range(kept):
        feed.subscribe(EVERYTHING, REQUESTS, who=f"admin:{number}")
    with pytest.raises(ControlUnavailable):
        feed.subscribe(EVERYTHING, REQUESTS, who="admin:one-more")


async def test_what_a_person_s_keys_take_is_not_their_own_seat(feed: Feed) -> None:
    for _ in range(MOST_OF_ONE):
        feed.subscribe(Sight(key_ids=frozenset({"key:1"})), REQUESTS, who="user:1")
    with pytest.raises(ControlUnavailable):
        feed.subscribe(Sight(), REQUESTS, who="user:1")
    watching(feed)


async def test_one_who_takes_nothing_costs_the_others_nothing_and_no_memory(feed: Feed) -> None:
    stalled, lively = watching(feed), watching(feed)
    for number in range(50):
        feed.told(FIRST, frame(over=ended(*(f"{number}-{at}" for at in range(100)))))
        assert len(ids_in(lively.take())) == 100
    assert stalled._weight <= MOST_WAITING
    events = stalled.take()
    assert (events[0].name, len(ids_in(events))) == ("hello", MOST_WAITING)
    assert [event.of for event in events if event.name == "gap"] == [Gap(50 * 100 - MOST_WAITING)]


async def test_one_who_takes_nothing_for_too_long_is_given_up(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    stalled, lively, given_up = watching(feed), watching(feed), asyncio.Event()
    stalled.give_up = given_up.set
    while not given_up.is_set():
        await asyncio.sleep(0.02)
        lively.take()
        feed.told(FIRST, frame(over=ended("a")))
    assert (stalled.over, stalled.is_gone, lively.over) == ("slow", True, None)


async def test_how_the_gateway_is_doing_is_told_to_those_who_may_hear_it(feed: Feed, tmp_path: Path) -> None:
    _, worker = await asyncio.open_unix_connection(str(socket_in(tmp_path)))
    worker.write(msgspec.json.encode(msgspec.structs.replace(FIRST, pid=os.getpid())) + b"\n")
    await auntil(lambda: feed._listener.workers)
    member, operator = watching(feed, Sight(), Wanted()), watching(feed, EVERYTHING, Wanted())
    feed.told(msgspec.structs.replace(FIRST, pid=os.getpid()), frame(running("a")))
    (event,) = [event for event in await taken(operator, "system") if event.name == "system"]
    system = event.of
    assert isinstance(system, System)
    assert (system.in_flight, system.streams_open, system.viewers) == (1, 1, 2)
    assert {each.name for each in system.processes} == {"supervisor", "control", "worker 0"}
    assert [(each.worker, each.in_flight, each.connections_open) for each in system.workers] == [(0, 1, 3)]
    assert (system.ingest, system.ingest_lag_seconds, system.sizes) == (FACTS.ingest, 0.5, FACTS.sizes)
    assert "system" not in {event.name for event in member.take()}
    worker.close()
    await worker.wait_closed()


async def test_nobody_looks_how_the_gateway_is_doing_where_nobody_wants_to_know(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Facts] = []

    def look() -> Facts:
        looks.append(FACTS)
        return FACTS

    monkeypatch.setattr(feed, "_look", look)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "SYSTEM_SECONDS", 0.01)
    viewer = watching(feed)
    await asyncio.sleep(0.1)
    viewer.leave()
    assert looks == []
    watching(feed, EVERYTHING, Wanted())
    await auntil(lambda: len(looks) > 2)


async def test_a_look_that_fails_is_another_chance(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "SYSTEM_SECONDS", 0.01)
    answers = iter((OSError("the disk is away"), FACTS))

    def look() -> Facts:
        found = next(answers, FACTS)
        if isinstance(found, OSError):
            raise found
        return found

    monkeypatch.setattr(feed, "_look", look)
    with capture_logs() as lines:
        await taken(watching(feed, EVERYTHING, Wanted()), "system")
    assert [line["event"] for line in lines] == ["how the gateway is doing cannot be told"]


async def test_at_the_end_everybody_hears_it_and_nobody_comes_any_more(feed: Feed) -> None:
    viewer = watching(feed)
    viewer.take()
    feed.told(FIRST, frame(over=ended("a")))
    feed.close()
    assert [event.name for event in viewer.take()] == ["finished", "end"]
    assert viewer.over == "closing"
    feed.told(FIRST, frame(over=ended("late")))
    feed.left(FIRST, told_all=False)
    assert viewer.take() == [], "that was the end"
    with pytest.raises(ControlUnavailable):
        watching(feed)
    feed.close()
