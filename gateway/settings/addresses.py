"""Addresses as settings say them: where to listen, where providers and proxies are."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")

_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_MAIL_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>\d{1,5})")


def split_listen(listen: str) -> tuple[str, int]:
    """IP address and port of a `HOST:PORT`. Raises ValueError, with a text to show, for anything else."""
    found = _LISTEN.fullmatch(listen)
    if not found or int(found["port"]) > 65535:
        raise ValueError("expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    host = found["six"] or found["host"]
    if host == "localhost":
        return "127.0.0.1", int(found["port"])
    try:
        return str(ip_address(host)), int(found["port"])
    except ValueError:
        raise ValueError("the host must be an IP address or `localhost`") from None


def is_loopback(host: str) -> bool:
    """Whether an IP address can be reached from this machine only."""
    return ip_address(host).is_loopback


def check_url(url: str) -> None:
    """Raises ValueError, with a text to show, unless `url` is a plain http or https address."""
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an http:// or https:// address with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user name or password: use credentials")
    if parts.query or parts.fragment:
        raise ValueError("an address holds no query and no fragment")


def check_hook(url: str) -> None:
    """Raises ValueError, with a text to show that does not hold it, unless `url` is an http or https address."""
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an http:// or https:// address with a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("an address that is told holds no user name, no password and no fragment")


def check_mail_address(address: str) -> None:
    """Raises ValueError, with a text to show, unless `address` is an e-mail address that any server takes."""
    if not _MAIL_ADDRESS.fullmatch(address):
        raise ValueError("expected an e-mail address such as ops@example.com")


def check_mail_host(host: str) -> None:
    """Raises ValueError, with a text to show, unless `host` is the name of a server or its address."""
    if not _HOST_NAME.fullmatch(host):
        raise ValueError("expected the name or the IP address of a server; the port is a setting of its own")


def leads_here(host: str) -> bool:
    """Whether a host, by its name or address, can only be this machine."""
    try:
        return host == "localhost" or is_loopback(host)
    except ValueError:
        return False


def check_origin(url: str) -> None:
    """Raises ValueError, with a text to show, unless `url` is an http or https address without a path."""
    check_url(url)
    if urlsplit(url).path not in ("", "/"):
        raise ValueError("expected an address without a path")


def check_issuer(url: str) -> None:
    """Raises ValueError, with a text to show, unless `url` is an https address; http leads to this machine only."""
    check_url(url)
    parts = urlsplit(url)
    if parts.scheme != "https" and not leads_here(parts.hostname or ""):
        raise ValueError("expected an https:// address: what is sent there must not be read on the way")


def check_database(url: str) -> None:
    """Raises ValueError, with a text to show, unless `url` is empty or names a database of PostgreSQL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # reading it is what checks it
    except ValueError:
        raise ValueError("not an address") from None
    if url and parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("expected postgresql://user:password@host/name, or nothing for SQLite")


def check_redis(url: str) -> None:
    """Raises ValueError, with a text to show, unless `url` is empty or names a Redis or Valkey."""
    parts = _split(url)
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if url and (parts.scheme not in ("redis", "rediss", "unix") or not place):
        raise ValueError("expected redis://host:6379, rediss:// for TLS, unix:///path, or nothing for this machine")


def check_trusted(network: str) -> None:
    """Raises ValueError, with a text to show, unless `network` is a network, or `unix` for a Unix socket."""
    if network != "unix":
        check_network(network)


def check_proxy(proxy: str) -> None:
    """Raises ValueError, with a text to show, unless `proxy` is empty, `none`, or the address of a proxy."""
    if proxy in ("", "none"):
        return
    parts = _split(proxy)
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
        raise ValueError(f"expected `none` or an address with {', '.join(f'{one}://' for one in PROXY_SCHEMES)}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("the address of a proxy ends with its port")


def check_network(network: str) -> None:
    """Raises ValueError, with a text to show, unless `network` is one such as 10.1.0.0/16, or a single address."""
    try:
        ip_network(network, strict=False)
    except ValueError:
        raise ValueError("expected a network such as 10.1.0.0/16, or one IP address") from None


def _split(url: str) -> SplitResult:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an address holds printable ASCII characters only")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # reading it is what checks it
    except ValueError:
        raise ValueError("not an address") from None
    return parts
