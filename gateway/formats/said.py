"""How much text there is in an answer whose provider does not say what it cost. Costs nothing while a stream flows: its
last bytes stand for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType


def _texts(*keys: str) -> re.Pattern[bytes]:
    return re.compile(rb'"(?:%b)"\s*:\s*"((?:[^"\\]|\\.)*)"' % "|".join(keys).encode())


PIECES: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "openai_chat": _texts("content", "reasoning_content", "reasoning", "refusal", "arguments"),
        "openai_responses": _texts("delta"),
        "anthropic": _texts("text", "thinking", "partial_json"),
        "gemini": _texts("text"),
    }
)
"""By dialect: where the events of a stream say something."""

WHOLE: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {**PIECES, "openai_responses": _texts("text", "arguments", "input", "refusal")}
)
"""The same of a whole answer."""


def said_in(body: bytes, dialect: str) -> int:
    """Bytes of text in a whole answer, as it is written in JSON."""
    return sum(len(text) for text in WHOLE[dialect].findall(body))


def share_said(tail: bytes, dialect: str) -> float:
    """Bytes of text for each byte of a stream that ends like this."""
    return sum(len(text) for text in PIECES[dialect].findall(tail)) / len(tail) if tail else 0.0
