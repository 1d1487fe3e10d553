"""Which model is meant by a name that is not in the list."""

from __future__ import annotations

import pytest

from gateway.catalog.spelling import Names, plain

LISTED = (
    "MiniMax-M2",
    "anthropic.claude-opus-4-6-v1",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic/claude-sonnet-4.5",
    "claude-3-5-sonnet-20240620",
    "claude-3-5-sonnet-20241022",
    "claude-opus-4-6@default",
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "claude-sonnet-4@20250514",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-flash-preview-09-2025",
    "gemini-2.5-pro",
    "gpt-4o",
    "gpt-4o-2024-05-13",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-chat-latest",
    "gpt-5-codex",
    "gpt-5-pro",
    "llama-3.3-70b-versatile",
    "o1",
    "o1-preview",
    "openai/gpt-oss-20b",
    "openai/gpt-oss-20b:free",
    "z-ai/glm-4.5-air:free",
)
NAMES = Names(LISTED)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        # As it is, whatever its case.
        ("gpt-5", "gpt-5"),
        ("GPT-5", "gpt-5"),
        ("minimax-m2", "MiniMax-M2"),
        ("z-ai/glm-4.5-air:free", "z-ai/glm-4.5-air:free"),
        # Without a level of thinking, without a prefix, without a region.
        ("gpt-5(high)", "gpt-5"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("team/openai/gpt-5(8192)", "gpt-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("inference-profile/eu.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6-v1"),
        # A variant is another model only where it is listed: a free one is not free because of its name.
        ("openai/gpt-oss-20b:free", "openai/gpt-oss-20b:free"),
        ("openai/gpt-oss-20b:nitro", "openai/gpt-oss-20b"),
        ("anthropic/claude-sonnet-4.5:free", "anthropic/claude-sonnet-4.5"),
        ("anthropic/claude-sonnet-4.5:thinking", "anthropic/claude-sonnet-4.5"),
        # A dot is a dash between digits.
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"),
        ("llama-3-3-70b-versatile", "llama-3.3-70b-versatile"),
        # Without what tells versions apart; one ending after the other.
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gpt-5-20250807", "gpt-5"),
        ("gpt-5-latest", "gpt-5"),
        ("o1-preview-2024-09-12", "o1-preview"),
        ("gemini-2.5-flash-preview-06-17", "gemini-2.5-flash"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro"),
        ("gemini-2.5-pro-002", "gemini-2.5-pro"),
        ("anthropic/claude-sonnet-4.5-20250929", "anthropic/claude-sonnet-4.5"),
        # The list has the version and the client has not, or another one.
        ("gpt-5-chat", "gpt-5-chat-latest"),
        ("claude-sonnet-4", "claude-sonnet-4@20250514"),
        ("claude-opus-4-6", "claude-opus-4-6@default"),
        ("anthropic.claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        # Where one name goes on after the other, and no third does.
        ("llama-3.3-70b-versatile-turbo", "llama-3.3-70b-versatile"),
        ("llama-3.3-70b", "llama-3.3-70b-versatile"),
        ("anthropic.claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
        ("gpt-4o-mini-search", "gpt-4o-mini"),
    ],
)
def test_a_name_under_its_decoration(asked: str, meant: str) -> None:
    assert NAMES.find(asked) == (meant,)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "gpt",
        "gpt-6",
        "gpt-5-turbo",  # gpt-5, gpt-5-pro and gpt-5-codex are equally near
        "gpt-4o-audio-preview",
        "gemini-2.5-flash-image",
        "gemini-2.5",
        "claude-sonnet-4-6",
        "z-ai/glm-4.5-air",  # what is free under one name need not be under another
        "z-ai/glm-4.5-air:thinking",
        "mini",
        "x" * 301,
        "models/",
        "()",
        ":free",
        "-",
    ],
)
def test_a_name_that_may_be_any_is_none(asked: str) -> None:
    assert NAMES.find(asked) == ()


def test_versions_of_one_model_are_told_from_the_oldest_on() -> None:
    assert NAMES.find("claude-3-5-sonnet-latest") == ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet-20241022")


def test_every_name_is_found_as_itself() -> None:
    assert [NAMES.find(name) for name in LISTED] == [(name,) for name in LISTED]


def test_an_empty_list_has_nothing() -> None:
    assert Names(()).find("gpt-5") == ()


@pytest.mark.parametrize(
    ("name", "bare"),
    [("Claude-3.5-Sonnet-20241022", "claude-3-5-sonnet"), ("x-preview-06-05-latest", "x"), ("-latest", "-latest")],
)
def test_a_name_without_its_endings(name: str, bare: str) -> None:
    assert plain(name) == bare
