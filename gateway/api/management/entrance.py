"""Who asks: the operator at the socket, a user with a session, a program with a token, a client with its key, nobody.

Knows what each of them shows. What a worker says of a request from outside is believed, for it removes what a client
claims in its name; what comes straight to the socket must show the operator's token, which lies beside it for whoever
may read the data directory.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from blacksheep import Request

from gateway.access import csrf
from gateway.access.keys import presented_key
from gateway.access.roles import LOOKING, permissions_of
from gateway.access.sessions import find_token, session_cookie
from gateway.access.tokens import kind_of
from gateway.browsers import CLIENT, SOCKET, is_secure, origin_of
from gateway.errors import NotSignedIn
from gateway.management import sessions, tokens
from gateway.management.office import Actor, Office

FORWARDED = b"x-sluicegate-forwarded"
KEY, KEY_ID = b"x-sluicegate-key", b"x-sluicegate-key-id"
OPERATOR = b"x-sluicegate-operator"

ANYBODY = "anybody"

DEMO = "demo"
"""Who asks without saying who they are, where everybody may look around."""


class Door:
    """The way in, for the management API and for the pages."""

    def __init__(self, office: Office, operator_token: str, *, demo: bool = False) -> None:
        """`demo`: whoever shows nothing may look at everything."""
        self._office, self._token, self._demo = office, operator_token.encode(), demo

    async def identify(self, request: Request) -> Actor:
        """Whoever shows a session, a token or a key. Raises NotSignedIn, StateUnavailable."""
        headers = headers_of(request)
        if FORWARDED not in headers:
            return self._operator(headers)
        address = _address(headers)
        presented = presented_key(headers).decode("latin-1")
        if kind_of(presented) == "api_token":
            return await tokens.find(self._office, presented, address)
        if KEY_ID in headers:
            return _client(headers, address)
        if presented:
            raise NotSignedIn("This is neither an API token nor a client key of this gateway.")
        if (token := self._session_token(headers)) is not None:
            return await sessions.find(self._office, token, address)
        return self._visitor(address)

    def session_token(self, request: Request) -> str | None:
        """The token of the session that a browser shows, be it over by now; None where it shows none that we signed."""
        return self._session_token(headers_of(request))

    def anybody(self, request: Request) -> Actor:
        """Whoever it is."""
        return Actor(kind="anybody", name=ANYBODY, address=_address(headers_of(request)))

    def check_origin(self, request: Request, actor: Actor) -> None:
        """Raises NotPermitted when a page of somebody else may have made a browser send this."""
        headers = headers_of(request)
        if SOCKET in headers:
            self._check_socket(headers, actor)
            return
        if not (actor.by_cookie or (actor.kind == "anybody" and _is_from_a_browser(headers))):
            return
        token = self._session_token(headers) or ""
        csrf.check(
            request.method,
            headers,
            own_origin=origin_of(headers, self._office.settings.server),
            expected=csrf.token_for(token, self._office.secrets.sessions),
        )

    def _check_socket(self, headers: Mapping[bytes, bytes], actor: Actor) -> None:
        """A token or key is nothing that a browser sends by itself; who shows nothing may be somebody's browser."""
        if actor.by_cookie or (actor.kind == "user" and _is_from_a_browser(headers)):
            csrf.check_socket(headers, own_origin=origin_of(headers, self._office.settings.server))

    def _operator(self, headers: Mapping[bytes, bytes]) -> Actor:
        if not hmac.compare_digest(headers.get(OPERATOR, b""), self._token):
            raise NotSignedIn("This socket is for the gateway's workers and its operator.")
        return Actor(kind="operator", name="operator", permissions=permissions_of("owner"))

    def _session_token(self, headers: Mapping[bytes, bytes]) -> str | None:
        key, sent = self._office.secrets.sessions, headers.get(b"cookie", b"")
        token = find_token(sent, session_cookie(secure=True), key)
        if token is None and self._office.settings.login.insecure and not is_secure(headers):
            token = find_token(sent, session_cookie(secure=False), key)
        return token

    def _visitor(self, address: str | None) -> Actor:
        if not self._demo:
            raise NotSignedIn("Sign in, or send an API token: Authorization: Bearer <token>.")
        return Actor(kind="user", name=DEMO, permissions=LOOKING, address=address)


def headers_of(request: Request) -> dict[bytes, bytes]:
    """By name in lower case; of several the last."""
    return {name.lower(): value for name, value in request.headers}


def _client(headers: Mapping[bytes, bytes], address: str | None) -> Actor:
    return Actor(
        kind="key",
        id=headers[KEY_ID].decode("latin-1"),
        name=headers.get(KEY, b"").decode("latin-1"),
        permissions=frozenset({"usage:own"}),
        address=address,
    )


def _address(headers: Mapping[bytes, bytes]) -> str | None:
    address = headers.get(CLIENT)
    return None if address is None else address.decode("latin-1")


def _is_from_a_browser(headers: Mapping[bytes, bytes]) -> bool:
    return b"origin" in headers or b"sec-fetch-site" in headers
