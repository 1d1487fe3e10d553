"""What an exchange leaves for its spans beside its record: what was asked of the model, and how the reply ended.

Only of what is sampled anything is read here. Large things are not kept until spans are made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gateway.formats.closing import BYTES, closing_in
from gateway.records import Closing, Parameters, UsageRecord
from gateway.routing.affinity import named_conversation
from gateway.traces.context import Sent, Trace
from gateway.traces.spans import Ended

from .recording import NAME

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

REPLYING = frozenset(("generate", "compact"))
"""What is answered with a reply; text completions are passed, and end as chats do."""


def is_told(exchange: Exchange) -> bool:
    """Whether its spans are kept and tell of a request to a model, and of its reply."""
    trace, endpoint = exchange.trace, exchange.endpoint
    return trace is not None and trace.sampled and (endpoint.operation in REPLYING or endpoint.ends_with_done)


def ended(exchange: Exchange, record: UsageRecord, trace: Trace) -> Ended:
    """All that is told of an exchange that is over."""
    ask, trials, method = exchange.ask, exchange.trials, exchange.caller.method
    if ask is None or not is_told(exchange):
        return Ended(record, trace, [trial.sent for trial in trials], method)
    asked = exchange.format.read_parameters(ask.fields)
    conversation = named_conversation(exchange.named, ask.fields)
    return Ended(
        record,
        trace,
        [_sent(trial, asked) for trial in trials],
        method,
        asked,
        conversation[NAME] if conversation else None,
        _closing(exchange, trials[-1], asked.choices or 1) if trials else None,
    )


def _sent(trial: Trial, asked: Parameters) -> Sent | None:
    """What is told of an attempt; its request asks for what the client's does, unless it had to be another one."""
    return trial.sent._replace(parameters=trial.passage.parameters or asked) if trial.sent is not None else None


def _closing(exchange: Exchange, trial: Trial, choices: int) -> Callable[[], Closing] | None:
    """Finds out how the last reply ended, of which so many answers were wanted; None where nothing came of it, or
    nobody listened."""
    if trial.heard is not None:
        broken = exchange.gone or exchange.error is not None
        return partial(trial.heard.close, choices if broken else 0)
    if trial.answered is None or trial.collected_bytes > BYTES:
        return None
    return partial(closing_in, trial.passage.upstream, trial.collected)
