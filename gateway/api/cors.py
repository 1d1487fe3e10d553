"""Which pages in browsers may call us: none, unless origins are named.

How a browser asks: https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Headers = list[tuple[bytes, bytes]]

PREFLIGHT_SECONDS = 600
"""How long a browser may remember a preflight."""

EXPOSED = b", ".join(
    (
        b"x-request-id",
        b"retry-after",
        b"x-should-retry",
        b"x-sluicegate-request-id",
        b"x-sluicegate-provider",
        b"x-sluicegate-model",
        b"x-sluicegate-credential",
        b"x-sluicegate-attempts",
        b"x-sluicegate-dropped",
        b"x-sluicegate-overhead-us",
    )
)
"""Response headers a page may read."""


class Cors:
    """The origins that may call. Keys travel in headers, never in cookies, so credentials mode is not offered."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)

    def headers_for(self, headers: Mapping[bytes, bytes]) -> Headers:
        """What lets the calling page read the answer; nothing when it may not."""
        origin = headers.get(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return []
        said = b"*" if self._any else origin
        return [
            (b"access-control-allow-origin", said),
            (b"access-control-expose-headers", EXPOSED),
            (b"vary", b"origin"),
        ]

    def preflight(self, headers: Mapping[bytes, bytes], methods: bytes) -> Headers:
        """The answer to a preflight for a path that takes `methods`; nothing when the page may not call."""
        allowed = self.headers_for(headers)
        if not allowed:
            return []
        asked = headers.get(b"access-control-request-headers", b"authorization, content-type")
        return [
            *allowed,
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", asked),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
