"""Whether addresses that somebody gives lead to where the gateway may connect, told at once and not at the first use.

Knows which values of the configuration are addresses. What the file says and what the catalogue knows is the operator's
choice, and is not judged; nor is what was judged before. Every connection is judged again when it is made, for a name
may lead elsewhere by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.catalog.presets import presets
from gateway.errors import Unacceptable
from gateway.management.stored import HOOKS, LOGINS, MAIL
from gateway.outbound.guard import check_url_given, networks
from gateway.outbound.proxy import ProxyAddress
from gateway.settings.model import Settings
from gateway.settings.stored import VALUE, StoredObject, tables_within

AT_ONCE = 16
"""Names that are looked up at once."""

PROXY = "upstream.proxy"

USUAL_MAIL_PORT = 587


class Given(NamedTuple):
    """An address, and where in an object it stands."""

    path: str
    url: str


async def check(base: Settings, stored: StoredObject, former: StoredObject | None) -> None:
    """Raises Unacceptable unless every address of an object may be connected to; `base` is what the file says."""
    await check_all(base, [("", stored, former)])


async def check_all(base: Settings, objects: Iterable[tuple[str, StoredObject, StoredObject | None]]) -> None:
    """The same of many objects, each behind the place where it was said, such as `configuration.3.spec.`."""
    given = [(place, one) for place, stored, former in objects for one in _new(base, stored, former)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def judge(place: str, one: Given) -> None:
        async with turns:
            try:
                await check_url_given(one.url, networks(base.network.allow))
            except ValueError as error:
                raise Unacceptable(f"`{one.path}`: {error}.", param=place + one.path) from None

    await asyncio.gather(*(judge(place, one) for place, one in given))


def _new(base: Settings, stored: StoredObject, former: StoredObject | None) -> list[Given]:
    known = set(_addresses(base, former)) if former is not None else set()
    return [one for one in _addresses(base, stored) if one not in known]


def _addresses(base: Settings, stored: StoredObject) -> Iterator[Given]:
    """The addresses that an object says. What is no address at all is for others to refuse."""
    if stored.kind == "provider":
        yield from _of_provider(base, stored)
    elif stored.kind == "credential":
        yield from _of_proxy(base, "proxy", said(stored, "proxy"))
    elif (of_setting := _OF_SETTINGS.get(stored.name)) is not None:
        yield from of_setting(base, stored)


def _of_provider(base: Settings, stored: StoredObject) -> Iterator[Given]:
    preset = presets().get(stored.name)
    url = stored.spec.get("base_url", "")
    if url and (preset is None or not preset.is_at(url, stored.spec.get("variables") or {})):
        yield Given("base_url", url)
    yield from _of_proxy(base, "proxy", said(stored, "proxy"))


def _of_logins(base: Settings, stored: StoredObject) -> Iterator[Given]:
    providers = stored.spec.get(VALUE)
    for index, provider in enumerate(providers if isinstance(providers, list) else ()):
        if issuer := provider.get("issuer"):
            yield Given(f"{VALUE}.{index}.issuer", issuer)


def _of_hooks(base: Settings, stored: StoredObject) -> Iterator[Given]:
    for index, hook in enumerate(tables_within(stored).values()):
        yield Given(f"{VALUE}.{index}.url", str(hook.get("url", "")))


def _of_mail(base: Settings, stored: StoredObject) -> Iterator[Given]:
    for mail in tables_within(stored).values():
        if host := str(mail.get("host", "")):
            yield Given(f"{VALUE}.host", f"http://{_in_address(host)}:{mail.get('port', USUAL_MAIL_PORT)}")


def _of_proxy(base: Settings, path: str, proxy: str) -> Iterator[Given]:
    if proxy not in own_proxies(base):
        address = ProxyAddress.of(proxy)
        yield Given(path, f"http://{_in_address(address.host)}:{address.port}")


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_OF_SETTINGS: Mapping[str, Callable[[Settings, StoredObject], Iterator[Given]]] = {
    PROXY: lambda base, stored: _of_proxy(base, VALUE, said(stored, VALUE)),
    LOGINS: _of_logins,
    HOOKS: _of_hooks,
    MAIL: _of_mail,
}
"""Settings that say addresses."""


def own_proxies(base: Settings) -> frozenset[str]:
    """What may stand for a proxy without being anybody's choice but the operator's."""
    credentials = (credential.proxy for provider in base.providers for credential in provider.credentials)
    return frozenset(("", "none", base.upstream.proxy, *(provider.proxy for provider in base.providers), *credentials))


def said(stored: StoredObject, name: str) -> str:
    """What an object says at a place, secret or not; empty where it says nothing."""
    values: Mapping[str, Any] = {**stored.spec, **stored.secrets}
    return str(values.get(name, ""))
