"""`usageMetadata`, both ways, and the tokens in the last bytes of a whole reply.

Shape: https://ai.google.dev/api/generate-content#UsageMetadata. The prompt's count has cached tokens in it, but not
those of Google's own tools; the candidates' count has no thoughts in it.
"""

from __future__ import annotations

from typing import Any

from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.told import objects_in
from gateway.formats.usages import count_of, last_tokens, usage_member, within
from gateway.records import Tokens

_USAGE = usage_member(b"usageMetadata", depth=1)
"""A usage object: counts by modality are objects within it, and have none within them."""


def read_usage(usage: Fields) -> Usage:
    """The numbers of a usage object; what is missing or no number counts as 0."""
    entered, cached = count_of(usage.get("promptTokenCount")), count_of(usage.get("cachedContentTokenCount"))
    brought, visible = count_of(usage.get("toolUsePromptTokenCount")), count_of(usage.get("candidatesTokenCount"))
    fresh = max(entered - cached, 0)
    heard, seen = within(fresh + brought, *(_entered(usage, modality) for modality in ("AUDIO", "IMAGE")))
    spoken, drawn = within(visible, *(_counted(usage, "candidates", modality) for modality in ("AUDIO", "IMAGE")))
    return Usage(
        fresh=fresh,
        cache_read=cached,
        tool_prompt=brought,
        visible=visible,
        reasoning=count_of(usage.get("thoughtsTokenCount")),
        input_audio=heard,
        input_image=seen,
        output_audio=spoken,
        output_image=drawn,
    )


def _entered(usage: Fields, modality: str) -> int:
    """Input of a modality that was in no cache: the prompt's counts have cached tokens in them."""
    prompt, cached, tools = (_counted(usage, part, modality) for part in ("prompt", "cache", "toolUsePrompt"))
    return max(prompt - cached, 0) + tools


def _counted(usage: Fields, part: str, modality: str) -> int:
    details = objects_in(usage, f"{part}TokensDetails")
    return sum(count_of(each.get("tokenCount")) for each in details if each.get("modality") == modality)


def known_usage(usage: Any) -> Usage | None:
    """The same; None for what is no usage object, and for placeholders of zeros (USAGE-6)."""
    if usage.__class__ is not dict:
        return None
    read = read_usage(usage)
    return read if read.input or read.output else None


def write_usage(usage: Usage) -> Fields:
    """The usage object for a client; details only where there are any (USAGE-2)."""
    details = {
        "cachedContentTokenCount": usage.cache_read,
        "toolUsePromptTokenCount": usage.tool_prompt,
        "thoughtsTokenCount": usage.reasoning,
    }
    return {
        "promptTokenCount": usage.fresh + usage.cache_read + usage.cache_write,
        "candidatesTokenCount": usage.visible,
        "totalTokenCount": usage.input + usage.output,
        **{name: count for name, count in details.items() if count},
    }


def tokens_in(body: bytes) -> Tokens | None:
    """Tokens of a whole reply passed through, None where it does not say. Only the usage is parsed."""
    return last_tokens(body, _USAGE, known_usage)
