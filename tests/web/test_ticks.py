from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from gateway.usage.figures import DAY, HOUR, MINUTE
from web.span import Span
from web.ticks import LAST, MOST, ticks_of

BEGUN = int(datetime(2026, 11, 20, 18, tzinfo=UTC).timestamp()) * 1_000_000


def words(step: int, pieces: int, since: int = BEGUN) -> list[str]:
    starts = tuple(since + step * place for place in range(pieces))
    return [tick.word for tick in ticks_of(Span("custom", "", since, since + step * pieces, starts, step, {}), UTC)]


@pytest.mark.parametrize(
    ("step", "pieces", "said"),
    [
        (HOUR, 12, ["18:00", "20:00", "22:00", "00:00", "02:00", "04:00"]),
        (HOUR, 50, ["Sat 21", "12:00", "Sun 22", "12:00"]),
        (HOUR, 73, ["Sat 21", "12:00", "Sun 22", "12:00", "Mon 23", "12:00"]),
        (HOUR, 360, ["22 Nov", "24 Nov", "26 Nov", "28 Nov", "30 Nov", "02 Dec", "04 Dec"]),
        (7 * MINUTE, 360, ["Fri 18:00", "23:50", "Sat 05:40", "11:30", "17:20", "23:10", "Sun 05:00"]),
        (3 * HOUR, 56, ["Sat 21", "Sun 22", "Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27"]),
        (DAY, 7, ["Fri 20", "Sat 21", "Sun 22", "Mon 23", "Tue 24", "Wed 25", "Thu 26"]),
        (DAY, 31, ["20 Nov", "24 Nov", "28 Nov", "02 Dec", "06 Dec", "10 Dec", "14 Dec", "18 Dec"]),
        (DAY, 800, ["Nov 2026", "Feb 2027", "Jun 2027", "Sep 2027", "Dec 2027", "Apr 2028", "Jul 2028", "Oct 2028"]),
        (DAY, 1, ["Fri 20"]),
    ],
)
def test_a_day_or_an_hour_is_said_by_how_far_words_are_apart(step: int, pieces: int, said: list[str]) -> None:
    assert words(step, pieces) == said


@pytest.mark.parametrize("step", [MINUTE, 7 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, DAY, 7 * DAY])
@pytest.mark.parametrize("pieces", [1, 2, 13, 73, 97, 360, 799])
def test_words_are_few_and_none_stands_beside_its_like(step: int, pieces: int) -> None:
    starts = tuple(BEGUN + 17 * MINUTE + step * place for place in range(pieces))
    ticks = ticks_of(Span("custom", "", starts[0], starts[-1] + step, starts, step, {}), UTC)
    assert 1 <= len(ticks) <= MOST + 1
    assert all(tick.x <= LAST for tick in ticks)
    assert all(one.word != other.word for one, other in pairwise(ticks))


def test_months_are_of_unlike_lengths() -> None:
    starts = tuple(int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) * 1_000_000 for month in range(1, 13))
    span = Span("custom", "", starts[0], starts[-1] + 28 * DAY, starts, 28 * DAY, {})
    assert [(tick.x, tick.word) for tick in ticks_of(span, UTC)][:3] == [
        (0.0, "01 Jan"), (16.67, "01 Mar"), (33.33, "01 May"),
    ]  # fmt: skip
