"""A prompt as the request for an Anthropic provider: limits, instructions, identity; turns and tools next door.

Fields: https://platform.claude.com/docs/en/api/messages, in the version that still takes sampling parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Output, Prompt, Text
from gateway.formats.schemas import for_anthropic_output
from gateway.records import ModelFacts

from .block_writer import content_of, write_blocks, write_mark
from .thinking_writer import write_sampling, write_thinking
from .tool_writer import write_tooling
from .turn_writer import fitted_turns, write_turns

USUAL_LIMIT = 32000
"""Output tokens where the client sets no limit: the API wants one (MAXT-2)."""
MARKS = 4
"""Most cache marks the API takes in one request."""
JSON_ONLY = "Respond with a single valid JSON object and nothing else."
"""Stands for a JSON mode, which there is none of (FMT-2)."""

_TIERS = {"auto": "auto", "default": "standard_only"}


def write_prompt(prompt: Prompt, model: str, facts: ModelFacts, losses: Losses) -> Fields:
    """The request. Raises UnsupportedParameter for what it cannot say and the client cannot do without."""
    _report(prompt, losses)
    turns = fitted_turns(prompt.turns, mid_system=facts.mid_system is True)
    limit = _limit(prompt, facts)
    thinking = write_thinking(prompt, turns, facts, limit, losses)
    thinks = thinking.get("thinking", {}).get("type") in ("enabled", "adaptive")
    body: Fields = {
        "model": model,
        "max_tokens": limit,
        **_system(prompt, losses),
        "messages": write_turns(turns, losses),
        **write_tooling(prompt, losses),
        **_stop(prompt, losses),
        **write_sampling(prompt.sampling, facts, losses, thinks=thinks),
        **({"thinking": thinking["thinking"]} if thinking else {}),
        **_output_config(prompt.output, thinking.get("effort")),
        **_identity(prompt, losses),
        **write_mark(prompt.cache),
    }
    if prompt.stream:
        body["stream"] = True
    _limit_marks(body)
    return body


def _report(prompt: Prompt, losses: Losses) -> None:
    """What the API has no field for. Several answers cannot be left out: the client would wait for them."""
    sampling, who = prompt.sampling, prompt.identity
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n")
    absent = {
        "frequency_penalty": sampling.frequency_penalty is not None,
        "presence_penalty": sampling.presence_penalty is not None,
        "seed": sampling.seed is not None,
        "logit_bias": sampling.logit_bias is not None,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs is not None,
        "verbosity": prompt.verbosity is not None,
        "cache_key": prompt.cache_key is not None,
        "media_resolution": bool(prompt.media_resolution),
        "safety": bool(prompt.safety),
        "metadata": bool(who.metadata),
        "store": who.store is True,
    }
    for field, asked in absent.items():
        if asked:
            losses.drop(field)


def _limit(prompt: Prompt, facts: ModelFacts) -> int:
    most = facts.max_output
    wanted = USUAL_LIMIT if prompt.max_tokens is None else prompt.max_tokens
    return wanted if most is None else min(wanted, most)


def _system(prompt: Prompt, losses: Losses) -> Fields:
    texts = [text for text in prompt.system if text.text.strip()]
    if _wants_any_json(prompt.output):
        losses.emulate("output")
        texts.append(Text(JSON_ONLY))
    return {"system": content_of(write_blocks("system", texts, losses))} if texts else {}


def _wants_any_json(output: Output | None) -> bool:
    """A schema that asks for nothing is none."""
    return output is not None and (output.kind == "json_object" or not output.schema)


def _stop(prompt: Prompt, losses: Losses) -> Fields:
    """Words of mere blanks the API refuses (STOP-1)."""
    words = [word for word in prompt.stop if word.strip()]
    if len(words) < len(prompt.stop):
        losses.drop("stop")
    return {"stop_sequences": words} if words else {}


def _output_config(output: Output | None, effort: str | None) -> Fields:
    config: Fields = {} if effort is None else {"effort": effort}
    if output is not None and output.schema and output.kind == "json_schema":
        config["format"] = {"type": "json_schema", "schema": for_anthropic_output(output.schema)}
    return {"output_config": config} if config else {}


def _identity(prompt: Prompt, losses: Losses) -> Fields:
    """Who asks: there is one id for it (USER-1)."""
    who = prompt.identity
    fields: Fields = {}
    user = who.safety_id if who.safety_id is not None else who.user
    if user is not None:
        fields["metadata"] = {"user_id": user}
        if who.user not in (None, user):
            losses.drop("user")
    if who.tier in _TIERS:
        fields["service_tier"] = _TIERS[who.tier]
    elif who.tier is not None:
        losses.drop("tier")
    return fields


def _limit_marks(body: Fields) -> None:
    """Of more cache marks than the API takes, the last ones stay: they stand for the most."""
    marked = [*_marked(body.get("tools")), *_marked(body.get("system")), *_marked(body["messages"])]
    for block in marked[: max(len(marked) + ("cache_control" in body) - MARKS, 0)]:
        del block["cache_control"]


def _marked(value: Any) -> Iterator[Fields]:
    """Blocks with a mark, in order, those inside of messages and results too."""
    if isinstance(value, list):
        for each in value:
            yield from _marked(each.get("content"))
            if "cache_control" in each:
                yield each
