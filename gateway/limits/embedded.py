"""The limiter of one machine: its workers count together in shared memory, exactly.

Knows who is asked and in which order things are written; where counts are is for `books`, what they mean for `sheet`
and `judging`. A request holds the locks of all its subjects for some microseconds, and never waits for anything else.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        self._plans = Plans()

    def follow(self, rules: tuple[LimitRule, ...], time_zone: str) -> None:
        """Go by these rules from now on, and by the days, weeks and months of this zone. ValueError for an unknown
        one. What was counted stays counted."""
        self._books.count_by(time_zone)
        self._plans = Plans(rules)

    def plan(self, key: ClientKey) -> Plan | None:
        """Whom a request with this key is counted for; None where nothing limits it."""
        return self._plans.of_key(key)

    def target_plan(self, key: ClientKey, target: Target) -> Plan | None:
        """Whom an attempt at this target is counted for, whoever's key it is; None where nothing limits it."""
        return self._plans.of_target(target)

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        """As `admit_at_once`."""
        return self.admit_at_once(plan, reserve)

    def admit_at_once(self, plan: Plan, reserve: Reserve) -> Admission:
        """Let a request in, for all of its subjects or for none. Raises LimitReached, QuotaSpent, BudgetSpent."""
        together = self._books.open(plan)
        try:
            return self._let_in(plan, together, bounded(reserve))
        finally:
            together.lock.let_go()

    def settle(self, admission: Admission, used: Used) -> None:
        """Put what was used in the place of what was set aside; a second time changes nothing."""
        assert isinstance(admission, _Admitted)
        if admission.settled:
            return
        admission.settled = True
        together = self._books.open(admission.plan)
        try:
            for sheet, taken in zip(together.sheets, admission.taken, strict=True):
                sheet.settle(admission.reserve, used, taken)
        finally:
            together.lock.let_go()

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

    def _let_in(self, plan: Plan, together: Together, reserve: Reserve) -> _Admitted:
        """Under the locks of all of them: count it for one after the other, and for none where one has no room."""
        standing: dict[str, Stand] = {}
        counted: list[Taken] = []
        for terms, sheet in zip(together.terms, together.sheets, strict=True):
            taken = sheet.take(reserve, terms.budget, terms.ceilings)
            if taken is None:
                for former, its in zip(together.sheets, counted, strict=False):
                    former.settle(reserve, UNUSED, its)
                raise self._refusal(plan, together)
            counted.append(taken)
            tell(standing, terms, taken.after, together.moment)
        return _Admitted(plan, reserve, standing, taken=counted)

    def _refusal(self, plan: Plan, together: Together) -> RequestRefused:
        moment = self._books.moment()  # exactly: clients are told how long to wait
        self._books.bring(together, plan, moment)
        rows = zip(together.terms, together.sheets, strict=True)
        return refusal([short for terms, sheet in rows for short in shortages(terms, sheet, moment)])
