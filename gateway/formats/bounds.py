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

ELSEWHERE = frozenset(("previous_response_id", "conversation", "cachedContent", "cached_content", "continuationToken"))
"""Fields that stand for a part of the prompt that only the provider has."""

CONFIGURATIONS = ("generationConfig", "generation_config")
"""Where Gemini is told, in either way of writing."""

BOUNDS = MappingProxyType(
    {
        name: ELSEWHERE | {"prompt"} | set(CONFIGURATIONS if name == "gemini" else (*names, *CHOICES.get(name, ())))
        for name, names in LIMITS.items()
    }
)
"""Fields of which one is there where any of the functions below finds anything, by dialect: of many requests none."""


def most_output(format_name: str, fields: Fields) -> int | None:
    """The most output tokens of one answer that a request allows; None where it does not say."""
    most = None
    for place in (fields,) if format_name != "gemini" else _configurations(fields):
        for name in LIMITS.get(format_name, ()):
            said = place.get(name)
            if said.__class__ is int and said >= 0 and (most is None or said > most):
                most = said
    return most


def choices(format_name: str, fields: Fields) -> int:
    """How many answers a request asks for: to each of its prompts, where it has several."""
    wanted = 1
    for place in (fields,) if format_name != "gemini" else _configurations(fields):
        for name in CHOICES.get(format_name, ()):
            if (said := place.get(name)) is not None:
                wanted = max(wanted, min(_count(said), MOST_CHOICES))
    prompt = fields.get("prompt")
    return wanted * _prompts(prompt) if prompt.__class__ is list and format_name == "openai_chat" else wanted


def goes_on(fields: Fields) -> bool:
    """Whether a part of the prompt is not in the request: only the provider has it, and it may be of any length."""
    return not ELSEWHERE.isdisjoint(fields) and any(fields.get(name) for name in ELSEWHERE)


def _configurations(fields: Fields) -> list[Fields]:
    """Where Gemini is told."""
    return objects_of([fields.get(name) for name in CONFIGURATIONS])


def _prompts(prompt: list[Any]) -> int:
    """Of a legacy completion, each is answered; a list of numbers is the tokens of one."""
    return max(sum(each.__class__ in (str, list) for each in prompt), 1)


def _count(value: Any) -> int:
    """A number, in whichever way JSON has it: servers take `"8"` and `8.0` for one too."""
    if isinstance(value, str):
        return int(value[:9]) if value.isascii() and value.isdigit() else 1
    return int(min(value, MOST_CHOICES)) if value.__class__ in (int, float) else 1
