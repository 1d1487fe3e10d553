"""What settings must hold beyond the types of their values. One function a rule; `RULES` is their list.

Knows settings whose presets and secrets are filled in. No message contains a secret.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module

from gateway.settings.addresses import (
    check_database,
    check_hook,
    check_issuer,
    check_mail_address,
    check_mail_host,
    check_network,
    check_origin,
    check_proxy,
    check_redis,
    check_trusted,
    check_url,
    leads_here,
    split_listen,
)
from gateway.settings.buckets import bucket_can_be_filled
from gateway.settings.header_list import read_headers
from gateway.settings.instants import read_instant, read_zone
from gateway.settings.locate import KeyPath
from gateway.settings.model import LoginProviderSettings, Settings
from gateway.settings.objects import LimitRules
from gateway.settings.section import Section
from gateway.settings.shape import Wrong

SHORTEST_KEY = 8
"""Characters; anything shorter is guessed."""

UNIX_PEER = "unix"
"""Among trusted proxies: whoever is at the other end of a Unix socket."""

PUBLIC_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?", re.ASCII)

VAULT_KEY_BYTES = 32

LEAST_ROLLUP_DAYS = 40
"""The longest month, and some days in which its last records may come."""

GOOGLE = "https://accounts.google.com"

Rule = Callable[[Settings], Iterator[Wrong]]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_MEMORY = re.compile(r"\d+(\.\d+)? ?([KMGT]i?)?B")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^\s/?#]+")

_MICROSOFT = re.compile(r"https://login\.microsoftonline\.com/([A-Za-z0-9.-]+)/v2\.0")
_ANY_TENANT = ("common", "organizations", "consumers")
"""Names that stand for many tenants: whoever has any account there could log in, and no issuer is theirs."""

_ISSUERS_WANTED = {
    "oidc": "`oidc` asks for an `issuer`",
    "microsoft": "microsoft asks for an `issuer` with your tenant: https://login.microsoftonline.com/<tenant>/v2.0",
}

_MODEL = "a model name"
_LIMITS = tuple(name for name in LimitRules.__struct_fields__ if name != "budget_period")
_SUBJECTS = {"user": "the id of a user", "team": "the id of a team", "model": "`provider/model`"}
"""What patterns of rules stand for that have no spaces in them; names of keys may."""
_KEY_PATTERNS = {"models": _MODEL, "providers": "a provider's id", "credentials": "a credential", "endpoints": "a path"}

FRAMING_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Belong to one connection: whoever opens it sets them."""

CLIENT_SECRET_HEADERS = frozenset(
    {"api-key", "authorization", "cookie", "proxy-authorization", "x-amz-security-token", "x-api-key", "x-goog-api-key"}
)
"""Hold what a client shows us: no provider gets to see it."""


def check(settings: Settings) -> None:
    """Raises Wrong for the first rule that is broken."""
    for wrong in broken(settings):
        raise wrong


def broken(settings: Settings) -> Iterator[Wrong]:
    """Every way in which a rule is broken."""
    for rule in RULES:
        yield from rule(settings)


def numbers_are_finite(settings: Settings) -> Iterator[Wrong]:
    """No timeout lasts for ever, and none is no number."""
    for path, value in _walk(settings, ()):
        if isinstance(value, float) and not math.isfinite(value):
            yield Wrong(path, "expected a finite number")


def listen_is_an_address(settings: Settings) -> Iterator[Wrong]:
    """The public address can be bound."""
    yield from _tried(("server", "listen"), settings.server.listen, split_listen)


def public_url_is_an_origin(settings: Settings) -> Iterator[Wrong]:
    """Browsers find the gateway there; pages and callbacks are put behind it."""
    if settings.server.public_url:
        yield from _tried(("server", "public_url"), settings.server.public_url, check_origin)


def database_is_known(settings: Settings) -> Iterator[Wrong]:
    """It is one of the two engines."""
    yield from _tried(("database", "url"), settings.database.url, check_database)


def vault_key_is_a_key(settings: Settings) -> Iterator[Wrong]:
    """It has the length the cipher wants."""
    yield from _tried(("vault", "key"), settings.vault.key, _check_key)


