"""A login at an OpenID provider: the code flow, and what the identity token leaves unsaid from the userinfo endpoint.

Facts from https://openid.net/specs/openid-connect-core-1_0.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.errors import LoginFailed
from gateway.settings.model import LoginProviderSettings

from . import tokens
from .answers import exchange, read_answer
from .asking import Fetch, Network, Question, ask, mapping, text
from .discovery import Discovery, Metadata
from .flow import Expected, Flow
from .identity import Identity, find_email, find_groups, read_identity
from .kinds import KINDS, issuer_of, scopes_of

USERINFO = "account details"


class OpenId:
    """Logins at any OpenID provider."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float], allow: Sequence[Network] = ()) -> None:
        """`clock` tells seconds since 1970; `allow`: networks that may be spoken to over plain HTTP."""
        self._fetch = fetch
        self._clock = clock
        self._discovery = Discovery(fetch, clock=clock, allow=allow)

    async def begin(self, provider: LoginProviderSettings, flow: Flow) -> str:
        """Where the browser must go. Raises LoginFailed."""
        metadata = await self._discovery.metadata(issuer_of(provider))
        client = tokens.Client(provider.client_id, provider.client_secret)
        scopes = scopes_of(provider, metadata.scopes)
        more = {"nonce": flow.nonce, **_hint(provider)}
        return tokens.authorization_url(metadata.authorization_endpoint, client, flow, scopes, **more)

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back. Raises LoginFailed."""
        metadata = await self._discovery.metadata(issuer_of(provider))
        code = read_answer(query, flow, metadata.issuer, names_issuer=metadata.names_issuer)
        client = tokens.Client(provider.client_id, provider.client_secret)
        question = tokens.exchange_question(metadata.token_endpoint, client, flow, code, metadata.client_methods)
        given = await exchange(self._fetch, question)
        claims = await self._read_token(metadata, provider, flow, given)
        if not metadata.userinfo_endpoint or _is_complete(provider, claims):
            return read_identity(provider, claims)
        return read_identity(provider, claims, await self._ask_more(metadata, given["access_token"], claims["sub"]))

    async def _read_token(
        self, metadata: Metadata, provider: LoginProviderSettings, flow: Flow, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        token = text(given.get("id_token"))
        if not token:
            raise LoginFailed("The provider gave no identity token.", details="is `openid` among the scopes?")
        keys = await self._discovery.keys(metadata.jwks_uri)
        if tokens.names_unknown_key(token, keys):
            keys = await self._discovery.keys(metadata.jwks_uri, anew=True)
        expected = Expected(
            metadata.issuer, provider.client_id, flow.nonce, text(given["access_token"]), int(self._clock())
        )
        return tokens.read_identity_token(token, keys, expected)

    async def _ask_more(self, metadata: Metadata, access_token: str, subject: str) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {access_token}"}
        question = Question(USERINFO, metadata.userinfo_endpoint, headers=headers)
        said = mapping(await ask(self._fetch, question), USERINFO)
        if said.get("sub") != subject:
            raise LoginFailed(
                "The provider's account details are those of somebody else.", details="sub differs from the token's"
            )
        return said


def _is_complete(provider: LoginProviderSettings, claims: Mapping[str, Any]) -> bool:
    """Whether the token says all that is wanted: a verified e-mail address, and groups where they give roles."""
    return find_email(provider, [claims])[1] and (not provider.roles or bool(find_groups(provider, claims)))


def _hint(provider: LoginProviderSettings) -> dict[str, str]:
    """Saves people from choosing an account that would be refused; it is checked afterwards all the same."""
    claim = KINDS[provider.kind].domain_claim
    return {claim: provider.allowed_domains[0]} if claim and len(provider.allowed_domains) == 1 else {}
