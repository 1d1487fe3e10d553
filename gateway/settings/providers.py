"""What the catalogue knows fills what the operator left out: address, format, the variable of the secret.

Knows presets only by the few facts needed here; they are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import UNSET, structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from gateway.settings.section import FormatName
from gateway.settings.shape import Wrong, did_you_mean


class Known(Protocol):
    """A preset of the catalogue, as far as settings go by it."""

    @property
    def format(self) -> FormatName:
        """Wire format it speaks."""

    @property
    def base_url(self) -> str:
        """Its address."""

    @property
    def also_speaks(self) -> tuple[FormatName, ...]:
        """Further formats it takes there."""

    @property
    def env(self) -> str:
        """Variable that usually holds its secret; empty where it asks for none."""


def complete(settings: Settings, presets: Mapping[str, Known], environ: Mapping[str, str]) -> Settings:
    """The settings with presets filled in, and with every preset added whose usual variable is set."""
    said = tuple(
        _fill(provider, ("providers", index), presets, environ) for index, provider in enumerate(settings.providers)
    )
    said_names = {provider.id for provider in said}
    added = tuple(
        _fill(ProviderSettings(id=name, credentials=usual), ("providers",), presets, environ)
        for name, preset in presets.items()
        if name not in said_names and (usual := _usual_credential(preset, environ))
    )
    return structs.replace(settings, providers=said + added)


def fill(provider: ProviderSettings, path: KeyPath, presets: Mapping[str, Known]) -> ProviderSettings:
    """A provider with what its preset knows of format and address. Raises Wrong when it has neither, nor a preset."""
    preset = presets.get(provider.id)
    if preset is None:
        _check_custom(provider, path, presets)
        return provider
    return structs.replace(
        provider,
        format=preset.format if provider.format is UNSET else provider.format,
        base_url=provider.base_url or preset.base_url,
        also_speaks=_spoken(provider, preset) if provider.also_speaks is UNSET else provider.also_speaks,
    )


def _fill(
    provider: ProviderSettings, path: KeyPath, presets: Mapping[str, Known], environ: Mapping[str, str]
) -> ProviderSettings:
    filled = fill(provider, path, presets)
    preset = presets.get(provider.id)
    if preset is None or provider.credentials or provider.base_url:
        # Only at the address we know: a secret must not follow an address that somebody changed.
        return filled
    usual = _usual_credential(preset, environ)
    if preset.env and not usual:
        raise Wrong(path, f"no credential: set {preset.env}, or add [[providers.credentials]]")
    return structs.replace(filled, credentials=usual)


def _spoken(provider: ProviderSettings, preset: Known) -> tuple[FormatName, ...]:
    """What a preset is known to speak beside the format in use; of another address nobody knows."""
    if provider.base_url not in ("", preset.base_url):
        return ()
    own = preset.format if provider.format is UNSET else provider.format
    return tuple(name for name in (preset.format, *preset.also_speaks) if name != own)


def _check_custom(provider: ProviderSettings, path: KeyPath, presets: Mapping[str, Known]) -> None:
    missing = [name for name in ("format", "base_url") if not getattr(provider, name) or provider.format is UNSET]
    if provider.base_url and provider.format is UNSET:
        missing = ["format"]
    if missing:
        needed = " and ".join(f"`{name}`" for name in missing)
        raise Wrong(path, f"`{provider.id}` is no preset: give {needed}{did_you_mean(provider.id, presets)}")


def _usual_credential(preset: Known, environ: Mapping[str, str]) -> tuple[CredentialSettings, ...]:
    if not (preset.env and environ.get(preset.env, "").strip()):
        return ()
    return (CredentialSettings(name=preset.env, api_key_env=preset.env),)
