"""The providers we know: one TOML file each, its name the provider's id.

Knows facts, and nothing of the operator's settings: which presets are used, and with what secret, is said there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

from gateway.errors import SettingsError

PROVIDERS = Path(__file__).parent / "providers"

Format = Literal["openai_chat", "openai_responses", "anthropic", "gemini"]
AuthScheme = Literal["bearer", "x-api-key", "x-goog-api-key", "none"]

_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class Preset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider of the catalogue."""

    name: str
    """What people call it."""
    format: Format
    base_url: str
    """Address as the vendor's SDK takes it."""
    auth: AuthScheme
    """How it takes a secret; `none` for a server that asks for none."""
    env: str = ""
    """Environment variable that usually holds the secret."""
    docs: str
    """Address of its documentation."""
    also_speaks: tuple[Format, ...] = ()
    """Further formats it takes at this address, kept responses included."""


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset of the catalogue by its id."""
    return load(PROVIDERS)


def load(directory: Path) -> Mapping[str, Preset]:
    """The presets of a directory by id, in the order of their ids. Raises SettingsError naming file and key."""
    return MappingProxyType({path.stem: _load_one(path) for path in sorted(directory.glob("*.toml"))})


def _load_one(path: Path) -> Preset:
    try:
        preset = msgspec.convert(tomllib.loads(path.read_text()), Preset)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not valid TOML: {error}", file=str(path)) from None
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise SettingsError(_PLACE.sub("", str(error)), file=str(path), key=place[1] if place else None) from None
    if (preset.auth == "none") == bool(preset.env):
        raise SettingsError("named exactly when the provider asks for a secret", file=str(path), key="env")
    return preset
