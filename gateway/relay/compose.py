"""The upstream request as bytes: request line, our credential, and the few client headers that go along. Pure.

Nothing a client sends crosses unless it is named here or in `forward_headers`: no cookies, no keys, no addresses, no
hop-by-hop header. From a provider everything comes back except what belongs to one hop or to the provider's own site.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from gateway.catalog.quirks import betas_in_body
from gateway.formats.table import FORMATS
from gateway.records import Credential, Provider

Headers = Iterable[tuple[bytes, bytes]]

DIALECT_HEADERS: dict[str, tuple[bytes, ...]] = {
    "openai_chat": (b"openai-beta",),
    "openai_responses": (b"openai-beta",),
    "anthropic": (b"anthropic-beta", b"anthropic-version"),
    "gemini": (),
}
"""Client headers that belong to a dialect: they go to providers that are spoken to in it."""

ANTHROPIC_VERSION = b"anthropic-version: 2023-06-01\r\n"
"""For a client that names none; the vendor requires it (https://docs.anthropic.com/en/api/versioning)."""

AUTH_HEADERS: dict[str, bytes] = {
    "bearer": b"authorization: Bearer ",
    "x-api-key": b"x-api-key: ",
    "x-goog-api-key": b"x-goog-api-key: ",
    "api-key": b"api-key: ",
}
"""By auth scheme; `none` sends no secret, and what others send is made for each request: see `with_access`."""

FORWARDED = frozenset(
    (
        b"accept",
        b"content-type",
        b"idempotency-key",
        b"traceparent",
        b"tracestate",
        b"x-client-request-id",
    )
)
"""Client headers that go to every provider. `baggage` is none of them: it names users and tenants, and a provider is
outside of what its client trusts (https://www.w3.org/TR/baggage/#privacy-of-the-baggage-header)."""

NEVER_FORWARDED = frozenset(
    (
        b"accept-encoding",
        b"api-key",
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-api-key",
        b"x-goog-api-key",
    )
)
"""Client headers that no setting can make cross."""

KEPT_FROM_CLIENTS = frozenset(
    (
        b"alt-svc",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"date",
        b"keep-alive",
        b"nel",
        b"proxy-authenticate",
        b"proxy-connection",
        b"report-to",
        b"server",
        b"set-cookie",
        b"strict-transport-security",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"www-authenticate",
    )
)
"""Provider headers that stay with us: one hop's, or its site's own. Bodies are decoded, lengths counted anew."""

UNREMARKABLE = frozenset((b"", b"keep-alive", b"close"))
"""Values of `connection` that name no header."""

NAMES_LEARNT = 1024

STARTS_KEPT = 1024
"""Beginnings of requests put together once; Gemini's name a model that clients may make up, so this is bounded."""

OURS = b"x-sluicegate-"
"""Prefix of our own headers: neither side can set them through us."""


PREFIXES_KEPT = (OURS, b"x-ratelimit-", b"anthropic-ratelimit-")
"""Prefixes of headers that stay with us, too: a provider's limits are those of our credentials (RL-1)."""


class Composer:
    """Makes the requests to one provider. Everything that does not change between requests is put together once."""

    def __init__(
        self, provider: Provider, authority: bytes, user_agent: bytes, kept_back: frozenset[bytes] = frozenset()
    ) -> None:
        """`kept_back` are client headers that do not cross, whoever names them."""
        self._path = urlsplit(provider.base_url).path.rstrip("/").encode()
        named = frozenset(name.encode() for name in provider.forward_headers) - NEVER_FORWARDED
        self._neutral = (FORWARDED | named) - kept_back
        elsewhere = frozenset((b"anthropic-beta",) if betas_in_body(provider) else ())
        self._forwarded = {name: self._neutral | (frozenset(own) - elsewhere) for name, own in DIALECT_HEADERS.items()}
        self._own = b"".join(b"%b: %b\r\n" % header for header in FORMATS[provider.format].headers)
        """What its dialect asks for in every request."""
        self._translated = b"content-type: application/json\r\n" + self._own
        self._fixed = (
            b" HTTP/1.1\r\nhost: " + authority + b"\r\nuser-agent: " + user_agent + b"\r\naccept-encoding: identity\r\n"
        )
        self._lasting = {each.name: _lasting(provider, each) for each in provider.credentials}
        """Of each credential: its headers and those of the provider, and the secret where it is one that lasts."""
        self._nobody = _headers(provider.headers)
        self._starts: dict[tuple[str, str], bytes] = {}

    def target_of(self, path: str) -> str:
        """What a request for `path` below the provider's base URL asks for: path and query, as they are sent."""
        return self._path.decode() + path

    def compose(self, path: str, credential: Credential, headers: Headers, length: int, dialect: str) -> bytes:
        """The head of a POST of `length` body bytes to `path` below the provider's base URL, in the client's words."""
        forwarded = self._forwarded[dialect]
        along = b"".join([b"%b: %b\r\n" % header for header in headers if header[0] in forwarded])
        if dialect == "anthropic" and b"anthropic-version: " not in along:
            along += ANTHROPIC_VERSION
        return self._head(path, credential, along, length)

    def compose_translated(self, path: str, credential: Credential, headers: Headers, length: int) -> bytes:
        """The same, in the provider's dialect: only what belongs to none goes along, and the dialect's own headers."""
        along = [
            b"%b: %b\r\n" % header
            for header in headers
            if header[0] in self._neutral and header[0] not in (b"content-type", b"accept")
        ]
        return self._head(path, credential, self._translated + b"".join(along), length)

    def compose_plain(self, method: str, path: str, credential: Credential) -> bytes:
        """The head of a request without a body for `path` below the provider's base URL."""
        length = b"content-length: 0\r\n" if method == "POST" else b""
        return b"%b %b%b%b%b%b%baccept: application/json\r\n\r\n" % (
            method.encode(),
            self._path,
            path.encode(),
            self._fixed,
            self._lasting.get(credential.name, self._nobody),
            self._own,
            length,
        )

    def _head(self, path: str, credential: Credential, along: bytes, length: int) -> bytes:
        start = self._starts.get((path, credential.name))
        if start is None:
            if len(self._starts) >= STARTS_KEPT:
                self._starts.clear()
            lasting = self._lasting.get(credential.name, self._nobody)
            start = b"POST " + self._path + path.encode() + self._fixed + lasting
            self._starts[path, credential.name] = start
        return b"%b%bcontent-length: %d\r\n\r\n" % (start, along, length)


def with_access(head: bytes, access: bytes) -> bytes:
    """A head with header lines, each with its CRLF, that were made for this request alone: a token, a signature."""
    return head[:-2] + access + b"\r\n"


def _lasting(provider: Provider, credential: Credential) -> bytes:
    own = dict(provider.headers) | dict(credential.headers)
    scheme = AUTH_HEADERS.get(provider.auth)
    secret = b"" if scheme is None else scheme + credential.secret.encode("latin-1") + b"\r\n"
    return _headers(own.items()) + secret


def _headers(headers: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)


class Passing(dict[bytes, bool]):
    """Whether a header of a provider's answer goes to the client, by name; learnt, up to a bound."""

    def __missing__(self, name: bytes) -> bool:
        """Look closely once."""
        passes = name not in KEPT_FROM_CLIENTS and not name.startswith(PREFIXES_KEPT)
        if len(self) < NAMES_LEARNT:
            self[name] = passes
        return passes


_passing = Passing()


def reply_headers(headers: Headers, connection: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a provider's answer that its client gets.

    `connection` is the value of the header of that name, which may name others that are for one hop only.
    """
    passing = [header for header in headers if _passing[header[0]]]
    if connection in UNREMARKABLE:
        return passing
    named = {name.strip() for name in connection.lower().split(b",")}
    return [header for header in passing if header[0] not in named]
