"""The way through a proxy: which one (settings, environment, NO_PROXY), and what it wants to hear.

Opens no sockets. What a proxy's URL holds besides host and port never appears in a message.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gateway.errors import UpstreamUnreachable

from .connection import ByteStream
from .origin import Origin

PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
MAX_TUNNEL_HEAD = 16 * 1024


class ProxyAddress(NamedTuple):
    """A proxy's URL in its parts."""

    scheme: str
    host: str
    port: int
    username: str
    password: str

    @classmethod
    def of(cls, url: str) -> ProxyAddress:
        """ValueError, without the URL in it, when it is not one we can use."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port or PROXY_PORTS.get(parts.scheme, 0)
        except ValueError:  # Python's own message would show a misplaced password as the port.
            port = 0
        if parts.scheme not in PROXY_PORTS or not port or not parts.hostname:
            raise ValueError("a proxy must be an http://, https://, socks5:// or socks5h:// URL with a host")
        return cls(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"proxy [{self.host}]:{self.port}" if ":" in self.host else f"proxy {self.host}:{self.port}"

    @property
    def speaks_http(self) -> bool:
        """Whether it understands CONNECT and absolute URLs."""
        return self.scheme in ("http", "https")

    @property
    def authorization(self) -> bytes:
        """The header line with its credentials, or nothing."""
        if not self.username and not self.password:
            return b""
        return b"proxy-authorization: Basic " + b64encode(f"{self.username}:{self.password}".encode()) + b"\r\n"


def resolve_proxy(base_url: str, configured: str = "", *, environment: Mapping[str, str] = os.environ) -> str:
    """The proxy for a provider, as a URL, or nothing. `configured` is the provider's own, else `upstream.proxy`.

    `none` means no proxy; empty asks the environment. ValueError when the URL is none we can use. A lower-case variable
    goes before its upper-case one, as with curl; like there, loopback addresses are not spared unless NO_PROXY says so.
    """
    origin = Origin.of(base_url)
    if origin.scheme == "unix" or configured == "none":
        return ""
    url = configured or _from_environment(origin, environment)
    if url:
        ProxyAddress.of(url)
    return url


def _from_environment(origin: Origin, environment: Mapping[str, str]) -> str:
    def value(name: str) -> str:
        return (environment.get(name) or environment.get(name.upper()) or "").strip()

    if is_exempt(origin.host, origin.port, value("no_proxy")):
        return ""
    return value(f"{origin.scheme}_proxy") or value("all_proxy")


def is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Whether a NO_PROXY list covers a host: names with their subdomains, addresses, networks, `name:port`, `*`."""
    host = host.lower().rstrip(".")
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_covers(entry, host, port) for entry in entries if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name = name.lstrip("*").strip(".")
        return bool(name) and (host == name or host.endswith("." + name))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, int(rest[1:]) if rest[1:].isdigit() else None
    name, colon, rest = entry.rpartition(":")
    return (name, int(rest)) if colon and ":" not in name and rest.isdigit() else (entry, None)


def rewriter(origin: Origin) -> Callable[[bytes], bytes] | None:
    """For plain HTTP through an HTTP proxy: makes the head with an absolute URL; None where it goes as it is."""
    if not origin.proxy or origin.scheme != "http" or not ProxyAddress.of(origin.proxy).speaks_http:
        return None
    prefix = b" http://" + origin.authority
    authorization = ProxyAddress.of(origin.proxy).authorization

    def rewrite(head: bytes) -> bytes:
        line, _, rest = head.partition(b"\r\n")
        method, _, target = line.partition(b" ")
        return method + prefix + target + b"\r\n" + authorization + rest

    return rewrite


async def open_tunnel(stream: ByteStream, origin: Origin, proxy: ProxyAddress) -> None:
    """Ask an HTTP proxy for a tunnel to the origin; UpstreamUnreachable when it does not give one."""
    tunnel = _Tunnel(asyncio.get_running_loop(), proxy.label, origin.label)
    stream.set_protocol(tunnel)
    name = origin.label.encode("ascii" if origin.label.isascii() else "idna")
    stream.write(b"CONNECT " + name + b" HTTP/1.1\r\nhost: " + name + b"\r\n" + proxy.authorization + b"\r\n")
    await tunnel.opened


class _Tunnel(asyncio.Protocol):
    """Hears a proxy's answer to CONNECT. No body matters: a success has none, a refusal ends the connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, proxy: str, origin: str) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._proxy, self._origin = proxy, origin
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if len(head) > MAX_TUNNEL_HEAD:
            self._refuse("its answer has no end")
        elif end:
            self._judge(head.split(b"\r\n", 1)[0].split(b" "), rest)

    def connection_lost(self, error: Exception | None) -> None:
        self._refuse("it closed the connection")

    def _judge(self, status_line: list[bytes], rest: bytes) -> None:
        well_formed = len(status_line) >= 2 and status_line[0].startswith(b"HTTP/1.") and status_line[1].isdigit()
        if not well_formed:
            self._refuse("it does not speak HTTP")
        elif status_line[1] == b"407":
            self._refuse("it wants other credentials (407)")
        elif not status_line[1].startswith(b"2"):
            self._refuse(f"status {int(status_line[1][:3])}")
        elif rest:
            self._refuse("bytes came through it unasked")
        elif not self.opened.done():
            self.opened.set_result(None)

    def _refuse(self, reason: str) -> None:
        if not self.opened.done():
            message = f"{self._proxy} opened no tunnel to {self._origin}: {reason}"
            self.opened.set_exception(UpstreamUnreachable(message, nothing_sent=True))
