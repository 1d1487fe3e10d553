"""Counts of tokens: a provider that counts is asked, and where none does the answer is our own estimate.

No client is ever told that a provider lacks the endpoint. An estimate says that it is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from gateway.catalog.quirks import edits_of
from gateway.errors import ClientDisconnected, GatewayError, UnsupportedParameter, UpstreamMalformed
from gateway.formats.counting import Measured, estimated, family_of, measured, measured_tools
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses
from gateway.formats.paths import counted_path
from gateway.formats.translation import Translation
from gateway.routing.dispatch import Attempt

from . import replies
from .counted import COUNTING, Counted, Wanted, write_count
from .dialects import dialect_of

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

CountTexts = Callable[[Measured], Awaitable[int]]
"""Tokens of the texts of what was measured."""

CountSoon = Callable[[Sequence[str]], Awaitable[list[int] | None]]
"""Tokens of each of these texts, by the tokenizer alone and within a moment; None where it does not tell them."""

REMEMBERED = frozenset(("previous_response_id", "conversation"))
"""Fields that stand for a conversation, which may be of any length."""

MISSING_STATUSES = frozenset((404, 405, 501))
"""What servers answer that have no such endpoint."""


async def guess(part: Measured) -> int:
    """The tokens of texts where there is no tokenizer."""
    return part.guess


async def nobody_counts(texts: Sequence[str]) -> list[int] | None:
    """No tokens of anything, where there is no tokenizer."""
    return None


async def passage(exchange: Exchange, attempt: Attempt, context: ReplyContext) -> Counted:
    """For a provider that speaks another dialect than the client. Raises InvalidRequest and UnsupportedParameter."""
    relay, provider, model = exchange.relay, attempt.provider, attempt.target.model
    upstream = dialect_of(provider, provider.format)
    facts = relay.facts(provider, model)
    translation = Translation(exchange.format, upstream, facts, strict=exchange.caller.strict)
    counted = Counted(translation, context)
    path = counted_path(provider, model)
    if path is None:
        return counted
    urls = translation.read(_fields(exchange))
    if urls:
        try:
            translation.inline(await exchange.errand.run(relay.fetch_media(urls)))
        except GatewayError:
            return counted  # what the provider cannot be shown, it cannot count
    translation.prompt = structs.replace(translation.prompt, max_tokens=None)
    wanted = Wanted(translation.write(model), model, edits_of(provider))
    if COUNTING[upstream.name].counts_tools:
        counted.ask(path, wanted, 0)
    else:
        counted.ask(path, wanted, await _estimate(exchange, attempt, measured_tools(translation.prompt)))
    return counted


async def settled(exchange: Exchange, trial: Trial) -> bool:
    """Whether the client has its answer, because nobody but we could give one. Raises InvalidRequest."""
    if trial.passage.path and not _lacks_endpoint(trial):
        return False
    tokens = await _estimate(exchange, trial.attempt, _measured(exchange, is_known=bool(trial.passage.path)))
    if exchange.gone:
        raise ClientDisconnected("The client left before its answer was complete.")
    replies.tell_estimate(exchange, trial, write_count(exchange.format.name, tokens))
    return True


def _lacks_endpoint(trial: Trial) -> bool:
    """Some servers say so with a page, or with an answer that has no number."""
    return trial.status in MISSING_STATUSES or isinstance(trial.error, UpstreamMalformed)


async def _estimate(exchange: Exchange, attempt: Attempt, part: Measured) -> int:
    """Our own number."""
    if not part.texts and not part.extra:
        return 0
    tokens = await exchange.relay.count_texts(part)
    return estimated(part, tokens, family_of(attempt.provider.format, attempt.target.model))


def _measured(exchange: Exchange, *, is_known: bool) -> Measured:
    """What the client sent; as plain text where it uses what only its own vendor knows. Raises UnsupportedParameter for
    a conversation that neither we have nor the provider: `is_known` where the provider may, for a guess at the rest."""
    losses = Losses(exchange.format.field_names)
    try:
        return measured(exchange.format.read_prompt(_fields(exchange), losses))
    except UnsupportedParameter as error:
        if error.param in REMEMBERED and not is_known:
            raise
        return Measured((exchange.body.decode("utf-8", "replace"),))


def _fields(exchange: Exchange) -> Fields:
    assert exchange.ask is not None  # read before anything is tried
    return COUNTING[exchange.format.name].prompt(exchange.ask.fields)
