"""How much an Anthropic model is to think, and how its tokens are drawn: the two exclude each other in part.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Prompt, Reasoning, Sampling, Thinking, ToolCall, Turn
from gateway.formats.reasoning import budget_of, clamped, effort_of
from gateway.records import ModelFacts

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""What a model offers of which nobody said."""

LEAST_BUDGET = 1024
LEAST_TOP_P = 0.95
"""While it thinks, a model's tokens are drawn from hardly less than all."""


def write_thinking(prompt: Prompt, turns: Iterable[Turn], facts: ModelFacts, limit: int, losses: Losses) -> Fields:
    """`thinking` and `output_config.effort`, the latter under `effort`; nothing where nothing was asked (REAS-2).

    `limit` is the most tokens of the answer, thoughts included.
    """
    thinking = prompt.thinking
    if thinking is None:
        return {}
    effort = effort_of(thinking)
    if effort == "none":
        return {} if facts.thinking == "none" else {"thinking": {"type": "disabled"}}
    if facts.thinking == "none":
        losses.drop("thinking")
        return {}
    if facts.thinking != "budget":
        return _adaptive(thinking, effort, facts)
    budget = _budget(thinking, effort, facts, limit)
    if budget is None or _is_forced(prompt) or _has_lost_its_thought(turns):
        losses.drop("thinking")
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _adaptive(thinking: Thinking, effort: str | None, facts: ModelFacts) -> Fields:
    offered = clamped(effort, facts.effort or EFFORTS) if effort is not None else None
    asked = offered is not None or thinking.visible or thinking.mode is not None or thinking.budget is not None
    if not asked:
        return {}
    fields: Fields = {"thinking": {"type": "adaptive", "display": "summarized" if thinking.visible else "omitted"}}
    return fields if offered is None else {**fields, "effort": offered}


def _budget(thinking: Thinking, effort: str | None, facts: ModelFacts, limit: int) -> int | None:
    """Tokens to think, within what the model takes and less than the whole answer; None where there is no such number,
    or nobody asked for one."""
    if effort is None:
        return None
    asked = thinking.budget if thinking.effort is None and thinking.budget is not None else None
    budget = budget_of(effort, facts.budget_max or facts.max_output) if asked is None else asked
    budget = min(budget, facts.budget_max or budget)
    budget = max(budget, facts.budget_min or 0, LEAST_BUDGET)
    if budget < limit:
        return budget
    return limit - 1 if limit - 1 >= LEAST_BUDGET else None


def _is_forced(prompt: Prompt) -> bool:
    """Whether a tool must be called: the API takes no budget together with that (REAS-10)."""
    choice = prompt.tool_choice
    return choice is not None and (choice.mode in ("required", "named") or choice.required)


def _has_lost_its_thought(turns: Iterable[Turn]) -> bool:
    """Whether the latest turn with calls does not begin with a thought: with a budget it must (REAS-10)."""
    calling = [turn for turn in turns if any(isinstance(part, ToolCall) for part in turn.parts)]
    return bool(calling) and not isinstance(calling[-1].parts[0], Reasoning)


def write_sampling(sampling: Sampling, facts: ModelFacts, losses: Losses, *, thinks: bool) -> Fields:
    """`temperature`, `top_p` and `top_k`, as far as the model takes them (SAMP-1, REAS-11)."""
    asked = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    given: Fields = {name: value for name, value in asked.items() if value is not None}
    refused: set[str] = set()
    if facts.temperature is not True:
        refused = set(given)
    elif thinks:
        refused = {"temperature", "top_k"}
        if given.get("top_p", 1.0) < LEAST_TOP_P:
            refused.add("top_p")
    elif "temperature" in given:
        refused = {"top_p"}
    for name in given:
        if name in refused:
            losses.drop(name)
    kept = {name: value for name, value in given.items() if name not in refused}
    for name in kept.keys() & {"temperature", "top_p"}:
        kept[name] = min(max(kept[name], 0), 1)
    return kept
