"""The browser that asks: what its headers and cookies say of it, and which cookies it is given.

Knows names, kinds and lives of our cookies, whether somebody on the way can read along, and where a form may come from.
Does not know who somebody is, nor what a page shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from secrets import token_urlsafe
from urllib.parse import urlsplit

from blacksheep import Request

from gateway.access import csrf
from gateway.access.invitations import Purpose
from gateway.access.sessions import Cookie, read_cookies, session_cookie, visitor_cookie
from gateway.access.tokens import kind_of
from gateway.browsers import CLIENT, HOST, is_secure, origin_of
from gateway.management.office import Office
from gateway.management.sessions import Started, Visit
from gateway.settings.model import ServerSettings

VISITOR_SECONDS = 24 * 3600
"""How long a browser without a session is recognised: as long as a form may lie open."""

LINK_SECONDS = 3600
"""How long a browser remembers the token of a one-time link, so that its address need not hold it."""

PREFERENCE = "sluicegate-"
SECURE = "__Host-"
"""What names of cookies begin with that only HTTPS and this machine carry."""

PREFERENCE_SECONDS = 365 * 24 * 3600

VISITOR = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One request of a browser, as far as it concerns every page."""

    headers: Mapping[bytes, bytes] = field(repr=False)
    """By name in lower case."""
    origin: str
    """Ours as the browser knows it, e.g. `https://llm.example.com`."""
    address: str
    """From where it asks; empty where that is not known."""
    secure: bool
    """Whether its cookies are those that only HTTPS and this machine carry."""
    is_overheard: bool
    """Whether a password that it sends can be read by others on the way, and the operator has not allowed that."""
    session: str | None = field(repr=False)
    """The token of its session, which may be over by now; None for a browser that shows none."""
    visitor: str = field(repr=False)
    """What tells this browser from others, whoever sits before it."""
    is_new: bool
    """Whether it does not know that value yet."""
    key: bytes = field(repr=False)
    """What signatures are made with."""

    @property
    def form_token(self) -> str:
        """What a form of ours holds, for this browser alone."""
        if self.session is not None:
            return csrf.token_for(self.session, self.key)
        return csrf.token_for(self.visitor, self.key, holder="visitor")

    def check_form(self, method: str, token: str) -> None:
        """Raises NotPermitted unless one of our own pages had the browser send this. `token`: what the form holds."""
        csrf.check(method, self.headers, own_origin=self.origin, expected=self.form_token, form_token=token)

    @property
    def visit(self) -> Visit:
        """What a session remembers of whoever begins it."""
        return Visit(self.address, self.headers.get(b"user-agent", b"").decode("latin-1"))

    @property
    def preferences(self) -> Mapping[str, str]:
        """How things are to be shown, as its script or we keep it: values of cookies `sluicegate-*`, by the rest of
        their names. Anybody's words."""
        pairs = ((name.removeprefix(SECURE), value) for name, value in read_cookies(self._cookies))
        return {name.removeprefix(PREFERENCE): value for name, value in pairs if name.startswith(PREFERENCE)}

    # Values of `set-cookie` headers

    def introduce(self) -> tuple[bytes, ...]:
        """Make it recognisable, where it is not."""
        return (visitor_cookie(secure=self.secure).set(self.visitor, VISITOR_SECONDS),) if self.is_new else ()

    def keep_preference(self, name: str, value: str) -> tuple[bytes, ...]:
        """It remembers how something is to be shown; nothing of it where that is nothing. `value` is of the characters
        that cookies may hold."""
        cookie = Cookie(f"{PREFERENCE}{name}", self.secure)
        return (cookie.set(value, PREFERENCE_SECONDS) if value else cookie.clear(),)

    def begin(self, started: Started) -> tuple[bytes, ...]:
        """It has this session from now on, and no other."""
        return session_cookie(secure=self.secure).set(started.value, started.max_age_seconds), *self._forget(other=True)

    def end(self) -> tuple[bytes, ...]:
        """It has no session any more."""
        return session_cookie(secure=self.secure).clear(), *self._forget(other=True)

    def drop_stale(self) -> tuple[bytes, ...]:
        """It need not show a session again that is over."""
        return self._forget(other=False) + self._forget(other=True) if self.session is not None else ()

    def keep_link(self, purpose: Purpose, token: str) -> tuple[bytes, ...]:
        """It remembers the token of a one-time link, and nothing of what is no such token."""
        return (
            (self._link(purpose).set(token, LINK_SECONDS),) if kind_of(token) == "link" else self.forget_link(purpose)
        )

    def link(self, purpose: Purpose) -> str:
        """The token of a one-time link that it remembers; empty for none."""
        return next(self._link(purpose).values(self._cookies), "")

    def forget_link(self, purpose: Purpose) -> tuple[bytes, ...]:
        """It no longer remembers one."""
        return (self._link(purpose).clear(),)

    def keep_own_key(self, value: str, seconds: int) -> tuple[bytes, ...]:
        """It remembers which client key somebody has shown, not the key itself."""
        return (self._own_key.set(value, seconds),)

    @property
    def own_key(self) -> str:
        """What it remembers of a client key; empty for nothing."""
        return next(self._own_key.values(self._cookies), "")

    def forget_own_key(self) -> tuple[bytes, ...]:
        """It no longer remembers one."""
        return (self._own_key.clear(),)

    def keep_held_key(self, value: str, seconds: int) -> tuple[bytes, ...]:
        """It keeps a client key, sealed, to ask by it from our pages."""
        return (self._held_key.set(value, seconds),)

    @property
    def held_key(self) -> str:
        """What it keeps of one; empty for nothing."""
        return next(self._held_key.values(self._cookies), "")

    def forget_held_key(self) -> tuple[bytes, ...]:
        """It keeps none any more."""
        return (self._held_key.clear(),)

    @property
    def _held_key(self) -> Cookie:
        return Cookie("sluicegate-held", self.secure)

    @property
    def _own_key(self) -> Cookie:
        return Cookie("sluicegate-own", self.secure)

    def _link(self, purpose: Purpose) -> Cookie:
        return Cookie(f"sluicegate-{purpose}", self.secure)

    @property
    def _cookies(self) -> bytes:
        return self.headers.get(b"cookie", b"")

    def _forget(self, *, other: bool) -> tuple[bytes, ...]:
        """Clear the session's cookie of this kind, or of the other, if there is one: settings may have changed."""
        cookie = session_cookie(secure=self.secure is not other)
        return (cookie.clear(),) if next(cookie.values(self._cookies), None) is not None else ()


