"""What Amazon Bedrock says around a model's own dialect: its stream as Anthropic's events, its errors in neutral words.

Bedrock wraps every event of Anthropic's Messages API as base64 into a message of a binary stream, and tells errors in
AWS's way (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html).
Unwrapped, a stream is what Anthropic itself would send.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from gateway.errors import InvalidRequest, ProviderFault, ProviderRefused, UpstreamMalformed

from .event_stream import Message, MessageSplitter
from .faults import Meanings, body_of, category_of, narrowed, readable, seconds_to_wait
from .format import Fields
from .told import object_of, text_in

ERROR_TYPE = b"x-amzn-errortype"
"""The header of an error answer that says what it is."""

METRICS = "amazon-bedrock-invocationMetrics"
"""What Bedrock adds to the last event. Anthropic's own events have told the usage by then."""

_EVENT_TYPE = re.compile(rb'\{"type":"([a-z_]{1,64})"')
_TYPE_WORD = re.compile(r"[a-z_]{1,64}")
_METRICS = METRICS.encode()

_FAULTS: dict[str, ProviderFault] = {
    "accessdenied": "forbidden",
    "expiredtoken": "auth",
    "incompletesignature": "auth",
    "internalserver": "server",
    "invalidclienttokenid": "auth",
    "invalidsignature": "auth",
    "missingauthenticationtoken": "auth",
    "modelerror": "server",
    "modelnotready": "overloaded",
    "modelstreamerror": "server",
    "modeltimeout": "timeout",
    "optinrequired": "forbidden",
    "resourcenotfound": "not_found",
    "servicequotaexceeded": "quota",
    "serviceunavailable": "overloaded",
    "throttling": "rate_limit",
    "unrecognizedclient": "auth",
    "validation": "bad_request",
}
"""By the name of an error without its `Exception`, lower-case: headers begin it with a capital, streams do not.
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html has those of AWS as a whole."""

_OF_A_MODEL = frozenset(("modelerror", "modelstreamerror"))
"""Errors that repeat what the model's own server answered, its status among it."""

_MEANINGS: Meanings = (
    (
        re.compile(
            r"input is too long|prompt is too long|exceeds? context limit|maximum context length|too many input tokens",
            re.IGNORECASE,
        ),
        "context_too_long",
    ),
    (re.compile(r"model identifier is invalid|on-demand throughput isn.t supported", re.IGNORECASE), "not_found"),
    (re.compile(r"content filtering policy", re.IGNORECASE), "content_filter"),
    (re.compile(r"signature|\bthinking\b", re.IGNORECASE), "thinking_state"),
)
_PER_DAY = re.compile(r"\bper day\b", re.IGNORECASE)
"""What a throttling says that does not end with the minute."""

_ANTHROPIC_TYPES: dict[ProviderFault, str] = {
    "auth": "authentication_error",
    "forbidden": "permission_error",
    "not_found": "not_found_error",
    "overloaded": "overloaded_error",
    "quota": "billing_error",
    "rate_limit": "rate_limit_error",
    "server": "api_error",
    "timeout": "timeout_error",
}
"""`error.type` of the event that tells a fault; the rest are `invalid_request_error`."""

_TOO_LONG = "prompt is too long"
"""How Anthropic says it: clients look for these words."""


def invoke_path(model: str, *, stream: bool) -> str:
    """Where a model is asked, below the base URL: its id, or its ARN, is one segment. Raises InvalidRequest for an id
    that would lead elsewhere."""
    if model in ("", ".", ".."):
        raise InvalidRequest("The model's name is empty, or consists of dots.", param="model")
    return f"/model/{quote(model, safe='')}/{'invoke-with-response-stream' if stream else 'invoke'}"


def fault_of(error_type: str, status: int = 500) -> ProviderFault:
    """What an error means by its name as AWS gives it, `ThrottlingException:http://internal.amazon.com/coral/…` as
    well; by its status where the name is not known."""
    return _FAULTS.get(_name(error_type)) or category_of(status)


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """An error answer, whatever its body."""
    fields = object_of(body_of(body))
    said = headers.get(ERROR_TYPE, b"").decode("latin-1") or text_in(fields, "__type") or text_in(fields, "code")
    return _refusal(said, fields, status, seconds_to_wait(headers))


