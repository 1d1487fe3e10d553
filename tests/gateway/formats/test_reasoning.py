"""Levels and budgets agree, state is labelled and goes back only to whom it belongs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.neutral import Reasoning, State, Text, Thinking, ToolCall, Turn
from gateway.formats.reasoning import EFFORTS, budget_of, clamped, effort_of, is_wrapped, kept, unwrap, wrap

STATES = st.builds(State, st.sampled_from(("anthropic", "anthropic-redacted", "openai", "gemini")), st.text(min_size=1))


@given(STATES)
def test_wrapped_state_is_itself_again(state: State) -> None:
    assert is_wrapped(wrap(state))
    assert unwrap(wrap(state)) == state


def test_the_words_of_the_wrapping() -> None:
    assert wrap(State("openai", "rs_1~gAAA.b")) == "gw1.openai.rs_1~gAAA.b"
    assert wrap(None) == "gw1.none."


def test_a_wrapping_without_state_is_told_from_none_at_all() -> None:
    assert (is_wrapped("gw1.none."), unwrap("gw1.none.")) == (True, None)
    assert unwrap("gw1.anthropic.") is None


@pytest.mark.parametrize("text", ["", "gw1.", "gw1", "gw2.openai.x", "gw1.elsewhere.x", "EqQBCkYIBx", "gw1.openai"])
def test_what_we_did_not_wrap_is_left_alone(text: str) -> None:
    assert not is_wrapped(text)
    assert unwrap(text) is None


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        (Thinking(mode="off", effort="high"), "none"),
        (Thinking(effort="xhigh", budget=1), "xhigh"),
        (Thinking(mode="adaptive"), None),
        (Thinking(budget=-1), None),
        (Thinking(mode="on", budget=0), "none"),
        (Thinking(mode="on", budget=512), "minimal"),
        (Thinking(mode="on", budget=513), "low"),
        (Thinking(mode="on", budget=8192), "medium"),
        (Thinking(mode="on", budget=24576), "high"),
        (Thinking(mode="on", budget=24577), "xhigh"),
    ],
)
def test_the_level_that_is_asked_for(thinking: Thinking, effort: str | None) -> None:
    assert effort_of(thinking) == effort


@pytest.mark.parametrize(
    ("effort", "most", "budget"),
    [("none", None, 0), ("high", None, 24576), ("high", 10000, 10000), ("max", 64000, 64000), ("max", None, 32768)],
)
def test_the_budget_of_a_level(effort: str, most: int | None, budget: int) -> None:
    assert budget_of(effort, most) == budget


def test_an_unknown_level_gets_a_middling_budget() -> None:
    assert budget_of("ultra", None) == budget_of("medium", None)


@pytest.mark.parametrize("effort", EFFORTS[:-1])
def test_a_budget_is_of_the_level_it_was_made_of(effort: str) -> None:
    assert effort_of(Thinking(budget=budget_of(effort, None))) == effort


@pytest.mark.parametrize(
    ("effort", "offered", "given"),
    [
        ("high", (), "high"),
        ("high", ("low", "high"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("medium", ("high", "low"), "low"),
        ("minimal", ("low", "high"), "low"),
        ("none", ("low", "medium"), "low"),
        ("ultra", ("low",), None),
        ("low", ("turbo",), None),
    ],
)
def test_a_level_is_clamped_downwards(effort: str, offered: tuple[str, ...], given: str | None) -> None:
    assert clamped(effort, offered) == given


def test_only_the_providers_own_reasoning_is_kept() -> None:
    """Foreign blocks, and those without state, are refused as forged."""
    own, foreign = State("anthropic", "s"), State("openai", "x")
    call = ToolCall("c", "f", "{}", state=State("gemini", "g"))
    turns = (
        Turn("user", (Text("q"),)),
        Turn("assistant", (Reasoning("a", own), Reasoning("b", foreign), Reasoning("c"), call)),
        Turn("assistant", (Reasoning("only", foreign),)),
    )
    expected = (turns[0], Turn("assistant", (Reasoning("a", own), ToolCall("c", "f", "{}"))))
    assert kept(turns, {"anthropic", "anthropic-redacted"}) == expected
    assert kept(turns[1:], ("gemini",)) == (Turn("assistant", (call,)),)
