"""A name leads to the targets its key may use, or to an error that says why not."""

from __future__ import annotations

import pytest

from gateway.errors import ModelForbidden, UnknownModel
from gateway.records import ClientKey, Credential, Provider, Target
from gateway.routing.resolve import LONGEST_NAME, Combo, Resolver
from gateway.routing.targets import Choice, TargetList


def provider(name: str, *models: str) -> Provider:
    return Provider(name, "openai_chat", "http://localhost/v1", models, "round_robin", ())


RESOLVER = Resolver(
    (provider("one", "gpt-4o", "ft:*"), provider("two", "claude-*", "gpt-4o"), provider("any", "*")),
    {"fast": "two/claude-3", "quick": "fast", "pool": "best"},
    (Combo("best", ("one/gpt-4o", "two/claude-3"), "fallback"), Combo("turns", ("one/gpt-4o", "any/x"), "round_robin")),
)
EVERYTHING = ClientKey("root", id="root")


def targets(name: str, *models: str) -> TargetList:
    return RESOLVER.resolve(name, ClientKey("k", models, id="k") if models else EVERYTHING)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one/gpt-4o", [Target("one", "gpt-4o")]),
        ("any/whatever/it/is", [Target("any", "whatever/it/is")]),
        ("fast", [Target("two", "claude-3")]),
        ("quick", [Target("two", "claude-3")]),
        ("best", [Target("one", "gpt-4o"), Target("two", "claude-3")]),
        ("pool", [Target("one", "gpt-4o"), Target("two", "claude-3")]),
        ("claude-9", [Target("two", "claude-9")]),
        ("ft:mine", [Target("one", "ft:mine")]),
        ("mistral", [Target("any", "mistral")]),
        ("meta/llama", [Target("any", "meta/llama")]),
    ],
)
def test_names_lead_to_targets(name: str, expected: list[Target]) -> None:
    assert list(targets(name).targets) == expected


@pytest.mark.parametrize(
    ("name", "via"),
    [
        ("fast", "fast"),
        ("quick", "quick"),
        ("best", "best"),
        ("pool", "pool"),
        ("new-claude-4", "new-*"),
        ("claude-9", None),
        ("one/gpt-4o", None),
    ],
)
def test_the_alias_or_combo_that_led_there_is_told_as_it_is_configured(name: str, via: str | None) -> None:
    aliases = {"fast": "two/claude-3", "quick": "fast", "pool": "best", "new-*": "two/*"}
    combos = (Combo("best", ("one/gpt-4o", "two/claude-3"), "fallback"),)
    found = Resolver((provider("one", "gpt-4o"), provider("two", "claude-*")), aliases, combos).resolve(
        name, EVERYTHING
    )
    assert found.via == via
    assert found.keeping(lambda target: target == found.targets[0], "why").via == via


def test_a_pattern_hides_no_name_of_its_own() -> None:
    found = Resolver((provider("one", "*"),), {"*": "one/x"}, (Combo("best", ("one/y",), "fallback"),))
    assert [found.resolve(name, EVERYTHING).via for name in ("best", "one/z", "z")] == ["best", None, "*"]


def test_a_combo_says_how_its_targets_are_ordered() -> None:
    assert targets("turns").choice == Choice("turns", (Target("one", "gpt-4o"), Target("any", "x")), "round_robin")
    assert targets("pool").choice == Choice("best", (Target("one", "gpt-4o"), Target("two", "claude-3")))
    assert targets("fast").choice is None


def test_a_bare_id_that_two_providers_list_is_ambiguous() -> None:
    with pytest.raises(UnknownModel, match=r"one/gpt-4o, two/gpt-4o"):
        targets("gpt-4o")


def test_a_name_nobody_serves_is_unknown() -> None:
    lonely = Resolver((provider("one", "gpt-4o"),), {}, ())
    for name in ("gpt-5", "one/gpt-5", "two/gpt-4o", "*", "gpt-4?"):
        with pytest.raises(UnknownModel):
            lonely.resolve(name, EVERYTHING)


def test_a_key_is_held_to_its_models() -> None:
    assert targets("fast", "fast").targets == (Target("two", "claude-3"),)
    assert targets("fast", "two/*").targets == (Target("two", "claude-3"),)
    assert targets("best", "one/*").targets == (Target("one", "gpt-4o"),)
    assert targets("best", "best").targets == targets("best").targets
    with pytest.raises(ModelForbidden):
        targets("fast", "one/*")
    assert not RESOLVER.may_use("fast", ClientKey("k", ("one/*",), id="k"))
    assert not RESOLVER.may_use("nobody/nothing-at-all", ClientKey("k", (), id="k"))
    assert RESOLVER.may_use("fast", EVERYTHING)


def test_signs_other_than_the_star_mean_themselves() -> None:
    odd = Resolver((provider("one", "a[b]?c"),), {}, ())
    assert odd.resolve("one/a[b]?c", EVERYTHING).targets == (Target("one", "a[b]?c"),)
    assert not odd.may_use("one/abxc", EVERYTHING)


# Providers and credentials of a key

HELD = tuple(Credential("held", name, "secret") for name in ("first", "second", "spare"))
LIMITED = Resolver(
    (provider("open", "m"), Provider("held", "openai_chat", "http://localhost/v1", ("m",), "round_robin", HELD)),
    {"alias": "held/m"},
    (Combo("both", ("held/m", "open/m"), "round_robin"),),
)


def limited(name: str, *, providers: str = "*", credentials: str = "*") -> TargetList:
    return LIMITED.resolve(name, ClientKey("k", id="k", providers=(providers,), credentials=(credentials,)))


def test_a_key_is_held_to_its_providers() -> None:
    route = limited("both", providers="op*")
    assert route.targets == (Target("open", "m"),)
    assert route.choice == Choice("both", (Target("open", "m"),), "round_robin")
    for name in ("alias", "held/m"):
        with pytest.raises(ModelForbidden, match="may not use the provider `held`"):
            limited(name, providers="open")
    with pytest.raises(ModelForbidden, match="may not use the providers `held`, `open`"):
        limited("both", providers="other")


def test_a_key_is_held_to_its_credentials() -> None:
    route = limited("both", credentials="held/s*")
    assert route.targets == (Target("held", "m"), Target("open", "m"))
    assert route.credentials is not None
    assert [each.name for each in route.credentials["held"]] == ["second", "spare"]
    with pytest.raises(ModelForbidden, match="no credential of the provider `held`"):
        limited("alias", credentials="other/*")


def test_a_provider_that_asks_for_no_key_is_not_a_matter_of_credentials() -> None:
    assert limited("open/m", credentials="held/first").targets == (Target("open", "m"),)
    assert limited("both", credentials="nothing").targets == (Target("open", "m"),)


def test_a_key_without_limits_costs_nothing_more() -> None:
    assert limited("both").credentials is None


def test_a_name_that_is_too_long_to_be_remembered_is_unknown() -> None:
    assert targets("any/" + "m" * (LONGEST_NAME - 4)).targets
    with pytest.raises(UnknownModel, match="longer than 2048") as raised:
        targets("any/" + "m" * (LONGEST_NAME - 3))
    assert "mmm" not in raised.value.message
