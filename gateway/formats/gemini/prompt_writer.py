"""A prompt as a generateContent request. The model, and whether the answer is streamed, are in its path.

Fields: https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Output, Prompt, Sampling, Thinking
from gateway.formats.reasoning import budget_of, clamped, effort_of
from gateway.formats.schemas import for_gemini, for_gemini_proto, with_root
from gateway.records import ModelFacts

from .content_writer import Manner, write_contents
from .media import level_of
from .tool_writer import is_third, write_tools

MOST_STOPS = 5

_LEVELS = ("minimal", "low", "medium", "high")
"""Thinking levels of a model whose own are not known."""

_TIERS = {"flex": "flex", "priority": "priority", "default": "standard"}
"""TIER-1."""


def write_prompt(prompt: Prompt, model: str, facts: ModelFacts, losses: Losses) -> Fields:
    """The request. Raises UnsupportedParameter for what it cannot say and the client cannot do without."""
    _report(prompt, losses)
    third = is_third(facts)
    manner = Manner(
        losses,
        signed=third if facts.signature_required is None else facts.signature_required,
        media_in_results=third if facts.media_in_function_response is None else facts.media_in_function_response,
    )
    tools, config = write_tools(prompt.tools, prompt.tool_choice, facts, losses)
    system = [{"text": text.text} for text in prompt.system if text.text.strip()]
    settings = {
        **_limits(prompt, facts, losses),
        **_sampling(prompt.sampling, facts, losses),
        **_output(prompt.output, facts),
        **_thinking(prompt.thinking, facts, losses),
    }
    body: Fields = {
        "systemInstruction": {"parts": system} if system else None,
        "contents": write_contents(prompt.turns, manner),
        "tools": tools,
        "toolConfig": config,
        "safetySettings": [{"category": category, "threshold": threshold} for category, threshold in prompt.safety],
        "generationConfig": settings,
        "serviceTier": _tier(prompt.identity.tier, losses),
    }
    return {name: value for name, value in body.items() if value}


def _report(prompt: Prompt, losses: Losses) -> None:
    """What the API has no field for. Hints for caches are not worth a word (CACHE-1)."""
    who = prompt.identity
    absent = {
        "logit_bias": prompt.sampling.logit_bias,
        "user": who.user,
        "safety_id": who.safety_id if who.safety_id != who.user else None,
        "metadata": who.metadata,
        "store": who.store,
        "verbosity": prompt.verbosity,
        "cache_key": prompt.cache_key,
        "parallel": prompt.parallel is False,
    }
    for field, asked in absent.items():
        if asked:
            losses.drop(field)


def _limits(prompt: Prompt, facts: ModelFacts, losses: Losses) -> Fields:
    limits: Fields = {}
    if prompt.max_tokens is not None:
        if prompt.max_tokens < 1:
            # To Anthropic, 0 means to fill the cache and answer nothing: there is no such request here.
            losses.refuse("max_tokens")
        limits["maxOutputTokens"] = min(prompt.max_tokens, facts.max_output or prompt.max_tokens)
    stops = [stop for stop in prompt.stop if stop]
    if len(stops) > MOST_STOPS:
        losses.drop("stop")
    if stops:
        limits["stopSequences"] = stops[:MOST_STOPS]
    if level := level_of(prompt.media_resolution):
        limits["mediaResolution"] = level
    return limits


def _sampling(sampling: Sampling, facts: ModelFacts, losses: Losses) -> Fields:
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    if facts.temperature is False:
        for name, value in drawn.items():
            if value is not None:
                losses.drop(name)
        drawn = dict.fromkeys(drawn)
    asked = {
        "temperature": drawn["temperature"],
        "topP": drawn["top_p"],
        "topK": drawn["top_k"],
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "candidateCount": sampling.n,
        "responseLogprobs": True if sampling.logprobs else None,
        "logprobs": sampling.top_logprobs if sampling.logprobs else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _output(output: Output | None, facts: ModelFacts) -> Fields:
    """FMT-1, FMT-2: a schema has no name here, and is always held to."""
    if output is None:
        return {}
    form: Fields = {"responseMimeType": "application/json"}
    if output.kind == "json_schema":
        schema = with_root(None) if output.schema is None else output.schema
        proto = facts.gemini_schema == "proto"
        form["responseSchema" if proto else "responseJsonSchema"] = (for_gemini_proto if proto else for_gemini)(schema)
    return form


def _thinking(thinking: Thinking | None, facts: ModelFacts, losses: Losses) -> Fields:
    """A level or a budget, as the model takes it (REAS-3)."""
    if thinking is None:
        return {}
    if facts.thinking in (None, "none"):
        # It does not think, or nobody knows how to tell it: it refuses what it does not know.
        for field, asked in (("effort", effort_of(thinking) not in (None, "none")), ("visible", thinking.visible)):
            if asked:
                losses.drop(field)
        return {}
    config = _level(thinking, facts) if facts.thinking == "level" else _budget(thinking, facts)
    if thinking.visible and config.get("thinkingBudget") != 0:
        config["includeThoughts"] = True
    return {"thinkingConfig": config} if config else {}


def _level(thinking: Thinking, facts: ModelFacts) -> Fields:
    effort = effort_of(thinking)
    offered = [level.lower() for level in facts.levels] or _LEVELS
    level = clamped(effort, offered) if effort is not None else None
    return {"thinkingLevel": level.upper()} if level is not None else {}


def _budget(thinking: Thinking, facts: ModelFacts) -> Fields:
    """Tokens within the model's range; -1 leaves them to the model."""
    exact = thinking.budget if thinking.effort is None and thinking.mode != "off" else None
    effort = effort_of(thinking)
    if exact is not None and exact < 0:
        return {"thinkingBudget": -1}
    if exact is None and effort is None:
        return {}
    budget = exact if exact is not None else budget_of(effort or "", facts.budget_max)
    most = budget if facts.budget_max is None else min(budget, facts.budget_max)
    return {"thinkingBudget": max(most, facts.budget_min or 0)}


def _tier(tier: str | None, losses: Losses) -> str | None:
    if tier is not None and tier not in _TIERS:
        losses.drop("tier")
    return _TIERS.get(tier) if tier is not None else None
