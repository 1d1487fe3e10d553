"""The limiter against a naive model: lists of what happened, counted anew for every question."""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.errors import RequestRefused
from gateway.limits.books import Clock
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import LIMIT_NAMES, Admission, Plan, Reserve, Subject, Used
from gateway.records import Limits
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.scripts import plan_of

T = TypeVar("T")

PLANS = (
    plan_of(Limits(5, 900, 3, 12, 4000, 600, "day")),
    plan_of(Limits(6, 900, 4, None, None, 2000, "month"), Limits(max_parallel=5, tokens_per_minute=1500)),
    plan_of(Limits(requests_per_minute=7, tokens_per_month=9000, budget_nano_usd=3000, budget_period="total"), start=1),
)
"""They share subjects, with limits of their own: what is counted belongs to the subject."""

PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m", "total": ""}


class Moment(NamedTuple):
    """When something happened, in Unix seconds: a whole one of them is a bucket."""

    at: float

    def of(self, period: str) -> str:
        """Which day or month it was."""
        return datetime.fromtimestamp(self.at, UTC).strftime(PERIODS[period])


@dataclass
class Happened:
    """All that is known of one subject."""

    requests: list[Moment] = field(default_factory=list)
    used: list[tuple[Moment, Used]] = field(default_factory=list)

    def figures(self, now: Moment, budget: str, running: list[Reserve]) -> tuple[int, ...]:
        """In the order of the limits."""
        window, month = int(now.at) - 60, now.of("month")
        return (
            sum(int(at.at) > window for at in self.requests),
            sum(used.tokens for at, used in self.used if int(at.at) > window) + sum(each.tokens for each in running),
            len(running),
            sum(at.of("month") == month for at in self.requests),
            sum(used.tokens for at, used in self.used if at.of("month") == month)
            + sum(each.tokens for each in running),
            sum(used.nano_usd for at, used in self.used if at.of(budget) == now.of(budget))
            + sum(each.nano_usd for each in running),
        )


class Running(NamedTuple):
    """A request that was let in."""

    worker: int
    admission: Admission
    since: Moment


def done(coroutine: Coroutine[None, None, T]) -> T:
    """What it returns; it waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        return returned.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class LimiterMachine(RuleBasedStateMachine):
    """Two workers, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "shared.mmap"
        prepare(path, 2)
        self.now = Moment(1_798_761_000.25)  # ten minutes before a new year
        clock = Clock(lambda: self.now.at - 1_798_000_000, lambda: self.now.at)
        self.memory = SharedMemory(path)
        self.workers = [EmbeddedLimiter(self.memory, column, clock) for column in (0, 1)]
        self.subjects = {subject.id: Happened() for plan in PLANS for subject in plan.subjects}
        self.running: list[Running] = []

    def figures(self, subject: Subject) -> tuple[int, ...]:
        """What the model says."""
        running = [each.admission.reserve for each in self.running if subject.id in each.admission.plan.ids]
        return self.subjects[subject.id].figures(self.now, subject.limits.budget_period, running)

    @rule(worker=st.integers(0, 1), plan=st.sampled_from(PLANS), tokens=st.integers(0, 700), nano=st.integers(0, 400))
    def ask(self, worker: int, plan: Plan, tokens: int, nano: int) -> None:
        limits = [
            (used, getattr(subject.limits, name))
            for subject in plan.subjects
            for name, used in zip(LIMIT_NAMES, self.figures(subject), strict=True)
        ]
        has_room = all(limit is None or used < limit for used, limit in limits)
        try:
            admission = done(self.workers[worker].admit(plan, Reserve(tokens, nano, tokens)))
        except RequestRefused:
            assert not has_room
            return
        assert has_room
        self.running.append(Running(worker, admission, self.now))
        for subject in plan.subjects:
            self.subjects[subject.id].requests.append(self.now)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 10), tokens=st.integers(0, 900), nano=st.integers(0, 500), counted=st.booleans())
    def settle(self, which: int, tokens: int, nano: int, counted: bool) -> None:
        worker, admission, since = self.running.pop(which % len(self.running))
        used = Used(tokens, nano) if counted else Used(0, 0, counted=False)
        for _ in range(2):
            self.workers[worker].settle(admission, used)
        for subject_id in admission.plan.ids:
            self.subjects[subject_id].used.append((self.now, used))
            if not counted:
                self.subjects[subject_id].requests.remove(since)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1, 7, 30, 59, 60, 600, 86_400, 40 * 86_400]))
    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.at + seconds)

    @rule(worker=st.integers(0, 1))
    def kill(self, worker: int) -> None:
        self.memory.release(worker)
        self.running = [each for each in self.running if each.worker != worker]

    @precondition(lambda self: not self.running)
    @rule(plan=st.sampled_from(PLANS))
    def forget(self, plan: Plan) -> None:
        self.workers[0].reset(plan.subjects[0].id)
        self.subjects[plan.subjects[0].id] = Happened()

    @invariant()
    def it_stands_as_the_model_says(self) -> None:
        for plan in PLANS:
            for worker in self.workers:
                left = done(worker.left(plan))
                said = [
                    used
                    for subject in plan.subjects
                    for name, used in zip(LIMIT_NAMES, self.figures(subject), strict=True)
                    if getattr(subject.limits, name) is not None
                ]
                assert [each.used for each in left] == said

    def teardown(self) -> None:
        self.folder.cleanup()


LimiterMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


TestLimiter = LimiterMachine.TestCase
