"""Values for the places of every preset's address, as an operator would give them."""

from __future__ import annotations

from gateway.catalog.presets import Preset

KNOWN = {
    "account": "0123456789abcdef0123456789abcdef",
    "project": "acme-1",
    "region": "eu-central-1",
    "resource": "acme",
}


def values_for(preset: Preset) -> dict[str, str]:
    """Values for what has no usual one."""
    return preset.values({name: KNOWN[name] for name in preset.variables if name in KNOWN}, {})
