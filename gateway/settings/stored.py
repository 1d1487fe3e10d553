"""What the database keeps of the configuration, one object at a time, and reading one as strictly as the file is read.

Knows the kinds of objects, which of their values are secrets and what only the file may say. Knows no other object:
what they are together is `overlay`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from msgspec import structs

from gateway.settings.credential_text import is_fit, one_line
from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.objects import (
    AliasSettings,
    ComboSettings,
    CredentialSettings,
    LimitRuleSettings,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.section import Section
from gateway.settings.shape import Wrong, convert, did_you_mean, names_at

Kind = Literal["provider", "credential", "alias", "combo", "price", "limit", "setting"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SOCKETS = "sockets and processes are made of it at the start"
_SUPERVISOR = "the supervisor goes by it, and does not read the database"
_FIRST = "it is needed before the database can be read"
_GUARD = "it bounds what may be reached by way of the API, and is not for the API to lift"
_LINK = "it is how this machine reaches others, made at the start"
_FILES = "it names a file of the server"
_PACKAGE = "it asks for a package that the server may not have"
_AWAY = "it says where usage records are sent, and by whose keys"

FIXED: Mapping[str, str] = MappingProxyType(
    {
        "server.listen": _SOCKETS,
        "server.workers": _SOCKETS,
        "server.max_requests": _SOCKETS,
        "server.header_timeout_seconds": _SOCKETS,
        "server.data_dir": _FIRST,
        "server.watch_config": _SUPERVISOR,
        "server.drain_seconds": _SUPERVISOR,
        "server.log_format": _SUPERVISOR,
        "database.url": _FIRST,
        "database.timeout_seconds": _FIRST,
        "vault.key": _FIRST,
        "vault.key_env": _FIRST,
        "vault.key_file": _FIRST,
        "network.allow": _GUARD,
        "media.allow": _GUARD,
        "registry.url": _GUARD,
        "limits.redis_url": _LINK,
        "limits.redis_timeout_seconds": _LINK,
        "limits.redis_away": _LINK,
        "limits.nodes": _LINK,
        "upstream.ca_file": _FILES,
        "usage.archive": _FILES,
        "usage.bucket": _AWAY,
        "traces.enabled": _PACKAGE,
        "traces.endpoint": _GUARD,
        "traces.headers": _GUARD,
        "traces.headers_env": _GUARD,
        "traces.headers_file": _FILES,
    }
)
"""Settings that only the file, the environment and the command line say, and why."""

LISTED = frozenset(("limits.rules",))
"""What stands in a section and yet is no setting: its tables are objects of their own."""

VALUE = "value"
"""In the spec of a setting: what it is set to."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What is secret in a setting that is a table, or a list of tables."""

    fields: tuple[str, ...]
    named_by: str = ""
    """What names one of a list; empty of a table."""


APART: Mapping[str, Apart] = MappingProxyType(
    {
        "login.providers": Apart(("client_secret",), "id"),
        "alerts.webhooks": Apart(("url", "secret"), "name"),
        "alerts.email": Apart(("password",)),
        "usage.bucket": Apart(("secret_access_key",)),
    }
)
"""Settings that have secrets within."""

