"""From the record of an exchange that is over to its spans: one of its own, and one of each attempt. Pure.

Knows which fact of a record is which attribute. No body and no secret is in a record, and so none is in a span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from gateway.records import AttemptRecord, Closing, Parameters, UsageRecord

from .context import Sent, Trace, new_span
from .words import OPERATIONS, OUTPUTS, PROVIDERS

Value = str | int | float | tuple[str, ...]
Attribute = tuple[str, Value | None]
"""What is None is left out."""
Kind = Literal["server", "client"]

NANO = 1_000_000_000
MICRO = 1_000_000

FIRST_BYTE = "first_token"
HEAD = "response_head"

SERVER_ERROR = 500

NOTHING = Parameters()
UNHEARD = Closing()


class Ended(NamedTuple):
    """An exchange that is over and was sampled."""

    record: UsageRecord
    trace: Trace
    sent: Sequence[Sent | None]
    """What is known of the span of each attempt, None where nothing was sent."""
    method: str
    asked: Parameters = NOTHING
    """What its client asked of the model."""
    conversation: str | None = None
    """What the client calls the conversation that it is part of."""
    closing: Callable[[], Closing] | None = None
    """Finds out how the reply of the last attempt ended; None where there was none."""


class Span(Struct, frozen=True, gc=False):
    """One span, in no protocol's words. Times are Unix microseconds."""

    name: str
    kind: Kind
    trace: Trace
    id: int
    parent: str
    """Id of the span that it belongs to, in hexadecimal; empty where there is none."""
    began_us: int
    ended_us: int
    failed: bool
    words: Sequence[Attribute]
    """What is the same in many spans."""
    numbers: Sequence[Attribute]
    """What is another in each."""
    events: Sequence[tuple[str, int]]
    """Name, and when."""


def spans_of(ended: Ended) -> Iterator[Span]:
    """The spans of an exchange."""
    record = ended.record
    operation = OPERATIONS.get(record.endpoint, record.endpoint)
    closing = ended.closing() if ended.closing is not None else UNHEARD
    yield _exchange(ended, operation, closing)
    last = len(record.attempts) - 1
    for at, (attempt, known) in enumerate(zip(record.attempts, ended.sent, strict=True)):
        # Where a number of our own is the answer, or a credential could not be got, nobody was asked.
        if known is not None or attempt.error is not None:
            answered = at == last and attempt.error is None
            tried = _Tried(operation, attempt, at, known, closing if at == last else UNHEARD, answered)
            yield _attempt(ended, tried)


class _Tried(Struct, frozen=True, gc=False):
    operation: str
    record: AttemptRecord
    at: int
    sent: Sent | None
    closing: Closing
    answered: bool
    """It became the answer."""


def _exchange(ended: Ended, operation: str, closing: Closing) -> Span:
    record, trace = ended.record, ended.trace
    began = record.started_at_us
    first_byte = record.first_byte_us
    # A name that nobody knows may be anything, and names of spans are for grouping.
    known = record.provider is not None and record.requested_model
    return Span(
        name=f"{operation} {record.requested_model}" if known else operation,
        kind="server",
        trace=trace,
        id=trace.span,
        parent=trace.parent,
        began_us=began,
        ended_us=began + record.total_us,
        failed=record.status >= SERVER_ERROR or (record.error is not None and record.status < 400),
        words=(*_words_of_exchange(record, operation, ended.method), *_words_of_model(record, ended.asked, closing)),
        numbers=(*_numbers_of_exchange(record), *_names(ended, ended.asked, closing)),
        events=() if first_byte is None or record.status >= 400 else ((FIRST_BYTE, began + first_byte),),
    )


def _words_of_exchange(record: UsageRecord, operation: str, method: str) -> Sequence[Attribute]:
    answered = record.status < 400
    return (
        ("gen_ai.operation.name", operation),
        ("gen_ai.provider.name", _provider(record.provider)),
        ("gen_ai.request.model", record.requested_model),
        ("gen_ai.response.model", (record.answered_model or record.model) if answered else None),
        ("gen_ai.request.stream", record.stream or None),
        ("http.request.method", method),
        ("http.route", record.endpoint),
        ("http.response.status_code", record.status),
        ("error.type", record.error),
        ("user_agent.original", record.user_agent),
        ("sluicegate.key", record.key),
        ("sluicegate.user_id", record.user_id),
        ("sluicegate.team_id", record.team_id),
        ("sluicegate.provider", record.provider),
        ("sluicegate.model", record.model),
        ("sluicegate.credential", record.credential),
        ("sluicegate.via", record.via),
        ("sluicegate.tags", record.tags or None),
        ("sluicegate.dropped", record.dropped or None),
        ("sluicegate.usage_source", record.usage_source),
        ("sluicegate.cost_source", record.cost_source),
        ("sluicegate.attempts", len(record.attempts)),
    )


