"""The tokens of an exchange that is over: what the provider reported, else our own reckoning, marked as such (USAGE-5).

Some compatible servers report nothing, and no provider reports to a client that leaves before the end. What was spent
all the same must count. Estimates err high. Nothing here runs while an answer flows: what was said is judged by the
last events that went out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from gateway.errors import GatewayError, ProviderRefused
from gateway.formats.counting import BYTES_PER_TOKEN, Measured, estimated, family_of, measured
from gateway.formats.losses import Losses
from gateway.records import Tokens, UsageSource

if TYPE_CHECKING:
    from gateway.routing.dispatch import Attempt

    from .attempt import Trial
    from .exchange import Exchange


def reckoned(exchange: Exchange) -> tuple[Tokens | None, UsageSource]:
    """Tokens, and where their numbers come from; None where nothing was spent, or nobody can tell."""
    reported = exchange.measured_tokens()
    broken = exchange.gone or exchange.error is not None
    if reported is not None and not broken:
        return reported, "reported"
    trial = exchange.trials[-1] if exchange.trials else None
    if exchange.endpoint.operation != "generate" or trial is None or not _is_taken(trial):
        return reported, "reported" if reported else "none"
    said = exchange.said_bytes()
    if isinstance(trial.error, ProviderRefused) and not said:  # nobody is charged for an error, whatever its status
        return reported, "reported" if reported else "none"
    family = family_of(trial.passage.upstream.name, trial.attempt.target.model)
    output = -(-said * family.percent // (BYTES_PER_TOKEN * 100))
    if reported is not None:  # the beginning of a stream tells of the prompt, and of one token of the answer
        if output <= reported.output:
            return reported, "reported"
        return structs.replace(reported, output=output, cost_nano_usd=None), "estimated"
    return Tokens(_input(exchange, trial.attempt), output), "estimated"


def _is_taken(trial: Trial) -> bool:
    """Whether the provider has set to work: it answered so, or its client did not wait for that. A prompt that is sent
    is read, whoever is there for the answer."""
    return 200 <= trial.status < 300 or trial.is_awaited


def _input(exchange: Exchange, attempt: Attempt) -> int:
    part = _measured(exchange)
    return estimated(part, part.guess, family_of(attempt.provider.format, attempt.target.model))


def _measured(exchange: Exchange) -> Measured:
    """What the client sent; as plain text where it uses what only its own vendor knows."""
    assert exchange.ask is not None  # it was sent on
    try:
        return measured(exchange.format.read_prompt(exchange.ask.fields, Losses(exchange.format.field_names)))
    except GatewayError:
        return Measured((exchange.body.decode("utf-8", "replace"),))
