"""How large a request is and how much it allows to be said, at a glance: for what is set aside before it is sent.

Knows where each dialect says it. Checks nothing: what is of the wrong kind says nothing here, and is refused elsewhere.
What providers may read in more than one way counts as the most that it can mean.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from .format import Fields
from .told import objects_of

LIMITS = MappingProxyType(
    {
        "openai_chat": ("max_completion_tokens", "max_tokens"),
        "openai_responses": ("max_output_tokens",),
        "anthropic": ("max_tokens",),
        "gemini": ("maxOutputTokens", "max_output_tokens"),
    }
)
"""Names of the most output tokens, by dialect."""

CHOICES = MappingProxyType({"openai_chat": ("n", "best_of"), "gemini": ("candidateCount", "candidate_count")})
"""Names of the number of answers."""

MOST_CHOICES = 128
"""To one prompt."""

ELSEWHERE = ("previous_response_id", "conversation", "cachedContent", "cached_content", "continuationToken")
"""Fields that stand for a part of the prompt that only the provider has."""


def most_output(format_name: str, fields: Fields) -> int | None:
    """The most output tokens of one answer that a request allows; None where it does not say."""
    said = [
        value
        for place in _places(format_name, fields)
        for name in LIMITS.get(format_name, ())
        if (value := place.get(name)).__class__ is int and value >= 0
    ]
    return max(said, default=None)


def choices(format_name: str, fields: Fields) -> int:
    """How many answers a request asks for: to each of its prompts, where it has several."""
    names = CHOICES.get(format_name, ())
    wanted = [_count(place.get(name)) for place in _places(format_name, fields) for name in names]
    return min(max([1, *wanted]), MOST_CHOICES) * _prompts(format_name, fields)


def goes_on(fields: Fields) -> bool:
    """Whether a part of the prompt is not in the request: only the provider has it, and it may be of any length."""
    return any(fields.get(name) for name in ELSEWHERE)


def _places(format_name: str, fields: Fields) -> list[Fields]:
    """Where it is said."""
    if format_name != "gemini":
        return [fields]
    return objects_of([fields.get("generationConfig"), fields.get("generation_config")])


def _prompts(format_name: str, fields: Fields) -> int:
    """Of a legacy completion, each is answered; a list of numbers is the tokens of one."""
    prompt = fields.get("prompt") if format_name == "openai_chat" else None
    return max(sum(each.__class__ in (str, list) for each in prompt), 1) if isinstance(prompt, list) else 1


def _count(value: Any) -> int:
    """A number, in whichever way JSON has it: servers take `"8"` and `8.0` for one too."""
    if isinstance(value, str):
        return int(value[:9]) if value.isascii() and value.isdigit() else 1
    return int(min(value, MOST_CHOICES)) if value.__class__ in (int, float) else 1
