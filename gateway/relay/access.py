"""The proof of who we are, where a secret is not sent as it is: access tokens of service accounts, signatures of AWS.

Knows which scheme of a provider is which, and whether something must be waited for before a request can be made. What
is signed and when tokens are renewed is known in `gateway.credentials`.
"""

from __future__ import annotations

import asyncio
import re

from gateway.credentials.aws import Signable, Signer, read_keys
from gateway.credentials.google import TOKEN_URLS, read_account
from gateway.credentials.tokens import AccessTokens, Clock, Pause, Tell, unix_us
from gateway.errors import UpstreamError, UpstreamRejected
from gateway.records import Credential, Provider

from .compose import with_access
from .token_requests import Network, TokenRequests

GOOGLE = "google"
AWS = "aws"
SCHEMES = frozenset((GOOGLE, AWS))
"""Values of `Provider.auth` that this is for."""

SIGNERS_KEPT = 1024

_BEARER = b"authorization: Bearer %b\r\n"
_REGION = re.compile(r"\bbedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.")
"""In the name of a host, that of a private endpoint as well."""

__all__ = ["AWS", "GOOGLE", "SCHEMES", "Access", "Signable", "access_by"]


class Access:
    """The proofs of one process."""

    def __init__(self, tokens: AccessTokens, *, clock: Clock = unix_us) -> None:
        self._tokens = tokens
        self._clock = clock
        self._signers: dict[tuple[str, str, str], Signer | bytes] = {}

    def tell(self, tell: Tell) -> None:
        """Have somebody hear of every token that there is from now on."""
        self._tokens.tell = tell

    def is_ready(self, provider: Provider, credential: Credential) -> bool:
        """Whether a request can be made at once; if not, `prepare` comes first."""
        return provider.auth != GOOGLE or self._tokens.get(credential, self._clock()) is not None

    async def prepare(self, provider: Provider, credential: Credential) -> None:
        """Wait for what a request needs. Raises UpstreamRejected, UpstreamUnreachable."""
        if provider.auth == GOOGLE:
            await self._tokens.renew(credential)

    def lines(self, provider: Provider, credential: Credential, request: Signable) -> bytes:
        """The header lines that go with a request; none where the provider's scheme has none of these.

        Raises UpstreamRejected for a secret that is none, and where there is no token.
        """
        if provider.auth == AWS:
            proof = self._signer(provider, credential, request.host)
            return proof if isinstance(proof, bytes) else proof.sign(request, self._clock())
        if provider.auth != GOOGLE:
            return b""
        token = self._tokens.get(credential, self._clock())
        if token is None:
            raise UpstreamRejected(f"There is no access token for the provider {provider.id}.", nothing_sent=True)
        return _BEARER % token

    async def prove(self, head: bytes, who: tuple[Provider, Credential], request: Signable) -> bytes:
        """The head of a request with the proof of who sends it, waited for where it must be. Raises as `prepare` and
        `lines`."""
        provider, credential = who
        if provider.auth not in SCHEMES:
            return head
        if not self.is_ready(provider, credential):
            await self.prepare(provider, credential)
        return with_access(head, self.lines(provider, credential, request))

    async def renewed(self, provider: Provider, credential: Credential, sent: bytes) -> bool:
        """Whether there is another proof to try with, now that the provider has answered 401 to `sent`."""
        if provider.auth != GOOGLE:
            return False
        try:
            token = await self._tokens.renew(credential, rejected=sent.rpartition(b" ")[2].rstrip())
        except UpstreamError:
            return False  # the provider's answer says it all
        return _BEARER % token != sent

    def tick(self) -> None:
        """Called about once a second: tokens in use are renewed before they end."""
        self._tokens.tick(self._clock())

    async def close(self) -> None:
        """Ask for nothing any more."""
        await self._tokens.close()

    def _signer(self, provider: Provider, credential: Credential, host: str) -> Signer | bytes:
        region = dict(provider.variables).get("region") or _region_in(host)
        name = (provider.id, credential.secret, region)
        found = self._signers.get(name)
        if found is None:
            if len(self._signers) >= SIGNERS_KEPT:
                self._signers.clear()
            found = self._signers[name] = _signer_of(provider, credential, region)
        return found


def access_by(network: Network, user_agent: str, *, clock: Clock = unix_us, pause: Pause = asyncio.sleep) -> Access:
    """Access over these connections."""
    post = TokenRequests(network, TOKEN_URLS, user_agent)
    tokens = AccessTokens(post, lambda credential: read_account(credential.secret), clock=clock, pause=pause)
    return Access(tokens, clock=clock)


def _signer_of(provider: Provider, credential: Credential, region: str) -> Signer | bytes:
    try:
        keys = read_keys(credential.secret)
        if isinstance(keys, str):
            return _BEARER % keys.encode()
        if not region:
            raise ValueError("no region is said: set `variables.region`")
    except ValueError as error:
        message = f"Requests to the provider {provider.id} cannot be signed with its credential: {error}."
        raise UpstreamRejected(message, nothing_sent=True) from None
    return Signer(keys, region)


def _region_in(host: str) -> str:
    found = _REGION.search(host)
    return found[1] if found is not None else ""
