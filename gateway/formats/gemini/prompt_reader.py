"""A client's generateContent request as a prompt: what stands at its top here, the rest next door.

Fields: https://ai.google.dev/api/generate-content. The model and whether the answer is streamed are in its path.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Prompt, Text, Turn
from gateway.formats.values import a_flag, a_text

from .content_reader import read_contents, read_system
from .settings_reader import read_settings
from .spelling import a_word, drop_unknown, given, listed
from .tool_reader import read_choice, read_tools

_READ = (
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "serviceTier",
    "store",
)
_REMEMBERED = ("cachedContent", "continuationToken")
"""What only Google can make sense of: it has the rest of the prompt (CACHE-1)."""

_TIERS = {"UNSPECIFIED": None, "FLEX": "flex", "STANDARD": "default", "PRIORITY": "priority"}
"""In OpenAI's words (TIER-1)."""


def read_prompt(fields: Fields, losses: Losses) -> Prompt:
    """The prompt. Raises InvalidRequest with the field at fault, UnsupportedParameter for what only Google has."""
    asked = given(fields, "")
    for name in _REMEMBERED:
        if name in asked:
            losses.refuse(name)
    system = read_system(asked["systemInstruction"], losses) if "systemInstruction" in asked else ()
    settings = read_settings(asked.get("generationConfig", {}), losses)
    prompt = Prompt(
        system,
        _turns(asked, system, losses),
        max_tokens=settings.max_tokens,
        stop=settings.stop,
        sampling=settings.sampling,
        tools=read_tools(asked.get("tools", []), losses),
        tool_choice=read_choice(asked.get("toolConfig", {}), losses),
        thinking=settings.thinking,
        output=settings.output,
        identity=Identity(tier=_tier(asked)),
        media_resolution=settings.media_resolution,
        safety=_safety(asked.get("safetySettings", [])),
    )
    drop_unknown(asked, _READ, "", losses)
    if "store" in asked and a_flag(asked["store"], "store"):
        losses.drop("store")
    return prompt


def _turns(asked: Fields, system: tuple[Text, ...], losses: Losses) -> tuple[Turn, ...]:
    if not asked.get("contents") and not (system and asked.get("contents") == []):
        raise InvalidRequest("contents is not specified.", param="contents")
    return read_contents(asked["contents"], losses)


def _tier(asked: Fields) -> str | None:
    if "serviceTier" not in asked:
        return None
    tier = a_word(asked["serviceTier"], "serviceTier").removeprefix("SERVICE_TIER_")
    if tier not in _TIERS:
        raise InvalidRequest(
            "serviceTier must be one of 'flex', 'priority', 'standard', 'unspecified'.", param="serviceTier"
        )
    return _TIERS[tier]


def _safety(value: Any) -> tuple[tuple[str, str], ...]:
    """Category and threshold pairs."""
    pairs = []
    for at, entry in enumerate(listed(value, "safetySettings")):
        path = f"safetySettings[{at}]"
        setting = given(entry, path)
        pairs.append(
            (a_text(setting.get("category"), f"{path}.category"), a_text(setting.get("threshold"), f"{path}.threshold"))
        )
    return tuple(pairs)
