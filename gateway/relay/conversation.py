"""Conversations that clients continue by the id of a response, with providers that keep none themselves.

What was kept is put in front of what is asked; what is answered is kept before its last byte leaves, so that the client
can refer to it at once. Knows nothing of how things are kept: a store is handed to the relay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gateway import logs
from gateway.errors import GatewayError
from gateway.formats.ask import Ask
from gateway.formats.written import request_bytes
from gateway.records import StoredResponse

if TYPE_CHECKING:
    from .exchange import Exchange

FORMAT = "openai_responses"
SECONDS_PER_HOUR = 3600

_ID = re.compile(rb'"id"\s*:\s*"(resp_[^"\\]{1,200})"')

Items = list[dict[str, Any]]

log = logs.get("gateway.relay.conversation")


class Keeping(Protocol):
    """What is needed of the store of responses."""

    async def keep(self, record: StoredResponse) -> None:
        """Have it on disk when this returns."""

    async def find(self, response_id: str, key: str) -> StoredResponse | None:
        """The response of this key with this id."""

    async def history(self, response_id: str, key: str) -> Items | None:
        """Everything that led to a response, and what it said."""


@dataclass(slots=True)
class Thread:
    """What must be known of a request to keep its response."""

    fields: dict[str, Any]
    """As the client sent them."""
    previous_id: str | None = None
    """The response it continues."""
    pinned: tuple[str, str] | None = None
    """Provider and credential that keep the conversation themselves."""
    first_bytes: bytes = b""
    """The beginning of a stream that is passed through."""


async def begin(exchange: Exchange, ask: Ask) -> Thread:
    """Put the conversation that a request continues in front of it, where it is ours to know.

    Raises UnknownPreviousResponse when it was kept only in part, StateUnavailable when the store cannot be read.
    """
    thread = Thread(ask.fields)
    store, key = exchange.relay.responses, exchange.key
    previous = ask.fields.get("previous_response_id")
    if store is None or key is None or not isinstance(previous, str):
        return thread
    thread.previous_id = previous
    record = await store.find(previous, key.name)
    if record is None:
        return thread
    if record.native:
        thread.pinned = (record.provider, record.credential or "")
        return thread
    history = await store.history(previous, key.name)
    if history is not None:
        fields = {name: value for name, value in ask.fields.items() if name != "previous_response_id"}
        fields["input"] = history + own_items(ask.fields)
        exchange.ask = ask._replace(fields=fields)
        exchange.body = request_bytes(fields)
    return thread


def own_items(fields: dict[str, Any]) -> Items:
    """The items a request adds, a plain string as the message it stands for."""
    said = fields.get("input")
    if isinstance(said, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}]
    return [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []


def to_keep(exchange: Exchange, thread: Thread, body: bytes) -> StoredResponse | None:
    """What is to be kept of an exchange that ends with `body`; None when nothing is."""
    ask, settings = exchange.ask, exchange.relay.settings.responses
    if exchange.endpoint.operation != "generate" or ask is None or exchange.key is None:
        return None
    if exchange.relay.responses is None or not settings.store or thread.fields.get("store") is False:
        return None
    trial = exchange.trials[-1]
    native = not trial.passage.translated
    written = None if native else trial.passage.written
    response_id = _native_id(thread.first_bytes or body) if native else (written or {}).get("id")
    if not response_id:
        return None
    now = exchange.started_at_us // 1_000_000
    return StoredResponse(
        id=response_id,
        key=exchange.key.name,
        created_at=now,
        expires_at=now + int(settings.keep_hours * SECONDS_PER_HOUR),
        previous_id=thread.previous_id,
        provider=trial.attempt.provider.id,
        credential=trial.attempt.credential.name or None,
        model=ask.model,
        status=str((written or {}).get("status") or "completed"),
        native=native,
        input=None if native else orjson.dumps(own_items(thread.fields)),
        response=None if native else orjson.dumps(written),
    )


async def keep(exchange: Exchange, record: StoredResponse) -> None:
    """Keep a response. Its client has its answer in any case: what cannot be kept is said in the log."""
    store = exchange.relay.responses
    assert store is not None  # asked before there was a record
    try:
        await store.keep(record)
    except GatewayError as error:
        log.warning("a response was not kept", id=exchange.id, response=record.id, reason=error.message)


def _native_id(said: bytes) -> str | None:
    found = _ID.search(said)
    return found[1].decode("utf-8", "replace") if found else None
