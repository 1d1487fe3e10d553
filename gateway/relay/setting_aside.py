"""What is set aside for an exchange before it is sent: the most that it can use, as far as one can tell by its size.

Knows what each kind of endpoint answers with; what that is in tokens and money is said by `limits.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from gateway.catalog.prices import PriceList
from gateway.formats.bounds import choices, goes_on, most_output, says_nothing
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


class Known(Struct, frozen=True):
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
    size, most = _size(wanted), None
    for target in targets:
        price = known.prices.find(target.provider, target.model)
        its = reserve_of(size, price, known.facts(target), known.output_tokens)
        most = its if most is None else _larger(most, its)
    return most or NOTHING


def _larger(one: Reserve, other: Reserve) -> Reserve:
    return Reserve(
        max(one.tokens, other.tokens),
        max(one.nano_usd, other.nano_usd),
        max(one.input_tokens, other.input_tokens),
    )


def _size(wanted: Wanted) -> Size:
    endpoint, fields, length = wanted.endpoint, wanted.fields, len(wanted.body)
    if endpoint.body == "multipart":
        return Size(0, media_tokens(FORM_MEDIA, length))
    tokens = 0
    for media in media_in(fields):
        length -= media.letters or 0
        tokens += _media_tokens(media)
    if length < 0:
        length = 0
    if endpoint.operation == "pass" and _answers_nothing(endpoint):
        return Size(length, tokens, 0)
    name = endpoint.format
    if says_nothing(name, fields):
        return Size(length, tokens)
    return Size(length, tokens, most_output(name, fields), choices(name, fields), goes_on(fields))


def _media_tokens(media: Media) -> int:
    size = None if media.letters is None else media.letters * 3 // 4
    return media_tokens("image/" if media.is_image else FORM_MEDIA, size)


def _answers_nothing(endpoint: Endpoint) -> bool:
    return endpoint.path in WITHOUT_OUTPUT or "mbed" in endpoint.upstream_path
