"""A number of input tokens, as the endpoint that counts them tells it.

https://platform.claude.com/docs/en/api/messages-count-tokens
"""

from __future__ import annotations

from gateway.errors import UpstreamMalformed
from gateway.formats.format import Fields

_COUNTED = frozenset(
    ("cache_control", "messages", "model", "output_config", "speed", "system", "thinking", "tool_choice", "tools")
)
"""Fields of a request that a count takes."""


def count_request(body: Fields) -> Fields:
    """A request for a reply as the wish for a count."""
    return {name: value for name, value in body.items() if name in _COUNTED}


def read_count(fields: Fields) -> int:
    """A provider's number. Raises UpstreamMalformed when there is none."""
    tokens = fields.get("input_tokens")
    if tokens.__class__ is not int or tokens < 0:
        raise UpstreamMalformed("The provider's answer has no number of tokens.")
    return int(tokens)


def write_count(tokens: int) -> Fields:
    """The number for a client."""
    return {"input_tokens": tokens}
