"""How large a request is and how much it allows to be said, at a glance: for what is set aside before it is sent.

Knows where each dialect says it. Checks nothing: what is of the wrong kind says nothing here, and is refused elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from .format import Fields
from .told import object_of

LIMITS = MappingProxyType(
    {
        "openai_chat": ("max_completion_tokens", "max_tokens"),
        "openai_responses": ("max_output_tokens",),
        "anthropic": ("max_tokens",),
        "gemini": ("maxOutputTokens", "max_output_tokens"),
    }
)
"""Names of the most output tokens, by dialect."""

CHOICES = MappingProxyType({"openai_chat": ("n",), "gemini": ("candidateCount", "candidate_count")})
"""Names of the number of answers."""

MOST_CHOICES = 128

_MEDIA = re.compile(rb"[A-Za-z0-9+/_-]{4096,}={0,2}")
"""Bytes of something in base64: no text has so many letters without a space or an escape."""
_NEAR = 120
"""Bytes around it in which its type is said."""


class Media(NamedTuple):
    """Something in base64."""

    is_image: bool
    size: int
    """Bytes once decoded."""


def most_output(format_name: str, fields: Fields) -> int | None:
    """The most output tokens of one answer that a request allows; None where it does not say."""
    return _number(_said_in(format_name, fields), LIMITS.get(format_name, ()))


def choices(format_name: str, fields: Fields) -> int:
    """How many answers a request asks for."""
    wanted = _number(_said_in(format_name, fields), CHOICES.get(format_name, ()))
    return min(max(wanted or 1, 1), MOST_CHOICES)


def media_in(body: bytes) -> Iterator[Media]:
    """What a JSON body holds in base64, each at least some thousand bytes."""
    for found in _MEDIA.finditer(body):
        begins, ends = found.span()
        around = body[max(begins - _NEAR, 0) : begins] + body[ends : ends + _NEAR]
        yield Media(b"image" in around, (ends - begins) * 3 // 4)


def _said_in(format_name: str, fields: Fields) -> Fields:
    if format_name != "gemini":
        return fields
    return object_of(fields.get("generationConfig", fields.get("generation_config")))


def _number(fields: Fields, names: tuple[str, ...]) -> int | None:
    for name in names:
        value: Any = fields.get(name)
        if value.__class__ is int and value >= 0:
            return int(value)
    return None
