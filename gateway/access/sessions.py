"""Sessions: the cookie that carries one and the time it lasts. Who it belongs to is the store's to say.

The value is the session's token and a signature, `slg-ses-<43 characters>.<43 characters>`. The signature spares the
database rubbish; what makes a session valid is the row that its token's digest leads to, so that it can be ended.

Over HTTPS the cookie is `__Host-sluicegate`, which browsers take only with `Secure`, `Path=/` and no `Domain`: no
sibling host can set or overwrite it (RFC 6265bis, 4.1.3.2). Chrome and Firefox take `Secure` cookies over plain HTTP
from localhost and 127.0.0.1 too (crbug.com/1056543, bugzilla.mozilla.org/1618113); Safari does not
(bugs.webkit.org/281149), so that there a login wants HTTPS. Where the operator allowed logins over plain HTTP the
cookie is `sluicegate`, without `Secure`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.access.tokens import FORMS, is_same, signature

PURPOSE = "session"

_FORM = FORMS["session"]
_VALUE = re.compile(rf"({_FORM.prefix}[A-Za-z0-9_-]{{{_FORM.characters}}})\.([A-Za-z0-9_-]{{43}})", re.ASCII)

NOTE_EVERY_US = 60_000_000
"""How often `seen_at` is worth a write."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of ours: `HttpOnly`, `SameSite=Lax`, for the whole host and no other."""

    plain_name: str
    secure: bool
    """False only over plain HTTP, where the operator allowed that."""

    @property
    def name(self) -> str:
        """As the browser sends it back."""
        return f"__Host-{self.plain_name}" if self.secure else self.plain_name

    def set(self, value: str, max_age_seconds: int) -> bytes:
        """Value of a `set-cookie` header. `value` is of the characters that cookies may hold, as our tokens are."""
        secure = "; Secure" if self.secure else ""
        return f"{self.name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}".encode("ascii")

    def clear(self) -> bytes:
        """Value of a `set-cookie` header that makes the browser forget it."""
        return self.set("", 0)

    def values(self, header: bytes) -> Iterator[str]:
        """Its values in a `cookie` header, in order: a browser may hold several of one name."""
        return (value for name, value in read_cookies(header) if name == self.name)


def session_cookie(*, secure: bool) -> Cookie:
    """The cookie of a session."""
    return Cookie("sluicegate", secure)


def visitor_cookie(*, secure: bool) -> Cookie:
    """The cookie of a browser that has no session yet, for the forms that it may send (`csrf.py`)."""
    return Cookie("sluicegate-visitor", secure)


def read_cookies(header: bytes) -> Iterator[tuple[str, str]]:
    """Names and values in a `cookie` header; what is no pair is passed over (RFC 6265bis, 5.7, backwards)."""
    for part in header.decode("latin-1").split(";"):
        name, equals, value = part.strip(" \t").partition("=")
        if equals and name:
            yield name.rstrip(" \t"), _unquoted(value.lstrip(" \t"))


def sign(token: str, key: bytes) -> str:
    """The cookie's value for a session's token, under the server's session key."""
    return f"{token}.{signature(PURPOSE, token, key)}"


def read(value: str, key: bytes) -> str | None:
    """The token that a cookie's value carries; None unless we signed it."""
    match = _VALUE.fullmatch(value)
    if match is None:
        return None
    token, said = match.groups()
    return token if is_same(said, signature(PURPOSE, token, key)) else None


def find_token(header: bytes, cookie: Cookie, key: bytes) -> str | None:
    """The session's token in a `cookie` header; of several values the first that we signed."""
    return next((token for value in cookie.values(header) if (token := read(value, key))), None)


def is_over(seen_at_us: int, expires_at_us: int, now_us: int, idle_us: int) -> bool:
    """Whether a session has ended: by its age, or because nobody used it for `idle_us`."""
    return now_us >= expires_at_us or now_us - seen_at_us >= idle_us


def is_worth_noting(seen_at_us: int, now_us: int, idle_us: int) -> bool:
    """Whether `seen_at` should be written anew: once a minute, or oftener where sessions end sooner."""
    return now_us - seen_at_us >= min(NOTE_EVERY_US, idle_us // 4)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
