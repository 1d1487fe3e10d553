"""Combos within combos, aliases with a `*`, prefixes: where they lead, and that they lead somewhere."""

from __future__ import annotations

import pytest

from gateway.errors import UnknownModel
from gateway.records import ClientKey, Provider, Target
from gateway.routing.resolve import Combo, Resolver
from gateway.routing.targets import Choice, Terms

EVERYTHING = ClientKey("root", id="root")
A, B, C = Target("one", "a"), Target("one", "b"), Target("two", "c")


def provider(name: str, *models: str, prefixes: tuple[str, ...] = ()) -> Provider:
    return Provider(name, "openai_chat", "http://localhost/v1", models or ("*",), "round_robin", (), prefixes=prefixes)


def resolver(*combos: Combo, aliases: dict[str, str] | None = None, providers: tuple[Provider, ...] = ()) -> Resolver:
    return Resolver(providers or (provider("one"), provider("two")), aliases or {}, combos)


# Combos


def test_a_combo_within_a_combo_keeps_its_own_strategy_at_its_place() -> None:
    inner = Combo("inner", ("one/b", "two/c"), "weighted", (3, 1))
    outer = Combo("outer", ("one/a", "inner"), "round_robin", (2, 5))
    found = resolver(inner, outer).resolve("outer", EVERYTHING)
    assert found.targets == (A, B, C)
    assert found.choice == Choice("outer", (A, Choice("inner", (B, C), "weighted", (3, 1))), "round_robin", (2, 5))


def test_a_target_that_is_there_already_is_not_there_again() -> None:
    inner = Combo("inner", ("one/b", "one/a"), "weighted", (3, 1))
    outer = Combo("outer", ("one/a", "inner", "one/b", "inner", "one/a"), "weighted", (1, 2, 3, 4, 5))
    found = resolver(inner, outer).resolve("outer", EVERYTHING)
    assert found.targets == (A, B)
    assert found.choice == Choice("outer", (A, Choice("inner", (B,), "weighted", (3,))), "weighted", (1, 2))


def test_a_combo_of_what_is_there_already_adds_nothing() -> None:
    combos = Combo("inner", ("one/a",), "fallback"), Combo("outer", ("one/a", "inner"), "fallback")
    assert resolver(*combos).resolve("outer", EVERYTHING).choice == Choice("outer", (A,))


def test_the_outermost_combo_says_what_failures_mean() -> None:
    terms = Terms(2, frozenset({"context_too_long"}), frozenset({"quota"}), 300)
    inner = Combo("inner", ("one/b",), "fallback", terms=Terms(attempts=9))
    outer = Combo("outer", ("inner",), "fallback", terms=terms)
    known = resolver(inner, outer)
    assert known.resolve("outer", EVERYTHING).terms == terms
    assert known.resolve("inner", EVERYTHING).terms.attempts == 9


def test_a_combo_leads_over_aliases() -> None:
    combos = Combo("inner", ("one/b",), "fallback"), Combo("outer", ("quick", "deep", "any-c"), "fallback")
    known = resolver(*combos, aliases={"quick": "one/a", "deep": "inner", "any-*": "two/*"})
    assert known.resolve("outer", EVERYTHING).targets == (A, B, C)


def test_a_key_is_held_to_its_models_however_deep() -> None:
    inner = Combo("inner", ("one/b", "two/c"), "weighted", (3, 1))
    outer = Combo("outer", ("one/a", "inner"), "weighted", (2, 5))
    known = resolver(inner, outer)
    found = known.resolve("outer", ClientKey("k", ("two/*",), id="k"))
    assert found.targets == (C,)
    assert found.choice == Choice("outer", (Choice("inner", (C,), "weighted", (1,)),), "weighted", (5,))
    assert known.resolve("outer", ClientKey("k", ("outer",), id="k")).targets == (A, B, C)
    assert known.resolve("outer", ClientKey("k", id="k", providers=("one",))).targets == (A, B)