def _numbers_of_exchange(record: UsageRecord) -> Sequence[Attribute]:
    tokens, cost = record.tokens, record.cost_nano_usd
    # Not under `gen_ai.usage`: that is said of the attempt, and whoever adds up all spans would count it twice.
    return (
        ("sluicegate.request_id", record.id),
        ("sluicegate.input_tokens", tokens.input or None),
        ("sluicegate.output_tokens", tokens.output or None),
        ("sluicegate.cost_usd", None if cost is None else cost / NANO),
        ("sluicegate.overhead_seconds", record.overhead_us / MICRO),
        ("sluicegate.upstream_seconds", record.upstream_us / MICRO),
        ("http.request.body.size", record.request_bytes),
        ("http.response.body.size", record.response_bytes),
    )


def _attempt(ended: Ended, tried: _Tried) -> Span:
    record, trace, attempt, sent, closing = ended.record, ended.trace, tried.record, tried.sent, tried.closing
    asked = (sent.parameters if sent is not None else None) or NOTHING
    began = record.started_at_us + (attempt.began_us or 0)
    head = attempt.head_us
    return Span(
        name=f"{tried.operation} {attempt.model}",
        kind="client",
        trace=trace,
        id=sent.span if sent is not None else new_span(),
        parent=f"{trace.span:016x}",
        began_us=began,
        ended_us=began + attempt.duration_us,
        failed=attempt.error is not None,
        words=(*_words_of_attempt(record, tried), *_words_of_model(record, asked, closing)),
        numbers=(*_names(ended, asked, closing), *(_numbers_of_answer(record, attempt) if tried.answered else ())),
        events=() if head is None else ((HEAD, began + head),),
    )


def _words_of_attempt(record: UsageRecord, tried: _Tried) -> Sequence[Attribute]:
    attempt, sent = tried.record, tried.sent
    return (
        ("gen_ai.operation.name", tried.operation),
        ("gen_ai.provider.name", _provider(attempt.provider)),
        ("gen_ai.request.model", attempt.model),
        ("gen_ai.response.model", (record.answered_model or attempt.model) if tried.answered else None),
        ("gen_ai.request.stream", record.stream or None),
        ("server.address", sent.host if sent is not None else None),
        ("server.port", (sent.port or None) if sent is not None else None),
        ("http.request.method", "POST"),
        ("http.request.resend_count", tried.at or None),
        ("http.response.status_code", attempt.status),
        ("error.type", attempt.error),
        ("sluicegate.provider", attempt.provider),
        ("sluicegate.credential", attempt.credential or None),
        ("sluicegate.verdict", attempt.verdict),
        ("sluicegate.reason", attempt.reason),
        ("sluicegate.rest_seconds", None if attempt.rest_us is None else attempt.rest_us / MICRO),
        ("sluicegate.upstream_format", record.upstream_format if tried.answered else None),
    )


def _numbers_of_answer(record: UsageRecord, attempt: AttemptRecord) -> Sequence[Attribute]:
    tokens, first_byte, began = record.tokens, record.first_byte_us, attempt.began_us or 0
    waited = None if first_byte is None or not record.stream else max(first_byte - began, 0) / MICRO
    told = (
        ("gen_ai.response.time_to_first_chunk", waited),
        ("sluicegate.upstream_request_id", record.upstream_request_id),
    )
    if record.usage_source == "none":
        return told
    return (
        *told,
        ("gen_ai.usage.input_tokens", tokens.input),
        ("gen_ai.usage.output_tokens", tokens.output),
        ("gen_ai.usage.cache_read.input_tokens", tokens.cache_read or None),
        ("gen_ai.usage.cache_write.input_tokens", tokens.cache_write or None),
        ("gen_ai.usage.reasoning.output_tokens", tokens.reasoning or None),
        ("gen_ai.usage.audio.input_tokens", tokens.input_audio or None),
        ("gen_ai.usage.image.input_tokens", tokens.input_image or None),
        ("gen_ai.usage.audio.output_tokens", tokens.output_audio or None),
        ("gen_ai.usage.image.output_tokens", tokens.output_image or None),
    )


def _words_of_model(record: UsageRecord, asked: Parameters, closing: Closing) -> Sequence[Attribute]:
    """What was asked of the model and why it ended, as far as that is the same in many spans."""
    return (
        ("gen_ai.output.type", asked.output or OUTPUTS.get(record.endpoint)),
        ("gen_ai.request.max_tokens", asked.max_tokens),
        ("gen_ai.request.temperature", asked.temperature),
        ("gen_ai.request.top_p", asked.top_p),
        ("gen_ai.request.top_k", asked.top_k),
        ("gen_ai.request.frequency_penalty", asked.frequency_penalty),
        ("gen_ai.request.presence_penalty", asked.presence_penalty),
        ("gen_ai.request.choice.count", None if asked.choices == 1 else asked.choices),
        ("gen_ai.request.reasoning.level", asked.effort),
        ("gen_ai.request.stop_sequences", asked.stop or None),
        ("gen_ai.response.finish_reasons", closing.reasons or None),
    )


def _names(ended: Ended, asked: Parameters, closing: Closing) -> Sequence[Attribute]:
    """The same of what is another in each."""
    return (
        ("gen_ai.conversation.id", ended.conversation),
        ("gen_ai.request.previous_response.id", asked.previous),
        ("gen_ai.request.seed", asked.seed),
        ("gen_ai.response.id", closing.id or None),
    )


def _provider(name: str | None) -> str | None:
    return None if name is None else PROVIDERS.get(name, name)
