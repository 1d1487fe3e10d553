"""Who asks, and for which address, where reverse proxies stand in between.

`X-Forwarded-For`, `-Proto` and `-Host` are believed when the other end of the connection is one of
`server.trusted_proxies`, and only as far as those go: of the addresses the right-most one that is not trusted is the
client, for whatever stands left of it the client may have made up. RFC 7239's `Forwarded` is not read: proxies that
write it write the others too, and two sources for one fact are one too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from gateway.browsers import AUTHORITY
from gateway.relay.sink import Message

UNIX = "unix"
"""Among trusted proxies: whoever is at the other end of a Unix socket."""

SCHEMES = frozenset(("http", "https"))

REMEMBERED = 4096
"""Peers that were judged once."""

_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?", re.ASCII)

Address = IPv4Address | IPv6Address


class Seen(NamedTuple):
    """A request as whoever sent it meant it."""

    client: str | None
    """Address, without a port; None for a Unix socket."""
    scheme: str
    host: bytes
    """Host and port; empty where they are none."""


class TrustedProxies:
    """The proxies in front, from `server.trusted_proxies`; without any, nothing that is forwarded is believed."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """ValueError for an entry that is no network, no address and not `unix`."""
        named = tuple(entries)
        self._unix = UNIX in named
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(entry, strict=False) for entry in named if entry != UNIX
        )
        self._judged = lru_cache(maxsize=REMEMBERED)(self._judge)

    def address_of(self, scope: Message) -> str | None:
        """The client's address; None for a Unix socket. What is no address ends the search where it stands."""
        address = peer_of(scope)
        if not self._trusts(address):
            return address
        for entry in reversed(_values(scope, b"x-forwarded-for")):
            found = read_address(entry)
            if found is None:
                break
            address = found
            if not self._trusts(address):
                break
        return address

    def seen(self, scope: Message) -> Seen:
        """A request as whoever sent it meant it. Of several values for scheme or host the nearest proxy's counts."""
        scheme, host = scope.get("scheme", "http"), dict(scope["headers"]).get(b"host", b"")
        if self._trusts(peer_of(scope)):
            said = _last(scope, b"x-forwarded-proto").lower()
            scheme = said if said in SCHEMES else scheme
            named = _last(scope, b"x-forwarded-host").encode("latin-1")
            host = named if AUTHORITY.fullmatch(named) else host
        return Seen(self.address_of(scope), scheme, host if AUTHORITY.fullmatch(host) else b"")

    def _trusts(self, address: str | None) -> bool:
        return self._unix if address is None else self._judged(address)

    def _judge(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def peer_of(scope: Message) -> str | None:
    """The address of the other end of the connection, IPv4 as IPv4 is written; None for a Unix socket."""
    client = scope.get("client")
    if not client or not client[0]:
        return None
    said: str = client[0]
    return read_address(said) or said if said.startswith("::ffff:") else said


def read_address(entry: str) -> str | None:
    """An address as proxies write it, with a port and in brackets or without; None for anything else."""
    text = entry.strip(" \t")
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    if "%" in text:  # a zone means something on one machine only, and may be any text
        return None
    try:
        address: Address = ip_address(text)
    except ValueError:
        return None
    return str((address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address)


def _values(scope: Message, name: bytes) -> list[str]:
    """The values of a list header, in order, over all lines of that name."""
    return [value for line in _lines(scope, name) for value in line.split(",")]


def _last(scope: Message, name: bytes) -> str:
    values = _values(scope, name)
    return values[-1].strip(" \t") if values else ""


def _lines(scope: Message, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for said, value in scope["headers"] if said == name)
