"""Bare model ids, and what providers said that they serve: who is asked, and by which id."""

from __future__ import annotations

import pytest

from gateway.errors import UnknownModel
from gateway.records import ClientKey, Provider, Target
from gateway.routing.resolve import Resolver

EVERYTHING = ClientKey("root", id="root")
Lists = dict[str, tuple[str, ...]]


def resolved(name: str, serving: Lists, listed: Lists, catalogued: Lists | None = None) -> str:
    providers = [
        Provider(each, "openai_chat", "http://localhost/v1", models, "round_robin", ())
        for each, models in serving.items()
    ]
    known = Resolver(providers, {}, (), listed=listed, catalogued=catalogued or {})
    (target,) = known.resolve(name, EVERYTHING).targets
    return f"{target.provider}/{target.model}"


ALL = ("*",)

RANKS: dict[str, tuple[str, Lists, Lists, Lists, str]] = {
    "an exact entry beats a list": ("m", {"a": ("m",), "b": ALL}, {"b": ("m",)}, {}, "a/m"),
    "a list beats another spelling": ("m-1-5", {"a": ALL, "b": ALL}, {"a": ("m-1-5",), "b": ("m-1.5",)}, {}, "a/m-1-5"),
    "another spelling beats a catalogue": (
        "m-1-5", {"a": ALL, "b": ALL}, {"b": ("m-1.5",)}, {"a": ("m-1-5",)}, "b/m-1.5"
    ),
    "a list beats a pattern": ("m-1-5", {"a": ("m-*",), "b": ALL}, {"b": ("m-1-5",)}, {}, "b/m-1-5"),
    "a catalogue beats a pattern": ("m-1-5", {"a": ("m-*",), "b": ALL}, {}, {"b": ("m-1-5",)}, "b/m-1-5"),
    "a pattern beats anything": ("m-1-5", {"a": ("m-*",), "b": ALL}, {}, {}, "a/m-1-5"),
    "anything goes at last": ("m", {"a": ("x-*",), "b": ALL}, {}, {}, "b/m"),
    "all but some is anything": ("m", {"a": ("m*",), "b": ("!x",)}, {}, {}, "a/m"),
    "whoever lists all it has has no more": ("m", {"a": ALL, "b": ALL}, {"a": ("x",)}, {}, "b/m"),
    "a list is believed before the catalogue of the same": (
        "m", {"a": ALL, "b": ALL}, {"a": ("x",)}, {"a": ("m",), "b": ("m",)}, "b/m"
    ),
    "one that serves anything may serve what it does not list": ("m", {"a": ALL}, {"a": ("x",)}, {}, "a/m"),
    "what is excluded is not listed": ("m", {"a": ("*", "!m"), "b": ALL}, {"a": ("m",), "b": ("m",)}, {}, "b/m"),
    "exclusions go by lower case too": ("M-1-5", {"a": ("*", "!m-*"), "b": ALL}, {}, {}, "b/M-1-5"),
}  # fmt: skip


@pytest.mark.parametrize("case", RANKS)
def test_the_best_reason_decides_who_serves_a_bare_id(case: str) -> None:
    name, serving, listed, catalogued, expected = RANKS[case]
    assert resolved(name, serving, listed, catalogued) == expected


AMBIGUOUS: dict[str, tuple[str, Lists, Lists, Lists, str]] = {
    "two lists": ("m", {"a": ALL, "b": ALL}, {"a": ("m",), "b": ("m",)}, {}, "a/m, b/m"),
    "two spellings": ("m-1-5", {"a": ALL, "b": ALL}, {"a": ("m-1.5",), "b": ("M-1-5",)}, {}, "a/m-1.5, b/M-1-5"),
    "two catalogues": ("m", {"a": ALL, "b": ALL}, {}, {"a": ("m",), "b": ("m",)}, "a/m, b/m"),
    "two patterns": ("m", {"a": ("m*",), "b": ("m*",)}, {}, {}, "a/m, b/m"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_two_of_a_rank_are_named(case: str) -> None:
    name, serving, listed, catalogued, choices = AMBIGUOUS[case]
    with pytest.raises(UnknownModel, match=f"ask for one of: {choices}"):
        resolved(name, serving, listed, catalogued)


def test_what_several_might_serve_and_none_lists_does_not_exist() -> None:
    with pytest.raises(UnknownModel, match="does not exist"):
        resolved("m", {"a": ALL, "b": ALL}, {"a": ("x",), "b": ("y",)})


CLAUDE = ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250101", "claude-opus-5")

SENT: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], str]] = {
    "as it is listed": ("p/claude-opus-5", ALL, CLAUDE, "p/claude-opus-5"),
    "the newest version of a name": ("p/claude-sonnet-4-5", ALL, CLAUDE, "p/claude-sonnet-4-5-20250929"),
    "the same of a bare name": ("claude-sonnet-4.5", ALL, CLAUDE, "p/claude-sonnet-4-5-20250929"),
    "a version that is listed": ("p/claude-sonnet-4-5-20250101", ALL, CLAUDE, "p/claude-sonnet-4-5-20250101"),
    "never another version": ("p/claude-sonnet-4-5-20240101", ALL, CLAUDE, "p/claude-sonnet-4-5-20240101"),
    "the name of a version": ("p/gpt-4o-2024-08-06", ALL, ("gpt-4o",), "p/gpt-4o"),
    "a list that knows no versions, by pattern": ("p/gpt-4o-2024-08-06", ("gpt-*",), ("gpt-4o",), "p/gpt-4o"),
    "the operator's word": ("p/gpt-4o-2024-08-06", ("gpt-4o-2024-08-06",), ("gpt-4o",), "p/gpt-4o-2024-08-06"),
    "of the operator's names another spelling": ("p/GPT-4o", ("gpt-4o",), ("gpt-4o",), "p/gpt-4o"),
    "what nobody lists": ("p/ft:mine", ALL, CLAUDE, "p/ft:mine"),
    "with slashes": ("p/a/claude-sonnet-4-5", ALL, ("a/claude-sonnet-4.5",), "p/a/claude-sonnet-4.5"),
}  # fmt: skip


@pytest.mark.parametrize("case", SENT)
def test_a_provider_is_sent_an_id_that_it_lists(case: str) -> None:
    name, models, listed, expected = SENT[case]
    assert resolved(name, {"p": models}, {"p": listed}) == expected


def test_of_a_provider_that_said_nothing_nothing_is_guessed() -> None:
    assert resolved("p/gpt-4o-2024-08-06", {"p": ALL}, {}) == "p/gpt-4o-2024-08-06"
    with pytest.raises(UnknownModel):
        resolved("p/gpt-4o-2024-08-06", {"p": ("gpt-4o",)}, {}, {"p": ("gpt-4o",)})


def test_a_match_is_held_against_the_patterns_of_its_provider() -> None:
    with pytest.raises(UnknownModel):
        resolved("p/claude-sonnet-4-5", {"p": ("claude-opus-*",)}, {"p": CLAUDE})
    assert resolved("p/claude-sonnet-4-5", {"p": ("*-20250929",)}, {"p": CLAUDE}) == f"p/{CLAUDE[0]}"


def test_lists_of_providers_that_are_no_more_mean_nothing() -> None:
    assert resolved("m", {"p": ALL}, {"gone": ("m",)}, {"gone": ("m",)}) == "p/m"
    assert Target("p", "m").provider == "p"
