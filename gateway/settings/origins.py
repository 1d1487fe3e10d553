"""Where each setting was said, as text for people: `sluicegate.toml:12`, `SLUICEGATE_SERVER__LISTEN`, `--listen`.

Settings are told by their path (`stream.keepalive_seconds`), things in lists by their name: `providers.mock`,
`credentials.mock/first`, `client_keys.team`, `aliases.fast`, `combos.best`, `prices.mock/*`,
`limits.rules.trial`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.sources import Sources

LISTS: Mapping[str, str] = MappingProxyType({"client_keys": "name", "aliases": "name", "combos": "name"})
"""Lists of things and what names one; providers hold credentials, and prices are named by what they match."""

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "provider": "providers.",
        "credential": "credentials.",
        "alias": "aliases.",
        "combo": "combos.",
        "price": "prices.",
        "limit": "limits.rules.",
    }
)
"""What the paths of each kind of object begin with; a setting's name is its path."""

DEMO = "demo"


def path_of(kind: str, name: str) -> str:
    """The path of an object, by its kind and name in the database."""
    return PREFIXES.get(kind, "") + name


def named_objects(settings: Settings) -> Iterator[tuple[str, KeyPath]]:
    """Path of everything in lists, and where it stands in the settings."""
    for name, field in LISTS.items():
        things = enumerate(getattr(settings, name))
        yield from ((f"{name}.{getattr(one, field)}", (name, index)) for index, one in things)
    yield from ((f"prices.{one.model}", ("prices", index)) for index, one in enumerate(settings.prices))
    limits = enumerate(settings.limits.rules)
    yield from ((f"limits.rules.{one.name}", ("limits", "rules", index)) for index, one in limits)
    for index, provider in enumerate(settings.providers):
        yield f"providers.{provider.id}", ("providers", index)
        for at, credential in enumerate(provider.credentials):
            yield f"credentials.{provider.id}/{credential.name}", ("providers", index, "credentials", at)


def find_origins(settings: Settings, sources: Sources) -> dict[str, str]:
    """Where each thing of these settings was said, that was: the rest is as by default."""
    values = sources.values
    origins: dict[str, str] = {}
    for section, said in values.items():
        if isinstance(said, dict):
            origins.update((f"{section}.{name}", sources.place((section, name))) for name in said)
    for name, path in named_objects(settings):
        variable = _variable(settings, path, values.get("providers", ()))
        origins.setdefault(name, f"environment variable {variable}" if variable else sources.place(path))
    return origins


def add_demo_origins(origins: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The origins with everything in the settings that nobody said: the demo added it."""
    return {**{name: DEMO for name, _ in named_objects(settings)}, **origins}


def _variable(settings: Settings, path: KeyPath, said: Sequence[Mapping[str, object]]) -> str:
    """The usual variable that added a preset, or gave one its credential; empty for whatever was said itself."""
    if path[0] != "providers":
        return ""
    index = int(path[1])
    added = index >= len(said)
    if not added and (len(path) == 2 or "credentials" in said[index]):
        return ""
    return settings.providers[index].credentials[0].api_key_env
