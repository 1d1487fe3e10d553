"""Price lists as models.dev writes them, for tests: our own values, in its shape."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.catalog.models_dev import read_models_dev
from gateway.catalog.registry import Registry

DATE = "2026-02-03"

LARGE: dict[str, Any] = {
    "id": "acme-large-2",
    "name": "Acme Large 2",
    "family": "acme",
    "attachment": True,
    "reasoning": True,
    "reasoning_options": [{"type": "effort", "values": ["low", "high"]}],
    "tool_call": True,
    "interleaved": {"field": "reasoning_content"},
    "temperature": True,
    "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]},
    "limit": {"context": 400_000, "input": 272_000, "output": 128_000},
    "cost": {
        "input": 2,
        "output": 10,
        "cache_read": 0.2,
        "cache_write": 2.5,
        "reasoning": 12,
        "tiers": [{"input": 4, "output": 15, "cache_read": 0.4, "tier": {"type": "context", "size": 200_000}}],
        "context_over_200k": {"input": 4, "output": 15, "cache_read": 0.4},
    },
}
EMBED: dict[str, Any] = {
    "reasoning": False,
    "tool_call": False,
    "modalities": {"input": ["text"], "output": ["text"]},
    "limit": {"context": 8192, "output": 0},
    "cost": {"input": 0.02, "output": 0},
    "status": "deprecated",
}
UNKNOWN: dict[str, Any] = {"tool_call": True, "limit": {"context": 32_000, "output": 4000}}


def document(**models: Mapping[str, Any]) -> dict[str, Any]:
    """An `api.json` in which `acme` has three models, and these."""
    listed = {"acme-large-2": LARGE, "acme-embed": EMBED, "acme-unknown-price": UNKNOWN, **models}
    acme = {"id": "acme", "name": "Acme AI", "env": ["ACME_API_KEY"], "doc": "https://docs.acme.test", "models": listed}
    return {"acme": copy.deepcopy(acme)}


def priced(count: int, *, usd: float = 1, output: float = 2, first: int = 0) -> dict[str, Any]:
    """Models `acme-many-<n>`, each at the same price."""
    numbers = range(first, first + count)
    return {f"acme-many-{number}": {"cost": {"input": usd, "output": output}} for number in numbers}


def registry(said: Mapping[str, Any] | None = None, date: str = DATE) -> Registry:
    """The registry of a document that has no faults."""
    found, faults = read_models_dev(orjson.dumps(said or document()), date)
    assert not faults
    return found
