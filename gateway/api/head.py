"""Heads of requests that two readers may read differently: refused before they mean anything.

Framing is hyper's business, below Granian: what has both a length and a coding, or chunks that are none, never gets
here as a whole. What hyper leaves to us is `Host` (RFC 9112, 3.2), fields that may be there once, and targets that are
no path. `docs/security.md` has the whole picture.
"""

from __future__ import annotations

from collections import Counter

from gateway.browsers import AUTHORITY
from gateway.errors import AmbiguousRequest
from gateway.relay.sink import Message

ONCE = frozenset((b"authorization", b"content-length", b"content-type", b"host", b"x-api-key", b"x-goog-api-key"))
"""Said twice, one of them is not the one that a proxy in front has looked at."""

OLD_VERSIONS = frozenset(("1", "1.0"))
"""Without a `Host`, as Granian names them."""

HOSTS_KEPT = 1024

_hosts: set[bytes] = set()
"""Values of `Host` that were looked at once; clients may make them up, so this is bounded."""


def check_head(scope: Message, named: dict[bytes, bytes]) -> None:
    """Raises AmbiguousRequest; `named` is the headers by their names."""
    if named.get(b"host") not in _hosts or len(named) != len(scope["headers"]):
        _look_closely(scope, named.get(b"host", b""))


def check_target(scope: Message) -> None:
    """Raises AmbiguousRequest for a target that is no path: CONNECT's, and the asterisk of OPTIONS."""
    if not scope["path"].startswith("/"):
        raise AmbiguousRequest("The target of the request is not a path.")


def _look_closely(scope: Message, host: bytes) -> None:
    times = Counter(name for name, _ in scope["headers"])
    if twice := sorted(name for name in ONCE if times[name] > 1):
        raise AmbiguousRequest(f"The request has the header `{twice[0].decode()}` more than once.")
    if AUTHORITY.fullmatch(host):
        if len(_hosts) >= HOSTS_KEPT:
            _hosts.clear()
        _hosts.add(host)
    elif host or scope["http_version"] not in OLD_VERSIONS:
        raise AmbiguousRequest("The header `Host` of the request is missing or names no host.")
