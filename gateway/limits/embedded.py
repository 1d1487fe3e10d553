"""The limiter of one machine: its workers count together in shared memory, exactly.

Knows who is asked and in which order things are written; where counts are is for `books`, what they mean for `sheet`
and `judging`. A request holds the locks of all its subjects for some microseconds, and never waits for anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.errors import RequestRefused
from gateway.limits.books import REAL, Books, Clock, Together
from gateway.limits.judging import shortages, tell
from gateway.limits.limiter import UNUSED, Admission, Left, Plan, Reserve, Spent, Stand, Used, bounded
from gateway.limits.periods import Period
from gateway.limits.plans import Plans
from gateway.limits.refusals import refusal
from gateway.limits.sheet import Taken
from gateway.records import ClientKey, LimitRule, Target
from gateway.shared.memory import SharedMemory


class _Admitted(Admission, eq=False, kw_only=True):
    """With where it was counted, subject by subject."""

    taken: Sequence[Taken]


class EmbeddedLimiter:
    """Limits, counted on this machine. For the thread that the memory is for."""

    def __init__(self, memory: SharedMemory, column: int | None, clock: Clock = REAL) -> None:
        """`column` is the worker's own; None for a process that lets nothing in, and only looks and corrects."""
        self._books = Books(memory, column, clock)
        self._go_by(Plans())

    def follow(self, rules: tuple[LimitRule, ...], time_zone: str) -> None:
        """Go by these rules from now on, and by the days, weeks and months of this zone. ValueError for an unknown
        one. What was counted stays counted."""
        self._books.count_by(time_zone)
        self._go_by(Plans(rules))

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        """As `admit_at_once`."""
        return self.admit_at_once(plan, reserve)

    def admit_at_once(self, plan: Plan, reserve: Reserve) -> Admission:
        """Let a request in, for all of its subjects or for none. Raises LimitReached, QuotaSpent, BudgetSpent."""
        reserve = bounded(reserve)
        standing: dict[str, Stand] = {}
        counted: list[Taken] = []
        together = self._books.open(plan.ids, plan)
        try:
            for terms, sheet in together.rows:
                taken = sheet.take(reserve, terms.budget, terms.ceilings)
                if taken is None:
                    raise self._refusal(plan, together, reserve, counted)
                counted.append(taken)
                tell(standing, terms, taken.room, together.moment)
        finally:
            together.let_go()
        return _Admitted(plan, reserve, standing, taken=counted)

    def settle(self, admission: Admission, used: Used) -> None:
        """Put what was used in the place of what was set aside; a second time changes nothing."""
        assert isinstance(admission, _Admitted)
        if admission.settled:
            return
        admission.settled, plan = True, admission.plan
        together = self._books.open(plan.ids, plan)
        try:
            for sheet, taken in zip(together.sheets, admission.taken, strict=True):
                sheet.settle(admission.reserve, used, taken)
        finally:
            together.let_go()

    async def refused(self, plan: Plan) -> RequestRefused | None:
        """What `admit` would raise now; None where it would let a request in. Nothing is counted."""
        short = [shortage for subject in plan.subjects for shortage in self._books.shortages(subject)]
        return refusal(short) if short else None

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with each limit of each subject."""
        return tuple(left for subject in plan.subjects for left in self._books.left(subject))

    def reset(self, subject_id: bytes) -> None:
        """Forget what a subject has used. What is running goes on being counted."""
        self._books.reset(subject_id)

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """Count at least what the ledger knows of a period, where that is the present one."""
        self._books.raise_spent(subject_id, period, spent)

    def _go_by(self, plans: Plans) -> None:
        # Not asked through methods of our own, since every request does.
        self.plan: Callable[[ClientKey], Plan | None] = plans.of_key
        self.target_plan: Callable[[Target], Plan | None] = plans.of_target

    def _refusal(self, plan: Plan, together: Together, reserve: Reserve, counted: Sequence[Taken]) -> RequestRefused:
        """Why there was no room, once what was counted for the first subjects is taken back."""
        for sheet, taken in zip(together.sheets, counted, strict=False):
            sheet.settle(reserve, UNUSED, taken)
        moment = self._books.moment()  # exactly: clients are told how long to wait
        self._books.bring(together, plan, moment)
        return refusal([short for terms, sheet in together.rows for short in shortages(terms, sheet, moment)])
