"""The configuration as it is shown: what file and database say, where each thing was said, and what is wrong with it.

Knows records and how they come about. No secret is in them: of each there is a fingerprint, by its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.settings.instants import Moment, write_instant
from gateway.settings.model import Settings
from gateway.settings.objects import (
    AliasSettings,
    ComboSettings,
    CredentialRules,
    LimitRuleSettings,
    PriceSettings,
    ProviderRules,
)
from gateway.settings.origins import path_of
from gateway.settings.overlay import Effective
from gateway.settings.section import Identifier, Section
from gateway.settings.starting import needs_start
from gateway.settings.stored import FIXED, SETTINGS, VALUE, Kind, StoredObject, part
from gateway.store.session import Row

Fingerprints = Annotated[
    dict[str, str], Meta(description="Of each secret, by its place, a fingerprint: equal secrets have equal ones.")
]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Order among its kind; the last place where unset.")]


class Managed(Struct, frozen=True, kw_only=True):
    """Who says an object, and what becomes of it."""

    by: Annotated[
        Literal["file", "database", "default"],
        Meta(description="`file`: the configuration file, the environment or the command line; only they change it."),
    ]
    origin: Annotated[str | None, Meta(description="Where it was said, such as `sluicegate.toml:12`.")] = None
    problem: Annotated[str | None, Meta(description="Why it is left out.")] = None
    hidden: Annotated[
        bool,
        Meta(description="Whether the database says something as well that the file says otherwise: the file wins."),
    ] = False
    created_at: Moment | None = None
    updated_at: Moment | None = None


class ProviderWish(ProviderRules, frozen=True, kw_only=True):
    """A provider as somebody wants it."""

    id: Annotated[Identifier, Meta(description="Preset id, or a new name. Clients address its models as `id/model`.")]
    position: Position | UnsetType = UNSET


class ProviderView(ProviderWish, frozen=True, kw_only=True):
    """A provider as it is."""

    credentials: Annotated[tuple[str, ...], Meta(description="Names of its credentials, in order of priority.")] = ()
    guarded: Annotated[bool, Meta(description="Whether connections to it are bounded by `network.allow`.")] = False
    fingerprints: Fingerprints
    managed: Managed
    version: int | None


class CredentialWish(CredentialRules, frozen=True, kw_only=True):
    """A credential as somebody wants it."""

    secrets = CredentialRules.secrets | {"api_key"}

    provider: Annotated[Identifier, Meta(description="The provider that accepts it.")]
    name: Annotated[Identifier, Meta(description="Its name in usage records and headers; unique within its provider.")]
    api_key: Annotated[str, Meta(min_length=1, max_length=16384, description="The secret. It is never shown again.")]
    position: Position | UnsetType = UNSET


class CredentialView(CredentialRules, frozen=True, kw_only=True):
    """A credential as it is."""

    provider: str
    name: str
    position: int | UnsetType = UNSET
    fingerprints: Fingerprints
    managed: Managed
    version: int | None


class AliasWish(AliasSettings, frozen=True, kw_only=True):
    """Another name for a model, as somebody wants it."""


class AliasView(AliasWish, frozen=True, kw_only=True):
    """Another name for a model."""

    managed: Managed
    version: int | None


class ComboWish(ComboSettings, frozen=True, kw_only=True):
    """A named, ordered list of models, as somebody wants it."""


class ComboView(ComboWish, frozen=True, kw_only=True):
    """A named, ordered list of models."""

    managed: Managed
    version: int | None


class PriceWish(PriceSettings, frozen=True, kw_only=True):
    """A price override as somebody wants it, USD per million tokens. Those of the file come first."""

    position: Position | UnsetType = UNSET


class PriceView(PriceWish, frozen=True, kw_only=True):
    """A price override."""

    managed: Managed
    version: int | None


class LimitWish(LimitRuleSettings, frozen=True, kw_only=True):
    """Limits of users, teams, models or everybody, as somebody wants them."""


class LimitView(LimitWish, frozen=True, kw_only=True):
    """Limits of users, teams, models or everybody."""

    managed: Managed
    version: int | None


class SettingWish(Section, frozen=True, kw_only=True):
    """What a setting is to be."""

    secrets = frozenset({"value"})

    value: Annotated[Any, Meta(description="As in the configuration file.")]


class SettingView(Struct, frozen=True, kw_only=True):
    """A setting that is a value."""

    path: str
    description: str
    value: Annotated[Any, Meta(description="In force now; secrets are left out.")]
    default: Any
    changeable: Annotated[bool, Meta(description="Whether the management API can set it.")]
    reason: Annotated[str | None, Meta(description="Why it cannot.")] = None
    next_start: Annotated[bool, Meta(description="Whether a change holds from the next start on only.")] = False
    fingerprints: Fingerprints
    managed: Managed
    version: int | None


View = ProviderView | CredentialView | AliasView | ComboView | PriceView | LimitView

VIEWS: Mapping[Kind, type[View]] = MappingProxyType(
    {
        "provider": ProviderView,
        "credential": CredentialView,
        "alias": AliasView,
        "combo": ComboView,
        "price": PriceView,
        "limit": LimitView,
    }
)

Values = dict[str, Any]

Place = tuple[int, int, str]
"""Where an object stands among its kind: 0 for the file and 1 for the database, its place there, its name."""


def _providers(settings: Settings) -> Iterator[tuple[str, Values]]:
    for provider in settings.providers:
        values = msgspec.to_builtins(provider)
        yield provider.id, {name: value for name, value in values.items() if name != "credentials"}


def _credentials(settings: Settings) -> Iterator[tuple[str, Values]]:
    for provider in settings.providers:
        for one in provider.credentials:
            rules = {name: getattr(one, name) for name in CredentialRules.__struct_fields__}
            yield f"{provider.id}/{one.name}", {**rules, **({"api_key": one.api_key} if one.api_key else {})}


LISTED: Mapping[Kind, Callable[[Settings], Iterator[tuple[str, Values]]]] = MappingProxyType(
    {
        "provider": _providers,
        "credential": _credentials,
        "alias": lambda settings: ((one.name, msgspec.to_builtins(one)) for one in settings.aliases),
        "combo": lambda settings: ((one.name, msgspec.to_builtins(one)) for one in settings.combos),
        "price": lambda settings: ((one.model, msgspec.to_builtins(one)) for one in settings.prices),
        "limit": lambda settings: ((one.name, msgspec.to_builtins(one)) for one in settings.limits.rules),
    }
)
"""What settings have of each kind: the name of each, and its values in the names of the file."""

NAMED: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "provider": ("id",),
        "credential": ("provider", "name"),
        "alias": ("name",),
        "combo": ("name",),
        "price": ("model",),
        "limit": ("name",),
    }
)
"""The fields that name an object; their values make its name, with a slash between them."""

PLACED = frozenset(("provider", "credential", "price"))
"""Kinds whose order means something."""


def name_of(kind: Kind, values: Mapping[str, Any]) -> str:
    """What names an object with these values."""
    return "/".join(str(values[field]) for field in NAMED[kind])


def naming(kind: Kind, name: str) -> Values:
    """The values of the fields that name it."""
    fields = NAMED[kind]
    return dict(zip(fields, name.split("/", len(fields) - 1), strict=True))


@dataclass(frozen=True, slots=True)
class Configured:
    """One moment of the configuration: everything that views are made of."""

    base: Settings
    """What the file says, and what surrounds it."""
    origins: Mapping[str, str]
    rows: Mapping[tuple[str, str], Row]
    """Of the database, by kind and name."""
    objects: Mapping[tuple[str, str], StoredObject]
    effective: Effective
    fingerprint: Callable[[str], str]

    def views(self, kind: Kind) -> list[tuple[Place, View]]:
        """Every object of a kind: those of the file, then those of the database, each in their order."""
        said = enumerate(LISTED[kind](self.base))
        kept = sorted(((one.position, one.name), one) for one in self.objects.values() if one.kind == kind)
        return [
            *(((0, at, name), self._of_file(kind, name, values)) for at, (name, values) in said),
            *(((1, *place), self._of_database(one)) for place, one in kept),
        ]

    def view(self, kind: Kind, name: str) -> View | None:
        """One object: what is in force under its name."""
        for each, values in LISTED[kind](self.base):
            if each == name:
                return self._of_file(kind, name, values)
        stored = self.objects.get((kind, name))
        return None if stored is None else self._of_database(stored)

    def settings(self) -> list[SettingView]:
        """Every setting that is a value, in the order of the documentation."""
        return [self.setting(path) for path in SETTINGS]

    def setting(self, path: str) -> SettingView:
        """One of them, which there must be."""
        plain, secrets = part("setting", path, {VALUE: _value(self.effective.settings, path)})
        row = self.rows.get(("setting", path))
        return SettingView(
            path=path,
            description=description_of(path),
            value=plain.get(VALUE),
            default=_value(Settings(), path),
            changeable=path not in FIXED,
            reason=FIXED.get(path),
            next_start=needs_start(path),
            fingerprints=self._fingerprints(secrets),
            managed=self._managed("setting", path, row),
            version=None if row is None else row["version"],
        )

    def _of_file(self, kind: Kind, name: str, values: Mapping[str, Any]) -> View:
        plain, secrets = part(kind, name, values)
        return self._view(kind, name, {**plain, **self._secret(kind, secrets)}, None)

    def _of_database(self, stored: StoredObject) -> View:
        place = {"position": stored.position} if stored.kind in PLACED else {}
        values = {**stored.spec, **self._secret(stored.kind, stored.secrets), **place}
        return self._view(stored.kind, stored.name, values, self.rows[stored.kind, stored.name])

    def _view(self, kind: Kind, name: str, values: Mapping[str, Any], row: Row | None) -> View:
        extra: Values = {}
        if kind == "provider":
            credentials = {one.id: one.credentials for one in self.effective.settings.providers}.get(name, ())
            extra = {"credentials": [one.name for one in credentials], "guarded": name in self.effective.guarded}
        version = None if row is None else row["version"]
        managed = msgspec.to_builtins(self._managed(kind, name, row))
        known = {**values, **naming(kind, name), **extra, "managed": managed, "version": version}
        return msgspec.convert(known, VIEWS[kind])

    def _secret(self, kind: Kind, secrets: Mapping[str, str]) -> Values:
        shows = "fingerprints" in VIEWS[kind].__struct_fields__
        return {"fingerprints": self._fingerprints(secrets)} if shows else {}

    def _fingerprints(self, secrets: Mapping[str, str]) -> dict[str, str]:
        return {place: self.fingerprint(secret) for place, secret in secrets.items()}

    def _managed(self, kind: Kind, name: str, row: Row | None) -> Managed:
        origin = self.origins.get(path_of(kind, name))
        if row is None:
            return Managed(by="default" if origin is None else "file", origin=origin)
        problems = (one.reason for one in self.effective.problems if (one.kind, one.name) == (kind, name))
        hidden = (kind, name) in self.effective.hidden
        return Managed(
            by="file" if hidden and kind == "setting" else "database",
            origin=origin,
            problem=next(problems, None),
            hidden=hidden,
            created_at=write_instant(row["created_at"]),
            updated_at=write_instant(row["updated_at"]),
        )


def description_of(path: str) -> str:
    """What the documentation says of a setting."""
    section, _, name = path.partition(".")
    hints = get_type_hints(type(getattr(Settings(), section)), include_extras=True)
    said = (meta.description for meta in get_args(hints[name])[1:] if isinstance(meta, Meta))
    return next(filter(None, said), "")


def _value(settings: Settings, path: str) -> Any:
    section, _, name = path.partition(".")
    return msgspec.to_builtins(getattr(getattr(settings, section), name))
