"""The end of an answer that is whole. Its last bytes leave once all is done that must be true when its client has it:
the response is kept that the client may continue, and the tokens are counted that the provider did not tell.

Most answers need neither, and end at once. Nothing that goes wrong here keeps an answer from its client.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway import logs
from gateway.errors import UpstreamError
from gateway.formats.countable import answer_of, is_counted, prompt_of
from gateway.formats.counting import Measured
from gateway.formats.told import object_of
from gateway.records import StoredResponse, Tokens

from . import conversation
from .reckoning import NOT_COUNTED, NOTHING_TOLD, Counts, tells_all

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

MOST_BYTES = 512 * 1024
"""Of the request, and of a whole answer, that are read once more to be counted: about a millisecond's worth. What is
larger is estimated."""

FAILED = "the tokens of an answer are not counted"

log = logs.get("gateway.relay")

NO_TEXT = Measured(())


class Untold(NamedTuple):
    """Texts whose tokens nobody told; None where somebody did."""

    input: Measured | None
    output: Measured | None


def finish(exchange: Exchange, body: bytes) -> asyncio.Task[None] | None:
    """End an exchange with these bytes: now, or when the task is done."""
    record = conversation.to_keep(exchange, exchange.thread, body) if exchange.thread is not None else None
    try:
        untold = _heed(exchange)
    except Exception:
        log.exception(FAILED, id=exchange.id)
        untold = None
    if record is None and untold is None:
        exchange.sink.finish(body)
        return None
    return exchange.relay.loop.create_task(_finish_late(exchange, body, record, untold))


async def _finish_late(exchange: Exchange, body: bytes, record: StoredResponse | None, untold: Untold | None) -> None:
    try:
        if untold is not None:
            await _count(exchange, untold)
        if record is not None:  # on disk before its client hears its end: it may refer to it at once
            await conversation.keep(exchange, record)
    finally:
        if not exchange.gone and not exchange.sink.over:
            exchange.sink.finish(body)


async def _count(exchange: Exchange, untold: Untold) -> None:
    try:
        exchange.counts = await _counted(exchange, untold)
    except Exception:
        log.exception(FAILED, id=exchange.id)


async def _counted(exchange: Exchange, untold: Untold) -> Counts:
    """What the texts come to, asked for at once."""
    parts = [part or NO_TEXT for part in untold]
    tokens = await exchange.relay.count_soon([text for part in parts for text in part.texts])
    if tokens is None:
        return NOT_COUNTED
    read = len(parts[0].texts)
    sums = zip(untold, (sum(tokens[:read]), sum(tokens[read:])), strict=True)
    return Counts(*[None if part is None else part.extra + count for part, count in sums])


def _heed(exchange: Exchange) -> Untold | None:
    """What there is to count; and the target is remembered as one that tells its tokens, or does not."""
    tokens = exchange.tokens = exchange.measured_tokens()
    if tokens is not None and tokens.input and tokens.output:  # as nearly always
        if (silent := exchange.relay.silence.targets) and exchange.trials:
            silent.discard(exchange.trials[-1].attempt.target)
        return None
    if exchange.error is not None or tells_all(exchange, tokens):
        return None
    trial = exchange.trials[-1]
    if not is_counted(trial.passage.upstream.name, trial.attempt.target.model):
        return None
    if trial.is_stream:
        exchange.relay.silence.note(trial.attempt.target)
    return _untold(trial, tokens or NOTHING_TOLD)


def _untold(trial: Trial, told: Tokens) -> Untold | None:
    """The texts that nobody counted; None where one of them is not known whole, or is none: then all is estimated."""
    output = None if told.output else _answer(trial)
    if output is None and not told.output:
        return None
    prompt = None if told.input else _prompt(trial)
    return None if prompt is None and not told.input else Untold(prompt, output)


def _prompt(trial: Trial) -> Measured | None:
    """What its provider was sent."""
    sent = trial.passage.body
    return prompt_of(trial.passage.upstream.name, orjson.loads(sent)) if len(sent) <= MOST_BYTES else None


def _answer(trial: Trial) -> Measured | None:
    """What its provider said."""
    if trial.pipeline is not None:
        return trial.transcript.text() if trial.transcript is not None else None
    if trial.collected_bytes > MOST_BYTES:
        return None
    try:
        return answer_of(trial.passage.upstream.read_reply(object_of(orjson.loads(trial.collected))))
    except (UpstreamError, orjson.JSONDecodeError):
        return None
