"""From what was said to one `Settings` that can be gone by, or one error that names file, line and key.

Order: read and merge the sources, convert strictly, fill in presets, read secrets, settle names, apply the rules.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from msgspec import structs

from gateway.errors import SettingsError
from gateway.settings import providers, rules, secrets
from gateway.settings.model import BucketSettings, Settings
from gateway.settings.names import settle
from gateway.settings.origins import find_origins
from gateway.settings.shape import Wrong, convert
from gateway.settings.sources import Sources, gather

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_PRESETS: Mapping[str, providers.Known] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and what is known of where they come from."""

    settings: Settings
    origins: Mapping[str, str]
    """Where each thing that was said was said, by its path (see `origins`)."""
    files: tuple[Path, ...] = ()
    """Every file that was read: the configuration, and those it names for secrets."""


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
    return read(path, environ, options=options, presets=presets).settings


def read(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    options: Mapping[str, str] = _NOTHING,
    presets: Mapping[str, providers.Known] = _NO_PRESETS,
) -> Loaded:
    """The same with where everything was said. Raises SettingsError."""
    sources = gather(path, environ, options)
    try:
        settings = _place_files(convert(sources.values, Settings), sources)
        settings = providers.complete(settings, presets, environ)
        files = secrets.find_files(settings, sources, environ)
        settings = secrets.resolve(settings, sources, environ)
        rules.check(settings)
        return Loaded(settle(settings), find_origins(settings, sources), ((path,) if path else ()) + files)
    except Wrong as wrong:
        raise sources.error(wrong) from None


def find_files(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that `read` would read, as far as they can be told from what stands in the first, right or wrong."""
    known = (path,) if path else ()
    try:
        sources = gather(path, environ, {})
        return known + secrets.find_files(convert(sources.values, Settings), sources, environ)
    except (SettingsError, Wrong):
        return known


def find_data_dir(path: Path | None, environ: Mapping[str, str], *, options: Mapping[str, str] = _NOTHING) -> Path:
    """The data directory that `load` would name, for commands that need no secrets. Raises SettingsError."""
    sources = gather(path, environ, options)
    try:
        return _data_dir(convert(sources.values, Settings), sources)
    except Wrong as wrong:
        raise sources.error(wrong) from None


def find_state(
    path: Path | None, environ: Mapping[str, str], *, options: Mapping[str, str] = _NOTHING, bucket: bool = False
) -> Settings:
    """Those settings of what `load` would name that lead to the state and to usage records, and to the bucket they are
    copied to where that is wanted: for commands that mend something in them, when other secrets may not be at hand.
    Raises SettingsError."""
    sources = gather(path, environ, options)
    try:
        said = convert(sources.values, Settings)
        server = structs.replace(said.server, data_dir=str(_data_dir(said, sources)))
        usage = said.usage if bucket else structs.replace(said.usage, bucket=BucketSettings())
        found = Settings(server=server, database=said.database, vault=said.vault, usage=usage)
        if bucket:
            found = structs.replace(found, upstream=_place_files(said, sources).upstream)
        return secrets.resolve(found, sources, environ)
    except Wrong as wrong:
        raise sources.error(wrong) from None


def _data_dir(settings: Settings, sources: Sources) -> Path:
    return (sources.directory(("server", "data_dir")) / settings.server.data_dir).absolute()


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
