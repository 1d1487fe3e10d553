from __future__ import annotations

from gateway.live.recent import MOST_TOLD, Recent, last_for
from gateway.live.ring import MOST_RECORDS
from gateway.live.wanted import Sight, Wanted
from gateway.records import UsageRecord

from .samples import ended

EVERYTHING = Sight()


def at(request_id: str, second: int, **more: object) -> tuple[UsageRecord, ...]:
    """One that ended in this second."""
    return ended(request_id, started_at_us=second * 1_000_000, total_us=5, **more)


def ids(records: tuple[UsageRecord, ...]) -> list[str]:
    return [record.id for record in records]


def test_the_last_that_ended_come_first_whoever_told_of_them() -> None:
    recent = Recent()
    recent.add(at("b", 2))
    recent.add(at("a", 1))
    recent.add_before((*at("c", 3), *at("b", 2)))
    assert ids(recent.for_viewer(EVERYTHING, Wanted())) == ["c", "b", "a"]
    recent.clear()
    assert recent.for_viewer(EVERYTHING, Wanted()) == ()


def test_so_many_are_remembered_and_fewer_told() -> None:
    recent = Recent()
    recent.add(each for second in range(MOST_RECORDS) for each in at(str(second), second))
    recent.add_before(at("early", -1))
    assert ids(recent.for_viewer(EVERYTHING, Wanted()))[:: MOST_TOLD - 1] == ["499", "450"]
    recent.add(at("late", 1000, key_id="key:1"))
    narrow = Sight(key_ids=frozenset({"key:1"}))
    assert ids(recent.for_viewer(narrow, Wanted())) == ["late"]


def test_of_those_that_a_worker_tells_the_last_that_somebody_may_see_are_theirs() -> None:
    records = (*at("theirs", 3), *at("mine", 1, key_id="key:1"), *at("mine too", 2, key_id="key:1"))
    assert ids(last_for(Sight(key_ids=frozenset({"key:1"})), Wanted(), records)) == ["mine too", "mine"]
    assert ids(last_for(EVERYTHING, Wanted(key="key:1"), records)) == ["mine too", "mine"]
