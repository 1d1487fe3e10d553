"""What an exchange looks like from outside while it runs. Reads, in the worker's own loop, and changes nothing.

Only while somebody watches, and never for each byte: how much text a stream has in it is measured anew when it has
doubled.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from .words import MOST_RUNNING, Glimpse, Running, State

if TYPE_CHECKING:
    from gateway.relay.attempt import Trial
    from gateway.relay.exchange import Exchange

NAME = slice(400)
"""How much is told of a name that a client made up."""

_ID, _STREAMS = attrgetter("id"), attrgetter("is_streaming")
"""Of each of many thousand exchanges. Ids begin with the moment at which an exchange began."""

BYTES_PER_TOKEN = 4
"""Of English. What is told while it flows should be near; what is charged for is reckoned at the end."""


class _Measured(Struct):
    """What is known of the text in one stream."""

    at: int = 0
    """Bytes that were sent when it was last measured."""
    share: float = 0.0
    """Of text in them."""
    tokens: int = 0
    """The most that was ever told: nothing that was said is taken back."""


class Glimpses:
    """Of the exchanges of one worker."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._measured: dict[str, _Measured] = {}

    def take(self, live: Collection[Exchange], connections: int) -> Glimpse:
        """What runs now: of many the newest."""
        newest = heapq.nlargest(MOST_RUNNING, live, key=_ID)
        running = tuple(self._running(exchange) for exchange in newest)
        streaming = sum(map(_STREAMS, live))
        self._forget({each.id for each in running})
        return Glimpse(running, len(live), streaming, connections)

    def _running(self, exchange: Exchange) -> Running:
        ask, key = exchange.ask, exchange.key
        trial = exchange.trials[-1] if exchange.trials else None
        target = trial.attempt.target if trial else None
        return Running(
            id=exchange.id,
            started_at_us=exchange.times.started_at_us,
            worker=self._worker,
            key=key.name if key else None,
            key_id=key.id if key else None,
            user_id=key.user_id if key else None,
            team_id=key.team_id if key else None,
            endpoint=exchange.endpoint.path,
            requested_model=ask.model[NAME] if ask else None,
            stream=ask.stream if ask else False,
            provider=target.provider if target else None,
            model=target.model[NAME] if target else None,
            credential=(trial.attempt.credential.name or None) if trial else None,
            attempt=len(exchange.trials),
            state=state_of(exchange, trial),
            response_bytes=exchange.sink.bytes_sent,
            output_tokens=self._tokens(exchange, trial),
            first_byte_us=exchange.times.first_byte_us,
        )

    def _tokens(self, exchange: Exchange, trial: Trial | None) -> int:
        sent = exchange.sink.bytes_sent
        if trial is None or not sent or not exchange.is_streaming or exchange.endpoint.operation != "generate":
            return 0
        known = self._measured.setdefault(exchange.id, _Measured())
        # A translation counts what it reads; of what passes as bytes the end has to be looked at.
        if trial.passage.translated or sent >= 2 * known.at:
            known.at, known.share = sent, exchange.said_bytes() / sent
        known.tokens = max(known.tokens, -int(-sent * known.share // BYTES_PER_TOKEN))
        return known.tokens

    def _forget(self, running: Collection[str]) -> None:
        for over in self._measured.keys() - running:
            del self._measured[over]


def state_of(exchange: Exchange, trial: Trial | None) -> State:
    """How far it is; `trial` is its last attempt."""
    if exchange.recorded or exchange.gone:
        return "ending"
    if exchange.is_streaming:
        return "streaming"
    return "asking" if trial is not None and not trial.done.done() else "waiting"
