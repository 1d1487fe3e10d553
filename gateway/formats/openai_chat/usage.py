"""OpenAI's usage object as numbers that do not overlap, and back.

Fields: https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage. Its totals include their details.
"""

from __future__ import annotations

import re
from typing import Annotated

import orjson
from msgspec import Meta, Struct, ValidationError, convert

from gateway.formats.charged import charged
from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import object_of
from gateway.formats.usages import counts_in, tokens_of, usage_object, within
from gateway.formats.values import MOST_TOKENS
from gateway.records import Tokens

Count = Annotated[int, Meta(ge=0, lt=MOST_TOKENS)]
"""A number of tokens."""

_KEY = b'"usage"'
_OBJECT = re.compile(rb"\s*:\s*(%b)" % usage_object(depth=2))
"""A `usage` object behind its key: details within it, and parts of what was cached within those."""


class _Parts(Struct, frozen=True, gc=False):
    """What kinds of tokens there are among some."""

    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    reasoning_tokens: Count = 0
    audio_tokens: Count = 0
    image_tokens: Count = 0


class _Prompt(_Parts, frozen=True, gc=False):
    """The same of a prompt."""

    cached_tokens_details: _Parts | None = None


class _Told(Struct, frozen=True, gc=False):
    """What is read of a usage object. DeepSeek tells its cache hits beside the totals
    (https://api-docs.deepseek.com/guides/kv_cache), and so does Kimi
    (https://platform.moonshot.ai/docs/api/chat)."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0
    prompt_cache_hit_tokens: Count = 0
    cached_tokens: Count = 0
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Parts | None = None


_NOTHING_BEFORE = _Prompt()
_NOTHING_AFTER = _Parts()


def read_usage(usage: Fields) -> Usage:
    """The numbers; what is larger than its whole is a server's mistake and clamps (USAGE-4)."""
    if "prompt_tokens" not in usage and "input_tokens" in usage:
        usage = _of_media(usage)
    told = _told(usage)
    before = told.prompt_tokens_details or _NOTHING_BEFORE
    after = told.completion_tokens_details or _NOTHING_AFTER
    entered, produced, reasoning = told.prompt_tokens, told.completion_tokens, 0
    spoken = drawn = audio = image = written = 0
    if after != _NOTHING_AFTER:
        produced, reasoning = _with_reasoning(told, after.reasoning_tokens)
        spoken, drawn = within(produced - reasoning, after.audio_tokens, after.image_tokens)
    if not (entered or produced):
        entered = told.total_tokens
    cached = before.cached_tokens or told.prompt_cache_hit_tokens or told.cached_tokens
    if cached > entered:
        cached = entered
    fresh = entered - cached
    if before != _NOTHING_BEFORE:
        written = min(before.cache_write_tokens, fresh)
        fresh -= written
        audio, image = within(fresh, *_uncached(before))
    return Usage(
        fresh=fresh,
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


def _told(usage: Fields) -> _Told:
    try:
        return convert(usage, _Told)
    except ValidationError:
        return convert(_mended(usage), _Told)


def _mended(usage: Fields) -> Fields:
    """Without what is no number of tokens where one should be, and no object."""
    before = object_of(usage.get("prompt_tokens_details"))
    cached = counts_in(before.get("cached_tokens_details"))
    return {
        **counts_in(usage),
        "prompt_tokens_details": {**counts_in(before), "cached_tokens_details": cached},
        "completion_tokens_details": counts_in(usage.get("completion_tokens_details")),
    }


def _of_media(usage: Fields) -> Fields:
    """Usage of images, transcriptions and speech under the names of Chat; transcriptions say `input_token_details`."""
    return {
        **usage,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details") or usage.get("input_token_details"),
        "completion_tokens_details": usage.get("output_tokens_details") or usage.get("output_token_details"),
    }


def _with_reasoning(told: _Told, reasoning: int) -> tuple[int, int]:
    """All output, and how much of it was reasoning.

    xAI leaves reasoning out of `completion_tokens`, and has it in the total: https://docs.x.ai/docs/guides/reasoning.
    """
    produced = told.completion_tokens
    if told.total_tokens == told.prompt_tokens + produced + reasoning:
        produced += reasoning
    return produced, min(reasoning, produced)


def _uncached(before: _Prompt) -> tuple[int, int]:
    """Audio and images of a prompt without those that were in a cache. OpenAI tells these apart:
    https://platform.openai.com/docs/guides/realtime-costs."""
    cached = before.cached_tokens_details or _NOTHING_AFTER
    return max(before.audio_tokens - cached.audio_tokens, 0), max(before.image_tokens - cached.image_tokens, 0)


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
    """Tokens in the last bytes of a whole reply, None where it has none. Only `usage`, and what follows it, is parsed:
    where it is a member of the reply itself, that with a brace in front of it is an object again."""
    key = body.rfind(_KEY)
    if key < 0:
        return None
    try:
        usage = orjson.loads(b"{" + body[key:])["usage"]
    except orjson.JSONDecodeError:
        usage = _usage_within(body, key)
    return tokens_of(read_usage(usage)) if usage.__class__ is dict else None


def _usage_within(body: bytes, key: int) -> Fields | None:
    """The object behind the key, where it is a member of something within the reply."""
    found = _OBJECT.match(body, key + len(_KEY))
    try:
        return orjson.loads(found[1]) if found else None
    except orjson.JSONDecodeError:
        return None
