"""From what was said to one `Settings` that can be gone by, or one error that names file, line and key.

Order: read and merge the sources, convert strictly, fill in presets, read secrets, settle names, apply the rules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import structs
from msgspec.inspect import LiteralType

from gateway.settings import providers, rules, secrets
from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.names import settle
from gateway.settings.shape import Wrong, alternatives, did_you_mean, kind_at, names_at
from gateway.settings.sources import Sources, gather

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_PRESETS: Mapping[str, providers.Known] = MappingProxyType({})

_PLACE = re.compile(r" - at `(?:key in `)?\$(.*?)`+$")
_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_NO_CHOICE = re.compile(r"Invalid enum value '(.*)'")
_TYPES = {
    "`array`": "a list",
    "`object`": "a table",
    "`str`": "text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`null`": "nothing",
}
"""What msgspec calls a type, and what an operator does."""


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    options: Mapping[str, str] = _NOTHING,
    presets: Mapping[str, providers.Known] = _NO_PRESETS,
) -> Settings:
    """The settings that a file, the environment and the command line say, later ones winning; secrets are resolved.

    `options` are values by the option that says them, such as `--listen`; `presets` is the catalogue by provider id.
    Raises SettingsError.
    """
    sources = gather(path, environ, options)
    try:
        settings = _place_files(_convert(sources), sources)
        settings = providers.complete(settings, presets, environ)
        settings = secrets.resolve(settings, sources, environ)
        rules.check(settings)
        return settle(settings)
    except Wrong as wrong:
        raise sources.error(wrong) from None


def find_data_dir(path: Path | None, environ: Mapping[str, str], *, options: Mapping[str, str] = _NOTHING) -> Path:
    """The data directory that `load` would name, for commands that need no secrets. Raises SettingsError."""
    sources = gather(path, environ, options)
    try:
        return _data_dir(_convert(sources), sources)
    except Wrong as wrong:
        raise sources.error(wrong) from None


def _data_dir(settings: Settings, sources: Sources) -> Path:
    return (sources.directory(("server", "data_dir")) / settings.server.data_dir).absolute()


def _convert(sources: Sources) -> Settings:
    try:
        return msgspec.convert(sources.values, Settings)
    except msgspec.ValidationError as error:
        raise _understand(str(error)) from None


def _understand(message: str) -> Wrong:
    """msgspec's message as one for operators, and its place as a path."""
    place = _PLACE.search(message)
    path = _path_of(place[1]) if place else ()
    message = _PLACE.sub("", message)
    if unknown := _UNKNOWN.fullmatch(message):
        return Wrong((*path, unknown[1]), f"unknown name{did_you_mean(unknown[1], names_at(path))}")
    if missing := _MISSING.fullmatch(message):
        return Wrong(path, f"`{missing[1]}` is missing")
    if chosen := _NO_CHOICE.fullmatch(message):
        return Wrong(path, f"expected one of {_choices(path)}{did_you_mean(chosen[1], _choices_at(path))}")
    if "matching regex" in message:
        return Wrong(path, "expected letters, digits, `.`, `_` and `-`, beginning with a letter or digit")
    for said, meant in _TYPES.items():
        message = message.replace(said, meant)
    return Wrong(path, message[0].lower() + message[1:])


def _path_of(place: str) -> KeyPath:
    return tuple(int(index) if index else name for name, index in _PART.findall(place))


def _choices(path: KeyPath) -> str:
    return ", ".join(f"`{choice}`" for choice in _choices_at(path))


def _choices_at(path: KeyPath) -> list[str]:
    literals = [kind for kind in alternatives(kind_at(path)) if isinstance(kind, LiteralType)]
    return [str(value) for kind in literals for value in kind.values]


def _place_files(settings: Settings, sources: Sources) -> Settings:
    """File names made absolute: one said in the file starts there, any other at the working directory."""
    server, upstream = settings.server, settings.upstream
    ca_file = upstream.ca_file
    if ca_file:
        path = (sources.directory(("upstream", "ca_file")) / ca_file).absolute()
        if not (path.is_file() and os.access(path, os.R_OK)):
            raise Wrong(("upstream", "ca_file"), f"{path} cannot be read")
        ca_file = str(path)
    return structs.replace(
        settings,
        server=structs.replace(server, data_dir=str(_data_dir(settings, sources))),
        upstream=structs.replace(upstream, ca_file=ca_file),
    )
