"""The Response object: the answer, and the settings of the request that OpenAI repeats around it.

Fields: https://platform.openai.com/docs/api-reference/responses/object. Strict clients check every one of them, hence
the settings come from the prompt, which was checked, as far as it holds them.
"""

from __future__ import annotations

from typing import Any

from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Finish, Usage
from gateway.formats.told import objects_of

from .output_items import incomplete_reason
from .prompt_reader import SUMMARIES, TIERS
from .prompt_writer import write_format
from .usage import write_usage


def new_response(context: ReplyContext) -> Fields:
    """A Response that has just begun."""
    prompt, request = context.prompt, context.fields
    sampling, who = prompt.sampling, prompt.identity
    return {
        "id": f"resp_{context.token}",
        "object": "response",
        "created_at": context.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": _text_or_none(request.get("instructions")),
        "max_output_tokens": prompt.max_tokens,
        "max_tool_calls": _count_or_none(request.get("max_tool_calls")),
        "model": context.model,
        "output": [],
        "parallel_tool_calls": prompt.parallel is not False,
        "previous_response_id": _text_or_none(request.get("previous_response_id")),
        "prompt_cache_key": prompt.cache_key,
        "reasoning": _reasoning(context),
        "safety_identifier": who.safety_id,
        "service_tier": _tier(who.tier),
        "store": request.get("store") is True,
        "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
        "text": _text(context),
        "tool_choice": _choice(request.get("tool_choice")),
        "tools": [_tool(tool) for tool in objects_of(request.get("tools"))],
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": 1.0 if sampling.top_p is None else sampling.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": who.user,
        "metadata": who.metadata or {},
    }


def ended_response(begun: Fields, finish: Finish | None, output: list[Fields], usage: Usage | None) -> Fields:
    """A Response that has been answered, wholly or in part."""
    reason = incomplete_reason(finish)
    return {
        **begun,
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output,
        "usage": write_usage(usage),
    }


def failed_response(begun: Fields, error: Fields, output: list[Fields], usage: Usage | None) -> Fields:
    """A Response that came to nothing, with the items that were done by then."""
    return {
        **begun,
        "status": "failed",
        "error": error,
        "output": output,
        "usage": None if usage is None else write_usage(usage),
    }


def tier_named(response: Fields, tier: str) -> Fields:
    """The Response with the tier that served it, where the provider says so in OpenAI's words."""
    return {**response, "service_tier": _tier(tier)} if tier in TIERS else response


def _tier(tier: str | None) -> str:
    return tier if tier in TIERS and tier != "auto" else "default"


def _reasoning(context: ReplyContext) -> Fields:
    thinking = context.prompt.thinking
    if thinking is None:
        return {"effort": None, "summary": None}
    asked = context.fields.get("reasoning")
    said = asked.get("summary") or asked.get("generate_summary") if isinstance(asked, dict) else None
    shown = said if said in SUMMARIES else "auto"
    return {"effort": thinking.effort, "summary": shown if thinking.visible else None}


def _text(context: ReplyContext) -> Fields:
    output = context.prompt.output
    form = {"type": "text"} if output is None else write_format(output)
    return {"format": form, "verbosity": context.prompt.verbosity or "medium"}


def _choice(choice: Any) -> Any:
    """As it was asked for: the reader has checked it."""
    return choice if isinstance(choice, dict) or choice in ("none", "auto", "required") else "auto"


_SHOWN = {
    "function": ("name", "description", "parameters", "strict"),
    "custom": ("name", "description", "format"),
    "web_search": ("filters", "user_location", "search_context_size"),
    "code_interpreter": ("container",),
}
"""What is repeated of a tool, by the kind its own kind begins with: the fields that the reader has checked."""

_REQUIRED: dict[str, Fields] = {
    "function": {"parameters": {}, "strict": None},
    "custom": {},
    "web_search": {},
    "code_interpreter": {"container": {"type": "auto"}},
}


def _tool(tool: Fields) -> Fields:
    kind = str(tool.get("type"))
    if kind == "namespace":
        inner = [_tool(each) for each in objects_of(tool.get("tools"))]
        return {"type": kind, "name": tool.get("name"), "description": tool.get("description") or "", "tools": inner}
    known = next((known for known in _SHOWN if kind.startswith(known)), None)
    if known is None:
        return tool
    given = {name: tool[name] for name in _SHOWN[known] if tool.get(name) is not None}
    return {"type": kind, **_REQUIRED[known], **given}


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count_or_none(value: Any) -> int | None:
    return value if value.__class__ is int else None
