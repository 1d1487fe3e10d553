"""Another request to the same provider with the same credential, where the last one calls for it.

A provider that refuses the signatures of earlier thoughts is asked once more without them (REAS-8): they are bound to a
model, an account, a conversation, and clients cannot know which. And one that gave but the beginning of its answer is
asked for the rest (FIN-2). And one that does not take our token any more is shown a new one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import ProviderRefused, UpstreamError
from gateway.formats.forgetting import Refuses, everything, signatures_in, without_reasoning
from gateway.formats.written import request_bytes
from gateway.routing.dispatch import Attempt

from .passage import Passage

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange


class Amends:
    """What was changed about an exchange so that a provider takes it."""

    forgot = False
    """Reasoning of its history was left out, because a provider had refused it."""
    renewed: Attempt | None = None
    """The attempt that was made once more with a renewed token."""


async def again(exchange: Exchange, trial: Trial) -> Passage | None:
    """The passage of the next request; None when the last one was answered, or failed for good."""
    answer = trial.answered
    if answer is not None:
        if not answer.goes_on:
            return None
        trial.passage.body = answer.goes_on
        return trial.passage
    if await _is_renewed(exchange, trial):
        return trial.passage
    ask = exchange.ask
    if exchange.caller.strict or ask is None or not _is_about_thoughts(trial):
        return None
    signatures = signatures_in(exchange.format.name, ask.fields)
    if not _forget(exchange, everything):
        return None
    exchange.relay.refusals.note(trial.attempt, signatures)
    return await exchange.passage(trial.attempt)


async def _is_renewed(exchange: Exchange, trial: Trial) -> bool:
    """Whether the provider refused a token that could be renewed, which is tried once."""
    attempt = trial.attempt
    if trial.status != 401 or not trial.proof or exchange.amends.renewed is attempt:
        return False
    exchange.amends.renewed = attempt
    access = exchange.relay.access
    return await exchange.errand.run(access.renewed(attempt.provider, attempt.credential, trial.proof))


def forget_refused(exchange: Exchange, attempt: Attempt) -> None:
    """Leave out what this provider has refused before."""
    refusals = exchange.relay.refusals
    if len(refusals) and not exchange.caller.strict:
        _forget(exchange, partial(refusals.knows, attempt))


def _forget(exchange: Exchange, refuses: Refuses) -> bool:
    """Whether there was anything to be left out."""
    ask = exchange.ask
    fields = without_reasoning(exchange.format.name, ask.fields, refuses) if ask is not None else None
    if ask is None or fields is None:
        return False
    exchange.ask, exchange.body = ask._replace(fields=fields), request_bytes(fields)
    exchange.amends.forgot = True
    return True


def _is_about_thoughts(trial: Trial) -> bool:
    error: UpstreamError | None = trial.error
    if error is None and trial.status == 400:
        error = trial.fault(trial.collected)
    return isinstance(error, ProviderRefused) and error.category == "thinking_state"
