"""Another request to the same provider with the same credential, where the last one calls for it.

A provider that refuses the signatures of earlier thoughts is asked once more without them (REAS-8): they are bound to a
model, an account, a conversation, and clients cannot know which. And one that gave but the beginning of its answer is
asked for the rest (FIN-2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ProviderRefused, UpstreamError
from gateway.formats.forgetting import without_reasoning
from gateway.formats.written import request_bytes

from . import passages
from .passage import Passage, Passed

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange


async def again(exchange: Exchange, trial: Trial) -> Passage | None:
    """The passage of the next request; None when the last one was answered, or failed for good."""
    answer = trial.answered
    if answer is not None and answer.goes_on:
        trial.passage.body = answer.goes_on
        return trial.passage
    if exchange.strict or not _is_about_thoughts(trial):
        return None
    if not isinstance(trial.passage, Passed):
        return await passages.translated_without_reasoning(exchange, trial.attempt)
    return _passed_without_reasoning(exchange, trial)


def _passed_without_reasoning(exchange: Exchange, trial: Trial) -> Passed | None:
    ask = exchange.ask
    assert ask is not None  # read before anything is tried
    fields = without_reasoning(exchange.format.name, ask.fields)
    if fields is None:
        return None
    exchange.ask, exchange.body = ask._replace(fields=fields), request_bytes(fields)
    passage = passages.passed(exchange, trial.attempt)
    passage.losses = (exchange.format.field_names["thoughts"],)
    return passage


def _is_about_thoughts(trial: Trial) -> bool:
    error: UpstreamError | None = trial.error
    if error is None and trial.status == 400:
        error = trial.fault(trial.collected)
    return isinstance(error, ProviderRefused) and error.category == "thinking_state"
