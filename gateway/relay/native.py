"""Asks the provider that keeps a response for it: with the credential it was made with, for its owner alone."""

from __future__ import annotations

import orjson

from gateway.errors import ModelForbidden, UpstreamError, UpstreamMalformed, UpstreamRejected
from gateway.formats.paths import kept_path, spoken_in
from gateway.formats.table import FORMATS
from gateway.limits.limiter import Reserve, Used
from gateway.records import ClientKey, StoredResponse
from gateway.routing.dispatch import NO_CREDENTIAL
from gateway.routing.reach import matches, usable_credentials

from .fetch import plain_request
from .gathering import gather
from .masking import masked, secrets_of
from .relay import Relay
from .sink import Headers

DIALECT = "openai_responses"
"""The only one whose providers keep responses."""


class Native:
    """Requests about responses that providers keep."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def fetch(self, record: StoredResponse, key: ClientKey, method: str, path: str) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the provider's answer: JSON, an error of its own included. It counts as a request
        of its key. Raises ModelForbidden where the client's key may not use the provider any more, what a limiter
        raises, and UpstreamError, where the provider refused our credential too: that is none of the client's
        business."""
        limiter = self._relay.limiter
        plan = limiter.plan(key)
        if plan is None:
            return await self._fetch(record, key, method, path)
        admission = await limiter.admit(plan, Reserve(0, 0))
        try:
            return await self._fetch(record, key, method, path)
        finally:
            limiter.settle(admission, Used(0, 0))

    async def _fetch(
        self, record: StoredResponse, key: ClientKey, method: str, path: str
    ) -> tuple[int, Headers, bytes]:
        provider = self._relay.providers.get(record.provider)
        if provider is None:
            raise UpstreamError(
                f"The provider {record.provider}, which keeps this response, is not configured any more."
            )
        usable = usable_credentials(key, provider) if matches(key.providers, provider.id) else None
        if usable is None:
            raise ModelForbidden(f"Your key may not use the provider {provider.id}, which keeps this response.")
        known = {credential.name: credential for credential in usable}
        credential = known.get(record.credential or "", next(iter(known.values()), NO_CREDENTIAL))
        place = spoken_in(provider, DIALECT)
        where = kept_path(place, path) if place is not None else path
        origin, asked = await plain_request(self._relay, (provider, credential), method, where, DIALECT)
        answer = await gather(self._relay.pool, origin, asked)
        if answer.status in (401, 403):
            raise UpstreamRejected(f"The provider {provider.id} refused the gateway's credential.")
        body = masked(answer.body, secrets_of(provider, credential, asked.head))
        _check(answer.status, answer.headers, body)
        return answer.status, answer.headers, body


def _check(status: int, headers: Headers, body: bytes) -> None:
    """Raises UpstreamError for what no client of this dialect can read: a page, a redirect, nothing (ERR-2)."""
    if not _is_object(body) or 300 <= status < 400:
        if status < 400:
            raise UpstreamMalformed(f"The provider answered {status} without a JSON object.")
        raise FORMATS[DIALECT].read_error(status, dict(headers), body)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False
