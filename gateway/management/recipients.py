"""Who gets to see a provider's secrets: its address, and a proxy on the way to it, be it the provider's, the one for
all, or that of one of its credentials.

Secrets are given for an address and shown to nobody afterwards; whoever may change addresses must not have them sent to
another one. Knows what file and database say, whether it is in force or not; looks nothing up. What the file says of
proxies is the operator's choice, and is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.catalog.presets import presets
from gateway.management.proofs import SECRET
from gateway.management.reaching import PROXY, own_proxies, said
from gateway.management.stored import HOOKS, LOGINS, MAIL, logins
from gateway.outbound.origin import Origin
from gateway.outbound.proxy import ProxyAddress
from gateway.settings.model import Settings
from gateway.settings.stored import VALUE, Kind, StoredObject, tables_within

CATALOGUE = "catalogue"
"""Stands for the address that the catalogue knows, which may be another one in another version."""

BASE_URL, VARIABLES = "base_url", "variables"
"""What says the address of a provider: it itself, or what stands in the places of its preset's."""

HEADERS = "headers."
"""What the places of secret headers begin with."""


class Said(NamedTuple):
    """Where an address stands: in which object, at which path."""

    kind: Kind
    name: str
    path: str


class Moved(NamedTuple):
    """Why a change is refused, and what of it."""

    said: Said
    reason: str


Places = dict[str, tuple[str, ...]]
"""Addresses that secrets belong to, by who owns these: `provider/<id>`, `credential/<provider>/<name>`, `headers/<id>`
of a provider, `login/<id>`, `webhook/<name>`, `mail`."""

Found = dict[str, dict[str, Said]]
"""The same with what says each address."""


def places_of(base: Settings, objects: Iterable[StoredObject]) -> Places:
    """Where the secrets of every provider, and of login providers and receivers of alerts of the database, would go."""
    known = list(objects)
    places = {owner: tuple(found) for owner, found in _recipients(base, known).items()}
    for one in (each for stored in known if stored.name == LOGINS for each in logins(stored)):
        key = f"login/{one.get('id')}"
        places[key] = (*places.get(key, ()), f"{one.get('kind', 'oidc')} {one.get('issuer', '')}")
    return {**places, **dict(_of_alerts(known))}


def find_astray(
    base: Settings, bound: Mapping[str, tuple[str, ...]], sealed: Iterable[StoredObject], after: Iterable[StoredObject]
) -> StoredObject | None:
    """The first of these objects whose secrets would go elsewhere than to what they are bound to, and to what the file
    says. Those of a provider of which nothing was known, as of one in the file, may go where the catalogue says."""
    now, own = places_of(base, after), places_of(base, ())
    for stored in sealed:
        for owner, provider in _owners(stored):
            of_provider = bound.get(provider, (CATALOGUE,))
            if {*now.get(owner, ())} - {*bound.get(owner, of_provider)} - {*own.get(owner, ())}:
                return stored
    return None


def find_moved(
    base: Settings, before: Iterable[StoredObject], after: Iterable[StoredObject], kept: Iterable[StoredObject]
) -> Moved | None:
    """What would show secrets to somebody who is not shown them so far. `kept`: objects, with those of their secrets
    that were not given anew."""
    old, new, left = list(before), list(after), list(kept)
    was = _recipients(base, old)
    changed = {(one.kind, one.name) for one in new} - {(one.kind, one.name) for one in old if one in new}
    for owner, now in _recipients(base, new).items():
        places = [place for address, place in now.items() if address not in was.get(owner, {})]
        if places:
            kind, _, name = owner.partition("/")
            first = _blamed(owner, places[0], changed)
            if reason := REASONS[kind](base, name, first, left):
                return Moved(first, reason)
    return None


