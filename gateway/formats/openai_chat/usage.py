"""OpenAI's usage object as numbers that do not overlap, and back.

Fields: https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage. Its totals include their details.
"""

from __future__ import annotations

import re

import orjson

from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import object_of
from gateway.formats.usages import count_of, tokens_of, usage_object
from gateway.records import Tokens

_KEY = b'"usage"'
_OBJECT = re.compile(rb"\s*:\s*(%b)" % usage_object(depth=1))
"""A `usage` object behind its key: objects within it, but none within those."""


def read_usage(usage: Fields) -> Usage:
    """The numbers; what is larger than its whole is a server's mistake and clamps (USAGE-4)."""
    if "prompt_tokens" not in usage and "input_tokens" in usage:  # images, audio
        usage = {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "prompt_tokens_details": usage.get("input_tokens_details"),
            "completion_tokens_details": usage.get("output_tokens_details"),
        }
    entered, produced = count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens"))
    if not (entered or produced):
        entered = count_of(usage.get("total_tokens"))
    before, after = object_of(usage.get("prompt_tokens_details")), object_of(usage.get("completion_tokens_details"))
    # DeepSeek tells its cache hits beside the totals: https://api-docs.deepseek.com/guides/kv_cache
    hits = count_of(before.get("cached_tokens")) or count_of(usage.get("prompt_cache_hit_tokens"))
    cached = min(hits, entered)
    written = min(count_of(before.get("cache_write_tokens")), entered - cached)
    reasoning = count_of(after.get("reasoning_tokens"))
    return Usage(
        fresh=entered - cached - written,
        cache_read=cached,
        cache_write=written,
        visible=max(produced - reasoning, 0),
        reasoning=min(reasoning, produced),
    )


def write_usage(usage: Usage) -> Fields:
    """The `usage` object for a client (USAGE-1, USAGE-2)."""
    before: Fields = {"cached_tokens": usage.cache_read}
    if usage.cache_write:
        before["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": before,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def tokens_in(body: bytes) -> Tokens | None:
    """Tokens in the last bytes of a whole reply, None where it has none. Only `usage` is parsed."""
    key = body.rfind(_KEY)
    found = _OBJECT.match(body, key + len(_KEY)) if key >= 0 else None
    if found is None:
        return None
    try:
        return tokens_of(read_usage(orjson.loads(found[1])))
    except orjson.JSONDecodeError:
        return None
