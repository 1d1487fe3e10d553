"""What must be known of each dialect's streams to pass them through: how they begin, end, and where things stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .rename import Place

Fields = dict[str, Any]


def _never(fields: Fields) -> bool:
    return False


def _of_type(*types: str) -> Callable[[Fields], bool]:
    return lambda fields: fields.get("type") in types


def _only_role(fields: Fields) -> bool:
    """OpenAI Chat: a chunk that says who speaks, or what the filters think of the prompt, but nothing of the answer."""
    choices = fields.get("choices")
    if not isinstance(choices, list) or fields.get("usage"):
        return False
    return all(isinstance(choice, dict) and _is_empty(choice) for choice in choices)


def _is_empty(choice: Fields) -> bool:
    delta = choice.get("delta")
    said = [name for name, value in delta.items() if value] if isinstance(delta, dict) else []
    return said in ([], ["role"]) and not choice.get("finish_reason")


class Passing(NamedTuple):
    """What must be known of a dialect's streams to pass them through."""

    finished: re.Pattern[bytes]
    """Stands in every stream that was finished."""
    gate: bytes = b""
    """In every event that says usage or the model's name; all others are not searched for them."""
    is_opening: Callable[[Fields], bool] = _never
    """Whether an event comes before there is any content: an error after it is still no answer."""
    content: re.Pattern[bytes] | None = None
    """In an event that has content for certain: one look at what comes first, in the place of reading its events."""
    usage_key: bytes = b'"usage"'
    usage_within: tuple[str, ...] = ()
    """Objects of an event that may hold the usage, beside the event itself."""
    place: Place = Place(b'"model"')
    """The member that has the model's name; in a whole reply it is one of the reply itself."""
    named: bytes = b'"id"'
    """In an event that says the reply's id."""
    done: bytes = b""
    """Ends every stream; added where a finished one lacks it."""


_CONTENT = re.compile(rb'"content"\s*:\s*"[^"]')

DONE = b"data: [DONE]\n\n"

PASSING: Mapping[str, Passing] = MappingProxyType(
    {
        "openai_chat": Passing(
            re.compile(rb'"finish_reason"\s*:\s*"'), is_opening=_only_role, content=_CONTENT, done=DONE
        ),
        "openai_responses": Passing(
            re.compile(rb'"type"\s*:\s*"response\.(?:completed|incomplete|failed|cancelled)"'),
            gate=b'"response"',
            is_opening=_of_type("response.created", "response.queued", "response.in_progress"),
            usage_within=("response",),
            place=Place(b'"model"', within=b'"response"'),
            named=b'"response"',
        ),
        "anthropic": Passing(
            re.compile(rb'"type"\s*:\s*"message_stop"|"stop_reason"\s*:\s*"'),
            gate=b'"message_',
            is_opening=_of_type("message_start", "ping"),
            usage_within=("message",),
            place=Place(b'"model"', within=b'"message"'),
            named=b'"message"',
        ),
        "gemini": Passing(
            re.compile(rb'"(?:finishReason|blockReason)"\s*:\s*"'),
            usage_key=b'"usageMetadata"',
            place=Place(b'"modelVersion"'),
            named=b'"responseId"',
        ),
    }
)
"""By dialect. Events as in each vendor's reference of its stream."""

PLAIN = Passing(re.compile(rb""))
"""Streams of endpoints whose events we know nothing of (speech, images): they are finished when they end."""
