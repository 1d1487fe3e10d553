"""A model that does not reason is not asked to: it would refuse the request. The loss is told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.catalog.facts import facts_of
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation

MODELS = {
    "openai_chat": "gpt-4o-mini",
    "openai_responses": "gpt-4.1",
    "anthropic": "claude-3-5-haiku-20241022",
    "gemini": "gemini-2.0-flash",
}
CLIENTS: dict[str, tuple[dict[str, Any], str]] = {
    "openai_chat": (
        {"reasoning_effort": "high", "messages": [{"role": "user", "content": "Hello"}]},
        "reasoning_effort",
    ),
    "openai_responses": ({"reasoning": {"effort": "high"}, "input": "Hello"}, "reasoning"),
    "anthropic": (
        {
            "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "messages": [{"role": "user", "content": "Hello"}],
        },
        "thinking",
    ),
    "gemini": (
        {
            "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
            "generationConfig": {"thinkingConfig": {"thinkingBudget": 2000}},
        },
        "thinkingConfig",
    ),
}
PAIRS = [(client, upstream) for client in CLIENTS for upstream in MODELS if client != upstream]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_it_is_not_asked_to(client: str, upstream: str) -> None:
    model = MODELS[upstream]
    fields, lost = CLIENTS[client]
    translation = Translation(FORMATS[client], FORMATS[upstream], facts_of(upstream, model))
    translation.read({"model": "m", **fields})
    written = translation.write(model)
    assert not {"thinking", "reasoning", "reasoning_effort", "output_config"} & written.keys()
    assert "thinkingConfig" not in written.get("generationConfig", {})
    assert any(lost in name for name in translation.losses.report)
