"""Where the counts of every subject are: in shared memory, under the locks of their slots.

Knows slots, locks and clocks; what is counted and what it means is for `sheet`. Where there is no slot left, or no room
on the disk for one, a subject is counted by this process alone: that is said in the log, and no reason to refuse it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from gateway import logs
from gateway.limits.judging import US, Terms, shortages, standing, terms_of, untouched
from gateway.limits.limiter import WINDOW_SECONDS, Left, Plan, Spent, Subject
from gateway.limits.periods import KINDS, TOTAL, Period, period_of
from gateway.limits.refusals import Shortage
from gateway.limits.sheet import CELL_WORDS, SHEET_WORDS, WORD, Days, Figures, Moment, Sheet, is_full
from gateway.settings.instants import read_zone
from gateway.shared.layout import SEQUENCE
from gateway.shared.locks import Lock, hold, let_go
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import SharedFull, Slots

REMEMBERED = 8192
"""Subjects, and combinations of them, that are kept at hand."""
PRIVATE = 4096
"""Subjects that are counted by this process alone, at most; the oldest of more is forgotten."""

NEVER = Moment(0.0, 0.0, Days(TOTAL, TOTAL, TOTAL), 0)

NOTHING_USED: Figures = (0, 0, 0, 0, 0, 0)

T = TypeVar("T")
log = logs.get("limits")


class Clock(NamedTuple):
    """Both clocks, in seconds. That of windows is the same in all processes of the machine."""

    monotonic: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time


REAL = Clock()


class Together:
    """Where subjects are counted that are asked together."""

    __slots__ = ("locks", "moment", "plan", "rows", "sequence", "sheets", "slots")

    def __init__(self, locks: tuple[Lock, ...], slots: tuple[tuple[int, bytes], ...], sheets: list[Sheet]) -> None:
        self.locks = locks
        """Of their slots, in the order in which they are taken."""
        self.slots = slots
        """Each with the subject it must be of; those that this process counts alone have none."""
        self.sheets = sheets
        self.sequence = -1
        """Of the index, when the slots were last seen to be theirs."""
        self.plan: Plan | None = None
        self.rows: tuple[tuple[Terms, Sheet], ...] = ()
        """The subjects of this plan: their limits, and where they are counted."""
        self.moment: Moment = NEVER
        """To which sheets and terms were last brought."""

    def let_go(self) -> None:
        """Give the locks back."""
        for lock in self.locks:
            let_go(lock)


class Books:
    """The sheets of all subjects. For the thread that the memory is for."""

    def __init__(self, memory: SharedMemory, column: int | None, clock: Clock = REAL) -> None:
        """`column` is the worker's own; None where nothing is let in, only looked at and corrected."""
        self._memory, self._column = memory, column
        self._monotonic, self._unix = clock
        self._slots = Slots(memory, "limits", may_go=self._may_go)
        self._head = memory.index("limits").head
        self._together: dict[tuple[bytes, ...], Together] = {}
        self._private: OrderedDict[bytes, Sheet] = OrderedDict()
        self._terms: dict[bytes, Terms] = {}
        self.count_by("UTC")

    def count_by(self, time_zone: str) -> None:
        """Go by the calendar of this time zone. ValueError for an unknown one."""
        self._zone = read_zone(time_zone)
        self._days = self._begin(self._unix())
        self._latest = self.moment()

    def moment(self) -> Moment:
        """Now."""
        unix, monotonic = self._unix(), self._monotonic()
        day = self._days.day
        if not day.starts <= unix < day.ends:
            self._days = self._begin(unix)
        # Until the second ends, or the day.
        self._until = min(int(monotonic) + 1, monotonic + self._days.day.ends - unix)
        self._latest = Moment(monotonic, unix, self._days, round((unix + WINDOW_SECONDS) * US))
        return self._latest

    def terms(self, subject: Subject) -> Terms:
        """The limits of a subject, as they are in the present periods."""
        terms = self._terms.get(subject.id)
        if terms is None or terms.subject is not subject:
            if len(self._terms) >= REMEMBERED:
                self._terms.clear()
            terms = self._terms[subject.id] = terms_of(subject, self._days)
        return terms

    def open(self, ids: tuple[bytes, ...], plan: Plan | None = None) -> Together:
        """Where these subjects are, all of them locked: until the caller lets go of them. Those of a plan are brought
        to the present second: nothing is counted by less."""
        while True:
            together = self._together.get(ids) or self._find(ids)
            for lock in together.locks:
                hold(lock)
            try:
                # A slot is given to another subject under its own lock, and the index then has another number.
                if together.sequence == self._head[SEQUENCE] or self._are_theirs(together):
                    if plan is not None:
                        moment = self._latest if self._monotonic() < self._until else self.moment()
                        if together.moment is not moment or together.plan is not plan:
                            self.bring(together, plan, moment)
                    return together
            except BaseException:
                together.let_go()
                raise
            together.let_go()
            del self._together[ids]

    def bring(self, together: Together, plan: Plan, moment: Moment) -> None:
        """Bring the subjects of a plan to this moment. They are locked."""
        together.rows = tuple(zip(map(self.terms, plan.subjects), together.sheets, strict=True))
        for terms, sheet in together.rows:
            sheet.turn(moment)
            sheet.keep(terms.needed_until)
        together.plan, together.moment = plan, moment

    def locked(self, ids: tuple[bytes, ...], act: Callable[[list[Sheet]], T]) -> T:
        """What `act` returns for the sheets of these subjects, while all of them are locked."""
        together = self.open(ids)
        try:
            return act(together.sheets)
        finally:
            together.let_go()

    def left(self, subject: Subject) -> tuple[Left, ...]:
        """How it stands with each limit of a subject."""
        moment, terms = self.moment(), self.terms(subject)
        if subject.id not in self._private and self._slots.find(subject.id) is None:
            return untouched(terms, moment)

        def read(sheets: list[Sheet]) -> tuple[Left, ...]:
            sheets[0].turn(moment)
            return standing(terms, sheets[0], moment)

        return self.locked((subject.id,), read)

    def shortages(self, subject: Subject) -> list[Shortage]:
        """What the limits of a subject lack that leave no room; nothing where they do."""
        moment, terms = self.moment(), self.terms(subject)
        is_there = subject.id in self._private or self._slots.find(subject.id) is not None
        if not is_there and not is_full(NOTHING_USED, terms.ceilings):
            return []

        def read(sheets: list[Sheet]) -> list[Shortage]:
            sheets[0].turn(moment)
            return shortages(terms, sheets[0], moment)

        return self.locked((subject.id,), read)

    def reset(self, subject_id: bytes) -> None:
        """Forget what a subject has used. What is running goes on being counted."""
        self._correct(subject_id, Sheet.forget)

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """Count at least what the ledger knows of a period, where that is the present one."""
        self._correct(subject_id, lambda sheet: sheet.raise_to(period, spent))

    def _correct(self, subject_id: bytes, correct: Callable[[Sheet], None]) -> None:
        moment = self.moment()

        def act(sheets: list[Sheet]) -> None:
            sheets[0].turn(moment)
            correct(sheets[0])

        self.locked((subject_id,), act)

    def _find(self, ids: tuple[bytes, ...]) -> Together:
        """Where these subjects are; their slots are given out if they have none yet."""
        slots, sheets = [], []
        for subject_id in ids:
            if (sheet := self._private.get(subject_id)) is None:
                try:
                    slots.append((self._slots.get(subject_id), subject_id))
                    sheet = self._sheet(slots[-1][0])
                except SharedFull as error:
                    sheet = self._count_alone(subject_id, error)
            sheets.append(sheet)
        if len(self._together) >= REMEMBERED:
            self._together.clear()
        found = Together(self._slots.locks_of(slot for slot, _ in slots), tuple(slots), sheets)
        self._together[ids] = found
        return found

    def _are_theirs(self, together: Together) -> bool:
        """Whether all slots are those of their subjects; under their locks it stays so."""
        sequence = self._head[SEQUENCE]
        for slot, name in together.slots:
            if not self._slots.holds(slot, name):
                return False
        together.sequence = sequence
        together.moment = NEVER  # they may have been emptied meanwhile
        return True

    def _sheet(self, slot: int) -> Sheet:
        cells = tuple(self._slots.column_offset(slot, column) // WORD for column in range(self._memory.columns))
        own = None if self._column is None else cells[self._column]
        return Sheet(self._memory.signed, self._slots.offset(slot) // WORD, cells, own)

    def _count_alone(self, subject_id: bytes, why: SharedFull) -> Sheet:
        if not self._private:
            log.warning("limits are counted by each process alone", reason=str(why))
        words = memoryview(bytearray((SHEET_WORDS + CELL_WORDS) * WORD)).cast("q")
        sheet = self._private[subject_id] = Sheet(words, 0, (SHEET_WORDS,), SHEET_WORDS)
        if len(self._private) > PRIVATE:
            self._private.popitem(last=False)
        return sheet

    def _may_go(self, slot: int) -> bool:
        return not self._sheet(slot).is_needed(self._monotonic(), self._unix())

    def _begin(self, unix: float) -> Days:
        """Another day, or another calendar."""
        self._terms.clear()
        return Days(*(period_of(kind, int(unix), self._zone) for kind in KINDS if kind != "total"))
