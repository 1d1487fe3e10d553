"""Requests that another site made a browser send. Knows headers and tokens, not who is signed in.

A browser sends our cookies with whatever it is made to send to us, so whatever changes something must show that one of
our own pages sent it. In this order:

1. `Sec-Fetch-Site`, which no page can forge. `same-origin` and `none` (the user's own doing) pass; `same-site`,
   `cross-site` and anything else are refused. Chrome and Edge send it since 76 and 79, Firefox since 90, Safari since
   16.4 (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site), but only to addresses they
   trust: HTTPS and loopback (https://www.w3.org/TR/fetch-metadata/, section 2).
2. `Origin`, which all of them send with every method but GET and HEAD, over plain HTTP too. It must be our own. It is
   `null` where the page's referrer policy is `no-referrer` or the page is sandboxed: that proves nothing either way
   (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Origin).
3. A token that only our pages know, in the header `x-csrf-token` or a field of the form: for old browsers, and for
   whoever strips the two headers. It is a signature of what the cookie holds, so that nothing of it need be kept.

Without a session, as with the forms for login and first start, the token belongs to a random value in a cookie of its
own (`sessions.visitor_cookie`): a stranger must not log a browser in as somebody else either.

Whoever shows an API token needs none of this: browsers do not send one by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from gateway.access.tokens import is_same, signature
from gateway.errors import NotPermitted

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing (RFC 9110, 9.2.1), which is for endpoints to keep."""

HEADER = b"x-csrf-token"
FIELD = "csrf"
"""Name of the field in our forms."""

Holder = Literal["session", "visitor"]
"""Whose token it is: of a session's token, or of the value in a visitor's cookie."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def token_for(value: str, key: bytes, *, holder: Holder = "session") -> str:
    """The token that belongs to a session's token or a visitor's value, under the server's session key; empty for
    an empty value, and that matches nothing."""
    return signature(f"csrf of {holder}", value, key) if value else ""


def check(method: str, headers: Mapping[bytes, bytes], *, own_origin: str, expected: str, form_token: str = "") -> None:
    """Raise NotPermitted unless a request with a cookie comes from one of our pages, or changes nothing.

    `headers` have lower-case names. `own_origin` is ours as browsers know it, such as `https://llm.example.com`;
    `expected` is `token_for` the cookie it came with, `form_token` what its form says.
    """
    if method in SAFE_METHODS:
        return
    site, origin = headers.get(b"sec-fetch-site", b""), headers.get(b"origin", b"")
    if site:
        _check_site(site)
    elif origin and origin != b"null":
        _check_origin(origin.decode("latin-1"), own_origin)
    elif not is_same(headers.get(HEADER, b"").decode("latin-1") or form_token, expected):
        raise NotPermitted(
            "This request does not show that it comes from a page of this gateway. Reload the page and try again; "
            "a program should use an API token."
        )


def check_socket(headers: Mapping[bytes, bytes], *, own_origin: str) -> None:
    """Raise NotPermitted unless the handshake of a WebSocket with a cookie comes from one of our pages.

    Browsers let every page open one, send our cookies along, and let the page read what comes: nothing but `Origin`,
    which no page can forge, keeps others out (RFC 6455, 10.2).
    """
    _check_origin(headers.get(b"origin", b"").decode("latin-1"), own_origin)


def is_same_origin(one: str, other: str) -> bool:
    """Whether two origins are one: scheme, host and port, whether the usual port is written out or not."""
    parts = _origin(one)
    return parts is not None and parts == _origin(other)


def _check_site(site: bytes) -> None:
    if site not in (b"same-origin", b"none"):
        raise NotPermitted("This request was sent by a page of another site, and was not carried out.")


def _check_origin(origin: str, own_origin: str) -> None:
    if not is_same_origin(origin, own_origin):
        raise NotPermitted(
            f"This request comes from another origin than {own_origin}, and was not carried out. If that is not the "
            "address in your browser, the setting server.public_url is wrong or missing."
        )


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no origin."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.scheme not in DEFAULT_PORTS or parts.path.strip("/") or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, DEFAULT_PORTS[parts.scheme] if port is None else port
