"""Usage in Anthropic's shape, both ways, and the tokens in the last bytes of a whole reply.

Shape: https://platform.claude.com/docs/en/api/messages. Unlike everybody else's, the three input numbers do not
overlap: what was read from the cache, and what was written to it, are no parts of `input_tokens`.
"""

from __future__ import annotations

from gateway.formats.charged import charged
from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import object_of
from gateway.formats.usages import count_of, last_tokens, usage_member
from gateway.records import Tokens

_USAGE = usage_member(b"usage", depth=2)
"""A `usage` object: details within it, and lifetimes within those of its iterations."""


def read_usage(usage: Fields) -> Usage:
    """The numbers of a `usage` object; what is missing or no number counts as 0."""
    lifetimes, details = object_of(usage.get("cache_creation")), object_of(usage.get("output_tokens_details"))
    lasting = count_of(lifetimes.get("ephemeral_1h_input_tokens"))
    written = usage.get("cache_creation_input_tokens")
    if written is None:
        written = lasting + count_of(lifetimes.get("ephemeral_5m_input_tokens"))
    produced, reasoning = count_of(usage.get("output_tokens")), count_of(details.get("thinking_tokens"))
    return Usage(
        fresh=count_of(usage.get("input_tokens")),
        cache_read=count_of(usage.get("cache_read_input_tokens")),
        cache_write=count_of(written),
        cache_write_1h=min(lasting, count_of(written)),
        visible=max(produced - reasoning, 0),
        reasoning=reasoning,
        cost_nano_usd=charged(usage),
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
    return last_tokens(body, _USAGE, _known_usage)


def _known_usage(usage: Fields) -> Usage | None:
    return read_usage(usage) if "input_tokens" in usage or "output_tokens" in usage else None
