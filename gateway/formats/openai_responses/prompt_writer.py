"""A prompt as the request for a Responses provider: stateless always, reasoning sealed and handed back by the client.

Fields: https://platform.openai.com/docs/api-reference/responses/create.
"""

from __future__ import annotations

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Thinking
from gateway.formats.reasoning import clamped, effort_of, kept
from gateway.formats.schemas import with_root, written
from gateway.records import ModelFacts

from .item_writer import Manner, write_items, write_message
from .tool_writer import write_choice, write_tools

LEAST_OUTPUT = 16
"""Fewer output tokens the API refuses (MAXT-2)."""


def write_prompt(prompt: Prompt, model: str, facts: ModelFacts, losses: Losses) -> Fields:
    """The request. Raises UnsupportedParameter for what it cannot say and the client cannot do without."""
    _report(prompt, losses)
    manner = Manner(losses, facts.cache_marks is True, prompt.media_resolution)
    items = write_items(kept(prompt.turns, ("openai",)), manner)
    sampling = _sampling(prompt.sampling, facts, losses)
    body: Fields = {
        "model": model,
        **_instructed(prompt, items, manner),
        **_limit(prompt, losses),
        **sampling,
        **_tools(prompt, losses),
        **_text(prompt),
        **_reasoning(prompt.thinking, facts, losses),
        **_identity(prompt),
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    if prompt.sampling.logprobs and facts.temperature is not False:
        body["include"].append("message.output_text.logprobs")
    if prompt.stream:
        body["stream"] = True
    return body


def _report(prompt: Prompt, losses: Losses) -> None:
    """What the API has no field for. Several answers cannot be left out: the client would wait for them."""
    sampling = prompt.sampling
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n")
    absent = {
        "stop": prompt.stop,
        "top_k": sampling.top_k is not None,
        "frequency_penalty": sampling.frequency_penalty is not None,
        "presence_penalty": sampling.presence_penalty is not None,
        "seed": sampling.seed is not None,
        "logit_bias": sampling.logit_bias is not None,
        "safety": prompt.safety,
    }
    for field, asked in absent.items():
        if asked:
            losses.drop(field)


def _instructed(prompt: Prompt, items: list[Fields], manner: Manner) -> Fields:
    """Leading instructions are one text, unless one of them is marked for the cache (SYS-1)."""
    if manner.marks and any(text.cache is not None for text in prompt.system):
        return {"input": [*(write_message("developer", (text,), manner) for text in prompt.system), *items]}
    instructions = "\n\n".join(text.text for text in prompt.system if text.text.strip())
    return {**({"instructions": instructions} if instructions else {}), "input": items}


def _limit(prompt: Prompt, losses: Losses) -> Fields:
    if prompt.max_tokens is None:
        return {}
    if prompt.max_tokens < 1:
        # To Anthropic, 0 means to fill the cache and answer nothing: there is no such request here.
        losses.refuse("max_tokens")
    return {"max_output_tokens": max(prompt.max_tokens, LEAST_OUTPUT)}


def _sampling(sampling: Sampling, facts: ModelFacts, losses: Losses) -> Fields:
    """Reasoning models take none of it (SAMP-3)."""
    asked = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_logprobs": sampling.top_logprobs if sampling.logprobs else None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if facts.temperature is not False:
        return given
    for name in given:
        losses.drop(name)
    if sampling.logprobs:
        losses.drop("logprobs")
    return {}


def _tools(prompt: Prompt, losses: Losses) -> Fields:
    """Without tools, neither choice nor number of calls is asked for (TCHO-1)."""
    if not prompt.tools:
        return {}
    fields: Fields = {"tools": write_tools(prompt.tools, losses)}
    if prompt.tool_choice is not None:
        fields["tool_choice"] = write_choice(prompt.tool_choice, prompt.tools)
    if prompt.parallel is not None:
        fields["parallel_tool_calls"] = prompt.parallel
    return fields


def _text(prompt: Prompt) -> Fields:
    text: Fields = {}
    if prompt.output is not None:
        text["format"] = write_format(prompt.output)
    if prompt.verbosity is not None:
        text["verbosity"] = prompt.verbosity
    return {"text": text} if text else {}


def write_format(output: Output) -> Fields:
    """`text.format`; a schema must have a name (FMT-1)."""
    if output.kind == "json_object":
        return {"type": "json_object"}
    fields: Fields = {"type": "json_schema", "name": output.name or "response"}
    if output.description:
        fields["description"] = output.description
    fields["schema"] = with_root(None) if output.schema is None else written(output.schema)
    if output.strict is not None:
        fields["strict"] = output.strict
    return fields


def _reasoning(thinking: Thinking | None, facts: ModelFacts, losses: Losses) -> Fields:
    if thinking is None:
        return {}
    fields: Fields = {}
    effort = effort_of(thinking)
    if facts.thinking == "none":
        if effort not in (None, "none") or thinking.visible:
            losses.drop("thinking")
        return {}
    offered = clamped(effort, facts.effort) if effort is not None else None
    if offered is not None:
        fields["effort"] = offered
    if thinking.visible:
        fields["summary"] = "auto"
    return {"reasoning": fields} if fields else {}


def _identity(prompt: Prompt) -> Fields:
    """Who asks. One id given as both is Anthropic's only one, and a safety identifier here (USER-1)."""
    who: Identity = prompt.identity
    asked = {
        "metadata": who.metadata,
        "safety_identifier": who.safety_id,
        "user": who.user if who.user != who.safety_id else None,
        "service_tier": who.tier,
        "prompt_cache_key": prompt.cache_key,
    }
    return {name: value for name, value in asked.items() if value is not None}
