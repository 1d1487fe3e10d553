"""Usage in the Responses shape, both ways, and the tokens in the last bytes of a whole reply.

Shape: https://platform.openai.com/docs/api-reference/responses/object. Cached and written tokens are parts of
`input_tokens`, reasoning is part of `output_tokens`; strict clients want every detail, zero or not.
"""

from __future__ import annotations

from gateway.formats.charged import charged
from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import object_of
from gateway.formats.usages import count_of, last_tokens, usage_member, within
from gateway.records import Tokens

_USAGE = usage_member(b"usage", depth=2)
"""A `usage` object: details within it, and numbers by lifetime within those."""


def read_usage(usage: Fields) -> Usage:
    """The numbers of a `usage` object; what is missing or no number counts as 0."""
    entered, produced = count_of(usage.get("input_tokens")), count_of(usage.get("output_tokens"))
    details, more = object_of(usage.get("input_tokens_details")), object_of(usage.get("output_tokens_details"))
    read, written = count_of(details.get("cached_tokens")), count_of(details.get("cache_write_tokens"))
    lasting = count_of(object_of(details.get("cache_write_tokens_details")).get("ttl_12h_tokens"))
    reasoning = count_of(more.get("reasoning_tokens"))
    fresh, visible = max(entered - read - written, 0), max(produced - reasoning, 0)
    heard, seen = within(fresh, count_of(details.get("audio_tokens")), count_of(details.get("image_tokens")))
    spoken, drawn = within(visible, count_of(more.get("audio_tokens")), count_of(more.get("image_tokens")))
    return Usage(
        fresh=fresh,
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(lasting, written),
        visible=visible,
        reasoning=reasoning,
        input_audio=heard,
        input_image=seen,
        output_audio=spoken,
        output_image=drawn,
        cost_nano_usd=charged(usage),
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
    return last_tokens(body, _USAGE, _known_usage)


def _known_usage(usage: Fields) -> Usage | None:
    return read_usage(usage) if "input_tokens" in usage or "output_tokens" in usage else None