_ELSEWHERE = ("_env", "_file")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of the database. `name` is what names it in the file; of a credential `provider/name`, of a price its
    `model`, of a setting its path, such as `stream.keepalive_seconds`."""

    kind: Kind
    name: str
    spec: Mapping[str, Any]
    """In the names of the configuration file; of a setting `{"value": ...}`."""
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Values left out of `spec`, by where they belong: `api_key`, `headers.x-key`, `value.corp.client_secret`
    of the login provider with the id `corp`, `value.password` of a setting that is a table."""
    position: int = 0
    """Order among its kind."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How objects of a kind stand in the file."""

    section: type[Section]
    within: KeyPath
    """Place of one."""
    named_by: str
    left: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Fields that are not for the database, and why."""


_SAY_ITSELF = "only the configuration file names variables and files: give `{name}` itself"

SHAPES: Mapping[Kind, _Shape] = MappingProxyType(
    {
        "provider": _Shape(
            ProviderSettings,
            ("providers", 0),
            "id",
            {"credentials": "credentials are objects of their own"},
        ),
        "credential": _Shape(
            CredentialSettings,
            ("providers", 0, "credentials", 0),
            "name",
            {f"api_key{way}": _SAY_ITSELF.format(name="api_key") for way in _ELSEWHERE},
        ),
        "alias": _Shape(AliasSettings, ("aliases", 0), "name"),
        "combo": _Shape(ComboSettings, ("combos", 0), "name"),
        "price": _Shape(PriceSettings, ("prices", 0), "model"),
        "limit": _Shape(LimitRuleSettings, ("limits", "rules", 0), "name"),
    }
)
"""The kinds that are tables of the file; a setting is a value."""


def read_table(stored: StoredObject) -> Section:
    """The table of the file that an object is. Raises Wrong, with a path within its spec."""
    shape = SHAPES[stored.kind]
    name = own_name(stored)
    values = {shape.named_by: name, **whole(stored)}
    for field_name, reason in shape.left.items():
        if field_name in values:
            raise Wrong((field_name,), reason)
    if values[shape.named_by] != name:
        raise Wrong((shape.named_by,), f"expected `{name}`, the name it goes by")
    try:
        table = convert(values, shape.section, shape.within)
    except Wrong as wrong:
        raise Wrong(wrong.path[len(shape.within) :], wrong.message) from None
    if isinstance(table, CredentialSettings):
        return structs.replace(table, api_key=read_secret(table.api_key, ("api_key",)))
    return table


def read_setting(stored: StoredObject) -> tuple[str, str, Any]:
    """Section, name and value of a setting. Raises Wrong, with a path within its spec; `()` where its name is wrong."""
    section, name = find_setting(stored.name)
    values = whole(stored)
    if values.keys() != {VALUE}:
        raise Wrong((), f"expected `{VALUE}` and nothing else")
    kind = type(getattr(_DEFAULTS, section))
    try:
        read: Section = convert({name: values[VALUE]}, kind, (section,))
    except Wrong as wrong:
        raise Wrong((VALUE, *wrong.path[2:]), wrong.message) from None
    for place, table in _tables_at(stored.name, values[VALUE]):
        _check_said(table, APART[stored.name], place)
    return section, name, getattr(read, name)


def find_setting(path: str) -> tuple[str, str]:
    """Section and name of a setting that the database may hold. Raises Wrong for any other path."""
    section, _, name = path.partition(".")
    if path in FIXED:
        raise Wrong((), f"`{path}` is for the configuration file alone: {FIXED[path]}")
    if path not in SETTINGS:
        raise Wrong((), f"there is no setting `{path}`{did_you_mean(path, SETTINGS)}")
    return section, name


def read_secret(text: str, path: KeyPath) -> str:
    """A credential's secret as it is gone by. Raises Wrong for one that no header can carry; the message does not
    contain it."""
    if not text:
        raise Wrong(path, "the secret is missing")
    secret = one_line(text) if text.startswith("{") else text
    if not is_fit(secret):
        raise Wrong(path, "the secret holds characters that no header can carry")
    return secret


def part(kind: Kind, name: str, spec: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What may be kept as it is and what must be sealed of an object: its spec without secrets, and the secrets."""
    plain = dict(spec)
    secrets = {place: text for one in _secret_fields(kind, name) if one in plain for place, text in _pull(plain, one)}
    if kind == "setting" and (apart := APART.get(name)) is not None:
        plain[VALUE] = _stripped(plain.get(VALUE), apart, secrets)
    return plain, secrets


def tables_within(stored: StoredObject) -> dict[str, dict[str, Any]]:
    """The tables that a setting of `APART` is made of, their secrets in them, by where their secrets belong:
    `value.corp`, or `value` of a setting that is one table."""
    apart = APART[stored.name]
    found = {_place_of(table, apart): table for _, table in _tables_at(stored.name, stored.spec.get(VALUE))}
    return {
        place: {
            **table,
            **{name: stored.secrets[at] for name in apart.fields if (at := f"{place}.{name}") in stored.secrets},
        }
        for place, table in found.items()
    }


def whole(stored: StoredObject) -> dict[str, Any]:
    """The spec of an object with its secrets in their places. Raises Wrong."""
    values = dict(stored.spec)
    try:
        for place, secret in stored.secrets.items():
            _put(values, place, secret, _named_by(stored))
    except (AttributeError, TypeError, ValueError):
        raise Wrong((), "what is sealed of it does not fit what is not") from None
    return values