def _blamed(owner: str, place: Said, changed: Container[tuple[str, str]]) -> Said:
    """What of the change is at fault: what says the address; where that is as it was, what kept it from counting."""
    kind, _, name = owner.partition("/")
    provider = Said("provider", name.partition("/")[0], "proxy")
    own = (Said("credential", name, "proxy"),) if kind == "credential" else ()
    return next((one for one in (place, *own) if one[:2] in changed), provider)


def _recipients(base: Settings, objects: Iterable[StoredObject]) -> Found:
    """The addresses that see the secrets of every owner."""
    known = list(objects)
    shared = next((said(one, VALUE) for one in known if (one.kind, one.name) == ("setting", PROXY)), "")
    own = own_proxies(base)
    held: dict[str, list[StoredObject]] = {}
    for one in known:
        if one.kind == "credential":
            held.setdefault(one.name.partition("/")[0], []).append(one)
    found: Found = {}
    for name, url, path, proxy in (*_of_file(base), *_of_database(known)):
        there = found.setdefault(f"provider/{name}", {})
        there[_address(name, url)] = Said("provider", name, path)
        by_all = {_proxy(shared): Said("setting", PROXY, VALUE)} if shared not in own and _is_plain(url) else {}
        # Through any proxy TLS goes on to the provider itself: the one for all is in nobody's way then.
        usual = _through(Said("provider", name, "proxy"), proxy, own, by_all)
        there |= usual
        for one in held.get(name, ()):
            through = _through(Said("credential", one.name, "proxy"), said(one, "proxy"), own, usual)
            found.setdefault(f"credential/{one.name}", {}).update(through)
            aside = {address: where for address, where in through.items() if address not in there and _is_plain(url)}
            found.setdefault(f"headers/{name}", {}).update(aside)
    return found


def _through(where: Said, proxy: str, own: Container[str], otherwise: dict[str, Said]) -> dict[str, Said]:
    """The proxy said there, unless it is the operator's choice; what there is `otherwise` where none is said."""
    if not proxy:
        return otherwise
    return {} if proxy in own else {_proxy(proxy): where}


def _of_file(base: Settings) -> Iterator[tuple[str, str, str, str]]:
    yield from ((provider.id, provider.base_url, BASE_URL, provider.proxy) for provider in base.providers)


def _of_database(objects: Iterable[StoredObject]) -> Iterator[tuple[str, str, str, str]]:
    for one in objects:
        if one.kind == "provider":
            url = said(one, BASE_URL)
            yield (one.name, *((url, BASE_URL) if url else _of_preset(one)), said(one, "proxy"))


def _of_preset(stored: StoredObject) -> tuple[str, str]:
    """The address that a preset has with the object's values in its places, and what says it."""
    preset = presets().get(stored.name)
    if preset is None:
        return "", BASE_URL
    variables = stored.spec.get(VARIABLES)
    try:
        values = preset.values(variables if isinstance(variables, dict) else {}, {}, elsewhere=True)
        return preset.address(values), VARIABLES if variables else BASE_URL
    except (ValueError, KeyError):
        return preset.base_url, BASE_URL  # it cannot be used


def _address(name: str, url: str) -> str:
    preset = presets().get(name)
    return CATALOGUE if preset is not None and _spelled(url) == _spelled(preset.base_url) else _spelled(url)