def names_are_unique(settings: Settings) -> Iterator[Wrong]:
    """A name stands for one thing."""
    yield from _repeated(("client_keys",), "name", (key.name for key in settings.client_keys))
    yield from _repeated(("providers",), "id", (provider.id for provider in settings.providers))
    yield from _repeated(("aliases",), "name", (alias.name for alias in settings.aliases))
    yield from _repeated(("combos",), "name", (combo.name for combo in settings.combos))
    yield from _repeated(("limits", "rules"), "name", (rule.name for rule in settings.limits.rules))
    yield from _repeated(("login", "providers"), "id", (provider.id for provider in settings.login.providers))
    yield from _repeated(("alerts", "webhooks"), "name", (hook.name for hook in settings.alerts.webhooks))
    for index, provider in enumerate(settings.providers):
        path = ("providers", index, "credentials")
        yield from _repeated(path, "name", (credential.name for credential in provider.credentials))


def client_keys_are_strong(settings: Settings) -> Iterator[Wrong]:
    """A key cannot be guessed and names one client."""
    owners: dict[str, str] = {}
    for index, key in enumerate(settings.client_keys):
        path = ("client_keys", index)
        if len(key.key) < SHORTEST_KEY:
            yield Wrong(path, f"key `{key.name}` is shorter than {SHORTEST_KEY} characters")
        if (owner := owners.setdefault(key.key, key.name)) != key.name:
            yield Wrong(path, f"keys `{owner}` and `{key.name}` are the same")


def addresses_are_reachable_in_principle(settings: Settings) -> Iterator[Wrong]:
    """Providers and proxies have addresses of a kind we can connect to."""
    yield from _tried(("upstream", "proxy"), settings.upstream.proxy, check_proxy)
    for index, provider in enumerate(settings.providers):
        yield from _tried(("providers", index, "base_url"), provider.base_url, check_url)
        yield from _tried(("providers", index, "proxy"), provider.proxy, check_proxy)
        for at, credential in enumerate(provider.credentials):
            yield from _tried(("providers", index, "credentials", at, "proxy"), credential.proxy, check_proxy)


def networks_are_networks(settings: Settings) -> Iterator[Wrong]:
    """Where connections may lead although it is private, and whose word is believed."""
    for path, networks, check_text in (
        (("media", "allow"), settings.media.allow, check_network),
        (("network", "allow"), settings.network.allow, check_network),
        (("server", "trusted_proxies"), settings.server.trusted_proxies, check_trusted),
    ):
        for index, network in enumerate(networks):
            yield from _tried((*path, index), network, check_text)


def wildcards_are_well_formed(settings: Settings) -> Iterator[Wrong]:
    """A pattern can match something, and `*` is its only wildcard."""
    for path, pattern, meant in _patterns(settings):
        if not pattern or not pattern.isprintable() or set(pattern) & set(" ?[]"):
            yield Wrong(path, f"expected {meant}; `*` is the only wildcard, spaces and `?[]` have no place in it")


def client_keys_can_be_used(settings: Settings) -> Iterator[Wrong]:
    """What a key is bounded to can be, and the time it ends at is one."""
    for index, key in enumerate(settings.client_keys):
        path = ("client_keys", index)
        for at, pattern in enumerate(key.credentials):
            if pattern.strip("*") and "/" not in pattern:
                yield Wrong((*path, "credentials", at), "expected `provider/name`, such as `openai/*`")
        for at, pattern in enumerate(key.endpoints):
            if not pattern.startswith(("/", "*")):
                yield Wrong((*path, "endpoints", at), "expected a path such as /v1/chat/completions")
        if key.expires_at:
            yield from _tried((*path, "expires_at"), key.expires_at, read_instant)


def limits_can_be_counted(settings: Settings) -> Iterator[Wrong]:
    """There is such a calendar and such a place to count in, and each rule limits something that can be."""
    yield from _tried(("limits", "time_zone"), settings.limits.time_zone, read_zone)
    yield from _tried(("limits", "redis_url"), settings.limits.redis_url, check_redis)
    for index, rule in enumerate(settings.limits.rules):
        path = ("limits", "rules", index)
        if rule.per == "model" and rule.match.strip("*") and "/" not in rule.match:
            yield Wrong((*path, "match"), "expected `provider/model`, such as `openai/*`")
        if all(getattr(rule, name) is None for name in _LIMITS):
            yield Wrong(path, f"rule `{rule.name}` limits nothing")


