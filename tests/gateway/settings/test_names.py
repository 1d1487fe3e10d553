"""Aliases and combos lead to models, and what does not is refused with the key it stands at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gateway.settings.model import Settings
from gateway.settings.names import MOST_NESTED, settle
from gateway.settings.objects import AliasSettings, ComboSettings, ProviderSettings
from gateway.settings.shape import Wrong

PROVIDERS = (
    ProviderSettings(id="any"),
    ProviderSettings(id="few", models=("a", "gpt-*", "!gpt-5*"), prefixes=("fu", "f.1")),
)


def settled(
    aliases: Mapping[str, str] | None = None,
    combos: Mapping[str, Sequence[str]] | None = None,
    *,
    weights: Mapping[str, tuple[int, ...]] | None = None,
    providers: tuple[ProviderSettings, ...] = PROVIDERS,
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Where each alias and combo leads."""
    settings = settle(
        Settings(
            providers=providers,
            aliases=tuple(AliasSettings(name=name, target=target) for name, target in (aliases or {}).items()),
            combos=tuple(
                ComboSettings(name=name, targets=tuple(targets), weights=(weights or {}).get(name, ()))
                for name, targets in (combos or {}).items()
            ),
        )
    )
    return (
        {alias.name: alias.target for alias in settings.aliases},
        {combo.name: combo.targets for combo in settings.combos},
    )


def test_chains_of_aliases_are_followed_to_their_end() -> None:
    aliases, combos = settled({"a": "b", "b": "c", "c": "any/x", "top": "best"}, {"best": ["a", "few/a"]})
    assert aliases == {"a": "any/x", "b": "any/x", "c": "any/x", "top": "best"}
    assert combos == {"best": ("any/x", "few/a")}


def test_an_alias_with_a_star_stands_for_many() -> None:
    aliases, combos = settled(
        {
            "gpt-*": "any/openai/gpt-*",
            "gpt-4*": "few/gpt-4*",
            "*-fast": "quick",
            "quick": "gpt-4-mini",
            "slow": "gpt-x",
            "*": "best",
        },
        {"best": ["gpt-9", "a-fast", "whatever"], "whatever": ["any/y"]},
    )
    assert aliases == {
        "gpt-*": "any/openai/gpt-*",
        "gpt-4*": "few/gpt-4*",
        "*-fast": "few/gpt-4-mini",
        "quick": "few/gpt-4-mini",
        "slow": "any/openai/gpt-x",
        "*": "best",
    }
    assert combos["best"] == ("any/openai/gpt-9", "few/gpt-4-mini", "whatever")


def test_a_combo_may_hold_combos() -> None:
    _, combos = settled({"deep": "inner"}, {"outer": ["any/x", "deep", "inner"], "inner": ["few/a"]})
    assert combos == {"outer": ("any/x", "inner", "inner"), "inner": ("few/a",)}


def test_a_prefix_is_as_good_as_an_id() -> None:
    aliases, combos = settled({"a": "fu/a"}, {"c": ["f.1/gpt-4"]})
    assert (aliases, combos) == ({"a": "fu/a"}, {"c": ("f.1/gpt-4",)})


def test_exclusions_hold_for_targets() -> None:
    assert settled({"a": "few/gpt-4o"})[0] == {"a": "few/gpt-4o"}
    assert settled({"a": "few/GPT-4o"})[0] == {"a": "few/GPT-4o"}, "lower case counts, too"


