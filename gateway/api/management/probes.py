"""How the operations that try something out ask providers: as the relay does."""

from __future__ import annotations

from gateway.records import Credential, Provider
from gateway.relay.probe import Found, Probe, probe
from gateway.settings.model import Settings


async def ask(provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
    """Ask a provider with a credential. Raises InvalidRequest."""
    return await probe(Probe(provider, credential, model), settings)
