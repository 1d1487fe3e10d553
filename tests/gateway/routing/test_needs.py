"""What a request needs is seen at a glance, in every dialect, and only who surely cannot do it is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records import ModelFacts, Target
from gateway.routing.needs import Needs, lags, matters, misses, needs_of, sift
from gateway.routing.targets import Choice, TargetList

DIALECTS = ("openai_chat", "openai_responses", "anthropic", "gemini")
BLOB = "A" * 100_000


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, *parts]}]}


def item(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Look."}, *parts]}]}


def content(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "Look."}, *parts]}]}


def source(kind: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "base64", "data": BLOB, **more}}


SCHEMA = {"type": "object"}
TEXT = {"type": "document", "source": {"type": "text", "data": "Hi"}}
CALL = {"type": "tool_use", "input": {"content": [{"type": "image"}]}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [source("image")]}
CALLED = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": BLOB}]}

SEEN: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "chat, text": ("openai_chat", {"messages": [{"role": "user", "content": "Hi"}]}, set()),
    "chat, image": ("openai_chat", user({"type": "image_url", "image_url": {"url": f"data:{BLOB}"}}), {"images"}),
    "chat, audio": ("openai_chat", user({"type": "input_audio", "input_audio": {"data": BLOB}}), {"audio"}),
    "chat, file": ("openai_chat", user({"type": "file", "file": {"file_data": BLOB}}), {"documents"}),
    "chat, tools": ("openai_chat", {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"tools"}),
    "chat, functions": ("openai_chat", {"functions": [{"name": "f", "parameters": {"type": "object"}}]}, {"tools"}),
    "chat, no tools": ("openai_chat", {"tools": []}, set()),
    "chat, effort": ("openai_chat", {"reasoning_effort": "low"}, {"reasoning"}),
    "chat, no effort": ("openai_chat", {"reasoning_effort": "none"}, set()),
    "responses, text": ("openai_responses", {"input": "Hi"}, set()),
    "responses, image": ("openai_responses", item({"type": "input_image", "image_url": BLOB}), {"images"}),
    "responses, file": ("openai_responses", item({"type": "input_file", "file_data": BLOB}), {"documents"}),
    "responses, image of a tool": ("openai_responses", {"input": [CALLED]}, {"images"}),
    "responses, tools": ("openai_responses", {"tools": [{"type": "function", "parameters": SCHEMA}]}, {"tools"}),
    "responses, a tool of the server": ("openai_responses", {"tools": [{"type": "web_search"}]}, set()),
    "responses, effort": ("openai_responses", {"reasoning": {"effort": "high"}}, {"reasoning"}),
    "anthropic, image": ("anthropic", user(source("image")), {"images"}),
    "anthropic, document": ("anthropic", user(source("document")), {"documents"}),
    "anthropic, text in a document": ("anthropic", user(TEXT), set()),
    "anthropic, image of a tool": ("anthropic", user(TOOL_RESULT), {"images"}),
    "anthropic, what a tool is given": ("anthropic", user(CALL), set()),
    "anthropic, tools": ("anthropic", {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}, {"tools"}),
    "anthropic, thinking": ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning"}),
    "anthropic, no thinking": ("anthropic", {"thinking": {"type": "disabled"}}, set()),
    "gemini, image": ("gemini", content({"inlineData": {"mimeType": "image/png", "data": BLOB}}), {"images"}),
    "gemini, audio": ("gemini", content({"inline_data": {"mime_type": "audio/wav", "data": BLOB}}), {"audio"}),
    "gemini, file": ("gemini", content({"fileData": {"mimeType": "application/pdf", "fileUri": "f"}}), {"documents"}),
    "gemini, text file": ("gemini", content({"fileData": {"mimeType": "text/plain", "fileUri": "f"}}), set()),
    "gemini, who knows what": ("gemini", content({"fileData": {"fileUri": "f"}}), set()),
    "gemini, tools": ("gemini", {"tools": [{"functionDeclarations": [{"name": "f"}]}]}, {"tools"}),
    "gemini, search": ("gemini", {"tools": [{"googleSearch": {}}]}, set()),
    "gemini, level": ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, {"reasoning"}),
    "gemini, budget": ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}}, {"reasoning"}),
    "gemini, no budget": ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", SEEN)
def test_what_a_request_needs(case: str) -> None:
    dialect, fields, expected = SEEN[case]
    needs = needs_of(dialect, fields, 1_000_000)
    found = {name for name in ("images", "audio", "documents", "tools", "reasoning") if getattr(needs, name)}
    assert found == expected
    assert needs.input_tokens < 100, "bytes are no words"


@pytest.mark.parametrize(
    ("dialect", "fields", "tokens"),
    [
        ("openai_chat", {"max_tokens": 7}, 7),
        ("openai_chat", {"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ("openai_responses", {"max_output_tokens": 7}, 7),
        ("anthropic", {"max_tokens": 7}, 7),
        ("gemini", {"generationConfig": {"maxOutputTokens": 7}}, 7),
        ("anthropic", {"max_tokens": "7"}, 0),
        ("anthropic", {"max_tokens": True}, 0),
        ("gemini", {"generationConfig": []}, 0),
    ],
)
def test_how_long_an_answer_may_be(dialect: str, fields: dict[str, Any], tokens: int) -> None:
    assert needs_of(dialect, fields, 100).output_tokens == tokens


def test_tokens_are_guessed_by_characters_of_words() -> None:
    fields = {"messages": [{"role": "user", "content": "word " * 1000}], "tools": [{"description": "w" * 500}]}
    assert 1100 <= needs_of("openai_chat", fields, 10_000).input_tokens <= 1105
    assert needs_of("openai_chat", fields, 1000).input_tokens == 200, "there are no more than there are bytes"
    chinese = {"messages": [{"role": "user", "content": "\u4e2d" * 1000}]}
    assert needs_of("openai_chat", chinese, 6100).input_tokens <= 202, "however they are written down"


WRONG = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "messages",
                    "input",
                    "contents",
                    "content",
                    "parts",
                    "type",
                    "source",
                    "tools",
                    "output",
                    "thinking",
                    "generationConfig",
                    "thinkingConfig",
                    "inlineData",
                    "mimeType",
                    "reasoning",
                    "max_tokens",
                )
            ),
            inner | st.sampled_from(("image", "tool_result", "document", "text")),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from(DIALECTS), st.dictionaries(st.sampled_from(("messages", "input", "contents", "tools")), WRONG))
def test_whatever_is_no_request_needs_no_more_than_any(dialect: str, fields: dict[str, Any]) -> None:
    assert needs_of(dialect, fields, 1000).input_tokens <= 200


@pytest.mark.parametrize(
    ("needs", "facts", "why"),
    [
        (Needs(images=True), ModelFacts(images=False), "no images"),
        (Needs(audio=True), ModelFacts(audio=False), "no audio"),
        (Needs(documents=True), ModelFacts(documents=False), "no documents"),
        (Needs(tools=True), ModelFacts(tools=False), "no tools"),
        (Needs(images=True), ModelFacts(), None),
        (Needs(images=True), ModelFacts(images=True, tools=False), None),
        (Needs(), ModelFacts(images=False, audio=False, documents=False, tools=False), None),
        (Needs(input_tokens=20_000), ModelFacts(context=8192), "context 8192 < 20000"),
        (Needs(input_tokens=20_000), ModelFacts(context=32_000, max_input=16_000), "max_input 16000 < 20000"),
        (Needs(input_tokens=8000, output_tokens=4000), ModelFacts(context=8192), None),
        (Needs(input_tokens=20_000), ModelFacts(), None),
        (Needs(reasoning=True), ModelFacts(thinking="none"), None),
        (Needs(output_tokens=64_000), ModelFacts(max_output=4096), None),
    ],
)
def test_a_model_misses_what_is_known_to_be_wanting(needs: Needs, facts: ModelFacts, why: str | None) -> None:
    assert misses(needs, facts) == why


@pytest.mark.parametrize(
    ("needs", "facts", "why"),
    [
        (Needs(reasoning=True), ModelFacts(thinking="none"), "no reasoning"),
        (Needs(reasoning=True), ModelFacts(thinking="budget"), None),
        (Needs(reasoning=True), ModelFacts(), None),
        (Needs(input_tokens=8000, output_tokens=4000), ModelFacts(context=8192), "context 8192 < 12000"),
        (Needs(input_tokens=4000, output_tokens=4000), ModelFacts(context=8192), None),
    ],
)
def test_a_model_may_do_but_not_as_well(needs: Needs, facts: ModelFacts, why: str | None) -> None:
    assert lags(needs, facts) == why


def test_facts_matter_where_they_differ_in_what_is_looked_at() -> None:
    assert not matters([])
    assert not matters([ModelFacts(images=True), ModelFacts(images=True, max_output=1)])
    assert matters([ModelFacts(images=True), ModelFacts()])
    assert matters([ModelFacts(context=1), ModelFacts(context=2)])


# Sifting

BLIND, SMALL, DULL, GOOD, OTHER = (Target("p", name) for name in ("blind", "small", "dull", "good", "other"))
FACTS = {
    BLIND: ModelFacts(images=False),
    SMALL: ModelFacts(context=1000),
    DULL: ModelFacts(thinking="none"),
    GOOD: ModelFacts(images=True, context=100_000, thinking="budget"),
    OTHER: ModelFacts(),
}
LIST = TargetList(tuple(FACTS))


@pytest.mark.parametrize(
    ("needs", "left", "passed_over", "behind"),
    [
        (Needs(), tuple(FACTS), {}, {}),
        (Needs(images=True), (SMALL, DULL, GOOD, OTHER), {BLIND: "no images"}, {}),
        (Needs(input_tokens=5000), (BLIND, DULL, GOOD, OTHER), {SMALL: "context 1000 < 5000"}, {}),
        (Needs(reasoning=True), (BLIND, SMALL, GOOD, OTHER, DULL), {}, {DULL: "no reasoning"}),
        (
            Needs(images=True, reasoning=True, output_tokens=2000),
            (GOOD, OTHER, SMALL, DULL),
            {BLIND: "no images"},
            {SMALL: "context 1000 < 2000", DULL: "no reasoning"},
        ),
    ],
)
def test_who_cannot_is_passed_over_and_who_does_worse_comes_last(
    needs: Needs, left: tuple[Target, ...], passed_over: dict[Target, str], behind: dict[Target, str]
) -> None:
    sifted = sift(LIST, needs, FACTS.__getitem__)
    assert sifted.targets.targets == left
    assert (dict(sifted.passed_over), dict(sifted.behind)) == (passed_over, behind)


def test_where_none_could_all_are_left() -> None:
    blind = TargetList((BLIND, Target("q", "blind")))
    assert sift(blind, Needs(images=True), lambda _: ModelFacts(images=False)).targets == blind
    dull = TargetList((DULL, Target("q", "dull")))
    assert sift(dull, Needs(reasoning=True), lambda _: FACTS[DULL]).targets is dull


def test_what_is_put_last_keeps_its_order_and_strategy() -> None:
    choice = Choice("best", (DULL, Choice("inner", (GOOD, SMALL), "weighted", (3, 1)), OTHER), "round_robin", (1, 2, 3))
    targets = TargetList((DULL, GOOD, SMALL, OTHER), choice)
    sifted = sift(targets, Needs(reasoning=True, output_tokens=5000), FACTS.__getitem__).targets
    assert sifted.targets == (GOOD, OTHER, DULL, SMALL)
    assert sifted.choice is not None
    assert sifted.choice.strategy == "fallback"
    first, last = sifted.choice.members
    assert first == Choice("best", (Choice("inner", (GOOD,), "weighted", (3,)), OTHER), "round_robin", (2, 3))
    assert last == Choice("best", (DULL, Choice("inner", (SMALL,), "weighted", (1,))), "round_robin", (1, 2))
    assert sifted.terms == targets.terms
