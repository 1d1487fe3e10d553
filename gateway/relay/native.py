"""Asks the provider that keeps a response for it: with the credential it was made with, for its owner alone."""

from __future__ import annotations

from gateway.errors import UpstreamError
from gateway.records import StoredResponse
from gateway.routing.dispatch import NO_CREDENTIAL

from .compose import masked
from .fetch import gather, plain_request
from .relay import Relay
from .sink import Headers


class Native:
    """Requests about responses that providers keep."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def fetch(self, record: StoredResponse, method: str, path: str) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the provider's answer; raises UpstreamError."""
        provider = self._relay.providers.get(record.provider)
        if provider is None:
            raise UpstreamError(
                f"The provider {record.provider}, which keeps this response, is not configured any more."
            )
        known = {credential.name: credential for credential in provider.credentials}
        credential = known.get(record.credential or "", next(iter(known.values()), NO_CREDENTIAL))
        origin = self._relay.upstreams[provider.id].origin
        answer = await gather(self._relay.pool, origin, plain_request(self._relay, provider, credential, method, path))
        return answer.status, answer.headers, masked(answer.body, credential)
