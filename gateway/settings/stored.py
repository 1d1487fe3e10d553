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
    }
)
"""Settings that only the file, the environment and the command line say, and why."""

LISTED = frozenset(("limits.rules",))
"""What stands in a section and yet is no setting: its tables are objects of their own."""

VALUE = "value"
"""In the spec of a setting: what it is set to."""

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
    of the login provider with the id `corp`."""
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
    if stored.name == "login.providers":
        for at, provider in enumerate(values[VALUE]):
            _check_login(provider, (VALUE, at))
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
    if name == "login.providers" and isinstance(plain.get(VALUE), list | tuple):
        plain[VALUE] = [_without_secret(one, secrets) for one in plain[VALUE]]
    return plain, secrets


def whole(stored: StoredObject) -> dict[str, Any]:
    """The spec of an object with its secrets in their places. Raises Wrong."""
    values = dict(stored.spec)
    try:
        for place, secret in stored.secrets.items():
            _put(values, place, secret)
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


def _without_secret(provider: Any, secrets: dict[str, str]) -> Any:
    secret = provider.get("client_secret") if isinstance(provider, dict) else None
    if not (secret and isinstance(secret, str)):
        return provider
    secrets[f"{VALUE}.{provider.get('id')}.client_secret"] = secret
    return {name: value for name, value in provider.items() if name != "client_secret"}


def _put(values: dict[str, Any], place: str, secret: str) -> None:
    """Put a secret where it belongs. Of tables and lists on the way copies are made: a spec is never changed."""
    name, dot, rest = place.partition(".")
    inside = values.get(name)
    if not dot:
        values[name] = secret
    elif isinstance(inside, list):
        owner, _, field_name = rest.rpartition(".")
        at = [item.get("id") for item in inside].index(owner)
        values[name] = [*inside[:at], {**inside[at], field_name: secret}, *inside[at + 1 :]]
    else:
        values[name] = {**(inside or {}), rest: secret}


def _check_login(provider: Mapping[str, Any], path: KeyPath) -> None:
    for way in _ELSEWHERE:
        if provider.get(f"client_secret{way}"):
            raise Wrong((*path, f"client_secret{way}"), _SAY_ITSELF.format(name="client_secret"))


def _settings() -> Iterator[str]:
    for section in names_at(()):
        if isinstance(getattr(_DEFAULTS, section), Section):
            yield from (path for name in names_at((section,)) if (path := f"{section}.{name}") not in LISTED)


_DEFAULTS = Settings()

SETTINGS: tuple[str, ...] = tuple(_settings())
"""Every setting that is a value, by its path; those of FIXED among them."""