@pytest.mark.parametrize("name", ["a", "b", "c", "x"])
def test_a_circle_that_was_not_refused_ends_all_the_same(name: str) -> None:
    combos = (
        Combo("a", ("b", "one/a"), "fallback"),
        Combo("b", ("a", "one/b"), "fallback"),
        Combo("c", ("c",), "fallback"),
    )
    aliases = {"x": "y", "y": "x", "grow*": "grow*-more"}
    found = resolver(*combos, aliases=aliases, providers=(provider("one", "a", "b"),))
    try:
        assert set(found.resolve(name, EVERYTHING).targets) <= {A, B}
    except UnknownModel:
        assert name in ("c", "x")
    with pytest.raises(UnknownModel):
        found.resolve("grow", EVERYTHING)


# Aliases with a `*`

STARRED = {
    "gpt-*": "two/openai/gpt-*",
    "gpt-4*": "one/gpt-4*",
    "*-fast": "one/a",
    "claude-*-latest": "two/claude-*",
    "gpt-exact": "one/b",
    "short": "gpt-4-mini",
}


@pytest.mark.parametrize(
    ("name", "provider_id", "model"),
    [
        ("gpt-5", "two", "openai/gpt-5"),
        ("gpt-", "two", "openai/gpt-"),
        ("gpt-4o-mini", "one", "gpt-4o-mini"),
        ("gpt-exact", "one", "b"),
        ("gpt-best", "one", "a"),
        ("anything-fast", "one", "a"),
        ("claude-sonnet-latest", "two", "claude-sonnet"),
        ("short", "one", "gpt-4-mini"),
        ("two/gpt-5", "two", "gpt-5"),
    ],
)
def test_the_longest_pattern_leads_and_names_win_over_patterns(name: str, provider_id: str, model: str) -> None:
    known = resolver(Combo("gpt-best", ("one/a",), "fallback"), aliases=STARRED)
    assert known.resolve(name, EVERYTHING).targets == (Target(provider_id, model),)


def test_an_alias_for_everything_leaves_what_is_asked_of_one_provider() -> None:
    known = resolver(aliases={"*": "two/*"})
    assert known.resolve("mistral", EVERYTHING).targets == (Target("two", "mistral"),)
    assert known.resolve("meta/llama", EVERYTHING).targets == (Target("two", "meta/llama"),)
    assert known.resolve("one/x", EVERYTHING).targets == (Target("one", "x"),)


def test_what_a_pattern_leads_to_is_not_followed_again() -> None:
    few = resolver(aliases={"*": "one/*"}, providers=(provider("one", "a"), provider("two", "one/*")))
    assert few.resolve("one/z", EVERYTHING).targets == (Target("two", "one/z"),)
    assert few.resolve("z", EVERYTHING).targets == (Target("two", "one/z"),)


def test_the_star_must_be_somewhere() -> None:
    known = resolver(aliases={"ab*ba": "one/*"}, providers=(provider("one", "c"),))
    with pytest.raises(UnknownModel):
        known.resolve("aba", EVERYTHING)
    assert known.resolve("abcba", EVERYTHING).targets == (Target("one", "c"),)


def test_patterns_are_no_names_to_be_listed() -> None:
    assert resolver(Combo("best", ("one/a",), "fallback"), aliases=STARRED).names() == ("gpt-exact", "short", "best")


# Prefixes


def test_a_prefix_leads_to_its_provider() -> None:
    providers = provider("one", "a", prefixes=("uno", "1")), provider("two", prefixes=("one",))
    known = resolver(providers=providers)
    assert known.resolve("uno/a", EVERYTHING).targets == (A,)
    assert known.resolve("1/a", EVERYTHING).targets == (A,)
    assert known.resolve("one/a", EVERYTHING).targets == (A,), "an id wins over a prefix"


def test_a_key_for_a_provider_may_use_its_prefixes() -> None:
    known = resolver(providers=(provider("one", prefixes=("uno",)),))
    assert known.may_use("uno/a", ClientKey("k", ("one/*",), id="k"))
    assert known.may_use("uno/a", ClientKey("k", ("uno/*",), id="k"))
    assert not known.may_use("uno/a", ClientKey("k", ("two/*",), id="k"))
