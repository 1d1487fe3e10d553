from __future__ import annotations

import asyncio

import pytest

from gateway.live.events import End, Event, Finished, Gap, Greeting, RunningNow, Why
from gateway.live.viewer import MOST_WAITING, Viewer
from gateway.live.wanted import Sight, Wanted

from .samples import BOOT, ended, finished, ids_in, running
from .test_events import SYSTEM

EVERYTHING = Sight()


class Host:
    """Whoever has viewers, for one of them."""

    def __init__(self) -> None:
        self.runs: tuple[str, ...] = ()
        self.number = 100
        self.left: list[Viewer] = []

    def running_for(self, viewer: Viewer) -> Event:
        return Event(BOOT, self.number, RunningNow(len(self.runs), 0, tuple(map(running, self.runs))))

    def gone(self, viewer: Viewer) -> None:
        self.left.append(viewer)

    def dismiss(self, viewer: Viewer, why: Why) -> None:
        viewer.end(self.number, why, 0.0)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def viewer(host: Host) -> Viewer:
    return Viewer(host, BOOT, EVERYTHING, Wanted())


def test_what_waits_is_told_in_order_behind_the_greeting(viewer: Viewer) -> None:
    viewer.offer(finished(8, "a"), 0.0)
    viewer.offer_running(0.0)
    viewer.offer_system(Event(BOOT, 9, SYSTEM), 0.0)
    viewer.greet(Event(BOOT, 12, Greeting("1", (), 10.0)), 0.0)
    viewer.offer(Event(BOOT, 11, Gap(2)), 0.0)
    assert [event.name for event in viewer.take()] == ["hello", "finished", "system", "gap", "running"]
    assert viewer.take() == []


def test_what_runs_is_told_as_it_is_at_that_moment_and_once(viewer: Viewer, host: Host) -> None:
    host.runs = ("a",)
    viewer.offer_running(0.0)
    host.runs = ("a", "b")
    (event,) = viewer.take()
    assert isinstance(event.of, RunningNow)
    assert event.of.total == 2
    viewer.offer_running(0.0)
    assert viewer.take() == [], "they know"
    host.runs = ()
    viewer.offer_running(0.0)
    assert len(viewer.take()) == 1