def _of_alerts(objects: Iterable[StoredObject]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for stored in objects:
        if stored.name == HOOKS:
            tables = tables_within(stored).values()
            yield from ((f"webhook/{one.get('name')}", (str(one.get("url", "")),)) for one in tables)
        elif stored.name == MAIL:
            for one in tables_within(stored).values():
                yield "mail", (f"{one.get('host')}:{one.get('port')} {one.get('security')}",)


def _spelled(url: str) -> str:
    """One spelling of an address: however it was written, the same place is the same text."""
    try:
        origin = Origin.of(url)
    except ValueError:
        return url
    return f"{origin.scheme}://{origin.label}{urlsplit(url).path.rstrip('/')}"


def _proxy(url: str) -> str:
    try:
        address = ProxyAddress.of(url)
    except ValueError:
        return url
    return f"{address.scheme}://{address.host}:{address.port}"


def _is_plain(url: str) -> bool:
    return _spelled(url).startswith("http:")


def _of_all(base: Settings, name: str, first: Said, kept: Iterable[StoredObject]) -> str:
    """Why the secrets of a provider keep it where it is, and what to do about it; empty where it has none."""
    known = list(kept)
    credentials = any(one.kind == "credential" and one.name.startswith(f"{name}/") for one in known)
    headers = _keeps_headers(name, known)
    if first.kind == "setting":
        of_file = any(one.id == name and (one.credentials or one.headers) for one in base.providers)
        if not (credentials or headers or of_file):
            return ""
        return (
            f"This proxy could read the secrets of the provider `{name}`, which is asked over plain http://: "
            "give it the proxy `none`, or have the configuration file say `upstream.proxy`"
        )
    needed = [
        *(["delete its credentials first and add them again"] if credentials else ()),
        *(["give its headers anew in the same request"] if headers else ()),
    ]
    what = "address" if first.path in (BASE_URL, VARIABLES) else "proxy"
    return f"No secret of the provider `{name}` follows it to another {what}: {', and '.join(needed)}" if needed else ""


def _of_credential(_base: Settings, name: str, _first: Said, kept: Iterable[StoredObject]) -> str:
    """The same of a credential, and a proxy that only it goes through."""
    places = [place for one in kept if (one.kind, one.name) == ("credential", name) for place in one.secrets]
    needed = [
        *(["its secret"] if SECRET in places else ()),
        *(["its headers"] if any(place.startswith(HEADERS) for place in places) else ()),
    ]
    if not needed:
        return ""
    anew = " and ".join(needed)
    return f"No secret of the credential `{name}` follows it to another proxy: give {anew} anew in the same request"


def _of_headers(base: Settings, name: str, _first: Said, kept: Iterable[StoredObject]) -> str:
    """The same of a provider's headers, which go through the proxies of its credentials."""
    if not (_keeps_headers(name, kept) or any(one.id == name and one.headers for one in base.providers)):
        return ""
    return (
        f"This proxy could read the headers of the provider `{name}`, which is asked over plain http://: "
        "have the configuration file say the proxy, or take the headers away first"
    )


REASONS: Mapping[str, Callable[[Settings, str, Said, Iterable[StoredObject]], str]] = MappingProxyType(
    {"provider": _of_all, "credential": _of_credential, "headers": _of_headers}
)
"""By the kind of owner, why its secrets do not go to another address; empty where there are none."""


def _keeps_headers(name: str, kept: Iterable[StoredObject]) -> bool:
    return any((one.kind, one.name) == ("provider", name) and any(_headers(one)) for one in kept)


def _headers(stored: StoredObject) -> Iterator[str]:
    return (place for place in stored.secrets if place.startswith(HEADERS))


def _owners(stored: StoredObject) -> Iterator[tuple[str, str]]:
    """Whose addresses the secrets of an object belong to, as `Places` names them, each behind it with whose counted
    before a document knew it."""
    provider = f"provider/{stored.name.partition('/')[0]}"
    if stored.kind == "credential" and stored.secrets:
        yield from ((owner, provider) for owner in (provider, f"credential/{stored.name}"))
    elif stored.kind == "provider" and any(_headers(stored)):
        yield from ((owner, provider) for owner in (provider, f"headers/{stored.name}"))
    elif stored.kind == "setting" and (area := _AREAS.get(stored.name)) is not None:
        names = (place.removeprefix(f"{VALUE}.").rpartition(".")[0] for place in stored.secrets)
        owners = ("/".join(filter(None, (area, name))) for name in names)
        yield from ((owner, owner) for owner in owners)


_AREAS = {LOGINS: "login", HOOKS: "webhook", MAIL: "mail"}
"""Settings with secrets within, and what the names of those who own them begin with."""
