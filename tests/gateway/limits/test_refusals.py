from __future__ import annotations

import pytest

from gateway.errors import BudgetSpent, LimitReached, QuotaSpent, RequestRefused
from gateway.limits.limiter import LimitName, Subject
from gateway.limits.refusals import NEVER, SOON_SECONDS, Shortage, refusal, usd
from gateway.records import Limits
from gateway.settings.instants import read_instant

LIMITS = Limits(60, 100_000, 4, 1000, 5_000_000, 25_000_000_000)
APP = Subject("client key `app`", b"a" * 16, LIMITS)
TEAM = Subject("team `t` (rule `teams`)", b"t" * 16, Limits(budget_nano_usd=10**9, budget_period="total"))
JUNE = read_instant("2026-06-01")


@pytest.mark.parametrize(
    ("field", "wait", "ends_us", "error", "message"),
    [
        (
            *("requests_per_minute", 11.2, 0, LimitReached),
            "The limit of client key `app`, 60 requests a minute, is reached: try again in 12 s.",
        ),
        (
            *("tokens_per_minute", 1.0, 0, LimitReached),
            "The limit of client key `app`, 100000 tokens a minute, is reached: try again in 1 s.",
        ),
        (
            *("max_parallel", SOON_SECONDS, 0, LimitReached),
            "The limit of client key `app`, 4 requests at once, is reached: try again in 1 s.",
        ),
        (
            *("requests_per_month", 300.0, JUNE, QuotaSpent),
            "The quota of client key `app`, 1000 requests a month, is spent; it begins anew at 2026-06-01T00:00:00Z.",
        ),
        (
            *("tokens_per_month", SOON_SECONDS, 0, LimitReached),
            "What is left of the quota of client key `app`, 5000000 tokens a month, is set aside for running requests: "
            "try again in 1 s.",
        ),
        (
            *("budget_nano_usd", 300.0, JUNE, QuotaSpent),
            "The budget of client key `app`, 25.00 USD a month, is spent; it begins anew at 2026-06-01T00:00:00Z.",
        ),
    ],
)
def test_a_refusal_says_whose_limit_it_is_how_much_and_when_to_come_back(
    field: LimitName, wait: float, ends_us: int, error: type[RequestRefused], message: str
) -> None:
    refused = refusal([Shortage(APP, field, wait, ends_us)])
    assert type(refused) is error
    assert (refused.message, refused.retry_after) == (message, wait)
    assert isinstance(refused, LimitReached)
    assert refused.limit == field


def test_what_does_not_begin_anew_is_not_to_be_tried_again() -> None:
    refused = refusal([Shortage(APP, "max_parallel", 1.0), Shortage(TEAM, "budget_nano_usd", NEVER)])
    assert type(refused) is BudgetSpent
    assert (refused.status, refused.retry_after) == (403, None)
    assert refused.message == "The budget of team `t` (rule `teams`), 1.00 USD, is spent."


def test_the_one_that_lasts_longest_is_named() -> None:
    short = [Shortage(APP, "max_parallel", 1.0), Shortage(APP, "requests_per_month", 99.0, JUNE)]
    for shortages in (short, short[::-1]):
        assert type(refusal(shortages)) is QuotaSpent


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [(0, "0.00 USD"), (1, "0.000000001 USD"), (2_500_000_000, "2.50 USD"), (10**12 + 5 * 10**5, "1000.0005 USD")],
)
def test_money_is_written_for_people(nano_usd: int, text: str) -> None:
    assert usd(nano_usd) == text
