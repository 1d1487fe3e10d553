"""Who has a budget or a quota of a month."""

from __future__ import annotations

from gateway.limits.rationed import counts_models, rationed
from gateway.limits.rules import subjects_of
from gateway.records import ClientKey, LimitRule, Limits, Target, Whom

MONEY = Limits(budget_nano_usd=10**9, budget_period="day")
BUSY = Limits(requests_per_minute=5, tokens_per_minute=6, max_parallel=7)


def key(name: str, limits: Limits | None = None, *, team: str | None = None) -> ClientKey:
    return ClientKey(name, id=name, limits=limits, team_id=team)


def test_who_has_none_is_left_out() -> None:
    rules = (LimitRule("busy", "key", BUSY),)
    assert rationed([key("a"), key("b", BUSY)], rules, [Target("openai", "gpt")]) == ()


def test_a_key_is_told_with_its_budgets_and_quotas_alone() -> None:
    limits = Limits(5, 6, 7, 8, 9, 10, "week")
    ((found, whom),) = rationed([key("a", limits)], (), [])
    assert whom == Whom("key", "a")
    assert found.name == "client key `a`"
    assert found.id == subjects_of(key("a", limits), ())[0].id, "what is counted is found by it"
    assert found.limits == Limits(None, None, None, 8, 9, 10, "week")


def test_whom_rules_count_is_told_once() -> None:
    rules = (LimitRule("teams", "team", MONEY), LimitRule("all", "everybody", MONEY))
    keys = [key("a", team="x"), key("b", team="x"), key("c", team="y")]
    found = {each.subject.name: each.whom for each in rationed(keys, rules, [])}
    assert list(found) == ["team `x` (rule `teams`)", "everybody (rule `all`)", "team `y` (rule `teams`)"]
    assert list(found.values()) == [
        Whom("team", "x", "teams"),
        Whom("everybody", "", "all"),
        Whom("team", "y", "teams"),
    ]


def test_models_are_told_each_or_all_together() -> None:
    each, together = (
        LimitRule("each", "model", MONEY, "openai/*"),
        LimitRule("sum", "model", MONEY, "*/x", together=True),
    )
    targets = [Target("openai", "a"), Target("openai", "b"), Target("mistral", "c")]
    found = {one.subject.name: one.whom for one in rationed([], (each, together), targets)}
    assert list(found) == [
        "all models of rule `sum`",
        "model `openai/a` (rule `each`)",
        "model `openai/b` (rule `each`)",
    ]
    assert list(found.values()) == [
        Whom("model", "", "sum", "*/x"),
        Whom("model", "openai/a", "each", "openai/*"),
        Whom("model", "openai/b", "each", "openai/*"),
    ]
    (alone,) = rationed([], (together,), [])
    assert alone.subject.name == "all models of rule `sum`", "whatever was asked"


def test_targets_matter_where_a_rule_rations_each_of_them() -> None:
    assert counts_models((LimitRule("each", "model", MONEY),))
    assert not counts_models((LimitRule("each", "model", BUSY), LimitRule("sum", "model", MONEY, together=True)))
