"""OpenAI's usage object as numbers that do not overlap, and back.

Fields: https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage. Its totals include their details.
"""

from __future__ import annotations

import re

import orjson

from gateway.formats.charged import charged
from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import object_of
from gateway.formats.usages import count_of, tokens_of, usage_object, within
from gateway.records import Tokens

_KEY = b'"usage"'
_OBJECT = re.compile(rb"\s*:\s*(%b)" % usage_object(depth=2))
"""A `usage` object behind its key: details within it, and parts of what was cached within those."""


def read_usage(usage: Fields) -> Usage:
    """The numbers; what is larger than its whole is a server's mistake and clamps (USAGE-4)."""
    if "prompt_tokens" not in usage and "input_tokens" in usage:
        usage = _of_media(usage)
    entered = count_of(usage.get("prompt_tokens"))
    before, after = object_of(usage.get("prompt_tokens_details")), object_of(usage.get("completion_tokens_details"))
    produced, reasoning = _produced(usage, entered, count_of(after.get("reasoning_tokens")))
    if not (entered or produced):
        entered = count_of(usage.get("total_tokens"))
    cached = min(_cached(usage, before), entered)
    written = min(count_of(before.get("cache_write_tokens")), entered - cached)
    audio, image = _fresh_media(before, entered - cached - written)
    spoken, drawn = _media(after, produced - reasoning)
    return Usage(
        fresh=entered - cached - written,
        cache_read=cached,
        cache_write=written,
        visible=produced - reasoning,
        reasoning=reasoning,
        input_audio=audio,
        input_image=image,
        output_audio=spoken,
        output_image=drawn,
        cost_nano_usd=charged(usage),
    )


def _of_media(usage: Fields) -> Fields:
    """Usage of images, transcriptions and speech under the names of Chat; transcriptions say `input_token_details`."""
    return {
        **usage,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details") or usage.get("input_token_details"),
        "completion_tokens_details": usage.get("output_tokens_details") or usage.get("output_token_details"),
    }


def _produced(usage: Fields, entered: int, reasoning: int) -> tuple[int, int]:
    """All output, and how much of it was reasoning.

    xAI leaves reasoning out of `completion_tokens`, and has it in the total: https://docs.x.ai/docs/guides/reasoning.
    """
    produced = count_of(usage.get("completion_tokens"))
    if reasoning and count_of(usage.get("total_tokens")) == entered + produced + reasoning:
        produced += reasoning
    return produced, min(reasoning, produced)


def _cached(usage: Fields, before: Fields) -> int:
    """DeepSeek tells its cache hits beside the totals (https://api-docs.deepseek.com/guides/kv_cache), and so does Kimi
    (https://platform.moonshot.ai/docs/api/chat)."""
    return (
        count_of(before.get("cached_tokens"))
        or count_of(usage.get("prompt_cache_hit_tokens"))
        or count_of(usage.get("cached_tokens"))
    )


def _media(details: Fields, whole: int) -> tuple[int, int]:
    """Audio and images in a part of the tokens."""
    if "audio_tokens" not in details and "image_tokens" not in details:
        return 0, 0
    return within(whole, count_of(details.get("audio_tokens")), count_of(details.get("image_tokens")))


def _fresh_media(before: Fields, fresh: int) -> tuple[int, int]:
    """Audio and images that were in no cache. The totals have cached ones in them, which OpenAI tells apart:
    https://platform.openai.com/docs/guides/realtime-costs."""
    if "cached_tokens_details" not in before:
        return _media(before, fresh)
    cached = object_of(before["cached_tokens_details"])
    audio, image = (
        max(count_of(before.get(name)) - count_of(cached.get(name)), 0) for name in ("audio_tokens", "image_tokens")
    )
    return within(fresh, audio, image)


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