REFUSED: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "an alias to itself by its pattern": (
        {"aliases": {"a*": "ab", "ab": "ac"}},
        ("aliases", 0, "target"),
        "in a circle: a* -> ab -> ac -> ab",
    ),
    "an alias to everything and itself": (
        {"aliases": {"*": "x"}},
        ("aliases", 0, "target"),
        "in a circle: * -> x -> x",
    ),
    "two stars": ({"aliases": {"a*b*": "any/x"}}, ("aliases", 0, "name"), "at most one `*`"),
    "a star that nothing stands for": ({"aliases": {"a": "any/*"}}, ("aliases", 0, "target"), "no `provider/model`"),
    "two stars behind": ({"aliases": {"a*": "any/*-*"}}, ("aliases", 0, "target"), "no `provider/model`"),
    "a star for a provider": ({"aliases": {"a*": "*/x"}}, ("aliases", 0, "target"), "no `provider/model`"),
    "a star for a bare model": ({"aliases": {"a*": "b-*"}}, ("aliases", 0, "target"), "no `provider/model`"),
    "a pattern that leads to no provider": ({"aliases": {"a*": "gone/*"}}, ("aliases", 0, "target"), "`gone`"),
    "a pattern of a provider's models": ({"aliases": {"any/*": "few/a"}}, ("aliases", 0, "name"), "would hide a model"),
    "a name behind a prefix": ({"aliases": {"fu/x": "few/a"}}, ("aliases", 0, "name"), "would hide a model"),
    "a star in a combo's name": ({"combos": {"c*": ["any/x"]}}, ("combos", 0, "name"), "no `*`"),
    "a pattern in a combo": (
        {"aliases": {"a*": "any/*"}, "combos": {"c": ["a*"]}},
        ("combos", 0, "targets", 0),
        "no `provider/model`",
    ),
    "what is excluded": ({"aliases": {"a": "few/gpt-5"}}, ("aliases", 0, "target"), "does not serve `gpt-5`"),
    "what is excluded in capitals": ({"aliases": {"a": "few/GPT-5"}}, ("aliases", 0, "target"), "does not serve"),
    "a combo of itself": ({"combos": {"c": ["any/x", "c"]}}, ("combos", 0, "targets", 1), "in a circle: c -> c"),
    "a circle of combos over an alias": (
        {"aliases": {"x": "b"}, "combos": {"a": ["x"], "b": ["c"], "c": ["any/x", "a"]}},
        ("combos", 0, "targets", 0),
        "in a circle: a -> b -> c -> a",
    ),
    "a circle of combos over a pattern": (
        {"aliases": {"p-*": "b"}, "combos": {"a": ["c"], "c": ["p-x"], "b": ["any/x", "a"]}},
        ("combos", 0, "targets", 0),
        "in a circle: a -> c -> b -> a",
    ),
    "a combo that leads into a circle": (
        {"combos": {"in": ["a"], "a": ["b"], "b": ["a"]}},
        ("combos", 0, "targets", 0),
        "in a circle: a -> b -> a",
    ),
    "too many weights": (
        {"combos": {"a": ["any/x", "any/y"]}, "weights": {"a": (1,)}},
        ("combos", 0, "weights"),
        "2 targets and 1 weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_leads_nowhere_is_refused_with_its_key(case: str) -> None:
    said, path, message = REFUSED[case]
    with pytest.raises(Wrong) as caught:
        settled(**said)
    assert caught.value.path == path
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("providers", "path", "message"),
    [
        ((ProviderSettings(id="a"), ProviderSettings(id="b", prefixes=("c", "a"))), 1, "`a` leads to provider `a`"),
        ((ProviderSettings(id="a", prefixes=("b",)), ProviderSettings(id="b")), 0, "`b` leads to provider `b`"),
        (
            (ProviderSettings(id="a", prefixes=("p",)), ProviderSettings(id="b", prefixes=("p",))),
            1,
            "`p` leads to provider `a`",
        ),
    ],
)
def test_a_prefix_means_one_provider(providers: tuple[ProviderSettings, ...], path: int, message: str) -> None:
    with pytest.raises(Wrong, match=message) as caught:
        settled(providers=providers)
    assert caught.value.path[:3] == ("providers", path, "prefixes")


def test_a_provider_may_say_its_own_name_as_a_prefix() -> None:
    settled(providers=(ProviderSettings(id="a", prefixes=("a", "b", "b")),))


def nested(depth: int) -> dict[str, list[str]]:
    return {f"c{at}": [f"c{at + 1}", "any/x"] for at in range(depth - 1)} | {f"c{depth - 1}": ["any/y"]}


def test_combos_are_nested_so_deep_and_no_deeper() -> None:
    settled(combos=nested(MOST_NESTED))
    settled(combos=dict(reversed(nested(MOST_NESTED).items())))
    for combos in (nested(MOST_NESTED + 1), dict(reversed(nested(500).items())), nested(5000)):
        with pytest.raises(Wrong, match="nested more than"):
            settled(combos=combos)


def test_many_combos_of_many_are_looked_at_once() -> None:
    combos = {
        f"c{level}-{at}": [f"c{level + 1}-{each}" for each in range(20)] for level in range(6) for at in range(20)
    }
    combos |= {f"c6-{at}": ["any/x"] for at in range(20)}
    settled(combos=combos)