def alerts_can_be_sent(settings: Settings) -> Iterator[Wrong]:
    """Webhooks have addresses; a mail server has somebody to write to, and passwords do not travel in the open."""
    for index, hook in enumerate(settings.alerts.webhooks):
        yield from _tried(("alerts", "webhooks", index, "url"), hook.url, check_hook)
    email, path = settings.alerts.email, ("alerts", "email")
    if not email.host:
        return
    yield from _tried((*path, "host"), email.host, check_mail_host)
    yield from _tried((*path, "sender"), email.sender, check_mail_address)
    for index, address in enumerate(email.to):
        yield from _tried((*path, "to", index), address, check_mail_address)
    if not email.to:
        yield Wrong((*path, "to"), "say whom mails go to")
    if bool(email.user) != bool(email.password):
        yield Wrong(path, "a `user` has a `password`, and a `password` a `user`")
    if email.password and email.security == "none" and not leads_here(email.host):
        yield Wrong((*path, "security"), "a password is not sent without TLS to another machine")


def traces_can_be_sent(settings: Settings) -> Iterator[Wrong]:
    """There may be a collector at such an address, and its headers can be sent."""
    traces = settings.traces
    yield from _tried(("traces", "endpoint"), traces.endpoint, check_url)
    try:
        headers = read_headers(traces.headers)
    except ValueError as error:
        yield Wrong(("traces",), str(error))
        return
    for name in headers:
        yield from _bad_header(("traces",), name, FRAMING_HEADERS | {"content-type"})


def redacted_is_found(settings: Settings) -> Iterator[Wrong]:
    """What is to be redacted in captures is said by expressions that can be searched for."""
    if settings.capture.redact:
        expressions = import_module("gateway.settings.expressions")  # a library that few need
        for at, pattern in enumerate(settings.capture.redact):
            yield from _tried(("capture", "redact", at), pattern, expressions.check_expression)


def login_providers_can_be_asked(settings: Settings) -> Iterator[Wrong]:
    """Each has an issuer that proves who people are, and the secret it asks for."""
    for index, provider in enumerate(settings.login.providers):
        path = ("login", "providers", index)
        if wrong := _wrong_issuer(provider):
            yield Wrong((*path, "issuer") if provider.issuer else path, wrong)
        if provider.kind != "oidc" and not provider.client_secret:
            yield Wrong(path, f"{provider.kind} asks for a `client_secret`: give it, by `client_secret_env` for one")


def headers_are_ours_to_set(settings: Settings) -> Iterator[Wrong]:
    """Header names are valid, and none of them frames the message or leaks a client's secret."""
    for index, provider in enumerate(settings.providers):
        yield from _bad_headers(("providers", index, "headers"), provider.headers)
        for at, credential in enumerate(provider.credentials):
            yield from _bad_headers(("providers", index, "credentials", at, "headers"), credential.headers)
        for position, name in enumerate(provider.forward_headers):
            place = ("providers", index, "forward_headers", position)
            yield from _bad_header(place, name, FRAMING_HEADERS | CLIENT_SECRET_HEADERS)


def origins_are_origins(settings: Settings) -> Iterator[Wrong]:
    """What browsers send as `Origin`."""
    for index, origin in enumerate(settings.server.cors_origins):
        if not _ORIGIN.fullmatch(origin):
            yield Wrong(("server", "cors_origins", index), "expected `*` or an origin such as https://app.example.com")


def memory_limit_is_a_size(settings: Settings) -> Iterator[Wrong]:
    """DuckDB understands it."""
    if not _MEMORY.fullmatch(settings.usage.duckdb_memory_limit):
        yield Wrong(("usage", "duckdb_memory_limit"), "expected a size such as 512MB or 1.5GB")


def sums_outlive_requests(settings: Settings) -> Iterator[Wrong]:
    """What is kept of a day becomes less step by step, and a month's quota is counted by its days."""
    usage = settings.usage
    if 0 < usage.rollup_days < (least := max(usage.retention_days, LEAST_ROLLUP_DAYS)):
        yield Wrong(("usage", "rollup_days"), f"expected 0, or at least {least}: `retention_days`, and a whole month")


