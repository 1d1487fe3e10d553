"""What `--demo` adds to the settings: a mock provider, names for its models, a key that is no secret."""

from __future__ import annotations

from msgspec import structs

from gateway.settings.model import Settings
from gateway.settings.objects import AliasSettings, ClientKeySettings, ComboSettings, ProviderSettings

DEMO_KEY = "sk-demo-not-a-secret"
"""Printed for everybody to see, and therefore never served beyond this machine."""

DEMO_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "*")


def add_demo(settings: Settings, mock_url: str) -> Settings:
    """The settings and the demo's provider, alias, combo and key; where the operator uses a name, the operator wins."""
    taken = {alias.name for alias in settings.aliases} | {combo.name for combo in settings.combos}
    if all(provider.id != "mock" for provider in settings.providers):
        mock = ProviderSettings(id="mock", format="openai_chat", base_url=f"{mock_url}/v1", models=DEMO_MODELS)
        settings = structs.replace(settings, providers=(*settings.providers, mock))
    if "fast" not in taken:
        alias = AliasSettings(name="fast", target="mock/gpt-4o-mini")
        settings = structs.replace(settings, aliases=(*settings.aliases, alias))
    if "best" not in taken:
        combo = ComboSettings(name="best", targets=("mock/gpt-4o", "mock/gpt-4o-mini"))
        settings = structs.replace(settings, combos=(*settings.combos, combo))
    if all(key.name != "demo" for key in settings.client_keys):
        key = ClientKeySettings(name="demo", key=DEMO_KEY)
        settings = structs.replace(settings, client_keys=(*settings.client_keys, key))
    return settings