def browser_of(request: Request, office: Office, session: str | None) -> Browser:
    """The browser that sent a request; `session` is the token of its session, of which the signature is right."""
    headers = {name.lower(): value for name, value in request.headers}
    settings = office.settings
    tls, insecure = _came_by_tls(headers, settings.server), settings.login.insecure
    secure = tls or not insecure
    known = _visitor(headers, secure=secure)
    return Browser(
        headers=headers,
        origin=origin_of(headers, settings.server),
        address=headers.get(CLIENT, b"").decode("latin-1"),
        secure=secure,
        is_overheard=not (tls or insecure or _is_here(headers)),
        session=session,
        visitor=known or token_urlsafe(32),
        is_new=known is None,
        key=office.secrets.sessions,
    )


def _visitor(headers: Mapping[bytes, bytes], *, secure: bool) -> str | None:
    values = visitor_cookie(secure=secure).values(headers.get(b"cookie", b""))
    return next((value for value in values if VISITOR.fullmatch(value)), None)


def _came_by_tls(headers: Mapping[bytes, bytes], server: ServerSettings) -> bool:
    """Whether a request came over TLS: as a trusted proxy says or, where none is named, as the operator says of the
    address that was asked for."""
    if is_secure(headers) or server.trusted_proxies or not server.public_url.startswith("https:"):
        return is_secure(headers)
    return csrf.is_same_origin(f"https://{_host(headers)}", server.public_url.rstrip("/"))


def _is_here(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the browser asked its own machine: what is between that and us, such as a container's port or a tunnel,
    the operator has put there. Whoever makes up a host only deceives themselves."""
    try:
        host = urlsplit(f"//{_host(headers)}").hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def _host(headers: Mapping[bytes, bytes]) -> str:
    """Host and port that the browser asked for."""
    return (headers.get(HOST) or headers.get(b"host") or b"").decode("latin-1")
