"""A small request of our own to a provider, answered as a whole: its list of models, a response it keeps, a count."""

from __future__ import annotations

from gateway.errors import UpstreamError
from gateway.outbound.wire import Request
from gateway.records import Credential, Provider
from gateway.routing.dispatch import NO_CREDENTIAL

from .gathering import gather
from .relay import Relay

FETCH_SECONDS = 5.0


async def fetch(relay: Relay, provider: Provider, path: str) -> bytes:
    """GET `path` below the provider's base URL with its first credential. Raises UpstreamError."""
    credential = provider.credentials[0] if provider.credentials else NO_CREDENTIAL
    origin = relay.ways.of(provider, credential).origin
    answer = await gather(relay.pool, origin, plain_request(relay, provider, credential, "GET", path))
    if answer.status != 200:
        raise UpstreamError(f"The provider answered {answer.status}.")
    return answer.body


def plain_request(relay: Relay, provider: Provider, credential: Credential, method: str, path: str) -> Request:
    """A request without a body to a provider."""
    head = relay.ways.of(provider, credential).composer.compose_plain(method, path, credential)
    return Request(method.encode(), head, b"", FETCH_SECONDS, FETCH_SECONDS)
