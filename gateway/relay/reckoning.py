"""The tokens of an exchange that is over: what the provider reported, else our own reckoning, marked as such (USAGE-5).

Some compatible servers report nothing, and no provider reports to a client that leaves before the end. What was spent
all the same must count: as our tokenizer has counted it (`ending`), or else by an estimate, which errs high. Nothing
here runs while an answer flows: what was said is judged by the last events that went out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from gateway.errors import GatewayError, ProviderRefused
from gateway.formats.counting import BYTES_PER_TOKEN, Measured, estimated, family_of, measured
from gateway.formats.losses import Losses
from gateway.records import Tokens, UsageSource

if TYPE_CHECKING:
    from gateway.routing.dispatch import Attempt

    from .attempt import Trial
    from .exchange import Exchange


class Counts(NamedTuple):
    """Tokens as our tokenizer counts them; None of what was not counted."""

    input: int | None = None
    output: int | None = None


NOT_COUNTED = Counts()
NOTHING_TOLD = Tokens()


def tells_all(exchange: Exchange, reported: Tokens | None) -> bool:
    """Whether the provider told all there is to tell of an answer that is whole. Some tell of one side alone: then the
    other is 0, though there was a prompt, or something was said."""
    if exchange.endpoint.operation != "generate":
        return True
    return reported is not None and reported.input > 0 and (reported.output > 0 or not exchange.said_bytes())


def reckoned(exchange: Exchange) -> tuple[Tokens | None, UsageSource]:
    """Tokens, and where their numbers come from; None where nothing was spent, or nobody can tell."""
    reported = exchange.measured_tokens()
    is_whole = not exchange.gone and exchange.error is None
    if reported is not None and is_whole and tells_all(exchange, reported):
        return reported, "reported"
    trial = exchange.trials[-1] if exchange.trials else None
    if exchange.endpoint.operation != "generate" or trial is None or not _is_taken(trial):
        return reported, "reported" if reported else "none"
    said = exchange.said_bytes()
    if isinstance(trial.error, ProviderRefused) and not said:  # nobody is charged for an error, whatever its status
        return reported, "reported" if reported else "none"
    family = family_of(trial.passage.upstream.name, trial.attempt.target.model)
    output = -(-said * family.percent // (BYTES_PER_TOKEN * 100))
    return (_completed if is_whole else _broken)(exchange, trial, reported, output)


def _broken(exchange: Exchange, trial: Trial, reported: Tokens | None, said: int) -> tuple[Tokens, UsageSource]:
    """The tokens of an answer that broke off after it had `said` so many."""
    if reported is None:
        return Tokens(_input(exchange, trial.attempt), said), "estimated"
    if said <= reported.output:  # the beginning of a stream tells of the prompt, and of one token of the answer
        return reported, "reported"
    return structs.replace(reported, output=said, cost_nano_usd=None), "estimated"


def _completed(exchange: Exchange, trial: Trial, reported: Tokens | None, said: int) -> tuple[Tokens, UsageSource]:
    """The tokens of a whole answer of which not everything was told: the rest counted, or else estimated, by which it
    has `said` so many."""
    counts, told = exchange.counts, reported or NOTHING_TOLD
    read = told.input or counts.input
    written = told.output or counts.output
    source: UsageSource = "estimated" if read is None or written is None else "counted"
    if read is None:
        read = _input(exchange, trial.attempt)
    if written is None:
        written = said
    return structs.replace(told, input=read, output=written), source


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
