"""What a limiter must do, as scripts: requests are let in or refused, one after another, and settle. Any limiter plays
them; those in `TIMED` need a clock that the test can move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from gateway.errors import BudgetSpent, LimitReached, QuotaSpent, RequestRefused
from gateway.limits.limiter import FIRST_OUTPUT, Admission, Limiter, LimitName, Plan, Reserve, Subject, Used
from gateway.records import Limits

NOTHING = Reserve(0, 0)
NONE = Used(0, 0)


@dataclass(frozen=True)
class Ask:
    """A request asks to be let in, and is, unless `refused` says how not."""

    who: str
    reserve: Reserve = NOTHING
    refused: type[RequestRefused] | None = None
    limit: LimitName | None = None
    """Which one the refusal names."""
    retry_after: float | None = None


@dataclass(frozen=True)
class Settle:
    """It is done."""

    who: str
    used: Used = NONE


@dataclass(frozen=True)
class Stands:
    """What is used of a limit of the first subject."""

    field: LimitName
    used: int


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float


Step = Ask | Settle | Stands | Wait


@dataclass(frozen=True)
class Script:
    """Limits, each of a subject of its own, and what happens."""

    name: str
    limits: Sequence[Limits]
    steps: Sequence[Step]


def plan_of(*limits: Limits, start: int = 0) -> Plan:
    """A plan with a subject for each."""
    return Plan(
        tuple(Subject(f"client key `{number}`", b"%016d" % number, each) for number, each in enumerate(limits, start))
    )


async def play(limiter: Limiter, script: Script, wait: Callable[[float], None] | None = None) -> None:
    """Go through a script. AssertionError where the limiter does something else."""
    plan, admitted = plan_of(*script.limits), dict[str, Admission]()
    for step in script.steps:
        match step:
            case Ask(refused=None):
                assert await limiter.refused(plan) is None
                admitted[step.who] = await limiter.admit(plan, step.reserve)
            case Ask():
                await _is_refused(limiter, plan, step)
            case Settle():
                limiter.settle(admitted[step.who], step.used)
            case Stands():
                assert {left.field: left.used for left in await limiter.left(plan)}[step.field] == step.used
            case Wait():
                assert wait is not None
                wait(step.seconds)


async def _is_refused(limiter: Limiter, plan: Plan, step: Ask) -> None:
    assert step.refused is not None
    with pytest.raises(step.refused) as refused:
        await limiter.admit(plan, step.reserve)
    assert type(refused.value) is step.refused
    foretold = await limiter.refused(plan)
    assert type(foretold) is step.refused
    assert foretold.message == refused.value.message
    assert foretold.retry_after == pytest.approx(refused.value.retry_after, abs=0.1)
    if isinstance(refused.value, LimitReached):
        assert step.limit in (None, refused.value.limit)
    if step.retry_after is not None:
        assert refused.value.retry_after == pytest.approx(step.retry_after, abs=0.001)


SCRIPTS = (
    Script(
        "requests a minute: as many as the limit says, and not one more",
        [Limits(requests_per_minute=3)],
        [
            *(Ask("a"), Ask("b"), Ask("c"), Ask("d", refused=LimitReached, limit="requests_per_minute")),
            *(Settle("a"), Ask("e", refused=LimitReached, limit="requests_per_minute")),
            Stands("requests_per_minute", 3),
        ],
    ),
    Script(
        "requests a minute: one that no provider was asked for does not count, a failed one does",
        [Limits(requests_per_minute=2, requests_per_month=5)],
        [
            *(Ask("a"), Settle("a", Used(0, 0, counted=False)), Stands("requests_per_minute", 0)),
            *(Ask("b"), Settle("b", Used(0, 0)), Stands("requests_per_minute", 1), Stands("requests_per_month", 1)),
        ],
    ),
    Script(
        "requests a minute: a refused one counts nothing",
        [Limits(requests_per_minute=9), Limits(max_parallel=1)],
        [Ask("a"), *[Ask("b", refused=LimitReached, limit="max_parallel")] * 5, Stands("requests_per_minute", 1)],
    ),
    Script(
        "tokens a minute: those used and those expected of running requests count together",
        [Limits(tokens_per_minute=1000)],
        [
            Ask("a", Reserve(300, 0, 200)),
            Stands("tokens_per_minute", 300),
            *(Settle("a", Used(400, 0)), Stands("tokens_per_minute", 400)),
            *(Ask("b", Reserve(500, 0, 400)), Stands("tokens_per_minute", 900)),
            *(Ask("c", Reserve(500, 0, 400)), Stands("tokens_per_minute", 1400)),
            Ask("d", refused=LimitReached, limit="tokens_per_minute", retry_after=1.0),
            *(Settle("b"), Settle("c"), Stands("tokens_per_minute", 400), Ask("d")),
        ],
    ),
    Script(
        "tokens a minute: what a subject used before is expected of the next, and not what that may use at most",
        [Limits(tokens_per_minute=10_000_000)],
        [
            *(Ask("a", Reserve(100_000, 0, 100)), Stands("tokens_per_minute", 100 + FIRST_OUTPUT)),
            *(Settle("a", Used(180, 0)), Stands("tokens_per_minute", 180)),
            *(Ask("b", Reserve(100_000, 0, 100)), Stands("tokens_per_minute", 180 + 180), Settle("b", Used(980, 0))),
            # 80, then an eighth of the way from there to 880
            *(Ask("c", Reserve(100_000, 0, 0)), Stands("tokens_per_minute", 1160 + 180)),
            *(Settle("c"), Ask("d", Reserve(50, 0, 0)), Stands("tokens_per_minute", 1160 + 50)),
        ],
    ),
    Script(
        "requests and tokens a minute: each is counted by itself",
        [Limits(requests_per_minute=2, tokens_per_minute=1000)],
        [
            *(Ask("a"), Settle("a", Used(600, 0)), Ask("b"), Settle("b", Used(300, 0))),
            Ask("c", refused=LimitReached, limit="requests_per_minute"),
            *(Stands("requests_per_minute", 2), Stands("tokens_per_minute", 900)),
        ],
    ),
    Script(
        "requests at once: whoever settles makes room",
        [Limits(max_parallel=2)],
        [
            *(Ask("a"), Ask("b"), Ask("c", refused=LimitReached, limit="max_parallel", retry_after=1.0)),
            *(
                Settle("a"),
                Ask("c"),
                Ask("d", refused=LimitReached),
                Settle("b"),
                Settle("c"),
                Stands("max_parallel", 0),
            ),
        ],
    ),
    Script(
        "a request settles once, however often it is said",
        [Limits(max_parallel=3, budget_nano_usd=100, tokens_per_month=100)],
        [
            *(Ask("a", Reserve(5, 5)), Ask("b", Reserve(5, 5))),
            *(Settle("a", Used(7, 7)), Settle("a", Used(7, 7)), Settle("a", Used(9, 9, counted=False))),
            *(Stands("max_parallel", 1), Stands("budget_nano_usd", 12), Stands("tokens_per_month", 12)),
        ],
    ),
    Script(
        "a quota of requests: spent when all of it is used",
        [Limits(requests_per_month=2)],
        [
            *(Ask("a"), Settle("a"), Ask("b"), Settle("b")),
            Ask("c", refused=QuotaSpent, limit="requests_per_month"),
        ],
    ),
    Script(
        "a quota of tokens: what is set aside counts until the request settles",
        [Limits(tokens_per_month=1000)],
        [
            *(Ask("a", Reserve(999, 0)), Ask("b", Reserve(999, 0)), Stands("tokens_per_month", 1998)),
            Ask("c", refused=LimitReached, limit="tokens_per_month", retry_after=1.0),
            *(Settle("a", Used(400, 0)), Settle("b", Used(599, 0)), Stands("tokens_per_month", 999)),
            *(Ask("c", Reserve(999, 0)), Settle("c", Used(1, 0))),
            Ask("d", refused=QuotaSpent, limit="tokens_per_month"),
        ],
    ),
    Script(
        "a budget: exceeded by one request's reserve at most, and open while a thousandth of it is left",
        [Limits(budget_nano_usd=1000)],
        [
            *(Ask("a", Reserve(0, 800)), Ask("b", Reserve(0, 800))),
            Ask("c", refused=LimitReached, limit="budget_nano_usd", retry_after=1.0),
            *(Settle("a", Used(0, 700)), Ask("c", refused=LimitReached), Settle("b", Used(0, 299))),
            *(Stands("budget_nano_usd", 999), Ask("c", Reserve(0, 800)), Settle("c", Used(0, 800))),
            Ask("d", refused=QuotaSpent, limit="budget_nano_usd"),
        ],
    ),
    Script(
        "a budget: in sequence nobody is refused until all of it is spent",
        [Limits(budget_nano_usd=100, tokens_per_month=10_000)],
        [
            *[step for _ in range(100) for step in (Ask("a", Reserve(900, 50)), Settle("a", Used(9, 1)))],
            *(Ask("b", refused=QuotaSpent), Stands("tokens_per_month", 900)),
        ],
    ),
    Script(
        "a budget for good: spent for good",
        [Limits(budget_nano_usd=10, budget_period="total")],
        [Ask("a", Reserve(0, 1)), Settle("a", Used(0, 10)), Ask("b", refused=BudgetSpent)],
    ),
    Script(
        "a budget of nothing: nothing is let in",
        [Limits(budget_nano_usd=0)],
        [Ask("a", refused=QuotaSpent)],
    ),
    Script(
        "several subjects: let in for all of them or for none",
        [Limits(requests_per_minute=5), Limits(max_parallel=2), Limits(budget_nano_usd=10, budget_period="day")],
        [
            *(Ask("a", Reserve(0, 4)), Ask("b", Reserve(0, 4)), Stands("requests_per_minute", 2)),
            *(Ask("c", refused=LimitReached, limit="max_parallel"), Settle("a", Used(0, 3)), Ask("c", Reserve(0, 4))),
            *(Settle("b", Used(0, 4)), Settle("c", Used(0, 4)), Stands("requests_per_minute", 3)),
            *[Ask("d", refused=QuotaSpent, limit="budget_nano_usd")] * 4,
            Stands("requests_per_minute", 3),
        ],
    ),
    Script(
        "several limits without room: the one that lasts longest is named",
        [Limits(requests_per_minute=1, max_parallel=1), Limits(requests_per_month=1)],
        [Ask("a"), Ask("b", refused=QuotaSpent, limit="requests_per_month")],
    ),
    Script(
        "what a provider reports cannot make counting fail",
        [Limits(tokens_per_minute=2**53, tokens_per_month=2**53, budget_nano_usd=2**53, requests_per_minute=10)],
        [
            *(Ask("a", Reserve(2**70, 2**70)), Settle("a", Used(2**80, 2**80))),
            *(Ask("b", Reserve(2**70, 2**70)), Settle("b", Used(-5, -5)), Stands("requests_per_minute", 2)),
        ],
    ),
)

TIMED = (
    Script(
        "a minute after a request its place is free again, to the second",
        [Limits(requests_per_minute=2)],
        [
            *(Ask("a"), Wait(30.5), Ask("b"), Ask("c", refused=LimitReached, retry_after=29.5), Wait(29.25)),
            *(Ask("c", refused=LimitReached, retry_after=0.25), Wait(0.25), Ask("c")),
            Ask("d", refused=LimitReached, retry_after=30.0),  # of the second in which the other one came
        ],
    ),
    Script(
        "after a minute of silence all of it is free",
        [Limits(requests_per_minute=3, tokens_per_minute=100)],
        [
            *(Ask("a"), Settle("a", Used(500, 0)), Ask("b", refused=LimitReached, limit="tokens_per_minute")),
            *(Wait(60.0), Stands("requests_per_minute", 0), Stands("tokens_per_minute", 0), Ask("b")),
        ],
    ),
    Script(
        "tokens count in the second in which they are used, as long as enough of them are in the window",
        [Limits(tokens_per_minute=100)],
        [
            *(Ask("a", Reserve(40, 0, 40)), Wait(50.0), Settle("a", Used(60, 0)), Wait(20.0)),
            *(Ask("b", Reserve(0, 0)), Settle("b", Used(60, 0)), Stands("tokens_per_minute", 120)),
            *(Ask("c", refused=LimitReached, retry_after=40.0), Wait(40.0), Ask("c")),
        ],
    ),
    Script(
        "one that does not count gives back its place only while that is in the window",
        [Limits(requests_per_minute=5)],
        [
            *(Ask("a"), Wait(60.0), Ask("b"), Settle("a", Used(0, 0, counted=False))),
            Stands("requests_per_minute", 1),
        ],
    ),
    Script(
        "a quota begins anew with the month, a budget with its day",
        [Limits(requests_per_month=2, budget_nano_usd=10, budget_period="day")],
        [
            *(Ask("a", Reserve(0, 5)), Settle("a", Used(0, 10)), Ask("b", refused=QuotaSpent, limit="budget_nano_usd")),
            *(Wait(86400.0), Stands("budget_nano_usd", 0), Ask("b"), Settle("b")),
            *(Ask("c", refused=QuotaSpent, limit="requests_per_month"), Wait(31 * 86400.0), Ask("c")),
        ],
    ),
    Script(
        "a steady request a second passes a limit of sixty a minute for ever",
        [Limits(requests_per_minute=60)],
        [step for number in range(200) for step in (Ask(str(number)), Settle(str(number)), Wait(1.0))],
    ),
    Script(
        "two limits a minute of one key do not wait for each other",
        [Limits(requests_per_minute=10, tokens_per_minute=100)],
        [
            *[step for each in "abcdefghi" for step in (Ask(each), Settle(each, Used(10, 0)), Wait(1.0))],
            *(Ask("j"), Settle("j", Used(9, 0)), Ask("k", refused=LimitReached, limit="requests_per_minute")),
            *(Wait(51.0), Ask("k"), Settle("k", Used(20, 0)), Ask("l", refused=LimitReached, retry_after=1.0)),
        ],
    ),
)