class Unwrapping:
    """One stream: bytes from Bedrock in, Anthropic's events out."""

    __slots__ = ("_ended", "_splitter", "error")

    def __init__(self) -> None:
        self._splitter = MessageSplitter()
        self._ended = False
        """Bedrock has told an error: nothing comes after it."""
        self.error: UpstreamMalformed | None = None
        """What came cannot be read. All before it came out, and nothing more will."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that are whole now."""
        out: list[bytes] = []
        if self._is_over():
            return b""
        try:
            for message in self._splitter.feed(chunk):
                out.append(self._event(message))
                if self._is_over():
                    break
        except UpstreamMalformed as error:
            self.error = error
        return b"".join(out)

    def close(self) -> None:
        """The stream has ended: `error` tells whether it did within a message."""
        if self._is_over():
            return
        try:
            self._splitter.close()
        except UpstreamMalformed as error:
            self.error = error

    def _is_over(self) -> bool:
        return self._ended or self.error is not None

    def _event(self, message: Message) -> bytes:
        headers = message.headers
        kind = headers.get(":message-type", "event")
        if kind == "event":
            return _unwrapped(message.payload) if headers.get(":event-type") == "chunk" else b""
        self._ended = True
        if kind == "exception":
            return _error_event(headers.get(":exception-type", ""), object_of(body_of(message.payload)))
        return _error_event(headers.get(":error-code", ""), {"message": headers.get(":error-message", "")})


def _unwrapped(payload: bytes) -> bytes:
    """The event in a chunk. What pads it, so that its length tells nothing, is left out."""
    encoded = object_of(body_of(payload)).get("bytes")
    try:
        event = binascii.a2b_base64(encoded, strict_mode=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        event = b""
    if not event:
        raise UpstreamMalformed("The provider's stream has a chunk without an event.")
    kind = _EVENT_TYPE.match(event)
    if kind is None or b"\n" in event or b"\r" in event or _METRICS in event:
        return _written_anew(event)
    return b"event: %b\ndata: %b\n\n" % (kind[1], event)


def _written_anew(event: bytes) -> bytes:
    """An event on one line, without Bedrock's figures."""
    fields = object_of(body_of(event))
    if not fields:
        raise UpstreamMalformed("The provider's stream has an event that is no JSON object.")
    if METRICS in fields or b"\n" in event or b"\r" in event:
        fields.pop(METRICS, None)
        event = orjson.dumps(fields)
    kind = text_in(fields, "type")
    return b"%bdata: %b\n\n" % (b"event: %b\n" % kind.encode() if _TYPE_WORD.fullmatch(kind) else b"", event)


def _error_event(error_type: str, fields: Fields) -> bytes:
    refusal = _refusal(error_type, fields, None, None)
    message = refusal.message
    if refusal.category == "context_too_long" and _TOO_LONG not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    kind = _ANTHROPIC_TYPES.get(refusal.category, "invalid_request_error")
    told = {"type": "error", "error": {"type": kind, "message": message}}
    return b"event: error\ndata: " + orjson.dumps(told) + b"\n\n"


def _refusal(error_type: str, fields: Fields, status: int | None, retry_after: float | None) -> ProviderRefused:
    message = text_in(fields, "message") or text_in(fields, "Message") or text_in(fields, "originalMessage")
    found = fault_of(error_type, 500 if status is None else status)
    original: Any = fields.get("originalStatusCode")
    if _name(error_type) in _OF_A_MODEL and original.__class__ is int and 400 <= original < 600:
        found = category_of(original)
    if found == "rate_limit" and _PER_DAY.search(message):
        found = "quota"
    return ProviderRefused(
        readable(message, status),
        category=narrowed(found, message, _MEANINGS),
        code=error_type.partition(":")[0].rpartition("#")[2] or None,
        retry_after=retry_after,
    )


def _name(error_type: str) -> str:
    """Of an error, without what some put around it: a namespace in front, an address behind."""
    return error_type.partition(":")[0].rpartition("#")[2].strip().lower().removesuffix("exception")