def own_name(stored: StoredObject) -> str:
    """What an object is called within its list: of a credential the part behind its provider. Raises Wrong."""
    if stored.kind != "credential":
        return stored.name
    provider, slash, name = stored.name.partition("/")
    if not (provider and slash):
        raise Wrong((), f"`{stored.name}` is not `provider/name`")
    return name


def _secret_fields(kind: Kind, name: str) -> Iterable[str]:
    """Fields of a spec whose values are secrets; of a table in it, every value."""
    if kind != "setting":
        return SHAPES[kind].section.secrets
    section, _, field_name = name.partition(".")
    table = getattr(_DEFAULTS, section, None)
    return (VALUE,) if isinstance(table, Section) and field_name in table.secrets else ()


def _pull(plain: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Take the secret texts out of a field; what is no text is wrong, and for `read_table` to refuse."""
    value = plain[name]
    if isinstance(value, str):
        if value:
            yield name, plain.pop(name)
    elif isinstance(value, Mapping):
        plain[name] = {each: text for each, text in value.items() if not isinstance(text, str)}
        yield from ((f"{name}.{each}", text) for each, text in value.items() if isinstance(text, str))


def _stripped(value: Any, apart: Apart, secrets: dict[str, str]) -> Any:
    """The value without its secrets, which are added to those known. What is none of its tables is left as it is."""
    if apart.named_by and isinstance(value, list | tuple):
        return [_without_secrets(one, apart, secrets) for one in value]
    return value if apart.named_by else _without_secrets(value, apart, secrets)


def _without_secrets(table: Any, apart: Apart, secrets: dict[str, str]) -> Any:
    if not isinstance(table, dict):
        return table
    found = {name: text for name in apart.fields if (text := table.get(name)) and isinstance(text, str)}
    place = _place_of(table, apart)
    secrets.update((f"{place}.{name}", text) for name, text in found.items())
    return {name: value for name, value in table.items() if name not in found}


def _place_of(table: Mapping[str, Any], apart: Apart) -> str:
    return f"{VALUE}.{table.get(apart.named_by)}" if apart.named_by else VALUE


def _tables_at(name: str, value: Any) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """The tables within a setting that may have secrets, and where each stands."""
    if (apart := APART.get(name)) is None:
        return
    if apart.named_by:
        found = enumerate(value) if isinstance(value, list | tuple) else ()
        yield from (((VALUE, at), one) for at, one in found if isinstance(one, dict))
    elif isinstance(value, dict):
        yield (VALUE,), value


def _named_by(stored: StoredObject) -> str:
    apart = APART.get(stored.name) if stored.kind == "setting" else None
    return "" if apart is None else apart.named_by


def _put(values: dict[str, Any], place: str, secret: str, named_by: str) -> None:
    """Put a secret where it belongs. Of tables and lists on the way copies are made: a spec is never changed."""
    name, dot, rest = place.partition(".")
    inside = values.get(name)
    if not dot:
        values[name] = secret
    elif isinstance(inside, list):
        owner, _, field_name = rest.rpartition(".")
        at = [item.get(named_by) for item in inside].index(owner)
        values[name] = [*inside[:at], {**inside[at], field_name: secret}, *inside[at + 1 :]]
    else:
        values[name] = {**(inside or {}), rest: secret}


def _check_said(table: Mapping[str, Any], apart: Apart, path: KeyPath) -> None:
    """Raises Wrong for a secret that is said to be elsewhere."""
    for name in apart.fields:
        for way in _ELSEWHERE:
            if table.get(f"{name}{way}"):
                raise Wrong((*path, f"{name}{way}"), _SAY_ITSELF.format(name=name))


def _settings() -> Iterator[str]:
    for section in names_at(()):
        if isinstance(getattr(_DEFAULTS, section), Section):
            yield from (path for name in names_at((section,)) if (path := f"{section}.{name}") not in LISTED)


_DEFAULTS = Settings()

SETTINGS: tuple[str, ...] = tuple(_settings())
"""Every setting that is a value, by its path; those of FIXED among them."""
