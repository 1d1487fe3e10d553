"""What a key may reach is a matter of patterns; what was chosen for it before is measured by them again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.records import ClientKey, Credential, Provider, Target
from gateway.routing.reach import (
    credential_serves,
    may_go_on,
    may_use_endpoint,
    may_use_provider,
    serves,
    usable_credentials,
)

FIRST, SPARE = Credential("p", "first", "secret"), Credential("p", "spare", "secret")
PROVIDER = Provider("p", "openai_chat", "http://localhost/v1", ("*",), "round_robin", (FIRST, SPARE))
OPEN = replace(PROVIDER, credentials=())
EVERYTHING = ClientKey("k", id="k")


@pytest.mark.parametrize(
    ("patterns", "path", "may"),
    [
        (("*",), "/v1/messages", True),
        (("/v1/messages",), "/v1/messages", True),
        (("/v1/messages",), "/v1/messages/count_tokens", False),
        (("/v1/messages*",), "/v1/messages/count_tokens", True),
        (("/v1beta/*",), "/v1beta/models/{model}:generateContent", True),
        (("/v1beta/models/{model}:generateContent",), "/v1beta/models/{model}:generateContent", True),
        (("/v1/audio/*", "/v1/images/*"), "/v1/images/edits", True),
        ((), "/v1/messages", False),
    ],
)
def test_endpoints_go_by_their_paths(patterns: tuple[str, ...], path: str, may: bool) -> None:
    assert may_use_endpoint(replace(EVERYTHING, endpoints=patterns), path) is may


@pytest.mark.parametrize(
    ("patterns", "model", "is_served"),
    [
        (("*",), "gpt-5", True),
        (("gpt-*",), "gpt-5", True),
        (("gpt-*",), "GPT-5", True),
        (("GPT-*",), "gpt-5", False),
        (("GPT-*",), "GPT-5", True),
        (("*", "!gpt-5-*"), "gpt-5-mini", False),
        (("*", "!gpt-5-*"), "GPT-5-mini", False),
        (("*", "!gpt-5-*"), "gpt-5", True),
        (("!gpt-5-*",), "gpt-4o", True),
        (("!gpt-5-*",), "gpt-5-mini", False),
        (("gpt-*", "!*-preview", "!*codex*"), "gpt-5-preview", False),
        (("gpt-*", "!*-preview", "!*codex*"), "gpt-5-preview-x", True),
        (("gpt-*", "!*-preview", "!*codex*"), "gpt-5-codex-mini", False),
        (("a*b*c",), "axxbyyc", True),
        ((), "gpt-5", False),
    ],
)
def test_models_are_served_by_patterns_and_but_for_those_excluded(
    patterns: tuple[str, ...], model: str, is_served: bool
) -> None:
    assert serves(patterns, model) is is_served
    assert credential_serves(replace(FIRST, models=patterns), model) is is_served


def test_credentials_keep_their_order() -> None:
    assert usable_credentials(EVERYTHING, PROVIDER) == (FIRST, SPARE)
    assert usable_credentials(replace(EVERYTHING, credentials=("q/*", "p/sp*")), PROVIDER) == (SPARE,)
    assert usable_credentials(replace(EVERYTHING, credentials=("q/*",)), PROVIDER) is None
    assert usable_credentials(replace(EVERYTHING, credentials=("q/*",)), OPEN) == ()


def test_a_provider_is_of_use_with_a_credential_of_it() -> None:
    assert may_use_provider(EVERYTHING, PROVIDER)
    assert may_use_provider(replace(EVERYTHING, credentials=("p/first",)), PROVIDER)
    assert not may_use_provider(replace(EVERYTHING, credentials=("q/first",)), PROVIDER)
    assert not may_use_provider(replace(EVERYTHING, providers=("q",)), PROVIDER)


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"models": ("fast",)}, True),
        ({"models": ("p/m",)}, True),
        ({"models": ("m",)}, False),
        ({"providers": ("p",)}, True),
        ({"providers": ("q",)}, False),
        ({"credentials": ("p/first",)}, True),
        ({"credentials": ("p/spare",)}, False),
    ],
)
def test_what_was_chosen_may_no_longer_be_for_the_key(changes: dict[str, tuple[str, ...]], may: bool) -> None:
    key = replace(EVERYTHING, **changes)  # type: ignore[arg-type]
    assert may_go_on(key, "fast", Target("p", "m"), FIRST) is may


def test_where_no_credential_was_used_none_is_missing() -> None:
    key = replace(EVERYTHING, credentials=("q/*",))
    assert may_go_on(key, "fast", Target("p", "m"), Credential("", "", ""))