def test_a_slow_viewer_hears_how_many_they_missed(viewer: Viewer) -> None:
    for number in range(10):
        viewer.offer(finished(number, *(f"{number}-{at}" for at in range(MOST_WAITING // 5))), 0.0)
    events = viewer.take()
    assert [event.name for event in events] == ["gap", *["finished"] * 5]
    assert events[0].of == Gap(MOST_WAITING)
    assert events[0].number == 4, "the number of the last one that was given up"
    assert len(ids_in(events)) == MOST_WAITING
    viewer.offer(finished(20, "z"), 0.0)
    assert ids_in(viewer.take()) == ["z"], "a gap is told once"


def test_gaps_of_others_are_added_to_one_s_own(viewer: Viewer) -> None:
    many = tuple(str(at) for at in range(MOST_WAITING))
    viewer.offer(Event(BOOT, 1, Gap(7)), 0.0)
    viewer.offer(finished(2, *many), 0.0)
    viewer.offer(finished(3, *many), 0.0)
    assert viewer.take()[0].of == Gap(MOST_WAITING + 7)
    viewer.offer(Event(BOOT, 4, Gap(None)), 0.0)
    viewer.offer(finished(5, *many), 0.0)
    viewer.offer(finished(6, *many), 0.0)
    assert viewer.take()[0].of == Gap(None), "nobody knows how many"


def test_many_gaps_come_to_one(viewer: Viewer) -> None:
    for number in range(MOST_WAITING * 2):
        viewer.offer(Event(BOOT, number, Gap(1)), 0.0)
    told = viewer.take()
    assert len(told) <= MOST_WAITING + 1
    assert sum(event.of.missed or 0 for event in told if isinstance(event.of, Gap)) == MOST_WAITING * 2


def test_one_event_is_told_however_large_it_is(viewer: Viewer) -> None:
    viewer.offer(finished(1, *(str(at) for at in range(MOST_WAITING * 3))), 0.0)
    assert len(ids_in(viewer.take())) == MOST_WAITING * 3


def test_nobody_hears_of_what_they_may_not_see(host: Host) -> None:
    viewer = Viewer(host, BOOT, Sight(key_ids=frozenset({"key:1"})), Wanted())
    viewer.offer(Event(BOOT, 1, Finished(ended("theirs"))), 0.0)
    assert viewer.waiting_since is None
    viewer.offer(Event(BOOT, 2, Finished((*ended("theirs"), *ended("mine", key_id="key:1")))), 0.0)
    (event,) = viewer.take()
    assert (ids_in([event]), event.id) == (["mine"], "b-2")


@pytest.mark.parametrize(
    ("sight", "wanted"),
    [(Sight(key_ids=frozenset({"key:1"})), Wanted()), (EVERYTHING, Wanted(provider="mock"))],
    ids=["sight", "filter"],
)
def test_nobody_hears_how_much_of_others_is_missing(host: Host, sight: Sight, wanted: Wanted) -> None:
    viewer = Viewer(host, BOOT, sight, wanted)
    viewer.offer(Event(BOOT, 1, Gap(1234)), 0.0)
    (event,) = viewer.take()
    assert (event.of, event.id) == (Gap(None), "b-1")


def test_what_others_miss_is_not_added_to_what_one_misses_oneself(host: Host) -> None:
    viewer = Viewer(host, BOOT, Sight(key_ids=frozenset({"key:1"})), Wanted())
    many = ended(*(str(at) for at in range(MOST_WAITING)), key_id="key:1")
    viewer.offer(Event(BOOT, 1, Gap(1234)), 0.0)
    viewer.offer(Event(BOOT, 2, Finished(many)), 0.0)
    viewer.offer(Event(BOOT, 3, Finished(many)), 0.0)
    assert viewer.take()[0].of == Gap(None)


def test_what_is_for_everybody_is_written_once_for_everybody(viewer: Viewer, host: Host) -> None:
    other, event = Viewer(host, BOOT, EVERYTHING, Wanted()), finished(1, "a")
    for each in (viewer, other):
        each.offer(event, 0.0)
    assert viewer.take()[0] is other.take()[0] is event


def test_who_may_not_go_on_hears_that_and_nothing_else(viewer: Viewer) -> None:
    viewer.offer(finished(1, "a"), 0.0)
    viewer.dismiss("signed_out")
    viewer.dismiss("closing")
    (event,) = viewer.take()
    assert (event.of, viewer.over) == (End("signed_out"), "signed_out")


def test_since_when_something_waits_is_known_until_it_is_taken(viewer: Viewer) -> None:
    viewer.offer(finished(1, "a"), 5.0)
    viewer.offer(finished(2, "b"), 6.0)
    assert viewer.waiting_since == 5.0
    viewer.take()
    assert viewer.waiting_since is None


@pytest.mark.parametrize("why", ["signed_out", "slow", "unavailable"])
def test_the_last_event_has_the_number_of_what_they_know(viewer: Viewer, why: Why) -> None:
    """Whoever comes back with it hears what was not told any more."""
    viewer.greet(Event(BOOT, 3, Greeting("1", (), 10.0)), 0.0)
    viewer.offer(finished(5, "known"), 0.0)
    viewer.take()
    viewer.offer(finished(7, "waiting"), 0.0)
    viewer.dismiss(why)
    (event,) = viewer.take()
    assert (event.of, event.id) == (End(why), "b-5")


def test_whoever_has_heard_nothing_knows_no_more_than_the_greeting_says(viewer: Viewer) -> None:
    viewer.greet(Event(BOOT, 3, Greeting("1", (), 10.0)), 0.0)
    viewer.offer(finished(5, "waiting"), 0.0)
    viewer.dismiss("unavailable")
    assert [event.id for event in viewer.take()] == ["b-3"]


def test_what_waits_is_told_before_the_gateway_stops(viewer: Viewer) -> None:
    """Another process has another memory: nobody could hear it there."""
    viewer.offer(finished(5, "waiting"), 0.0)
    viewer.dismiss("closing")
    events = viewer.take()
    assert [event.name for event in events] == ["finished", "end"]
    assert events[-1].number == 100


def test_nothing_comes_behind_the_last_event(viewer: Viewer) -> None:
    viewer.dismiss("closing")
    viewer.offer(Event(BOOT, 101, Gap(None)), 0.0)
    viewer.offer_running(0.0)
    viewer.offer_system(Event(BOOT, 102, SYSTEM), 0.0)
    assert [event.name for event in viewer.take()] == ["end"]


async def test_waiting_ends_with_news_and_with_time(viewer: Viewer, host: Host) -> None:
    await asyncio.wait_for(viewer.wait(0.01), 5)
    waiting = asyncio.create_task(viewer.wait(60))
    await asyncio.sleep(0)
    viewer.offer(finished(1, "a"), 0.0)
    await asyncio.wait_for(waiting, 5)
    viewer.take()
    waiting = asyncio.create_task(viewer.wait(60))
    await asyncio.sleep(0)
    viewer.leave()
    await asyncio.wait_for(waiting, 5)
    assert (viewer.is_gone, host.left) == (True, [viewer])


def test_those_who_want_and_see_the_same_share_what_was_made_once(host: Host) -> None:
    def fast(key_ids: frozenset[str] | None = None) -> Viewer:
        return Viewer(host, BOOT, Sight(key_ids=key_ids), Wanted(model="fast"))

    crowd = [fast(), fast(), fast(key_ids=frozenset({"team"}))]
    event = Event(BOOT, 1, Finished((*ended("a", requested_model="fast"), *ended("b", requested_model="slow"))))
    for viewer in crowd:
        viewer.offer(event, 0.0)
        viewer.offer(Event(BOOT, 2, Gap(2)), 0.0)
    first, second, other = ([each for each in viewer.take() if each.name == "finished"] for viewer in crowd)
    assert ids_in(first) == ids_in(other) == ["a"]
    assert first[0] is second[0]
    assert first[0] is not other[0], "whose they may see is another matter"
