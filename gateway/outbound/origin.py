"""Where a provider is: scheme, host, port, the proxy in between, and who said so. Knows no sockets."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443, "unix": 0}


class Origin(NamedTuple):
    """A place to connect to. A plain tuple underneath, so that finding its pool costs one cheap hash."""

    scheme: str
    """`http`, `https` or `unix`."""
    host: str
    """Host name or address without brackets; the socket's path for `unix`."""
    port: int
    proxy: str = ""
    """Resolved proxy URL, or empty. It may hold a password and is left out of `repr` and of every message."""
    guarded: bool = False
    """Said by a client, by API or by another server, and not by the configuration file: every address that its name
    leads to is judged before it is connected to."""
    proxy_guarded: bool = False
    """The same of the proxy."""

    @classmethod
    def of(cls, base_url: str, *, proxy: str = "", guarded: bool = False, proxy_guarded: bool = False) -> Origin:
        """The origin of `http[s]://host[:port]/...` or `unix:///path/to.sock`; ValueError when it is neither.

        A socket's path is for the operator alone: one that is guarded is refused.
        """
        parts = urlsplit(base_url)
        if parts.scheme == "unix":
            if guarded:
                raise ValueError("only http:// and https:// addresses are connected to")
            return cls("unix", unquote(parts.path), 0)
        try:
            port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:  # Python's own message would show a misplaced password as the port.
            port = 0
        if parts.scheme not in DEFAULT_PORTS or not port or not parts.hostname:
            raise ValueError("an address must begin with http://, https:// or unix:// and name a host")
        return cls(parts.scheme, parts.hostname, port, proxy, guarded, proxy_guarded and bool(proxy))

    @property
    def authority(self) -> bytes:
        """Value of the `Host` header; the port is left out where it is the scheme's own."""
        if self.scheme == "unix":
            return b"localhost"
        name = self._named(self.port == DEFAULT_PORTS[self.scheme])
        return name.encode("ascii" if name.isascii() else "idna")

    @property
    def label(self) -> str:
        """How messages name it: `host:port`, or the path of a socket."""
        return self.host if self.scheme == "unix" else self._named(False)

    def _named(self, without_port: bool) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if without_port else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Origin({self.scheme}://{self.label}{' through a proxy' if self.proxy else ''})"
