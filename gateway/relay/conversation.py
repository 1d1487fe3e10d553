"""Conversations that clients continue by the id of a response, with providers that keep none themselves.

What was kept is put in front of what is asked; what is answered is kept before its last byte leaves, so that the client
can refer to it at once. Knows nothing of how things are kept: a store is handed to the relay.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gateway import logs
from gateway.errors import GatewayError, UnknownPreviousResponse
from gateway.formats.ask import Ask
from gateway.formats.written import request_bytes
from gateway.records import StoredResponse

if TYPE_CHECKING:
    from .exchange import Exchange

FORMAT = "openai_responses"
SECONDS_PER_HOUR = 3600

_ID = re.compile(rb'"id"\s*:\s*"([^"\\]{1,200})"')
"""The first one in a Response object is its own."""

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
    unknown: bool = False
    """Nobody here knows that response, or not as this client's."""
    first_bytes: bytes = b""
    """The beginning of an answer that is passed through as it comes."""
    kept: bool = False
    """It is noted already."""


async def begin(exchange: Exchange, ask: Ask) -> Thread:
    """Put the conversation that a request continues in front of it, where it is ours to know. Raises as `thread_of`."""
    key_id = exchange.key.id if exchange.key is not None else None
    thread, whole = await thread_of(exchange.relay.responses, key_id, ask)
    if whole is not ask:
        exchange.ask = whole
        exchange.body = request_bytes(whole.fields)
    return thread


async def thread_of(store: Keeping | None, key_id: str | None, ask: Ask) -> tuple[Thread, Ask]:
    """The conversation of a request with this key, and the request with it in front, where it is ours to know; else the
    very same request.

    Raises UnknownPreviousResponse when it was kept only in part, StateUnavailable when the store cannot be read.
    """
    thread = Thread(ask.fields)
    previous = ask.fields.get("previous_response_id")
    if store is None or key_id is None or not isinstance(previous, str):
        return thread, ask
    thread.previous_id = previous
    record = await store.find(previous, key_id)
    if record is None:
        thread.unknown = True
    elif record.native:
        thread.pinned = (record.provider, record.credential or "")
    elif (history := await store.history(previous, key_id)) is not None:
        fields = {name: value for name, value in ask.fields.items() if name != "previous_response_id"}
        fields["input"] = _continued(history, ask.fields.get("input"))
        return thread, ask._replace(fields=fields)
    return thread, ask


def check_owner(thread: Thread) -> None:
    """Before a request goes to a provider that keeps conversations itself: it knows our credential, not our clients.

    Raises UnknownPreviousResponse when the conversation is not this client's.
    """
    if thread.unknown:
        raise UnknownPreviousResponse(
            f"Previous response with id '{thread.previous_id}' not found.", param="previous_response_id"
        )


def _continued(history: Items, said: Any) -> Any:
    """The whole conversation; what is no input stays for the reader to refuse."""
    items = own_items({"input": said}) if said is None or isinstance(said, str) else said
    return history + items if isinstance(items, list) else items


def told_fields(exchange: Exchange, thread: Thread) -> dict[str, Any]:
    """The request as its response repeats it: the client's own words, and whether the response is kept."""
    return {**thread.fields, "store": keeps(exchange, thread)}


def keeps(exchange: Exchange, thread: Thread) -> bool:
    """Whether the response can be referred to."""
    relay = exchange.relay
    wanted = relay.settings.responses.store and thread.fields.get("store") is not False
    return (
        wanted
        and relay.responses is not None
        and exchange.key is not None
        and exchange.endpoint.operation == "generate"
    )


def own_items(fields: dict[str, Any]) -> Items:
    """The items a request adds, a plain string as the message it stands for."""
    said = fields.get("input")
    if isinstance(said, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}]
    return [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []


def to_keep(exchange: Exchange, thread: Thread, body: bytes) -> StoredResponse | None:
    """What is to be kept of an exchange that ends with `body`; None when nothing is."""
    ask, settings = exchange.ask, exchange.relay.settings.responses
    if thread.kept or not keeps(exchange, thread) or ask is None or exchange.key is None:
        return None
    trial = exchange.trials[-1]
    native = not trial.passage.translated
    written = None if native else trial.passage.written
    response_id = _native_id(thread.first_bytes or body) if native else (written or {}).get("id")
    if not response_id:
        return None
    try:
        said = None if native else (orjson.dumps(own_items(thread.fields)), orjson.dumps(written))
    except orjson.JSONEncodeError:  # it can be read deeper than it can be written
        log.warning("a response was not kept", id=exchange.id, response=response_id, reason="it is nested too deeply")
        return None
    now = exchange.times.started_at_us // 1_000_000
    return StoredResponse(
        id=response_id,
        key=exchange.key.id,
        created_at=now,
        expires_at=now + int(settings.keep_hours * SECONDS_PER_HOUR),
        previous_id=thread.previous_id,
        provider=trial.attempt.provider.id,
        credential=trial.attempt.credential.name or None,
        model=ask.model,
        status=str((written or {}).get("status") or "completed"),
        native=native,
        input=said[0] if said is not None else None,
        response=said[1] if said is not None else None,
    )


def keep_early(exchange: Exchange, thread: Thread, first_bytes: bytes) -> asyncio.Task[None] | None:
    """Note whose an answer is that is passed through as it comes; None when it is not to be kept.

    Its client must get nothing before that is done: it may refer to the answer as soon as it knows its id.
    """
    thread.first_bytes = first_bytes
    record = to_keep(exchange, thread, b"")
    if record is None:
        return None
    thread.kept = True
    return exchange.relay.loop.create_task(keep(exchange, record))


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
