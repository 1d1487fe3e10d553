"""What is counted of one subject: its arrangement in memory, and what each count means at a moment. Pure.

Knows words of eight bytes and arithmetic. Knows no lock and no clock: whoever calls holds the subject's lock, and says
what time it is. A process may be killed between any two stores. Each leaves something that the next caller can go on
from: buckets are emptied before the second is written, and what was spent is written before what was set aside for it
is given back.
"""

from __future__ import annotations

from operator import add, ge
from struct import Struct as Layout
from typing import NamedTuple

from msgspec import Struct

from gateway.limits.limiter import (
    AVERAGE_OVER,
    FIRST_OUTPUT,
    LARGEST_NANO_USD,
    LARGEST_TOKENS,
    WINDOW_SECONDS,
    Reserve,
    Spent,
    Used,
)
from gateway.limits.periods import Kind, Period

SHEET_WORDS = 128
"""Of what is shared; the first 110 go by the monotonic clock and mean nothing after a restart of the machine."""
WORD = 8
"""Bytes."""
CELL_WORDS = 4
"""Of what one worker has running."""

# Words of a sheet. A bucket has requests and tokens of one second in one word, so that one sum tells both.
_BUCKETS, _SECOND, _SUM = 0, 108, 109
_DAY, _WEEK, _MONTH = 110, 111, 112
_DAY_USD, _WEEK_USD, _MONTH_USD, _TOTAL_USD = 113, 114, 115, 116
_MONTH_REQUESTS, _MONTH_TOKENS, _AVERAGE, _NEEDED_UNTIL = 117, 118, 119, 120

# Words that stand together are read and written at once: those from the second up to the average, and of these the ones
# from the first money on.
_read_counts = Layout("=12q").unpack_from
_write_spent = Layout("=7q").pack_into

_IDS: dict[Kind, int] = {"day": _DAY, "week": _WEEK, "month": _MONTH}
_USD: dict[Kind, int] = {"day": _DAY_USD, "week": _WEEK_USD, "month": _MONTH_USD, "total": _TOTAL_USD}
_READ_USD: dict[Kind, int] = {kind: place - _SECOND for kind, place in _USD.items()}
_OF_PERIOD: dict[Kind, tuple[int, ...]] = {
    "week": (_WEEK_USD,),
    "month": (_MONTH_USD, _MONTH_REQUESTS, _MONTH_TOKENS),
    "day": (_DAY_USD,),  # last: the day's number tells that all of them are up to date
}
_COUNTS = (*_USD.values(), _MONTH_REQUESTS, _MONTH_TOKENS)

# A cell: requests that are running, tokens and money set aside for them, tokens they are expected to use.
_read_cell, _write_cell = Layout(f"={CELL_WORDS}q").unpack_from, Layout(f"={CELL_WORDS}q").pack_into

_REQUEST = 1 << 42
_TOKEN_MASK = _REQUEST - 1
_MOST_TOKENS = LARGEST_TOKENS - 1
_MOST_REQUESTS = (1 << 15) - 1
"""In a bucket: sixty of them fit into the sum."""

_MOST = 2**62
_SIXTEENTH = 4
"""Bits: the average is kept in sixteenths, and is 0 where nothing is known of it."""

_EMPTY = memoryview(bytes(WINDOW_SECONDS * 8)).cast("q")

Figures = tuple[int, int, int, int, int, int]
"""One for each of `LIMIT_NAMES`."""


class Days(NamedTuple):
    """The periods that an instant is in."""

    day: Period
    week: Period
    month: Period


class Moment(Struct, frozen=True, gc=False):
    """When it is, by both clocks, in seconds."""

    monotonic: float
    unix: float
    days: Days
    minute_us: int
    """When a minute from then is over, Unix microseconds."""


Room = tuple[int, int, int, int]
"""What is left below the ceilings of requests and tokens a minute, and of requests and tokens a month."""


class Taken(Struct, frozen=True, gc=False):
    """Where a request was counted."""

    second: int
    month: int
    expected: int
    """Tokens it is expected to use."""
    room: Room
    """What was left right after; it can be less than nothing."""


def is_full(used: Figures, ceilings: Figures) -> bool:
    """Whether a figure has reached its ceiling."""
    return any(map(ge, used, ceilings))


