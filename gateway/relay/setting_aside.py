"""What is set aside for an exchange before it is sent: the most that it can use, as far as one can tell by its size.

Knows what each kind of endpoint answers with; what that is in tokens and money is said by `limits.rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.formats.bounds import choices, media_in, most_output
from gateway.limits.limiter import Reserve
from gateway.limits.rules import Size, media_tokens, reserve_of
from gateway.records import Target

if TYPE_CHECKING:
    from .exchange import Exchange

NOTHING = Reserve(0, 0)

LARGE_BODY = 8192
"""Bytes from which a body is looked through for media."""

WITHOUT_OUTPUT = frozenset(("/v1/embeddings", "/v1/moderations", "/v1/rerank"))
"""Endpoints whose answers cost nothing."""

FORM_MEDIA = "application/octet-stream"


def reserve_for(exchange: Exchange, targets: Sequence[Target]) -> Reserve:
    """The most that any of these targets can use and cost. Counting tokens is free."""
    if exchange.endpoint.operation == "count":
        return NOTHING
    size = _size(exchange)
    reserves = [_reserve(exchange, size, target) for target in targets]
    tokens, money, likely = zip(*reserves, strict=True)
    return Reserve(max(tokens), max(money), max(likely))


def _reserve(exchange: Exchange, size: Size, target: Target) -> Reserve:
    relay = exchange.relay
    facts = relay.facts(relay.providers[target.provider], target.model)
    return reserve_of(
        size,
        relay.prices.find(target.provider, target.model),
        max_output=facts.max_output,
        output_tokens=relay.settings.limits.output_tokens,
    )


def _size(exchange: Exchange) -> Size:
    endpoint, ask, length = exchange.endpoint, exchange.ask, len(exchange.body)
    assert ask is not None  # read before anything is set aside
    if endpoint.body == "multipart":
        return Size(0, media_tokens(FORM_MEDIA, length))
    media = list(media_in(exchange.body)) if length > LARGE_BODY else []
    text = length - sum(each.size * 4 // 3 for each in media)
    tokens = sum(media_tokens("image/" if each.is_image else FORM_MEDIA, each.size) for each in media)
    if _answers_nothing(exchange):
        return Size(text, tokens, max_output=0)
    return Size(text, tokens, most_output(endpoint.format, ask.fields), choices(endpoint.format, ask.fields))


def _answers_nothing(exchange: Exchange) -> bool:
    endpoint = exchange.endpoint
    return endpoint.path in WITHOUT_OUTPUT or (endpoint.operation == "pass" and "mbed" in endpoint.upstream_path)
