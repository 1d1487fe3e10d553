from __future__ import annotations

from gateway.live.events import Event, Finished, Gap
from gateway.live.ring import MOST_RECORDS, Ring

from .samples import BOOT, ended, finished


def numbers(events: tuple[Event, ...] | None) -> list[int] | None:
    return None if events is None else [event.number for event in events]


def test_whoever_comes_back_hears_what_came_behind_their_last_event() -> None:
    ring = Ring()
    for number in (3, 7, 9):
        ring.add(finished(number, f"r{number}"))
    assert numbers(ring.since(3)) == [7, 9]
    assert numbers(ring.since(8)) == [9], "of other kinds there are numbers in between"
    assert numbers(ring.since(9)) == []


def test_what_is_too_long_ago_is_not_known() -> None:
    ring = Ring()
    half = Finished(ended(*(str(number) for number in range(MOST_RECORDS // 2))))
    for number in (1, 2, 3):
        ring.add(Event(BOOT, number, half))
    assert ring.since(0) is None
    assert numbers(ring.since(1)) == [2, 3]
    ring.add(Event(BOOT, 4, half))
    assert ring.since(1) is None


def test_one_event_is_remembered_however_large_it_is() -> None:
    ring = Ring()
    ring.add(Event(BOOT, 1, Finished(ended("a") * (MOST_RECORDS + 1))))
    assert numbers(ring.since(0)) == [1]
    ring.add(Event(BOOT, 2, Gap(3)))
    assert numbers(ring.since(1)) == [2]
    assert ring.since(0) is None


def test_nothing_is_known_of_a_time_in_which_nobody_listened() -> None:
    ring = Ring()
    ring.add(finished(4, "a"))
    ring.forget(5)
    assert ring.since(4) is None
    assert numbers(ring.since(5)) == []
    ring.add(finished(6, "b"))
    assert numbers(ring.since(5)) == [6]
