"""What the catalogue knows fills what the operator left out: address, format, the variable of the secret.

Knows presets only by the few facts needed here; they are handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import UNSET, structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from gateway.settings.section import FormatName
from gateway.settings.shape import Wrong, did_you_mean

_NOTHING: Mapping[str, str] = MappingProxyType({})

BOTH = "+"
"""Between the names of variables that make a secret together."""


class Known(Protocol):
    """A preset of the catalogue, as far as settings go by it."""

    @property
    def format(self) -> FormatName:
        """Wire format it speaks."""

    @property
    def also_speaks(self) -> tuple[FormatName, ...]:
        """Further formats it takes at its address."""

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """Variables that usually hold its secret, the first that is set counts; `A+B` is both."""

    @property
    def env_file(self) -> str:
        """Variable that usually names the file with its secret; empty where none does."""

    @property
    def by_variable(self) -> bool:
        """Whether the variable alone is enough to use it."""

    @property
    def needs_key(self) -> bool:
        """Whether it refuses requests without a secret."""

    def values(self, said: Mapping[str, str], environ: Mapping[str, str], *, elsewhere: bool) -> dict[str, str]:
        """Values for the places in its addresses and paths; `elsewhere` where its own address is not used. Raises
        ValueError."""

    def address(self, values: Mapping[str, str]) -> str:
        """Its address, with these in their places."""

    def is_at(self, url: str, values: Mapping[str, str]) -> bool:
        """Whether this is its address, with these in their places."""


def complete(settings: Settings, presets: Mapping[str, Known], environ: Mapping[str, str]) -> Settings:
    """The settings with presets filled in, and with every preset added whose usual variable is set."""
    said = tuple(
        _fill(provider, ("providers", index), presets, environ) for index, provider in enumerate(settings.providers)
    )
    added = _added({provider.id for provider in said}, presets, environ)
    return structs.replace(settings, providers=(*said, *added))


def fill(
    provider: ProviderSettings, path: KeyPath, presets: Mapping[str, Known], environ: Mapping[str, str] = _NOTHING
) -> ProviderSettings:
    """A provider with what its preset knows of format and address; places in the address are filled with what it says
    itself, else from `environ`. Raises Wrong when something is missing, or when there is no such preset."""
    preset = presets.get(provider.id)
    if preset is None:
        _check_custom(provider, path, presets)
        return provider
    try:
        values = preset.values(provider.variables, environ, elsewhere=bool(provider.base_url))
    except ValueError as error:
        raise Wrong((*path, "variables"), str(error)) from None
    address = "" if provider.base_url else preset.address(values)
    return structs.replace(
        provider,
        format=preset.format if provider.format is UNSET else provider.format,
        base_url=provider.base_url or address,
        variables=values,
        also_speaks=_spoken(provider, preset, values) if provider.also_speaks is UNSET else provider.also_speaks,
    )


def _fill(
    provider: ProviderSettings, path: KeyPath, presets: Mapping[str, Known], environ: Mapping[str, str]
) -> ProviderSettings:
    filled = fill(provider, path, presets, environ)
    preset = presets.get(provider.id)
    if preset is None or provider.credentials or provider.base_url:
        # Only at the address we know: a secret must not follow an address that somebody changed.
        return filled
    usual = _usual_credential(preset, environ)
    if not usual and preset.needs_key and (wanted := _wanted(preset)):
        raise Wrong(path, f"no credential: set {wanted}, or add [[providers.credentials]]")
    return structs.replace(filled, credentials=usual)


def _added(said: set[str], presets: Mapping[str, Known], environ: Mapping[str, str]) -> Iterator[ProviderSettings]:
    """Presets whose variable is enough, and is set; all else that they need must be known as well."""
    for name, preset in presets.items():
        usual = _usual_credential(preset, environ) if preset.by_variable and name not in said else ()
        if not usual:
            continue
        try:
            yield fill(ProviderSettings(id=name, credentials=usual), ("providers",), presets, environ)
        except Wrong:
            continue  # nobody asked for it


def _spoken(provider: ProviderSettings, preset: Known, values: Mapping[str, str]) -> tuple[FormatName, ...]:
    """What a preset is known to speak beside the format in use; of another address nobody knows."""
    if provider.base_url and not preset.is_at(provider.base_url, values):
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
    if provider.variables:
        raise Wrong((*path, "variables"), f"`{provider.id}` is no preset, its address has no places to fill")


def _usual_credential(preset: Known, environ: Mapping[str, str]) -> tuple[CredentialSettings, ...]:
    for names in preset.secret_variables:
        first, *others = names.split(BOTH)
        found = [environ.get(name, "").strip() for name in (first, *others)]
        if all(found):
            together = CredentialSettings(name=first, api_key=":".join(found))
            return (together if others else CredentialSettings(name=first, api_key_env=first),)
    if file := environ.get(preset.env_file, "").strip() if preset.env_file else "":
        return (CredentialSettings(name=preset.env_file, api_key_file=file),)
    return ()


def _wanted(preset: Known) -> str:
    """The variable to set, in words; empty where there is none."""
    names = preset.secret_variables
    # A pair is told without what may stand behind it.
    return min(names, key=lambda name: name.count(BOTH)).replace(BOTH, " and ") if names else preset.env_file
