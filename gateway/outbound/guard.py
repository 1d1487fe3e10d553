"""Where a URL may lead that the configuration file does not say: http and https, to public addresses and to those an
operator allowed. Such URLs come with prompts, by API, from the dashboard and from other servers.

Names prove nothing, so what is judged is every address that a name leads to, at the moment of connecting: a pool
connects a guarded origin to the address that was judged, and the name is not looked up again; for the next connection
it is, and is judged again. Numbers that only look like something else (`0x7f000001`, `127.1`) are names here too, and
are judged by what they lead to.

Through a proxy the name is looked up here first, and every address it has must be permitted. A `socks5` proxy is then
told the address; the others are asked for the name, by which their rules go, and look it up themselves. Where a name
may change in between, such a proxy must have rules of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from .addresses import Address, Permit, find_addresses
from .origin import Origin
from .proxy import resolve_proxy

Network = IPv4Network | IPv6Network

REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own, and the metadata of Alibaba Cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, to its guests: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""Not public: https://www.iana.org/assignments/iana-ipv4-special-registry."""

PUBLIC_V6 = IPv6Network("2000::/3")
"""All that has been given out for public use: https://www.iana.org/assignments/ipv6-address-space."""

REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols' own, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4, given up by RFC 7526
        "3fff::/20",
    )
)
"""Exceptions from that: https://www.iana.org/assignments/iana-ipv6-special-registry."""

NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 as networks without it see it: RFC 6052."""

LookUp = Callable[[asyncio.AbstractEventLoop, str, int], Awaitable[list[Address]]]
"""Where a host's name leads, for a port; OSError when nowhere."""

LOOK_UP_SECONDS = 10.0

MOST_CHARACTERS = 16 * 1024
"""Of a URL; signed ones have a few thousand."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SAFE = "/?:@!$&'()*+,;=~-._%"
"""What stays as it is in a path and a query; an escape is not escaped again."""


class Place(NamedTuple):
    """What a URL asks for, and of whom."""

    origin: Origin
    target: str
    """Path and query, escaped, as a request line wants them."""


def find_place(url: str, proxy: str = "") -> Place:
    """Where a URL leads; `proxy` as in the settings. ValueError, with a text to show, for what is never fetched."""
    if len(url) > MOST_CHARACTERS:
        raise ValueError(f"its address is longer than {MOST_CHARACTERS} characters")
    try:
        parts = urlsplit(url.strip())
        scheme, userinfo, port = parts.scheme, "@" in parts.netloc, parts.port
        host = (parts.hostname or "").encode("idna").decode() if parts.netloc else ""
        path = quote(parts.path or "/", safe=_SAFE)
        query = quote(parts.query, safe=_SAFE)
    except ValueError:
        raise ValueError("it is not an address") from None
    if scheme not in ("http", "https"):
        raise ValueError("only http:// and https:// addresses are fetched")
    if userinfo:
        raise ValueError("an address with a user name or a password in it is not fetched")
    if _CONTROL.search(url.strip()) or not _HOST.fullmatch(host):
        raise ValueError("it is not an address")
    named = f"[{host}]" if ":" in host else host
    base_url = f"{scheme}://{named}:{port}" if port else f"{scheme}://{named}"
    origin = Origin.of(base_url, proxy=resolve_proxy(base_url, proxy), guarded=True)
    return Place(origin, f"{path}?{query}" if query else path)


def networks(entries: Iterable[str]) -> tuple[Network, ...]:
    """The networks, or single addresses, that an operator allowed; ValueError for what is neither."""
    return tuple(ip_network(entry, strict=False) for entry in entries)


def permit_of(entries: Iterable[str]) -> Permit:
    """The judge of addresses under these entries of `network.allow` or `media.allow`; ValueError for a bad entry."""
    return partial(may_reach, allow=networks(entries))


async def check_url_given(url: str, allow: Sequence[Network] = (), *, look_up: LookUp = find_addresses) -> None:
    """Tell now what every connection would tell later. ValueError, with a text to show, unless a URL that was given by
    API or dashboard is one to connect to, and its name leads to addresses that are public or in `allow`.
    """
    origin = find_place(url, "none").origin
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await look_up(asyncio.get_running_loop(), origin.host, origin.port)
    except TimeoutError:
        raise ValueError(f"finding {origin.host} took longer than {LOOK_UP_SECONDS:g} s") from None
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ValueError(f"cannot find {origin.host}: {reason}") from None
    for _, address in found:
        if not may_reach(address[0], allow):
            said = address[0] if address[0] == origin.host else f"{origin.host} leads to {address[0]}, which"
            raise ValueError(f"{said} is not a public address, and `network.allow` does not name it")


def may_reach(address: str, allow: Sequence[Network] = ()) -> bool:
    """Whether an address, as a look-up gives it, may be connected to. What is no address may not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    meant = _meant(found)
    return any(found in network or meant in network for network in allow) or _is_public(meant)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    return address in PUBLIC_V6 and not any(address in network for network in REFUSED_V6)
