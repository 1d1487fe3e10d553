from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.limiter import Reserve
from gateway.limits.plans import Plans
from gateway.limits.rules import (
    IMAGE_TOKENS,
    LARGEST_MEDIA_TOKENS,
    LARGEST_OUTPUT,
    Size,
    bounds_of,
    matches,
    media_tokens,
    reserve_of,
    subjects_of,
    target_subjects,
)
from gateway.records import ClientKey, LimitRule, Limits, ModelFacts, Price, Rates, Target

TEN = Limits(requests_per_minute=10)
KEY = ClientKey("app", id="key:1", user_id="u-1", team_id="t-1", limits=TEN)
RULES = (
    LimitRule("keys", "key", TEN, match="a*"),
    LimitRule("users", "user", TEN),
    LimitRule("teams", "team", TEN, match="t-*", together=True),
    LimitRule("models", "model", TEN, match="openai/*"),
    LimitRule("all", "everybody", TEN),
    LimitRule("none", "everybody", Limits(budget_period="day")),
)


def names(key: ClientKey, rules: tuple[LimitRule, ...] = RULES) -> list[str]:
    return [subject.name for subject in subjects_of(key, rules)]


def test_a_request_is_counted_for_its_key_and_for_whomever_a_rule_matches() -> None:
    assert names(KEY) == [
        "client key `app`",
        "client key `app` (rule `keys`)",
        "user `u-1` (rule `users`)",
        "all teams of rule `teams`",
        "everybody (rule `all`)",
    ]


def test_a_key_of_nobody_is_not_counted_for_users_and_teams() -> None:
    assert names(ClientKey("bot", id="bot")) == ["everybody (rule `all`)"]


def test_a_key_without_a_limit_is_not_counted_for_itself() -> None:
    assert names(ClientKey("bot", id="bot", limits=Limits(budget_period="total")), ()) == []


def test_an_attempt_is_counted_for_its_model() -> None:
    (subject,) = target_subjects(Target("openai", "gpt-5"), RULES)
    assert subject.name == "model `openai/gpt-5` (rule `models`)"
    assert target_subjects(Target("anthropic", "claude"), RULES) == ()


def test_whoever_is_counted_apart_has_counts_of_his_own() -> None:
    other = ClientKey("app-2", id="key:2", user_id="u-2", team_id="t-2", limits=TEN)
    mine, theirs = (subjects_of(key, RULES) for key in (KEY, other))
    shared = {subject.name for subject in mine if subject.id in {each.id for each in theirs}}
    assert shared == {"all teams of rule `teams`", "everybody (rule `all`)"}
    every = [subject.id for subject in (*mine, *theirs[:3], *target_subjects(Target("openai", "app"), RULES))]
    assert len(set(every)) == len(every)
    assert {len(each) for each in every} == {16}


def test_a_key_that_is_renamed_keeps_what_was_counted() -> None:
    renamed = ClientKey("another", id="key:1", limits=TEN)
    assert [each.id for each in subjects_of(renamed, RULES[:1])] == [each.id for each in subjects_of(KEY, RULES[:1])]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "anything", True),
        ("openai/*", "openai/gpt-5", True),
        ("openai/*", "azure/openai/gpt-5", False),
        ("*/gpt-?", "openai/gpt-5", False),
        ("team.a", "team-a", False),
        ("team.a", "team.a", True),
        ("a*c", "a\nc", True),
        ("", "a", False),
    ],
)
def test_a_star_is_the_only_wildcard(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_a_plan_is_made_once_and_shares_its_subjects() -> None:
    plans = Plans(RULES)
    other = ClientKey("bot", id="bot", user_id="u-1")
    mine, theirs = plans.of_key(KEY), plans.of_key(other)
    assert mine is not None
    assert theirs is not None
    assert plans.of_key(KEY) is mine
    assert mine.subjects[-1] is theirs.subjects[-1]
    assert mine.ids == tuple(subject.id for subject in mine.subjects)


def test_a_key_that_has_changed_has_another_plan() -> None:
    plans = Plans()
    assert plans.of_key(ClientKey("app", id="app", limits=TEN)) is not None
    assert plans.of_key(ClientKey("app", id="app")) is None
    assert Plans().of_target(Target("openai", "gpt-5")) is None


PRICE = Price(Rates(input=3_000_000, output=15_000_000))
"""3 and 15 USD per million tokens."""


def test_what_is_set_aside_is_the_most_a_request_can_use_and_cost() -> None:
    reserve = reserve_of(Size(4000, max_output=500), bounds_of(PRICE, ModelFacts(), 32768))
    assert reserve == Reserve(tokens=4500, nano_usd=4000 * 3000 + 500 * 15000, input_tokens=1000)


@pytest.mark.parametrize(
    ("said", "model", "expected"),
    [(None, None, 700), (None, 300, 300), (200, None, 200), (200, 300, 200), (400, 300, 300), (10**12, None, None)],
)
def test_output_is_bounded_by_the_request_then_the_model_then_the_settings(
    said: int | None, model: int | None, expected: int | None
) -> None:
    reserve = reserve_of(Size(0, max_output=said), bounds_of(None, ModelFacts(max_output=model), 700))
    assert reserve.tokens == (LARGEST_OUTPUT if expected is None else expected)


def test_several_answers_are_set_aside_for_as_many() -> None:
    assert reserve_of(Size(0, max_output=10, choices=3), bounds_of(None, ModelFacts(), 1)).tokens == 30


def test_the_dearest_kind_of_tokens_on_either_side_counts() -> None:
    rates = Rates(input=1000, output=2000, cache_read=100, cache_write_1h=4000, reasoning=9000, output_audio=8000)
    reserve = reserve_of(Size(2000, max_output=100), bounds_of(Price(rates), ModelFacts(), 1))
    assert reserve.nano_usd == 2000 * 4 + 100 * 9


def test_the_price_of_a_long_prompt_counts_once_a_prompt_may_be_that_long() -> None:
    price = Price(PRICE.rates, tiers=((1000, Rates(input=6_000_000, output=22_000_000)),), request_nano_usd=7)
    short, long = (reserve_of(Size(size, max_output=10), bounds_of(price, ModelFacts(), 1)) for size in (1000, 1001))
    assert short.nano_usd == 1000 * 3000 + 10 * 15000 + 7
    assert long.nano_usd == 1001 * 6000 + 10 * 22000 + 7


def test_money_is_rounded_up() -> None:
    price = Price(Rates(input=1, output=1))
    assert reserve_of(Size(0, max_output=1), bounds_of(price, ModelFacts(), 1)).nano_usd == 1


def test_media_count_as_what_they_are_and_not_by_their_bytes_alone() -> None:
    assert media_tokens("image/png", 50_000_000) == IMAGE_TOKENS
    assert media_tokens("application/pdf", 100_000) == IMAGE_TOKENS + 10_000
    assert media_tokens("video/mp4", 10**9) == LARGEST_MEDIA_TOKENS
    reserve = reserve_of(Size(0, media_tokens=300, max_output=1), bounds_of(None, ModelFacts(), 1))
    assert reserve == Reserve(301, 0, 300)


@given(st.integers(0, 10**8), st.integers(0, 10**6), st.none() | st.integers(0, 10**7), st.integers(0, 10))
def test_what_is_likely_is_never_more_than_what_is_possible(
    size: int, media: int, said: int | None, choices: int
) -> None:
    reserve = reserve_of(Size(size, media, said, choices), bounds_of(PRICE, ModelFacts(), 100))
    assert 0 <= reserve.input_tokens <= reserve.tokens
    assert reserve.nano_usd >= 0
