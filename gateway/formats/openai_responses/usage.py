"""Usage in the Responses shape, both ways, and the tokens in the last bytes of a whole reply.

Shape: https://platform.openai.com/docs/api-reference/responses/object. Cached and written tokens are parts of
`input_tokens`, reasoning is part of `output_tokens`; strict clients want every detail, zero or not.
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
"""A `usage` object: details within it, and numbers by lifetime within those."""


def read_usage(usage: Fields) -> Usage:
    """The numbers of a `usage` object; what is missing or no number counts as 0."""
    entered, produced = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    details, more = _object(usage.get("input_tokens_details")), _object(usage.get("output_tokens_details"))
    read, written = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    lasting = _count(_object(details.get("cache_write_tokens_details")).get("ttl_12h_tokens"))
    reasoning = _count(more.get("reasoning_tokens"))
    return Usage(
        fresh=max(entered - read - written, 0),
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(lasting, written),
        visible=max(produced - reasoning, 0),
        reasoning=reasoning,
    )


def write_usage(usage: Usage | None) -> Fields:
    """The `usage` object for a client; zeros where the provider gave none (USAGE-5)."""
    known = usage or Usage()
    return {
        "input_tokens": known.input,
        "input_tokens_details": {"cached_tokens": known.cache_read, "cache_write_tokens": known.cache_write},
        "output_tokens": known.output,
        "output_tokens_details": {"reasoning_tokens": known.reasoning},
        "total_tokens": known.input + known.output,
    }


def tokens_in(body: bytes) -> Tokens | None:
    """Tokens of a whole reply passed through, None where it does not say. Only `usage` is parsed.

    What stands behind it may hold the word as well (metadata is the client's), hence the look at what is in it.
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
