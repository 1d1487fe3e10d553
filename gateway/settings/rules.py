"""What settings must hold beyond the types of their values. One function a rule; `RULES` is their list.

Knows settings whose presets and secrets are filled in. No message contains a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator

from gateway.settings.addresses import check_network, check_proxy, check_url, is_loopback, split_listen
from gateway.settings.locate import KeyPath
from gateway.settings.model import Section, Settings
from gateway.settings.shape import Wrong

SHORTEST_KEY = 8
"""Characters; anything shorter is guessed."""

Rule = Callable[[Settings], Iterator[Wrong]]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_MEMORY = re.compile(r"\d+(\.\d+)? ?([KMGT]i?)?B")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^\s/?#]+")

FRAMING_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Belong to one connection: whoever opens it sets them."""

CLIENT_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"})
"""Hold what a client shows us: no provider gets to see it."""


def check(settings: Settings) -> None:
    """Raises Wrong for the first rule that is broken."""
    for rule in RULES:
        for wrong in rule(settings):
            raise wrong


def numbers_are_finite(settings: Settings) -> Iterator[Wrong]:
    """No timeout lasts for ever, and none is no number."""
    for path, value in _walk(settings, ()):
        if isinstance(value, float) and not math.isfinite(value):
            yield Wrong(path, "expected a finite number")


def listen_is_an_address(settings: Settings) -> Iterator[Wrong]:
    """The public address can be bound, and a public one asks for keys."""
    path: KeyPath = ("server", "listen")
    try:
        host, _ = split_listen(settings.server.listen)
    except ValueError as error:
        yield Wrong(path, str(error))
        return
    if not (settings.client_keys or is_loopback(host)):
        yield Wrong(
            path, "refused: an address that others can reach needs [[client_keys]]; listen on 127.0.0.1 or add one"
        )


def names_are_unique(settings: Settings) -> Iterator[Wrong]:
    """A name stands for one thing."""
    yield from _repeated(("client_keys",), "name", (key.name for key in settings.client_keys))
    yield from _repeated(("providers",), "id", (provider.id for provider in settings.providers))
    yield from _repeated(("aliases",), "name", (alias.name for alias in settings.aliases))
    yield from _repeated(("combos",), "name", (combo.name for combo in settings.combos))
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


def networks_are_networks(settings: Settings) -> Iterator[Wrong]:
    """What media may be fetched from although it is private."""
    for index, network in enumerate(settings.media.allow):
        yield from _tried(("media", "allow", index), network, check_network)


def wildcards_are_well_formed(settings: Settings) -> Iterator[Wrong]:
    """A pattern can match something, and `*` is its only wildcard."""
    for path, pattern in _patterns(settings):
        if not pattern or not pattern.isprintable() or set(pattern) & set(" ?[]"):
            yield Wrong(path, "expected a model name; `*` is the only wildcard, spaces and `?[]` have no place in it")


def headers_are_ours_to_set(settings: Settings) -> Iterator[Wrong]:
    """Header names are valid, and none of them frames the message or leaks a client's secret."""
    for index, provider in enumerate(settings.providers):
        path = ("providers", index, "headers")
        for name, value in provider.headers.items():
            yield from _bad_header((*path, name), name, FRAMING_HEADERS)
            if not _HEADER_VALUE.fullmatch(value):
                yield Wrong((*path, name), "a header value holds printable ASCII characters only")
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


RULES: tuple[Rule, ...] = (
    numbers_are_finite,
    names_are_unique,
    client_keys_are_strong,
    listen_is_an_address,
    addresses_are_reachable_in_principle,
    networks_are_networks,
    wildcards_are_well_formed,
    headers_are_ours_to_set,
    origins_are_origins,
    memory_limit_is_a_size,
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


def _tried(path: KeyPath, text: str, check_text: Callable[[str], None]) -> Iterator[Wrong]:
    try:
        check_text(text)
    except ValueError as error:
        yield Wrong(path, str(error))


def _patterns(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    for index, key in enumerate(settings.client_keys):
        yield from ((("client_keys", index, "models", at), one) for at, one in enumerate(key.models))
    for index, provider in enumerate(settings.providers):
        yield from ((("providers", index, "models", at), one) for at, one in enumerate(provider.models))
        facts = enumerate(provider.model_facts)
        yield from ((("providers", index, "model_facts", at, "model"), one.model) for at, one in facts)
    yield from ((("prices", at, "model"), one.model) for at, one in enumerate(settings.prices))


def _bad_header(path: KeyPath, name: str, forbidden: frozenset[str]) -> Iterator[Wrong]:
    if not _HEADER_NAME.fullmatch(name):
        yield Wrong(path, f"`{name}` is no header name")
    if name.lower() in forbidden or name.lower().startswith("x-sluicegate-"):
        yield Wrong(path, f"`{name}` is not for settings to set or forward")
