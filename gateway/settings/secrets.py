"""Where a secret is said, and reading it: in the file itself, in an environment variable, in a file of its own.

Knows the values for as long as it takes to put them into the settings; no message it makes contains one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import ClientKeySettings, CredentialSettings, ProviderSettings, Settings
from gateway.settings.shape import Wrong
from gateway.settings.sources import Sources

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Variable in which systemd names the directory of a unit's credentials."""

_FIT_FOR_A_HEADER = re.compile(r"[!-~]+")


def resolve(settings: Settings, sources: Sources, environ: Mapping[str, str]) -> Settings:
    """The settings with every `key` and `api_key` filled in. Raises Wrong for one that is missing or unreadable."""
    reader = _Reader(sources, environ)
    return structs.replace(
        settings,
        client_keys=tuple(
            reader.fill_key(key, ("client_keys", index)) for index, key in enumerate(settings.client_keys)
        ),
        providers=tuple(
            reader.fill_credentials(provider, ("providers", index)) for index, provider in enumerate(settings.providers)
        ),
    )


@dataclass(frozen=True)
class _Reader:
    sources: Sources
    environ: Mapping[str, str]

    def fill_key(self, key: ClientKeySettings, path: KeyPath) -> ClientKeySettings:
        return structs.replace(key, key=self._read(key, "key", path))

    def fill_credentials(self, provider: ProviderSettings, path: KeyPath) -> ProviderSettings:
        credentials = tuple(
            structs.replace(one, api_key=self._read(one, "api_key", (*path, "credentials", index)))
            for index, one in enumerate(provider.credentials)
        )
        return structs.replace(provider, credentials=credentials)

    def _read(self, said: ClientKeySettings | CredentialSettings, name: str, path: KeyPath) -> str:
        """The secret that `said` gives under `name`, or by way of `name_env` or `name_file`."""
        given = [way for way in (name, f"{name}_env", f"{name}_file") if getattr(said, way)]
        if len(given) != 1:
            raise Wrong(path, f"give exactly one of `{name}`, `{name}_env` and `{name}_file`")
        place = (*path, given[0])
        text = str(getattr(said, given[0]))
        if given[0].endswith("_env"):
            text = self._from_environment(text, place)
        elif given[0].endswith("_file"):
            text = self._from_file(text, place)
        secret = text.strip()
        if not _FIT_FOR_A_HEADER.fullmatch(secret):
            raise Wrong(place, "the secret is empty or holds characters that no header can carry")
        return secret

    def _from_environment(self, name: str, place: KeyPath) -> str:
        if not self.environ.get(name):
            raise Wrong(place, f"the environment variable {name} is not set")
        return self.environ[name]

    def _from_file(self, name: str, place: KeyPath) -> str:
        path = self._find(name, place)
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise Wrong(place, f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Wrong(place, f"{path} is not UTF-8 text") from None

    def _find(self, name: str, place: KeyPath) -> Path:
        """The file meant: a credential of the systemd unit with that name, else a file near the place it is said."""
        directory = self.environ.get(CREDENTIALS_DIRECTORY)
        if directory and Path(name).name == name and (credential := Path(directory, name)).exists():
            return credential
        return self.sources.directory(place) / name
