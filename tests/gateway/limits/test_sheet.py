"""The counts of one subject when whoever writes them is killed between any two stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from gateway.limits.limiter import LIMIT_NAMES, Reserve, Spent, Used
from gateway.limits.periods import period_of
from gateway.limits.sheet import CELL_WORDS, SHEET_WORDS, Days, Moment, Sheet
from gateway.settings.instants import read_instant, read_zone

RESERVE = Reserve(500, 7000, 100)
USED = Used(300, 4000)
MAY = read_instant("2026-05-12T23:59:30Z") // 1_000_000
CELLS = (SHEET_WORDS, SHEET_WORDS + CELL_WORDS)


class Killed(BaseException):
    """Here and now."""


class Words(list[int]):
    """Memory of a process that lives for so many stores more."""

    def __init__(self) -> None:
        super().__init__([0] * (SHEET_WORDS + 2 * CELL_WORDS))
        self.lives = 10**9

    def __setitem__(self, place: object, value: object) -> None:
        if not self.lives:
            raise Killed
        self.lives -= 1
        super().__setitem__(place, value)  # type: ignore[call-overload]


def at(seconds: float) -> Moment:
    now, zone = MAY + int(seconds), read_zone("UTC")
    days = Days(*(period_of(kind, now, zone) for kind in ("day", "week", "month")))
    return Moment(1000.0 + seconds, MAY + seconds, days, days.day.id)


def sheet_on(words: Words, worker: int) -> Sheet:
    return Sheet(cast("memoryview[int]", words), 0, CELLS, CELLS[worker])


def figures(sheet: Sheet) -> dict[str, int]:
    return dict(zip(LIMIT_NAMES, sheet.used("month"), strict=True))


def take(sheet: Sheet) -> None:
    sheet.turn(at(10))
    sheet.take(RESERVE, 0)


def settle(sheet: Sheet) -> None:
    sheet.turn(at(0))
    taken = sheet.take(RESERVE, 0)
    sheet.turn(at(45))  # past midnight
    sheet.spend(RESERVE, USED)
    sheet.give_back(RESERVE, taken)


def take_back(sheet: Sheet) -> None:
    sheet.turn(at(0))
    taken = sheet.take(RESERVE, 0)
    sheet.uncount(taken)
    sheet.give_back(RESERVE, taken)


def come_late(sheet: Sheet) -> None:
    sheet.turn(at(40 * 86400))
    sheet.take(RESERVE, 0)


@pytest.mark.parametrize("task", [take, settle, take_back, come_late], ids=lambda task: task.__name__)
def test_whoever_is_killed_leaves_nothing_behind_but_what_he_used(task: Callable[[Sheet], None]) -> None:
    """After every number of stores: others go on, what he held is wiped, and a second later the sums are right."""
    stores = 0
    while True:
        words = Words()
        doomed, alive = sheet_on(words, 0), sheet_on(words, 1)
        alive.turn(at(0))
        theirs = alive.take(RESERVE, 0)
        words.lives = stores
        try:
            task(doomed)
        except Killed:
            words.lives = 10**9
        else:
            assert stores > 5
            return
        words[CELLS[0] : CELLS[0] + CELL_WORDS] = [0] * CELL_WORDS
        late = task is come_late
        alive.turn(at(46 + 40 * 86400 * late))
        left = figures(alive)
        assert left["max_parallel"] == 1
        assert left["requests_per_minute"] in ((0, 1) if late else (1, 2))
        assert left["tokens_per_minute"] in (500, 500 + 300)
        assert left["budget_nano_usd"] in (7000, 7000 + 4000)
        alive.spend(RESERVE, Used(1, 1))
        alive.give_back(RESERVE, theirs)
        assert figures(alive)["max_parallel"] == 0
        assert figures(alive)["budget_nano_usd"] in (1, 4001)
        stores += 1


def test_money_is_counted_before_it_is_not_set_aside_any_more() -> None:
    """At no store on the way does a budget look emptier than it is."""
    words = Words()
    sheet, other = sheet_on(words, 0), sheet_on(words, 1)
    sheet.turn(at(0))
    sheet.give_back(RESERVE, sheet.take(RESERVE, 0))
    taken = sheet.take(RESERVE, 0)
    seen = []
    for stores in range(40):
        copy = Words()
        copy[:] = words
        doomed = sheet_on(copy, 0)
        copy.lives = stores
        try:
            doomed.spend(RESERVE, Used(300, 7000))
            doomed.give_back(RESERVE, taken)
        except Killed:
            seen.append(sheet_on(copy, 1).used("total")[-1])
    assert min(seen) >= 7000
    assert other.used("total")[-1] == 7000


def test_what_was_counted_on_another_sheet_is_not_given_back_here() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    taken = sheet.take(RESERVE, 0)
    sheet.give_back(RESERVE, taken)
    sheet.give_back(RESERVE, taken)
    assert figures(sheet)["max_parallel"] == 0


def test_a_sheet_is_needed_while_something_runs_or_is_in_the_window_or_its_period_lasts() -> None:
    sheet = sheet_on(Words(), 0)
    assert not sheet.is_needed(1000.0, MAY)
    sheet.turn(at(0))
    taken = sheet.take(RESERVE, 0)
    assert sheet.is_needed(10_000.0, MAY + 9000)
    sheet.give_back(RESERVE, taken)
    assert [sheet.is_needed(1000.0 + each, MAY + each) for each in (-1, 0, 59, 60)] == [True, True, True, False]
    month = at(0).days.month
    sheet.raise_to(month, Spent(1))
    assert [sheet.is_needed(10_000.0, each) for each in (month.ends - 1, month.ends)] == [True, False]


def test_tokens_of_one_second_do_not_run_over_into_requests() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    for _ in range(200):
        sheet.spend(RESERVE, Used(2**60, 2**60))
    left = figures(sheet)
    assert left["requests_per_minute"] == 0
    assert left["tokens_per_minute"] == 2**36 - 1
