"""Sends what asks for an access token, the way that requests with the same credential go.

Knows connections and proxies, not what a token is. Where a secret itself says whom to ask, that address is judged like
any other that the configuration file does not say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlencode

from gateway.errors import UpstreamTimeout, UpstreamUnreachable
from gateway.outbound.guard import find_place
from gateway.outbound.wire import Origin, Pool, Request
from gateway.records import Credential

from .gathering import gather

SECONDS = 10.0
"""How long one try may take, all of it."""

MOST_BYTES = 64 * 1024
"""Largest answer that is looked at; a token has about one."""

Network = Callable[[Credential], tuple[Pool, Origin]]
"""The connections in use, and how the credential's provider is reached: its proxy counts."""


class TokenRequests:
    """What `AccessTokens` sends with."""

    def __init__(
        self, network: Network, trusted: Collection[str], user_agent: str, *, seconds: float = SECONDS
    ) -> None:
        """`trusted`: addresses that nobody but us has named."""
        self._network = network
        self._trusted = trusted
        self._agent = user_agent.encode()
        self._seconds = seconds

    async def __call__(self, credential: Credential, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer to a form. Raises UpstreamError; nothing of a client's request is sent."""
        pool, provider = self._network(credential)
        try:
            place = find_place(url, "none")
        except ValueError as error:
            raise UpstreamUnreachable(f"{error}", nothing_sent=True) from None
        origin = place.origin._replace(
            proxy=provider.proxy, proxy_guarded=provider.proxy_guarded, guarded=url not in self._trusted
        )
        body = urlencode(form).encode()
        head = (
            b"POST %b HTTP/1.1\r\nhost: %b\r\nuser-agent: %b\r\n"
            b"accept: application/json\r\naccept-encoding: identity\r\n"
            b"content-type: application/x-www-form-urlencoded\r\ncontent-length: %d\r\n\r\n"
        ) % (place.target.encode(), origin.authority, self._agent, len(body))
        request = Request(b"POST", head, body, self._seconds, self._seconds)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await gather(pool, origin, request, MOST_BYTES)
        except TimeoutError:
            raise UpstreamTimeout(f"no answer within {self._seconds:g} seconds", nothing_sent=True) from None
        return answer.status, answer.body
