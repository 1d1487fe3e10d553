"""Tokens in the usage that a provider tells: found in the last bytes of a whole reply, of which nothing else is parsed.

Knows no dialect's names: the key and the reader of what stands behind it are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from gateway.records import Tokens

from .format import Fields
from .neutral import Usage
from .values import MOST_TOKENS

_FLAT = rb"[^{}]*"


def count_of(value: Any) -> int:
    """A number of tokens; 0 for what is none, and for what no provider counts to."""
    return value if value.__class__ is int and 0 < value < MOST_TOKENS else 0


def counts_in(value: Any) -> dict[str, int]:
    """The numbers of tokens in an object, by name: those above zero, as `count_of` has them."""
    if value.__class__ is not dict:
        return {}
    return {name: count for name, count in value.items() if count.__class__ is int and 0 < count < MOST_TOKENS}


def within(whole: int, audio: int, image: int) -> tuple[int, int]:
    """How much of a whole is audio, and how much is images: never more than there is."""
    if not (audio or image):
        return 0, 0
    heard = min(audio, max(whole, 0))
    return heard, min(image, max(whole - heard, 0))


def tokens_of(usage: Usage) -> Tokens:
    """Numbers that do not overlap, as the totals of a usage record."""
    return Tokens(
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write,
        usage.reasoning,
        usage.cache_write_1h,
        usage.input_audio,
        usage.input_image,
        usage.output_audio,
        usage.output_image,
        usage.cost_nano_usd,
    )


def usage_object(*, depth: int) -> bytes:
    """The pattern of an object, for `re`, that has no more than `depth` levels of objects within it."""
    inner = _FLAT
    for _ in range(depth):
        inner = _FLAT + rb"(?:\{" + inner + rb"\}" + _FLAT + rb")*"
    return rb"\{" + inner + rb"\}"


def usage_member(key: bytes, *, depth: int) -> re.Pattern[bytes]:
    """Where a usage object stands under its key, which has no more than `depth` levels of objects within it."""
    return re.compile(rb'"%b"\s*:\s*(%b)' % (key, usage_object(depth=depth)))


def last_tokens(body: bytes, member: re.Pattern[bytes], read: Callable[[Fields], Usage | None]) -> Tokens | None:
    """Tokens of the last object in which `read` finds any: arguments and metadata may have the key in them as well."""
    for found in reversed(member.findall(body)):
        try:
            usage = read(orjson.loads(found))
        except orjson.JSONDecodeError:
            continue
        if usage is not None:
            return tokens_of(usage)
    return None
