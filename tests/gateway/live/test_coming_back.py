"""What somebody hears who was away, or who has just come: what they missed, what ended before, or that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.live import feed as module
from gateway.live.events import Finished, Gap
from gateway.live.feed import Feed
from gateway.live.recent import MOST_TOLD
from gateway.live.viewer import MOST_WAITING
from gateway.live.wanted import Sight, Wanted
from gateway.records import UsageRecord
from tests.gateway.usage.records import EXAMPLE
from tests.waiting import auntil

from .samples import FIRST, SECOND, ended, frame, ids_in
from .test_feed import feed as feed  # noqa: PLC0414 # a fixture
from .test_feed import is_watching, watching

PAGE = Wanted(recent=True)


async def test_whoever_comes_back_hears_what_they_missed(feed: Feed) -> None:
    other, viewer = watching(feed), watching(feed)
    feed.told(FIRST, frame(over=ended("a")))
    last = viewer.take()[-1].id
    viewer.leave()
    feed.told(FIRST, frame(over=ended("b")))
    feed.told(FIRST, frame(over=ended("c")))
    events = watching(feed, last_id=last).take()
    assert [event.name for event in events] == ["hello", "finished", "finished", "running"]
    assert ids_in(events) == ["b", "c"]
    assert events[0].id == last, "whoever hears the greeting alone still misses what is behind it"
    assert ids_in(watching(feed, last_id=events[-1].id).take()) == []
    assert ids_in(other.take()) == ["a", "b", "c"]


async def test_whoever_comes_back_hears_only_what_they_may(feed: Feed) -> None:
    first = watching(feed)
    feed.told(FIRST, frame(over=(*ended("a"), *ended("b", key_id="key:1"))))
    mine = Sight(key_ids=frozenset({"key:1"}))
    assert ids_in(watching(feed, mine, last_id=first.take()[0].id).take()) == ["b"]


async def test_whoever_hears_the_greeting_alone_still_hears_that_something_is_missing(feed: Feed) -> None:
    watching(feed)
    (greeting, gap, *_) = watching(feed, last_id="another-7").take()
    assert (greeting.name, gap.of) == ("hello", Gap(None))
    again = watching(feed, last_id=greeting.id).take()
    assert [event.of for event in again if event.name == "gap"] == [Gap(None)]
    assert "gap" not in [event.name for event in watching(feed, last_id=gap.id).take()]


def late(request_id: str, seconds: int, **more: Any) -> tuple[UsageRecord, ...]:
    """One that ended so many seconds after the example."""
    return ended(request_id, started_at_us=EXAMPLE.started_at_us + seconds * 1_000_000, **more)


async def test_whoever_wants_to_hears_what_ended_before_they_came(feed: Feed) -> None:
    page, program = watching(feed, wanted=PAGE), watching(feed)
    for each in (page, program):
        each.take()
    feed.told(FIRST, frame(before=(*late("a", 1), *late("b", 2)), over=late("c", 3)))
    feed.told(SECOND, frame(before=late("d", 2)))
    events = page.take()
    assert [(ids_in([event]), event.of.is_news) for event in events if isinstance(event.of, Finished)] == [
        (["b", "a"], False),
        (["c"], True),
        (["d"], False),
    ]
    assert ids_in(program.take()) == ["c"]
    again = watching(feed, wanted=PAGE).take()
    assert ids_in(again)[0] == "c", "the latest first, whichever worker told of it"
    assert sorted(ids_in(again)) == ["a", "b", "c", "d"]
    assert ids_in(watching(feed).take()) == []


async def test_of_what_ended_before_nobody_hears_what_they_may_not_see(feed: Feed) -> None:
    mine = Sight(key_ids=frozenset({"key:1"}))
    first = watching(feed, mine, PAGE)
    feed.told(FIRST, frame(before=(*late("theirs", 1), *late("mine", 2, key_id="key:1"))))
    assert ids_in(first.take()) == ["mine"]
    assert ids_in(watching(feed, mine, PAGE).take()) == ["mine"]


async def test_of_what_ended_before_the_last_are_told(feed: Feed) -> None:
    watching(feed)
    feed.told(FIRST, frame(before=tuple(each for at in range(400) for each in late(str(at), at))))
    feed.told(SECOND, frame(before=late("the last", 500)))
    viewer = watching(feed, wanted=PAGE)
    assert ids_in(viewer.take()) == ["the last", *(str(at) for at in range(399, 399 - MOST_TOLD + 1, -1))]


async def test_whoever_comes_back_hears_of_what_ended_before_only_what_they_cannot_know(feed: Feed) -> None:
    first = watching(feed, wanted=PAGE)
    early = first.take()[-1].id
    feed.told(FIRST, frame(before=late("a", 1)))
    feed.told(FIRST, frame(over=late("b", 2)))
    last = first.take()[-1].id
    assert ids_in(watching(feed, wanted=PAGE, last_id=last).take()) == []
    assert ids_in(watching(feed, wanted=PAGE, last_id=early).take()) == ["b", "a", "b"]
    unknown = watching(feed, wanted=PAGE, last_id="another-7").take()
    assert [event.name for event in unknown] == ["hello", "finished", "gap", "running"]
    assert ids_in(unknown) == ["b", "a"]
    assert (feed.knows(last), feed.knows(early), feed.knows("another-7"), feed.knows("")) == (True, True, False, False)


async def test_nobody_misses_what_ended_before_they_came(feed: Feed) -> None:
    """A viewer for whom too much waits hears how much of the news was given up."""
    viewer = watching(feed, wanted=PAGE)
    feed.told(FIRST, frame(before=tuple(each for at in range(MOST_TOLD) for each in late(str(at), at))))
    feed.told(FIRST, frame(over=ended(*(f"n{at}" for at in range(MOST_WAITING)))))
    events = viewer.take()
    assert [event.name for event in events] == ["hello", "running", "finished"]
    assert len(ids_in(events)) == MOST_WAITING


@pytest.mark.parametrize(
    "last_id", ["x-5", "nonsense", "-", "{boot}-", "{boot}-\u0665x", "{boot}-" + "9" * 30, "\u0665"]
)
async def test_whoever_comes_back_from_nowhere_hears_that_something_may_be_missing(feed: Feed, last_id: str) -> None:
    watching(feed)
    events = watching(feed, last_id=last_id.format(boot=feed._boot)).take()
    assert [event.of for event in events if event.name == "gap"] == [Gap(None)]


async def test_whoever_comes_back_too_late_hears_that_something_is_missing(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.01)
    viewer = watching(feed)
    last = viewer.take()[-1].id
    viewer.leave()
    await auntil(lambda: not is_watching(feed))
    again = watching(feed, last_id=last)
    assert [event.of for event in again.take() if event.name == "gap"] == [Gap(None)]
    other = watching(feed, last_id=last)
    assert [event.name for event in other.take()] == ["hello", "gap", "running"], "though somebody watches again by now"


async def test_a_number_of_the_future_is_nothing_to_wait_for(feed: Feed) -> None:
    watching(feed)
    viewer = watching(feed, last_id=f"{feed._boot}-999")
    viewer.take()
    feed.told(FIRST, frame(over=ended("a")))
    assert ids_in(viewer.take()) == ["a"]
