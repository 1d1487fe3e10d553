"""What is set aside for an exchange before it is sent: the most that it can use, as far as one can tell by its size.

Knows what each kind of endpoint answers with; what that is in tokens and money is said by `limits.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gateway.catalog.prices import PriceList
from gateway.formats.bounds import choices, goes_on, most_output
from gateway.formats.enclosed import Media, media_in
from gateway.limits.limiter import Reserve
from gateway.limits.rules import Size, media_tokens, reserve_of
from gateway.records import Endpoint, ModelFacts, Target

from .prospects import Wanted

if TYPE_CHECKING:
    from .exchange import Exchange

NOTHING = Reserve(0, 0)

WITHOUT_OUTPUT = frozenset(("/v1/embeddings", "/v1/moderations", "/v1/rerank"))
"""Endpoints whose answers cost nothing."""

FORM_MEDIA = "application/octet-stream"


class Known(NamedTuple):
    """What is known of targets."""

    prices: PriceList
    facts: Callable[[Target], ModelFacts]
    output_tokens: int
    """Of an answer, where neither its request nor its model says how long it may be."""


def reserve_for(exchange: Exchange, targets: Sequence[Target]) -> Reserve:
    """The most that any of these targets can use and cost."""
    relay, ask = exchange.relay, exchange.ask
    assert ask is not None  # read before anything is set aside
    known = Known(relay.prices, exchange.facts_at, relay.settings.limits.output_tokens)
    return reserve(Wanted(exchange.endpoint, ask.fields, exchange.body), targets, known)


def reserve(wanted: Wanted, targets: Sequence[Target], known: Known) -> Reserve:
    """The most that any of these targets can use and cost for a request. Counting tokens is free."""
    if wanted.endpoint.operation == "count":
        return NOTHING
    size = _size(wanted)
    reserves = [_reserve(size, target, known) for target in targets]
    tokens, money, likely = zip(*reserves, strict=True)
    return Reserve(max(tokens), max(money), max(likely))


def _reserve(size: Size, target: Target, known: Known) -> Reserve:
    facts = known.facts(target)
    return reserve_of(
        size,
        known.prices.find(target.provider, target.model),
        max_output=facts.max_output,
        output_tokens=known.output_tokens,
        context=facts.max_input or facts.context,
    )


def _size(wanted: Wanted) -> Size:
    endpoint, fields, body = wanted
    length = len(body)
    if endpoint.body == "multipart":
        return Size(0, media_tokens(FORM_MEDIA, length))
    media = list(media_in(fields))
    text = max(length - sum(each.letters or 0 for each in media), 0)
    tokens = sum(map(_media_tokens, media))
    if _answers_nothing(endpoint):
        return Size(text, tokens, max_output=0)
    allowed, answers = most_output(endpoint.format, fields), choices(endpoint.format, fields)
    return Size(text, tokens, allowed, answers, goes_on(fields))


def _media_tokens(media: Media) -> int:
    size = None if media.letters is None else media.letters * 3 // 4
    return media_tokens("image/" if media.is_image else FORM_MEDIA, size)


def _answers_nothing(endpoint: Endpoint) -> bool:
    return endpoint.path in WITHOUT_OUTPUT or (endpoint.operation == "pass" and "mbed" in endpoint.upstream_path)
