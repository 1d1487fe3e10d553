"""Usage in Anthropic's shape, both ways, and the tokens in the last bytes of a whole reply.

Shape: https://platform.claude.com/docs/en/api/messages. Unlike everybody else's, the three input numbers do not
overlap: what was read from the cache, and what was written to it, are no parts of `input_tokens`.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.values import MOST_TOKENS
from gateway.records import Tokens

_FLAT = rb"[^{}]*"
_INNER = rb"\{" + _FLAT + rb"\}"
_DETAILS = rb"\{" + _FLAT + rb"(?:" + _INNER + _FLAT + rb")*\}"
_USAGE = re.compile(rb'"usage"\s*:\s*(\{' + _FLAT + rb"(?:" + _DETAILS + _FLAT + rb")*\})")
"""A `usage` object: details within it, and lifetimes within those of its iterations."""


def read_usage(usage: Fields) -> Usage:
    """The numbers of a `usage` object; what is missing or no number counts as 0."""
    lifetimes, details = _object(usage.get("cache_creation")), _object(usage.get("output_tokens_details"))
    lasting = _count(lifetimes.get("ephemeral_1h_input_tokens"))
    written = usage.get("cache_creation_input_tokens")
    if written is None:
        written = lasting + _count(lifetimes.get("ephemeral_5m_input_tokens"))
    produced, reasoning = _count(usage.get("output_tokens")), _count(details.get("thinking_tokens"))
    return Usage(
        fresh=_count(usage.get("input_tokens")),
        cache_read=_count(usage.get("cache_read_input_tokens")),
        cache_write=_count(written),
        cache_write_1h=min(lasting, _count(written)),
        visible=max(produced - reasoning, 0),
        reasoning=reasoning,
    )


def write_usage(usage: Usage | None) -> Fields:
    """The `usage` object for a client; zeros where the provider gave none (USAGE-5)."""
    known = usage or Usage()
    fields: Fields = {
        "input_tokens": known.fresh + known.tool_prompt,
        "cache_creation_input_tokens": known.cache_write,
        "cache_read_input_tokens": known.cache_read,
        "output_tokens": known.output,
    }
    if known.cache_write_1h:
        fields["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(known.cache_write - known.cache_write_1h, 0),
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        }
    if known.reasoning:
        fields["output_tokens_details"] = {"thinking_tokens": known.reasoning}
    return fields


def tokens_in(body: bytes) -> Tokens | None:
    """Tokens of a whole reply passed through, None where it does not say. Only `usage` is parsed.

    Arguments of a tool may hold the word as well, hence the look at what is in it.
    """
    for found in reversed(_USAGE.findall(body)):
        try:
            fields = orjson.loads(found)
        except orjson.JSONDecodeError:
            continue
        if "input_tokens" in fields or "output_tokens" in fields:
            usage = read_usage(fields)
            return Tokens(usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning)
    return None


def _count(value: Any) -> int:
    return value if value.__class__ is int and 0 < value < MOST_TOKENS else 0


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}
