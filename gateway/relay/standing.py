"""Whether exchanges under way may go on, now that their keys have changed or time has passed.

Asked by whoever keeps the keys. What an exchange began with is replaced here by what holds now: nothing is decided by
an old record of a key after that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway import logs
from gateway.access.keys import KeyRing, refusal
from gateway.errors import EndpointForbidden, GatewayError, KeyRevoked, ModelForbidden
from gateway.records import ClientKey
from gateway.routing.reach import may_go_on, may_use_endpoint

from .exchange import Exchange

log = logs.get("gateway.relay.standing")


def review(live: Iterable[Exchange], ring: KeyRing, now_us: int, rotated: Collection[str] = ()) -> int:
    """Cut the exchanges whose keys no longer allow them at this moment, Unix microseconds; how many those were.

    Keys in `rotated`, ids, go by another secret: what began under the old one ends.
    """
    cut = 0
    for exchange in list(live):
        held = exchange.key
        if held is None or exchange.recorded:
            continue  # not admitted yet, or as good as over
        key = None if held.id in rotated else ring.now(held.id)
        error = KeyRevoked("This API key was revoked.") if key is None else objection(exchange, key, now_us)
        exchange.key = key or held
        if error is not None:
            cut += 1
            _end(exchange, error)
    return cut


def _end(exchange: Exchange, error: GatewayError) -> None:
    """Whatever goes wrong with one, the others end as well, and this one does not go on."""
    try:
        exchange.cut(error)
    except Exception:
        log.exception("an exchange could not be ended in words", id=exchange.id)
        exchange.client_left()


def objection(exchange: Exchange, key: ClientKey, now_us: int) -> GatewayError | None:
    """What speaks against an exchange under its key as it is now."""
    error = refusal(key, now_us)
    if error is not None or key is exchange.key:
        return error
    path = exchange.endpoint.path
    if not may_use_endpoint(key, path):
        return EndpointForbidden(f"Your key may not use {path} any more.")
    if exchange.trials and exchange.ask is not None:
        attempt = exchange.trials[-1].attempt
        if not may_go_on(key, exchange.ask.model, attempt.target, attempt.credential):
            return ModelForbidden(
                f"Your key may not use the model `{exchange.ask.model}` here any more.", param="model"
            )
    return None
