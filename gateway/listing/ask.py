"""One provider asked for its list of models, page by page, with a credential that it accepts.

Knows how to ask and when to stop; what the answers say is read by `formats.listed`. A provider's own words are not
repeated: they may hold what it was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlencode

from gateway import __version__
from gateway.errors import UpstreamError, UpstreamMalformed, UpstreamRejected, UpstreamTimeout
from gateway.formats.listed import MOST_MODELS, ListPage, read_list
from gateway.formats.paths import listed_path, with_query
from gateway.outbound.wire import Pool, Request
from gateway.records import Credential, ModelFacts, Provider
from gateway.relay.access import Access, Signable, access_by
from gateway.relay.gathering import gather
from gateway.relay.ways import Ways
from gateway.routing.dispatch import NO_CREDENTIAL

SECONDS = 30.0
"""How long all pages of a provider may take."""

SILENCE_SECONDS = 10.0
"""How long a provider may say nothing."""

MOST_BYTES = 8 * 1024 * 1024
"""Of all pages; the longest lists have about one."""

MOST_PAGES = 50

MOST_CREDENTIALS = 3
"""So many are tried where a provider refuses one."""

REFUSED = frozenset((401, 402, 403, 429))
"""Answers that are about the credential: another one may be told more."""

USER_AGENT = f"sluicegate/{__version__}"

Models = Mapping[str, ModelFacts | None]


class CredentialRefused(UpstreamError):
    """The provider tells this credential nothing."""


async def ask(provider: Provider, pool: Pool, *, seconds: float = SECONDS) -> Models:
    """The models that a provider says it serves, and what it says of them. Raises UpstreamError."""
    path = listed_path(provider)
    if path is None:
        raise UpstreamError("It has no list of models.")
    ways = Ways((provider,), USER_AGENT)
    access = access_by(lambda credential: (pool, ways.of(provider, credential).origin), USER_AGENT)
    try:
        async with asyncio.timeout(seconds):
            return await _ask_with_any(provider, _Doors(pool, ways, access), path)
    except TimeoutError:
        raise UpstreamTimeout(f"No answer within {seconds:g} seconds.") from None
    finally:
        await access.close()


class _Doors(NamedTuple):
    """What leads to a provider."""

    pool: Pool
    ways: Ways
    access: Access


async def _ask_with_any(provider: Provider, doors: _Doors, path: str) -> Models:
    refused: UpstreamError = CredentialRefused("There is no credential to ask with.")
    in_use = (each for each in provider.credentials or (NO_CREDENTIAL,) if each.models)
    for credential in islice(in_use, MOST_CREDENTIALS):
        try:
            return await _pages(doors, (provider, credential), path)
        except (CredentialRefused, UpstreamRejected) as error:
            refused = error
    raise refused


async def _pages(doors: _Doors, who: tuple[Provider, Credential], path: str) -> Models:
    """Every page, until one has nothing new, or there have been enough of them."""
    models: dict[str, ModelFacts | None] = {}
    left, target = MOST_BYTES, path
    for _ in range(MOST_PAGES):
        page, size = await _page(doors, who, target=target, most_bytes=left)
        left = max(left - size, 0)
        known = len(models)
        models |= {name: facts for name, facts in page.models.items() if name not in models}
        if page.next_page is None or not known < len(models) < MOST_MODELS:
            break
        target = with_query(path, urlencode([page.next_page]))
    return dict(islice(models.items(), MOST_MODELS))


async def _page(
    doors: _Doors, who: tuple[Provider, Credential], *, target: str, most_bytes: int
) -> tuple[ListPage, int]:
    """One page, and how many bytes it has."""
    way = doors.ways.of(*who)
    head = way.composer.compose_plain("GET", target, who[1])
    asked = Signable("GET", way.origin.authority.decode(), way.composer.target_of(target))
    head = await doors.access.prove(head, who, asked)
    request = Request(b"GET", head, b"", SILENCE_SECONDS, SILENCE_SECONDS)
    answer = await gather(doors.pool, way.origin, request, most_bytes)
    if answer.status in REFUSED:
        raise CredentialRefused(f"The provider answered {answer.status}.")
    if answer.status != 200:
        raise UpstreamError(f"The provider answered {answer.status}.")
    page = read_list(answer.body)
    if page is None:
        raise UpstreamMalformed("The provider's answer is no list of models.")
    return page, len(answer.body)
