from __future__ import annotations

from gateway.live.picture import Picture
from gateway.live.wanted import Sight, Wanted
from gateway.live.words import MOST_RUNNING, Glimpse

from .samples import FIRST, SECOND, frame, running

EVERYTHING = Sight()


def ids(picture: Picture, sight: Sight = EVERYTHING, wanted: Wanted | None = None) -> list[str]:
    return [request.id for request in picture.running(sight, wanted or Wanted()).requests]


def test_what_all_workers_tell_is_one_picture_with_the_newest_first() -> None:
    picture = Picture()
    picture.put(FIRST, frame(running("a", started_at_us=1), running("c", started_at_us=3)).now)
    picture.put(SECOND, frame(running("b", started_at_us=2, state="asking")).now)
    assert ids(picture) == ["c", "b", "a"]
    seen = picture.running(EVERYTHING, Wanted())
    assert (seen.total, seen.streaming) == (3, 2)


def test_what_a_worker_tells_replaces_what_it_told_before() -> None:
    picture = Picture()
    picture.put(FIRST, frame(running("a")).now)
    picture.put(FIRST, frame(running("b")).now)
    assert ids(picture) == ["b"]


def test_what_ran_in_a_worker_that_is_gone_runs_no_more() -> None:
    picture = Picture()
    picture.put(FIRST, frame(running("a")).now)
    picture.put(SECOND, frame(running("b")).now)
    picture.drop(FIRST)
    picture.drop(FIRST)
    assert ids(picture) == ["b"]
    picture.clear()
    assert ids(picture) == []


def test_of_many_the_newest_are_shown_and_all_are_counted() -> None:
    picture = Picture()
    for number, worker in enumerate((FIRST, SECOND)):
        runs = tuple(running(f"{number}-{at}", started_at_us=at) for at in range(MOST_RUNNING))
        picture.put(worker, Glimpse(runs, total=1000, streaming=900))
    seen = picture.running(EVERYTHING, Wanted())
    assert (seen.total, seen.streaming, len(seen.requests)) == (2000, 1800, MOST_RUNNING)
    assert min(request.started_at_us for request in seen.requests) == MOST_RUNNING // 2


def test_whoever_may_see_some_keys_hears_of_no_others_not_even_how_many() -> None:
    picture = Picture()
    picture.put(FIRST, Glimpse((running("a", key_id="key:1"), running("b", key_id="key:2")), total=50, streaming=40))
    seen = picture.running(Sight(key_ids=frozenset({"key:1"})), Wanted())
    assert ([request.id for request in seen.requests], seen.total, seen.streaming) == (["a"], 1, 1)


def test_a_filter_narrows_what_is_shown_and_not_how_many_there_are() -> None:
    picture = Picture()
    picture.put(FIRST, frame(running("a"), running("b", provider="other")).now)
    seen = picture.running(EVERYTHING, Wanted(provider="other"))
    assert ([request.id for request in seen.requests], seen.total) == (["b"], 2)


def test_a_worker_that_has_nothing_to_tell_is_there_all_the_same() -> None:
    picture = Picture()
    picture.put(SECOND, frame(running("a")).now)
    told = [
        (each.worker, each.pid, each.in_flight, each.connections_open) for each in picture.workers({1: 101, 0: 100})
    ]
    assert told == [(0, 100, 0, 0), (1, 101, 1, 3)]
