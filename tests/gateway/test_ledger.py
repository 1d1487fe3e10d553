from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.ledger import FIGURES, STATEMENTS, Counted, Ledger, periods_began_us
from gateway.limits.limiter import Spent
from gateway.limits.periods import KINDS, Period, period_of
from gateway.limits.rules import subjects_of, target_subjects
from gateway.records import ClientKey, LimitRule, Limits, Target

NOW = int(datetime(2026, 5, 13, 12, tzinfo=UTC).timestamp())
UTC_PERIODS = {kind: period_of(kind, NOW, UTC) for kind in KINDS}
BUDGET = Limits(budget_nano_usd=1000, budget_period="week")
QUOTA = Limits(requests_per_month=10)
APP, WEB = ClientKey("app", id="key:1", limits=BUDGET), ClientKey("web", id="web", limits=Limits(max_parallel=1))

Raised = tuple[bytes, Period, Spent]


@dataclass
class Books:
    """Remembers what it is told."""

    raised: list[Raised] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        self.raised.append((subject_id, period, spent))

    def reset(self, subject_id: bytes) -> None:
        self.forgotten.append(subject_id)


class Store:
    """Has rows by whom they are about, and remembers what it was asked."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: dict[str, Mapping[str, object]] = {}

    async def __call__(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        self.asked[name] = parameters
        owner = next(per for per, (statement, _) in STATEMENTS.items() if statement == name)
        return self.rows.get(str(parameters.get("owner", owner)), [])


def row(
    day: int, week: int, month: int, total: int, *, tokens: int = 0, requests: int = 0, **who: str
) -> dict[str, Any]:
    return {**dict(zip(FIGURES, (day, week, month, total, tokens, requests), strict=True)), **who}


def id_of(key: ClientKey, *rules: LimitRule) -> bytes:
    return subjects_of(key, rules)[-1].id


async def posted(store: Store, *rules: LimitRule, keys: tuple[ClientKey, ...] = (), zone: str = "UTC") -> list[Raised]:
    books = Books()
    ledger = Ledger(store, books, lambda: NOW)
    await ledger.raise_to(await ledger.sum_up(Counted(keys=keys, rules=rules, time_zone=zone)))
    return books.raised


async def test_a_budget_is_raised_to_what_was_spent_in_its_period() -> None:
    store = Store(key=[row(1, 20, 300, 4000, tokens=5, requests=6, id="key:1", name="app")])
    assert await posted(store, keys=(APP, WEB)) == [(id_of(APP), UTC_PERIODS["week"], Spent(20))]
    assert store.asked["usage/spent_by_key"]["since_us"] == UTC_PERIODS["week"].starts * 1_000_000


async def test_a_month_has_tokens_and_requests_too() -> None:
    key = ClientKey("app", id="key:1", limits=Limits(budget_nano_usd=1, budget_period="total", tokens_per_month=9))
    store = Store(key=[row(1, 20, 300, 4000, tokens=5, requests=6, id="key:1", name="app")])
    assert await posted(store, keys=(key,)) == [
        (id_of(key), UTC_PERIODS["month"], Spent(300, 5, 6)),
        (id_of(key), UTC_PERIODS["total"], Spent(4000)),
    ]
    assert store.asked["usage/spent_by_key"]["since_us"] == 0, "of all time"


async def test_nobody_is_asked_for_what_nothing_counts() -> None:
    store = Store()
    rule = LimitRule("fast", "user", Limits(requests_per_minute=1, tokens_per_minute=1, max_parallel=1))
    assert await posted(store, rule, keys=(WEB,)) == []
    assert store.asked == {}


@pytest.mark.parametrize(
    ("per", "whose"),
    [("user", ClientKey("", id="", user_id="u")), ("team", ClientKey("", id="", team_id="u"))],
)
async def test_users_and_teams_are_raised_by_their_rules(per: Any, whose: ClientKey) -> None:
    rules = (LimitRule("each", per, BUDGET), LimitRule("others", per, BUDGET, "x*"))
    store = Store(**{per: [row(1, 20, 300, 4000, id="u")]})
    assert await posted(store, *rules) == [(id_of(whose, rules[0]), UTC_PERIODS["week"], Spent(20))]


async def test_models_are_raised_by_their_rules() -> None:
    rule = LimitRule("models", "model", QUOTA, "openai/*")
    store = Store(model=[row(1, 2, 3, 4, requests=6, provider=name, model="gpt-5") for name in ("openai", "mock")])
    (subject,) = target_subjects(Target("openai", "gpt-5"), (rule,))
    assert await posted(store, rule) == [(subject.id, UTC_PERIODS["month"], Spent(3, 0, 6))]


async def test_everybody_is_raised_as_one() -> None:
    rule = LimitRule("house", "everybody", BUDGET)
    assert await posted(Store(everybody=[row(1, 20, 300, 4000)]), rule) == [
        (id_of(APP, rule), UTC_PERIODS["week"], Spent(20))
    ]


async def test_those_who_are_counted_together_are_added_up_whoever_is_gone() -> None:
    rule = LimitRule("apps", "key", BUDGET, "app*", together=True)
    rows = [
        row(0, spent, 0, 0, id=f"key:{spent}", name=name) for spent, name in ((1, "app"), (20, "apple"), (300, "web"))
    ]
    key = ClientKey("app", id="key:1")
    assert await posted(Store(key=rows), rule, keys=(key,)) == [(id_of(key, rule), UTC_PERIODS["week"], Spent(21))]


async def test_a_key_is_known_by_the_name_it_has_now() -> None:
    rule = LimitRule("each", "key", BUDGET, "new")
    key = ClientKey("new", id="key:1")
    store = Store(key=[row(1, 20, 300, 4000, id="key:1", name="old")])
    assert await posted(store, rule, keys=(key,)) == [(id_of(key, rule), UTC_PERIODS["week"], Spent(20))]


async def test_days_begin_where_the_operator_lives() -> None:
    zone = "Pacific/Auckland"
    period = period_of("day", NOW, ZoneInfo(zone))
    key = ClientKey("app", id="key:1", limits=Limits(budget_nano_usd=1, budget_period="day"))
    store = Store(key=[row(7, 0, 0, 0, id="key:1", name="app")])
    assert await posted(store, keys=(key,), zone=zone) == [(id_of(key), period, Spent(7))]
    assert store.asked["usage/spent_by_key"]["day_us"] == period.starts * 1_000_000


async def test_what_was_reset_meanwhile_is_left_as_it_is() -> None:
    books = Books()
    store = Store(key=[row(0, 20, 0, 0, id="key:1", name="app")])
    ledger = Ledger(store, books, lambda: NOW)
    before = Counted(keys=(APP,), rules=(), time_zone="UTC", resets={"key:1": 5})
    due = await ledger.sum_up(before)
    ledger.reset("key:1", [id_of(APP)], 9)
    await ledger.raise_to(due)
    assert (books.raised, books.forgotten) == ([], [id_of(APP)])
    after = Counted(keys=(APP,), rules=(), time_zone="UTC", resets={"key:1": 9})
    await ledger.raise_to(await ledger.sum_up(after))
    assert (store.asked["usage/spent_by_key"]["reset_ids"], store.asked["usage/spent_by_key"]["reset_at"]) == (
        ["key:1"],
        [9],
    )
    assert [spent for _, _, spent in books.raised] == [Spent(20)]


def test_periods_begin_where_the_operator_lives() -> None:
    began = [
        datetime.fromtimestamp(us / 1e6, ZoneInfo("Pacific/Auckland"))
        for us in periods_began_us("Pacific/Auckland", NOW)
    ]
    assert [(one.month, one.day, one.hour) for one in began] == [(5, 14, 0), (5, 11, 0), (5, 1, 0)]