RULES: tuple[Rule, ...] = (
    numbers_are_finite,
    names_are_unique,
    client_keys_are_strong,
    client_keys_can_be_used,
    limits_can_be_counted,
    listen_is_an_address,
    public_url_is_an_origin,
    database_is_known,
    vault_key_is_a_key,
    alerts_can_be_sent,
    traces_can_be_sent,
    redacted_is_found,
    login_providers_can_be_asked,
    addresses_are_reachable_in_principle,
    networks_are_networks,
    wildcards_are_well_formed,
    headers_are_ours_to_set,
    origins_are_origins,
    memory_limit_is_a_size,
    sums_outlive_requests,
    bucket_can_be_filled,
)


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, Section):
        for name in value.__struct_fields__:
            yield from _walk(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))
    else:
        yield path, value


def _repeated(path: KeyPath, field: str, names: Iterable[str]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Wrong((*path, index, field), f"`{name}` is there twice")
        seen.add(name)


def _tried(path: KeyPath, text: str, check_text: Callable[[str], object]) -> Iterator[Wrong]:
    try:
        check_text(text)
    except ValueError as error:
        yield Wrong(path, str(error))


def _patterns(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Place and text of every pattern, and what it stands for."""
    limited = [(at, rule) for at, rule in enumerate(settings.limits.rules) if rule.per in _SUBJECTS]
    for index, key in enumerate(settings.client_keys):
        for name, meant in _KEY_PATTERNS.items():
            said = enumerate(getattr(key, name))
            yield from ((("client_keys", index, name, at), one, meant) for at, one in said)
    for index, provider in enumerate(settings.providers):
        yield from ((("providers", index, "models", at), one, _MODEL) for at, one in enumerate(provider.models))
        for number, credential in enumerate(provider.credentials):
            place = ("providers", index, "credentials", number, "models")
            yield from (((*place, at), one, _MODEL) for at, one in enumerate(credential.models))
        facts = enumerate(provider.model_facts)
        yield from ((("providers", index, "model_facts", at, "model"), one.model, _MODEL) for at, one in facts)
    yield from ((("prices", at, "model"), one.model, _MODEL) for at, one in enumerate(settings.prices))
    yield from ((("limits", "rules", at, "match"), one.match, _SUBJECTS[one.per]) for at, one in limited)


def _check_key(text: str) -> None:
    try:
        right = not text or len(base64.b64decode(text, validate=True)) == VAULT_KEY_BYTES
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"expected {VAULT_KEY_BYTES} bytes in base64, such as `openssl rand -base64 32` makes")


def _wrong_issuer(provider: LoginProviderSettings) -> str:
    """What is wrong with the issuer of a provider that people log in with; nothing if it is right."""
    kind, issuer = provider.kind, provider.issuer
    if not issuer:
        return _ISSUERS_WANTED.get(kind, "")
    if kind == "google" and issuer != GOOGLE:
        return f"the issuer of google is {GOOGLE}; leave it out, or say `oidc`"
    if kind == "microsoft" and not ((tenant := _MICROSOFT.fullmatch(issuer)) and tenant[1] not in _ANY_TENANT):
        return _ISSUERS_WANTED[kind]
    return next((wrong.message for wrong in _tried((), issuer, check_issuer)), "")


def _bad_headers(path: KeyPath, headers: Mapping[str, str]) -> Iterator[Wrong]:
    for name, value in headers.items():
        yield from _bad_header((*path, name), name, FRAMING_HEADERS)
        if not _HEADER_VALUE.fullmatch(value):
            yield Wrong((*path, name), "a header value holds printable ASCII characters only")


def _bad_header(path: KeyPath, name: str, forbidden: frozenset[str]) -> Iterator[Wrong]:
    if not _HEADER_NAME.fullmatch(name):
        yield Wrong(path, f"`{name}` is no header name")
    if name.lower() in forbidden or name.lower().startswith("x-sluicegate-"):
        yield Wrong(path, f"`{name}` is not for settings to set or forward")