class Sheet:
    """The counts of one subject, in shared memory or not."""

    __slots__ = ("_at", "_buckets", "_cells", "_counts", "_others", "_own", "_spent", "_words")

    def __init__(self, words: memoryview[int], at: int, cells: tuple[int, ...], own: int | None) -> None:
        """Counts begin at word `at`; those of the workers stand at words `cells`, our own at `own` if we are one."""
        self._words, self._at, self._buckets = words, at, at + _BUCKETS
        # In bytes, as all that is read at once:
        self._counts, self._spent = (at + _SECOND) * WORD, (at + _DAY_USD) * WORD
        self._cells = tuple(cell * WORD for cell in cells)
        self._own = None if own is None else own * WORD
        self._others = tuple(cell for cell in self._cells if cell != self._own)

    def turn(self, moment: Moment) -> None:
        """Leave behind what is over. Comes before anything else is asked."""
        words, at = self._words, self._at
        if words[at + _SECOND] != (second := int(moment.monotonic)):
            self._turn_window(second)
        if words[at + _DAY] != moment.days.day.id:
            self._turn_periods(moment.days)

    # What counts

    def used(self, budget: Kind) -> Figures:
        """What counts against each limit, what is set aside for running requests included; of a budget for such a
        period."""
        words = self._words
        running = tokens = nano_usd = expected = 0
        for cell in self._cells:
            its = _read_cell(words, cell)
            if its[0]:
                running += its[0]
                tokens += its[1]
                nano_usd += its[2]
                expected += its[3]
        counts = _read_counts(words, self._counts)
        window, of_month, tokens_of_month = counts[1], counts[9], counts[10]
        return (
            window // _REQUEST,
            (window & _TOKEN_MASK) + expected,
            running,
            of_month,
            tokens_of_month + tokens,
            counts[_READ_USD[budget]] + nano_usd,
        )

    def spent(self, budget: Kind) -> Figures:
        """The same without what is set aside."""
        words, at = self._words, self._at
        requests, tokens = divmod(words[at + _SUM], _REQUEST)
        of_month = (words[at + _MONTH_REQUESTS], words[at + _MONTH_TOKENS])
        return requests, tokens, 0, *of_month, words[at + _USD[budget]]

    def seconds_until(self, limit: int, monotonic: float, *, tokens: bool) -> float:
        """Until enough of the window has left for one more; what is set aside does not count."""
        requests, count = divmod(self._words[self._at + _SUM], _REQUEST)
        if not tokens:
            count = requests
        newest = self._words[self._at + _SECOND]
        for second in range(newest - WINDOW_SECONDS + 1, newest + 1):
            count -= self._in_bucket(second, tokens=tokens)
            if count < limit:
                return max(second + WINDOW_SECONDS - monotonic, 0.0)
        return 0.0

    def seconds_until_empty(self, monotonic: float, *, tokens: bool) -> float:
        """Until the window is, if nothing is added to it."""
        newest = self._words[self._at + _SECOND]
        for second in range(newest, newest - WINDOW_SECONDS, -1):
            if self._in_bucket(second, tokens=tokens):
                return max(second + WINDOW_SECONDS - monotonic, 0.0)
        return 0.0

    def is_needed(self, monotonic: float, unix: float) -> bool:
        """Whether anybody would miss these counts, as they were left."""
        words, at = self._words, self._at
        if unix < words[at + _NEEDED_UNTIL] or any(_read_cell(words, cell)[0] for cell in self._cells):
            return True
        return words[at + _SUM] != 0 and -2 < monotonic - words[at + _SECOND] < WINDOW_SECONDS

    # What changes them

    def keep(self, needed_until: int) -> None:
        """What is counted matters until then, Unix seconds."""
        if self._words[self._at + _NEEDED_UNTIL] != needed_until:
            self._words[self._at + _NEEDED_UNTIL] = needed_until

    def take(self, reserve: Reserve, budget: Kind, ceilings: Figures) -> Taken | None:
        """Count one more request, or nothing where a figure has reached its ceiling already: None."""
        words, at, own = self._words, self._at, self._own
        if own is None:
            raise ValueError("only a worker has requests running")
        ours = running, tokens, nano_usd, expected = _read_cell(words, own)
        for cell in self._others:
            its = _read_cell(words, cell)
            if its[0]:
                running, tokens, nano_usd, expected = map(add, (running, tokens, nano_usd, expected), its)
        counts = _read_counts(words, self._counts)
        second, window, _, _, month, _, _, _, _, of_month, tokens_of_month, average = counts
        most, most_tokens, most_running, most_of_month, most_tokens_of_month, most_nano_usd = ceilings
        left = most - window // _REQUEST
        left_tokens = most_tokens - (window & _TOKEN_MASK) - expected
        left_of_month = most_of_month - of_month
        left_tokens_of_month = most_tokens_of_month - tokens_of_month - tokens
        if left <= 0 or left_tokens <= 0 or left_of_month <= 0 or left_tokens_of_month <= 0:
            return None
        if running >= most_running or counts[_READ_USD[budget]] + nano_usd >= most_nano_usd:
            return None
        expected = reserve.input_tokens + (average >> _SIXTEENTH if average else FIRST_OUTPUT)
        if expected > reserve.tokens:
            expected = reserve.tokens
        place = self._buckets + second % WINDOW_SECONDS
        bucket = words[place]
        if bucket < _MOST_REQUESTS * _REQUEST:
            words[place] = bucket + _REQUEST
            words[at + _SUM] = window + _REQUEST
        words[at + _MONTH_REQUESTS] = of_month + 1
        # Only this process writes here.
        tokens = reserve.tokens
        _write_cell(words, own, ours[0] + 1, ours[1] + tokens, ours[2] + reserve.nano_usd, ours[3] + expected)
        room = left - 1, left_tokens - expected, left_of_month - 1, left_tokens_of_month - tokens
        return Taken(second, month, expected, room)

    def settle(self, reserve: Reserve, used: Used, taken: Taken) -> None:
        """Count what a request used in the place of what was set aside for it."""
        words, at, own, tokens, nano_usd = self._words, self._at, self._own, used.tokens, used.nano_usd
        if not 0 <= tokens <= LARGEST_TOKENS:
            tokens = LARGEST_TOKENS if tokens > 0 else 0
        if not 0 <= nano_usd <= LARGEST_NANO_USD:
            nano_usd = LARGEST_NANO_USD if nano_usd > 0 else 0
        counts = _read_counts(words, self._counts)
        second, window, _, _, _, day, week, month, total, of_month, tokens_of_month, average = counts
        if tokens:
            place = self._buckets + second % WINDOW_SECONDS
            bucket = words[place]
            room = _MOST_TOKENS - (bucket & _TOKEN_MASK)
            added = tokens if tokens < room else room
            words[place] = bucket + added
            words[at + _SUM] = window + added
            beyond = tokens - reserve.input_tokens
            beyond = beyond << _SIXTEENTH if beyond > 0 else 0
            average = (average + (beyond - average) // AVERAGE_OVER if average else beyond) or 1
        day, week, month, total = day + nano_usd, week + nano_usd, month + nano_usd, total + nano_usd
        tokens += tokens_of_month
        _write_spent(words, self._spent, day, week, month, total, of_month, tokens, average)
        if not used.counted:
            self._uncount(taken)
        if own is None:
            return
        running, tokens, nano_usd, expected = _read_cell(words, own)
        if running:  # else it was counted where nobody looks any more
            tokens, nano_usd = tokens - reserve.tokens, nano_usd - reserve.nano_usd
            _write_cell(words, own, running - 1, tokens, nano_usd, expected - taken.expected)

    def raise_to(self, period: Period, spent: Spent) -> None:
        """Count what the ledger knows of a period, where that is more; of one that is not counted now, nothing."""
        words, at = self._words, self._at
        if period.kind in _IDS and words[at + _IDS[period.kind]] != period.id:
            return
        said = {_USD[period.kind]: spent.nano_usd}
        if period.kind == "month":
            said |= {_MONTH_TOKENS: spent.tokens, _MONTH_REQUESTS: spent.requests}
        for place, amount in said.items():
            words[at + place] = max(words[at + place], min(amount, _MOST))
        words[at + _NEEDED_UNTIL] = max(words[at + _NEEDED_UNTIL], period.ends)

    def forget(self) -> None:
        """Count from nothing; what is running goes on being so."""
        words, at = self._words, self._at
        words[at + _BUCKETS : at + _BUCKETS + WINDOW_SECONDS] = _EMPTY
        words[at + _SUM] = 0
        for place in _COUNTS:
            words[at + place] = 0

    def _uncount(self, taken: Taken) -> None:
        """The request does not count as one."""
        words, at = self._words, self._at
        if words[at + _MONTH] == taken.month and words[at + _MONTH_REQUESTS]:
            words[at + _MONTH_REQUESTS] -= 1
        place = at + _BUCKETS + taken.second % WINDOW_SECONDS
        if words[at + _SECOND] - WINDOW_SECONDS < taken.second and words[place] >= _REQUEST:
            words[place] -= _REQUEST
            words[at + _SUM] -= _REQUEST

    def _turn_window(self, second: int) -> None:
        words, at = self._words, self._at
        for place in _COUNTS:  # a second adds less than is left above this
            if words[at + place] > _MOST:
                words[at + place] = _MOST
        newest = words[at + _SECOND]
        # Another process may have read its clock a little later than we did, yet got the lock before us.
        if newest - 1 <= second < newest:
            return
        if newest < second < newest + WINDOW_SECONDS:
            for passed in range(newest + 1, second + 1):
                words[at + _BUCKETS + passed % WINDOW_SECONDS] = 0
        else:
            words[at + _BUCKETS : at + _BUCKETS + WINDOW_SECONDS] = _EMPTY
        words[at + _SUM] = sum(words[at + _BUCKETS : at + _BUCKETS + WINDOW_SECONDS])
        words[at + _SECOND] = second

    def _turn_periods(self, days: Days) -> None:
        words, at = self._words, self._at
        now = {period.kind: period.id for period in days}
        for kind, places in _OF_PERIOD.items():
            counted = words[at + _IDS[kind]]
            # One ahead: by another process's clock, or in another time zone, the next one has begun. It goes on.
            if counted in (now[kind], now[kind] + 1):
                continue
            for place in places:
                words[at + place] = 0
            words[at + _IDS[kind]] = now[kind]

    def _in_bucket(self, second: int, *, tokens: bool) -> int:
        bucket = self._words[self._at + _BUCKETS + second % WINDOW_SECONDS]
        return bucket & _TOKEN_MASK if tokens else bucket // _REQUEST
