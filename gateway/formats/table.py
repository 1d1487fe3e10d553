"""The dialects we speak: a line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .anthropic.dialect import FORMAT as ANTHROPIC
from .format import Format
from .gemini.dialect import FORMAT as GEMINI
from .openai_chat.dialect import FORMAT as OPENAI_CHAT
from .openai_responses.dialect import FORMAT as OPENAI_RESPONSES

FORMATS: Mapping[str, Format] = MappingProxyType(
    {each.name: each for each in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GEMINI)}
)
"""By name."""
