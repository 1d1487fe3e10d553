"""A small request of our own to a provider, answered as a whole: its list of models, a response it keeps, a count."""

from __future__ import annotations

from gateway.errors import UpstreamError
from gateway.outbound.wire import Origin, Request
from gateway.records import Credential, Provider
from gateway.routing.dispatch import NO_CREDENTIAL

from .access import Signable
from .gathering import gather
from .relay import Relay

FETCH_SECONDS = 5.0


async def fetch(relay: Relay, provider: Provider, path: str) -> bytes:
    """GET `path` below the provider's base URL with its first credential that is in use. Raises UpstreamError."""
    credential = next((each for each in provider.credentials if each.models), NO_CREDENTIAL)
    origin, asked = await plain_request(relay, (provider, credential), "GET", path)
    answer = await gather(relay.pool, origin, asked)
    if answer.status != 200:
        raise UpstreamError(f"The provider answered {answer.status}.")
    return answer.body


async def plain_request(
    relay: Relay, who: tuple[Provider, Credential], method: str, path: str, dialect: str = ""
) -> tuple[Origin, Request]:
    """A request without a body to a provider, and where it goes; `dialect` where it is spoken to in another one than
    its own. Raises UpstreamError where nothing proves who we are."""
    way = relay.ways.of(*who, dialect)
    head = way.composer.compose_plain(method, path, who[1])
    asked = Signable(method, way.origin.authority.decode(), way.composer.target_of(path))
    head = await relay.access.prove(head, who, asked)
    return way.origin, Request(method.encode(), head, b"", FETCH_SECONDS, FETCH_SECONDS)
