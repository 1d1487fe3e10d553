"""Where a secret is said, and reading it: in the file itself, in an environment variable, in a file of its own.

Knows the values for as long as it takes to put them into the settings; no message it makes contains one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import structs

from gateway.settings.alerting import AlertSettings, EmailSettings, WebhookSettings
from gateway.settings.credential_text import is_fit, one_line
from gateway.settings.locate import KeyPath
from gateway.settings.model import BucketSettings, LoginProviderSettings, Settings, TraceSettings, VaultSettings
from gateway.settings.objects import ClientKeySettings, CredentialSettings, ProviderSettings
from gateway.settings.section import Section
from gateway.settings.shape import Wrong
from gateway.settings.sources import Sources

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Variable in which systemd names the directory of a unit's credentials."""

OF_HOOKS = ("url", "secret")
"""What is secret of a webhook."""

_FIT_FOR_A_HEADER = re.compile(r"[!-~]+")

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class _Place(Generic[S]):
    """Somewhere a secret is given in one of three ways: as it is, by the name of a variable, by a file."""

    table: S
    path: KeyPath
    name: str
    """`key`, `api_key` or `client_secret`; with `_env` and `_file` the other ways."""
    needed: bool = True
    for_header: bool = True
    """Whether it travels in a header, which cannot carry every character."""
    may_be_document: bool = False
    """Whether it may be a JSON document, which is not sent itself."""


def resolve(settings: Settings, sources: Sources, environ: Mapping[str, str]) -> Settings:
    """The settings with every secret filled in. Raises Wrong for one that is missing or unreadable."""
    reader = _Reader(sources, environ)
    return structs.replace(
        settings,
        vault=reader.fill(_vault(settings)),
        alerts=_filled(settings.alerts, reader),
        traces=reader.fill(_traces(settings)),
        usage=structs.replace(settings.usage, bucket=reader.fill(_bucket(settings))),
        client_keys=tuple(reader.fill(place) for place in _client_keys(settings)),
        providers=tuple(
            structs.replace(provider, credentials=tuple(reader.fill(place) for place in _credentials(provider, index)))
            for index, provider in enumerate(settings.providers)
        ),
        login=structs.replace(settings.login, providers=tuple(reader.fill(place) for place in _logins(settings))),
    )


def find_files(settings: Settings, sources: Sources, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that hold secrets of these settings, whether they are there or not. Without the vault's key, which is
    read once."""
    reader = _Reader(sources, environ)
    places: list[_Place[Any]] = [
        *_client_keys(settings),
        *_logins(settings),
        *_alerts(settings.alerts),
        _traces(settings),
        _bucket(settings),
    ]
    for index, provider in enumerate(settings.providers):
        places += _credentials(provider, index)
    said = ((getattr(one.table, f"{one.name}_file"), (*one.path, f"{one.name}_file")) for one in places)
    return tuple(reader.find(file, path) for file, path in said if file)


def _vault(settings: Settings) -> _Place[VaultSettings]:
    return _Place(settings.vault, ("vault",), "key", needed=False, for_header=False)


def _traces(settings: Settings) -> _Place[TraceSettings]:
    return _Place(settings.traces, ("traces",), "headers", needed=False, for_header=False)


def _bucket(settings: Settings) -> _Place[BucketSettings]:
    path = ("usage", "bucket")
    return _Place(settings.usage.bucket, path, "secret_access_key", needed=False, for_header=False)


def _alerts(alerts: AlertSettings) -> list[_Place[Any]]:
    """Addresses and keys of the webhooks, and the password of the mail server."""
    hooks = (_of_hook(one, at, name) for at, one in enumerate(alerts.webhooks) for name in OF_HOOKS)
    return [*hooks, _of_mail(alerts)]


def _of_hook(hook: WebhookSettings, at: int, name: str) -> _Place[WebhookSettings]:
    return _Place(hook, ("alerts", "webhooks", at), name, needed=name == "url", for_header=False)


def _of_mail(alerts: AlertSettings) -> _Place[EmailSettings]:
    return _Place(alerts.email, ("alerts", "email"), "password", needed=False, for_header=False)


def _filled(alerts: AlertSettings, reader: _Reader) -> AlertSettings:
    hooks: list[WebhookSettings] = []
    for at, said in enumerate(alerts.webhooks):
        hook = said
        for name in OF_HOOKS:
            hook = reader.fill(_of_hook(hook, at, name))
        hooks.append(hook)
    return structs.replace(alerts, webhooks=tuple(hooks), email=reader.fill(_of_mail(alerts)))


def _client_keys(settings: Settings) -> list[_Place[ClientKeySettings]]:
    return [_Place(key, ("client_keys", index), "key") for index, key in enumerate(settings.client_keys)]


def _credentials(provider: ProviderSettings, index: int) -> list[_Place[CredentialSettings]]:
    path = ("providers", index, "credentials")
    return [_Place(one, (*path, at), "api_key", may_be_document=True) for at, one in enumerate(provider.credentials)]


def _logins(settings: Settings) -> list[_Place[LoginProviderSettings]]:
    path = ("login", "providers")
    return [
        _Place(one, (*path, at), "client_secret", needed=False, for_header=False)
        for at, one in enumerate(settings.login.providers)
    ]


@dataclass(frozen=True)
class _Reader:
    sources: Sources
    environ: Mapping[str, str]

    def fill(self, place: _Place[S]) -> S:
        """The table with its secret, wherever that is given."""
        name = place.name
        given = [way for way in (name, f"{name}_env", f"{name}_file") if getattr(place.table, way)]
        if not given and not place.needed:
            return place.table
        if len(given) != 1:
            amount = "exactly" if place.needed else "at most"
            raise Wrong(place.path, f"give {amount} one of `{name}`, `{name}_env` and `{name}_file`")
        return structs.replace(place.table, **{name: self._read(place, given[0])})

    def find(self, name: str, place: KeyPath) -> Path:
        """The file meant: a credential of the systemd unit with that name, else a file near the place it is said."""
        directory = self.environ.get(CREDENTIALS_DIRECTORY)
        if directory and Path(name).name == name and (credential := Path(directory, name)).exists():
            return credential
        return self.sources.directory(place) / name

    def _read(self, place: _Place[S], way: str) -> str:
        path = (*place.path, way)
        text = str(getattr(place.table, way))
        if way.endswith("_env"):
            text = self._from_environment(text, path)
        elif way.endswith("_file"):
            text = self._from_file(text, path)
        secret = one_line(text) if place.may_be_document else text.strip()
        fits = is_fit(secret) if place.may_be_document else _FIT_FOR_A_HEADER.fullmatch(secret)
        if place.for_header and not fits:
            raise Wrong(path, "the secret is empty or holds characters that no header can carry")
        if not secret.isprintable() or not secret:
            raise Wrong(path, "the secret is empty or holds characters that cannot be printed")
        return secret

    def _from_environment(self, name: str, place: KeyPath) -> str:
        if not self.environ.get(name):
            raise Wrong(place, f"the environment variable {name} is not set")
        return self.environ[name]

    def _from_file(self, name: str, place: KeyPath) -> str:
        path = self.find(name, place)
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise Wrong(place, f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Wrong(place, f"{path} is not UTF-8 text") from None
