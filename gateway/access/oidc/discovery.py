"""What an OpenID provider says about itself: its discovery document and its public keys, as they are published.

Facts from https://openid.net/specs/openid-connect-discovery-1_0.html and RFC 8414. Keys are passed on as JSON; whether
they are good for anything is `tokens`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import LoginFailed

from .asking import Fetch, Network, Question, ask, is_safe, mapping, said, text
from .shelf import Shelf

KEEP_SECONDS = 3600.0
"""How long a discovery document and keys are believed; keys are also fetched anew when one is missing."""

WELL_KNOWN = "/.well-known/openid-configuration"
DOCUMENT = "discovery document"

BASIC_METHOD = "client_secret_basic"
"""How a client proves itself where the provider says nothing else: OpenID Connect Discovery 1.0, section 3."""

WANTED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a discovery document that a login needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    """Empty where there is none."""
    client_methods: tuple[str, ...]
    """How clients may prove themselves at the token endpoint."""
    scopes: tuple[str, ...]
    names_issuer: bool
    """Whether answers to the browser carry `iss`: RFC 9207."""


class Discovery:
    """Documents and keys of issuers, kept for an hour."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float], allow: Sequence[Network] = ()) -> None:
        """`allow`: networks that may be spoken to over plain HTTP."""
        self._fetch = fetch
        self._allow = allow
        self._documents: Shelf[Metadata] = Shelf(KEEP_SECONDS, clock)
        self._keys: Shelf[tuple[Any, ...]] = Shelf(KEEP_SECONDS, clock)

    async def metadata(self, issuer: str) -> Metadata:
        """The discovery document of an issuer. Raises LoginFailed."""
        return await self._documents.get(issuer, lambda: self._fetch_document(issuer))

    async def keys(self, uri: str, *, anew: bool = False) -> tuple[Any, ...]:
        """The public keys at an address, as JSON; `anew` when one is missing. Raises LoginFailed."""
        return await self._keys.get(uri, lambda: self._fetch_keys(uri), anew=anew)

    async def _fetch_document(self, issuer: str) -> Metadata:
        question = Question(DOCUMENT, issuer.removesuffix("/") + WELL_KNOWN)
        return read_document(mapping(await ask(self._fetch, question), DOCUMENT), issuer, self._allow)

    async def _fetch_keys(self, uri: str) -> tuple[Any, ...]:
        what = "keys"
        keys = mapping(await ask(self._fetch, Question(what, uri)), what).get("keys")
        if not isinstance(keys, list):
            raise LoginFailed("The provider's list of keys has no keys.", details=uri)
        return tuple(keys)


def read_document(document: dict[str, Any], issuer: str, allow: Sequence[Network] = ()) -> Metadata:
    """What a discovery document says, which must be this issuer's. Raises LoginFailed."""
    if document.get("issuer") != issuer:
        raise LoginFailed(
            "The provider's discovery document names another issuer than the settings do.",
            details=f"expected {issuer}, found {said(document.get('issuer'))}",
        )
    endpoints = {name: _endpoint(document, name, allow) for name in WANTED}
    userinfo = _endpoint(document, "userinfo_endpoint", allow) if document.get("userinfo_endpoint") else ""
    return Metadata(
        issuer=issuer,
        **endpoints,
        userinfo_endpoint=userinfo,
        client_methods=_texts(document.get("token_endpoint_auth_methods_supported")) or (BASIC_METHOD,),
        scopes=_texts(document.get("scopes_supported")),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: dict[str, Any], name: str, allow: Sequence[Network]) -> str:
    url = text(document.get(name))
    if not is_safe(url, allow):
        raise LoginFailed(
            f"The provider's discovery document has no https:// address as its {name}.", details=said(url)
        )
    return url


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(text, values))) if isinstance(values, list) else ()
