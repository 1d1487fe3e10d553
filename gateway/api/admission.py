"""Who asks: the key of a request, from keys that are as fresh as the database.

Knows what is needed of whoever keeps them fresh. Does not know where they are from.
"""

from __future__ import annotations

from typing import Protocol

from gateway.access.keys import KeyRing
from gateway.errors import EndpointForbidden
from gateway.records import ClientKey
from gateway.routing.reach import may_use_endpoint


class Keys(Protocol):
    """The client keys of a worker.

    Whoever admits a request compares `shown` with `seen`: that costs next to nothing, and where they differ something
    has changed that `catch_up` waits for.
    """

    ring: KeyRing
    shown: memoryview
    """What has changed how often, as every process of the gateway sees it."""
    seen: memoryview
    """The same when the keys were last read."""

    async def catch_up(self) -> None:
        """Until the keys are as they were when this was called, or nobody can tell at the moment."""

    async def get(self, headers: dict[bytes, bytes]) -> ClientKey:
        """The record of the key that a request carries, which is noted as used. Raises as `KeyRing.get`."""


def check_endpoint(key: ClientKey, path: str) -> None:
    """Raises EndpointForbidden when the key may not use an endpoint, by its path as in the endpoint table."""
    if not may_use_endpoint(key, path):
        raise EndpointForbidden(f"Your key may not use {path}.")
