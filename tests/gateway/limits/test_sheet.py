"""The counts of one subject when whoever writes them is killed between any two stores."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from functools import partial
from operator import sub
from typing import cast

import pytest

from gateway.limits import sheet
from gateway.limits.limiter import LIMIT_NAMES, TOLD, Reserve, Spent, Used
from gateway.limits.periods import TOTAL, period_of
from gateway.limits.sheet import CELL_WORDS, SHEET_WORDS, WORD, Days, Figures, Moment, Sheet, Taken
from gateway.settings.instants import read_instant, read_zone

RESERVE = Reserve(500, 7000, 100)
USED = Used(300, 4000)
MAY = read_instant("2026-05-12T23:59:30Z") // 1_000_000
CELLS = (SHEET_WORDS, SHEET_WORDS + CELL_WORDS)


UNLIMITED: Figures = (2**63,) * 6
ELSEWHERE = Taken(0, 0, 0, (0, 0, 0, 0))
"""By whom nothing is held here."""


class Killed(BaseException):
    """Here and now."""


class Words(array):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """Memory of a process that lives for so many stores more. What is stored at once counts as one."""

    lives = 10**9

    def __new__(cls) -> Words:
        return cast("Words", super().__new__(cls, "q", bytes((SHEET_WORDS + 2 * CELL_WORDS) * WORD)))

    def __setitem__(self, place: object, value: object) -> None:
        self.store()
        said = array("q", cast("Iterable[int]", value)) if isinstance(place, slice) else value
        super().__setitem__(place, said)  # type: ignore[call-overload]

    def store(self) -> None:
        if not self.lives:
            raise Killed
        self.lives -= 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts the stores of several words, too."""
    for name in ("_write_spent", "_write_cell"):
        monkeypatch.setattr(sheet, name, partial(store_at_once, getattr(sheet, name)))


def store_at_once(write: Callable[..., None], words: Words, *said: int) -> None:
    words.store()
    write(words, *said)


def at(seconds: float) -> Moment:
    now, zone = MAY + int(seconds), read_zone("UTC")
    days = Days(*(period_of(kind, now, zone) for kind in ("day", "week", "month")))
    return Moment(1000.0 + seconds, MAY + seconds, days, 0)


def sheet_on(words: Words, worker: int) -> Sheet:
    return Sheet(cast("memoryview[int]", words), 0, CELLS, CELLS[worker])


def figures(sheet: Sheet) -> dict[str, int]:
    return dict(zip(LIMIT_NAMES, sheet.used("month"), strict=True))


def let_in(sheet: Sheet, ceilings: Figures = UNLIMITED) -> Taken:
    taken = sheet.take(RESERVE, "month", ceilings)
    assert taken is not None
    return taken


def take(sheet: Sheet) -> None:
    sheet.turn(at(10))
    let_in(sheet)


def settle(sheet: Sheet) -> None:
    sheet.turn(at(0))
    taken = let_in(sheet)
    sheet.turn(at(45))  # past midnight
    sheet.settle(RESERVE, USED, taken)


def take_back(sheet: Sheet) -> None:
    sheet.turn(at(0))
    sheet.settle(RESERVE, Used(0, 0, counted=False), let_in(sheet))


def come_late(sheet: Sheet) -> None:
    sheet.turn(at(40 * 86400))
    let_in(sheet)


@pytest.mark.parametrize("task", [take, settle, take_back, come_late], ids=lambda task: task.__name__)
def test_whoever_is_killed_leaves_nothing_behind_but_what_he_used(task: Callable[[Sheet], None]) -> None:
    """After every number of stores: others go on, what he held is wiped, and a second later the sums are right."""
    stores = 0
    while True:
        words = Words()
        doomed, alive = sheet_on(words, 0), sheet_on(words, 1)
        alive.turn(at(0))
        theirs = let_in(alive)
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
        alive.settle(RESERVE, Used(1, 1), theirs)
        assert figures(alive)["max_parallel"] == 0
        assert figures(alive)["budget_nano_usd"] in (1, 4001)
        stores += 1


def test_money_is_counted_before_it_is_not_set_aside_any_more() -> None:
    """At no store on the way does a budget look emptier than it is."""
    words = Words()
    sheet, other = sheet_on(words, 0), sheet_on(words, 1)
    sheet.turn(at(0))
    sheet.settle(RESERVE, Used(0, 0), let_in(sheet))
    taken = let_in(sheet)
    seen = []
    for stores in range(40):
        copy = Words()
        copy[:] = words
        doomed = sheet_on(copy, 0)
        copy.lives = stores
        try:
            doomed.settle(RESERVE, Used(300, 7000), taken)
        except Killed:
            seen.append(sheet_on(copy, 1).used("total")[-1])
    assert min(seen) >= 7000
    assert other.used("total")[-1] == 7000


def test_what_was_counted_on_another_sheet_is_not_given_back_here() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    taken = let_in(sheet)
    sheet.settle(RESERVE, Used(0, 0), taken)
    sheet.settle(RESERVE, Used(0, 0), taken)
    assert figures(sheet)["max_parallel"] == 0


def test_a_sheet_is_needed_while_something_runs_or_is_in_the_window_or_its_period_lasts() -> None:
    sheet = sheet_on(Words(), 0)
    assert not sheet.is_needed(1000.0, MAY)
    sheet.turn(at(0))
    taken = let_in(sheet)
    assert sheet.is_needed(10_000.0, MAY + 9000)
    sheet.settle(RESERVE, Used(0, 0), taken)
    assert [sheet.is_needed(1000.0 + each, MAY + each) for each in (-1, 0, 59, 60)] == [True, True, True, False]
    month = at(0).days.month
    sheet.raise_to(month, Spent(1))
    assert [sheet.is_needed(10_000.0, each) for each in (month.ends - 1, month.ends)] == [True, False]


def test_tokens_of_one_second_do_not_run_over_into_requests() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    for _ in range(200):
        sheet.settle(RESERVE, Used(2**60, 2**60), ELSEWHERE)
    left = figures(sheet)
    assert left["requests_per_minute"] == 0
    assert left["tokens_per_minute"] == 2**36 - 1


def test_whoever_finds_a_figure_at_its_ceiling_is_not_counted() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    let_in(sheet)
    before = sheet.used("month")
    for figure, amount in enumerate(before):
        ceilings = (*UNLIMITED[:figure], amount, *UNLIMITED[figure + 1 :])
        assert sheet.take(RESERVE, "month", cast("Figures", ceilings)) is None
        assert sheet.used("month") == before
    ceilings = cast("Figures", tuple(amount + 1 for amount in before))
    taken = let_in(sheet, ceilings)
    left = dict(zip(LIMIT_NAMES, map(sub, ceilings, sheet.used("month")), strict=True))
    assert taken.room == tuple(left[name] for name in TOLD)
    sheet.settle(RESERVE, Used(0, 0, counted=False), taken)
    assert sheet.used("month") == before


def test_sums_that_nobody_can_have_used_stay_within_their_words() -> None:
    sheet = sheet_on(Words(), 0)
    sheet.turn(at(0))
    for seconds in range(3):
        sheet.raise_to(TOTAL, Spent(2**70))
        for _ in range(1000):
            sheet.settle(RESERVE, Used(2**60, 2**60), ELSEWHERE)
        sheet.turn(at(seconds))
    assert 2**62 <= sheet.used("total")[-1] < 2**63
