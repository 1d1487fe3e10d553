"""What is set aside for an exchange before it is sent: the most that it can use, as far as one can tell by its size.

Knows what each kind of endpoint answers with; what that is in tokens and money is said by `limits.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.formats.bounds import BOUNDS, choices, goes_on, most_output
from gateway.formats.enclosed import Media, media_in
from gateway.formats.format import Fields
from gateway.limits.limiter import Reserve
from gateway.limits.rules import Bounds, Size, media_tokens, reserve_of
from gateway.records import Endpoint, Target

from .prospects import Wanted

NOTHING = Reserve(0, 0)

WITHOUT_OUTPUT = frozenset(("/v1/embeddings", "/v1/moderations", "/v1/rerank"))
"""Endpoints whose answers cost nothing."""

FORM_MEDIA = "application/octet-stream"


def reserve(wanted: Wanted, targets: Sequence[Target], bounds: Callable[[Target], Bounds]) -> Reserve:
    """The most that any of these targets can use and cost for a request. Counting tokens is free."""
    endpoint = wanted.endpoint
    if endpoint.operation == "count":
        return NOTHING
    size, most = _size(endpoint, wanted.fields, len(wanted.body)), NOTHING
    for target in targets:
        its = reserve_of(size, bounds(target))
        most = its if most is NOTHING else _larger(most, its)
    return most


def _size(endpoint: Endpoint, fields: Fields, length: int) -> Size:
    """How large a request is; `length` is that of its body."""
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
    if BOUNDS[name].isdisjoint(fields):
        return Size(length, tokens)
    return Size(length, tokens, most_output(name, fields), choices(name, fields), goes_on(fields))


def _larger(one: Reserve, other: Reserve) -> Reserve:
    return Reserve(
        max(one.tokens, other.tokens),
        max(one.nano_usd, other.nano_usd),
        max(one.input_tokens, other.input_tokens),
    )


def _media_tokens(media: Media) -> int:
    size = None if media.letters is None else media.letters * 3 // 4
    return media_tokens("image/" if media.is_image else FORM_MEDIA, size)


def _answers_nothing(endpoint: Endpoint) -> bool:
    return endpoint.path in WITHOUT_OUTPUT or "mbed" in endpoint.upstream_path
