"""A prompt as the request for a chat provider. Compatible servers differ: what they take is in the model's facts.

Fields: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Thinking, Tool, ToolChoice
from gateway.formats.reasoning import clamped, effort_of
from gateway.formats.schemas import with_root, written
from gateway.records import ModelFacts

from .message_writer import Manner, write_messages

MOST_STOPS = 4
TIERS = {"ultrafast": "fast"}
"""Service tiers that go by another name here; others are the same (TIER-1)."""


def write_prompt(prompt: Prompt, model: str, facts: ModelFacts, losses: Losses) -> Fields:
    """The request. Raises UnsupportedParameter for what it cannot say and the client cannot do without."""
    if prompt.safety:
        losses.drop("safety")
    manner = Manner(
        losses,
        facts.cache_marks is True,
        facts.echo_reasoning is True,
        prompt.media_resolution,
        interposes=facts.user_after_tool is False,
    )
    body: Fields = {
        "model": model,
        "messages": write_messages(prompt.system, prompt.turns, manner),
        **_limit(prompt, facts, losses),
        **_sampling(prompt.sampling, facts, losses),
        **_stop(prompt, losses),
        **_tools(prompt, losses),
        **_reasoning(prompt.thinking, facts, losses),
        **_identity(prompt),
    }
    if prompt.output is not None:
        body["response_format"] = _output(prompt.output)
    if prompt.verbosity is not None:
        body["verbosity"] = prompt.verbosity
    if prompt.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _limit(prompt: Prompt, facts: ModelFacts, losses: Losses) -> Fields:
    """By the name the provider knows (MAXT-1)."""
    if prompt.max_tokens is None:
        return {}
    if prompt.max_tokens < 1:
        # To Anthropic, 0 means to fill the cache and answer nothing: there is no such request here.
        losses.refuse("max_tokens")
    return {facts.token_param or "max_tokens": prompt.max_tokens}


def _sampling(sampling: Sampling, facts: ModelFacts, losses: Losses) -> Fields:
    """Reasoning models take little of it (SAMP-3)."""
    if sampling.top_k is not None:
        losses.drop("top_k")
    asked: Fields = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "logprobs": True if sampling.logprobs else None,
        "top_logprobs": sampling.top_logprobs if sampling.logprobs else None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if facts.temperature is False:
        for name in given:
            losses.drop(name)
        given = {}
    others = {"seed": sampling.seed, "n": sampling.n, "logit_bias": sampling.logit_bias}
    return {**given, **{name: value for name, value in others.items() if value is not None}}


def _stop(prompt: Prompt, losses: Losses) -> Fields:
    if len(prompt.stop) > MOST_STOPS:
        losses.drop("stop")
    return {"stop": list(prompt.stop[:MOST_STOPS])} if prompt.stop else {}


def _tools(prompt: Prompt, losses: Losses) -> Fields:
    """Without tools there is nothing to choose (TCHO-1). Web search is not a tool here but an option."""
    choice = prompt.tool_choice
    tools = tuple(tool for tool in prompt.tools if tool.kind != "server")
    fields: Fields = {}
    for tool in prompt.tools:
        if tool.kind == "server" and _may_be_used(tool, choice):
            fields |= _server(tool, losses)
    if not tools:
        _drop_choice(prompt, losses)
        return fields
    fields["tools"] = [_tool(tool) for tool in tools]
    chosen = None if choice is None else _choice(choice, prompt.tools)
    if choice is not None and chosen is None:
        losses.drop("tool_choice")
    asked = {"tool_choice": chosen, "parallel_tool_calls": prompt.parallel}
    return fields | {name: value for name, value in asked.items() if value is not None}


def _may_be_used(tool: Tool, choice: ToolChoice | None) -> bool:
    """Whether the choice leaves a tool that the provider would use as it likes."""
    if choice is None or choice.mode in ("auto", "required"):
        return True
    return tool.name in choice.names


def _drop_choice(prompt: Prompt, losses: Losses) -> None:
    """`auto` and `none` hold anyway when there is nothing to choose."""
    if prompt.tool_choice is not None and prompt.tool_choice.mode not in ("auto", "none"):
        losses.drop("tool_choice")
    if prompt.parallel is not None:
        losses.drop("parallel")


def _server(tool: Tool, losses: Losses) -> Fields:
    if tool.server != "web_search":
        losses.refuse("tools", f"{tool.name} is not supported by the selected upstream.")
    if tool.allowed_domains:
        losses.drop("allowed_domains")
    place = {"user_location": {"type": "approximate", "approximate": dict(tool.location)}} if tool.location else {}
    return {"web_search_options": place}


def _tool(tool: Tool) -> Fields:
    described = {"description": tool.description} if tool.description else {}
    if tool.kind == "custom":
        return {"type": "custom", "custom": {"name": tool.name, **described, **_format(tool)}}
    strict = {} if tool.strict is None else {"strict": tool.strict}
    function = {"name": tool.name, **described, "parameters": with_root(tool.schema), **strict}
    return {"type": "function", "function": function}


def _format(tool: Tool) -> Fields:
    if tool.grammar is None:
        return {}
    grammar = {"syntax": tool.grammar.syntax, "definition": tool.grammar.definition}
    return {"format": {"type": "grammar", "grammar": grammar}}


def _choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> str | Fields | None:
    """The choice; None if nothing of it is left, as web search cannot be chosen."""
    if choice.mode not in ("named", "allowed"):
        return choice.mode
    custom = {tool.name for tool in tools if tool.kind == "custom"}
    hosted = {tool.name for tool in tools if tool.kind == "server"} - {
        tool.name for tool in tools if tool.kind != "server"
    }
    names = [name for name in choice.names if name not in hosted]
    if not names:
        return None
    if choice.mode == "allowed":
        allowed = [_chosen(name, custom) for name in names]
        mode = "required" if choice.required else "auto"
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    return _chosen(names[0], custom)


def _chosen(name: str, custom: set[str]) -> Fields:
    kind = "custom" if name in custom else "function"
    return {"type": kind, kind: {"name": name}}


def _output(output: Output) -> Fields:
    if output.kind == "json_object":
        return {"type": "json_object"}
    form: Fields = {"name": output.name or "response"}
    if output.description:
        form["description"] = output.description
    if output.schema is not None:
        form["schema"] = written(output.schema)
    if output.strict is not None:
        form["strict"] = output.strict
    return {"type": "json_schema", "json_schema": form}


def _reasoning(thinking: Thinking | None, facts: ModelFacts, losses: Losses) -> Fields:
    effort = effort_of(thinking) if thinking is not None else None
    if facts.thinking == "none":
        if effort not in (None, "none"):
            losses.drop("thinking")
        return {}
    offered = clamped(effort, facts.effort) if effort is not None else None
    return {"reasoning_effort": offered} if offered is not None else {}


def _identity(prompt: Prompt) -> Fields:
    identity: Identity = prompt.identity
    fields: Fields = {
        "prompt_cache_key": prompt.cache_key,
        "service_tier": TIERS.get(identity.tier, identity.tier) if identity.tier else None,
        "metadata": identity.metadata,
        "user": identity.user,
        "safety_identifier": identity.safety_id if identity.safety_id != identity.user else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
