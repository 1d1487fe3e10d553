"""Reasoning of earlier turns is taken out of a request: all of it or what is refused, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.forgetting import signatures_in, without_reasoning
from gateway.formats.table import FORMATS

BYPASS = "skip_thought_signature_validator"
Fields = dict[str, Any]

HELLO: Fields = {"role": "user", "content": "Hello"}
USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT: Fields = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}


def thought(signature: str) -> Fields:
    return {"type": "thinking", "thinking": "Hm.", "signature": signature}


def said(*blocks: Fields) -> Fields:
    return {"role": "assistant", "content": list(blocks)}


def google(signature: str) -> Fields:
    return {"google": {"thought_signature": signature}}


TEXT: Fields = {"type": "text", "text": "Yes."}
REDACTED: Fields = {"type": "redacted_thinking", "data": "r1"}

REQUESTS: dict[str, tuple[str, Fields, Fields, list[str]]] = {
    "anthropic": (
        "anthropic",
        {"model": "m", "messages": [HELLO, said(thought("s1"), REDACTED, TEXT), HELLO, said(thought("s2")), HELLO]},
        {"model": "m", "messages": [HELLO, said(TEXT), HELLO, HELLO]},
        ["s1", "r1", "s2"],
    ),
    "anthropic with a budget": (
        "anthropic",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "messages": [HELLO, said(thought("s1"), USE), RESULT]},
        {"messages": [HELLO, said(USE), RESULT]},
        ["s1"],
    ),
    "anthropic, adaptive": (
        "anthropic",
        {"thinking": {"type": "adaptive"}, "messages": [HELLO, said(thought("s1"), USE), RESULT]},
        {"thinking": {"type": "adaptive"}, "messages": [HELLO, said(USE), RESULT]},
        ["s1"],
    ),
    "responses": (
        "openai_responses",
        {"input": [HELLO, {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "e1"}, {**HELLO}]},
        {"input": [HELLO, HELLO]},
        ["e1"],
    ),
    "chat": (
        "openai_chat",
        {"messages": [HELLO, {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.",
                              "thinking_blocks": [thought("s1")],
                              "tool_calls": [{"id": "c", "extra_content": google("g1")}]}]},
        {"messages": [HELLO, {"role": "assistant", "content": "Yes.",
                              "tool_calls": [{"id": "c", "extra_content": google(BYPASS)}]}]},
        ["s1", "g1"],
    ),
    "gemini": (
        "gemini",
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]},
                      {"role": "model", "parts": [{"text": "Hm.", "thought": True},
                                                  {"functionCall": {"name": "f"}, "thoughtSignature": "g1"},
                                                  {"text": "Yes.", "thought_signature": "g2"}]},
                      {"role": "model", "parts": [{"text": "", "thoughtSignature": "g3"}]}]},
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]},
                      {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": BYPASS},
                                                  {"text": "Yes."}]}]},
        ["g1", "g2", "g3"],
    ),
}  # fmt: skip

every_request = pytest.mark.parametrize("name", REQUESTS)


@every_request
def test_all_reasoning_is_left_out_and_nothing_else(name: str) -> None:
    dialect, fields, expected, _ = REQUESTS[name]
    before = copy.deepcopy(fields)
    assert without_reasoning(dialect, fields) == expected
    assert fields == before, "the client's own request stays as it is"


@every_request
def test_a_request_without_reasoning_is_left_alone(name: str) -> None:
    dialect, _, without, _ = REQUESTS[name]
    assert without_reasoning(dialect, without) is None


@every_request
def test_signatures_are_found_as_the_client_wrote_them(name: str) -> None:
    dialect, fields, _, signatures = REQUESTS[name]
    assert [signature for signature in signatures_in(dialect, fields) if signature] == signatures


@every_request
def test_only_what_is_refused_is_left_out(name: str) -> None:
    dialect, fields, _, signatures = REQUESTS[name]
    assert without_reasoning(dialect, fields, lambda signature: signature == "another") is None
    for refused in signatures:
        left = without_reasoning(dialect, fields, lambda signature, refused=refused: signature == refused)  # type: ignore[misc]
        assert left is not None
        assert [each for each in signatures_in(dialect, left) if each] == [s for s in signatures if s != refused]


def test_a_budget_stays_while_the_latest_calls_follow_upon_a_thought() -> None:
    fields = {
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [HELLO, said(thought("s1"), TEXT), HELLO, said(thought("s2"), USE), RESULT],
    }
    left = without_reasoning("anthropic", fields, lambda signature: signature == "s1")
    assert left is not None
    assert left["thinking"] == fields["thinking"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["role", "content", "type", "parts", "thought", "signature", "tool_calls", "thinking_blocks",
                         "extra_content", "google", "thoughtSignature", "assistant", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(list(FORMATS)), st.sampled_from(["messages", "input", "contents"]), json_values)
def test_whatever_is_malformed_stays(dialect: str, name: str, value: Any) -> None:
    signatures_in(dialect, {name: value})
    left = without_reasoning(dialect, {name: value}) or {name: value}
    assert without_reasoning(dialect, left) is None, "once is enough"
