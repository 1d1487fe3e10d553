"""Who is counted for a request, and what is set aside for it. Pure.

Knows keys, rules and prices as they are handed in. Knows no format: sizes come from whoever has read the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from gateway.limits.limiter import Reserve, Subject
from gateway.records import ClientKey, LimitRule, Limits, ModelFacts, Price, Target

REMEMBERED = 1024
"""Patterns kept as expressions."""

BYTES_PER_TOKEN = 4
"""Of a request in JSON, as is likely: English comes to about this, names and signs of JSON beside it. At most it can be
a token a byte: tokenizers that know nothing better, of digits or rare letters, take byte by byte."""

IMAGE_TOKENS = 4800
"""The largest of what vendors count for an image, whatever its bytes:
https://platform.claude.com/docs/en/build-with-claude/vision."""
MEDIA_BYTES_PER_TOKEN = 10
LARGEST_MEDIA_TOKENS = 300_000
"""About what a PDF of the most pages that vendors take comes to."""

LARGEST_OUTPUT = 1_000_000
"""Tokens; no model answers with more, whatever a request allows it."""

PICO_PER_NANO = 1000


class Size(Struct, frozen=True, gc=False):
    """How large a request is, as far as one can say before it is sent."""

    text_bytes: int
    """Of the body without the media in it."""
    media_tokens: int = 0
    """What the media in it come to: the sum of `media_tokens` over them."""
    max_output: int | None = None
    """The most output tokens of one answer that the request itself allows."""
    choices: int = 1
    """Answers it asks for."""
    goes_on: bool = False
    """A part of its prompt is with the provider alone."""


class Bounds(Struct, frozen=True, gc=False):
    """What a target can use and cost at most, as far as that is the same for every request."""

    dearest: tuple[tuple[int, int, int], ...]
    """Of its price: the most that a token on either side may cost, at every tier that a prompt may reach."""
    request_nano_usd: int
    """For each request beside its tokens."""
    elsewhere: int
    """Tokens of a part of a prompt that the provider alone has."""
    most_output: int
    """Tokens of one answer."""
    usual_output: int
    """The same, where a request does not say how long its answer may be."""


def subjects_of(key: ClientKey, rules: tuple[LimitRule, ...]) -> tuple[Subject, ...]:
    """Whom a request with this key is counted for: the key itself, then by rule, in their order."""
    return tuple(_subjects(key, rules))


def target_subjects(target: Target, rules: tuple[LimitRule, ...]) -> tuple[Subject, ...]:
    """Whom an attempt at this target is counted for, in the order of the rules."""
    model = f"{target.provider}/{target.model}"
    rules = tuple(rule for rule in rules if rule.per == "model" and _limits_something(rule.limits))
    return tuple(_subject(rule, model, model) for rule in rules if matches(rule.match, model))


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches; `*` is the only sign with a meaning."""
    return pattern == "*" or _expression(pattern).fullmatch(name) is not None


def media_tokens(media_type: str, size: int | None) -> int:
    """What a piece of media of `size` bytes comes to at most, None where nobody knows; erring high, and bounded."""
    if media_type.startswith("image/"):
        return IMAGE_TOKENS
    if size is None:
        return LARGEST_MEDIA_TOKENS
    return min(IMAGE_TOKENS + size // MEDIA_BYTES_PER_TOKEN, LARGEST_MEDIA_TOKENS)


def bounds_of(price: Price | None, facts: ModelFacts, output_tokens: int) -> Bounds:
    """What a target can use and cost at most.

    `output_tokens` is what is assumed of an answer where neither the request nor the facts of the model bound it. A
    model without a price costs nothing here: whether it may be used at all is for others to say.
    """
    most_output = LARGEST_OUTPUT if facts.max_output is None else min(facts.max_output, LARGEST_OUTPUT)
    return Bounds(
        () if price is None else price.dearest,
        0 if price is None else price.request_nano_usd,
        facts.max_input or facts.context or LARGEST_MEDIA_TOKENS,
        most_output,
        output_tokens if facts.max_output is None else most_output,
    )


def reserve_of(size: Size, bounds: Bounds) -> Reserve:
    """What is set aside for a request: the most it can use, and the most that can cost."""
    text_bytes, media, output = size.text_bytes, size.media_tokens, size.max_output
    most = text_bytes + media
    if size.goes_on:
        most += bounds.elsewhere
    if output is None:
        output = bounds.usual_output
    elif output > bounds.most_output:
        output = bounds.most_output
    if size.choices > 1:
        output *= size.choices
    of_input = of_output = 0
    for above, its_input, its_output in bounds.dearest:
        if most > above:
            of_input, of_output = its_input, its_output
    nano_usd = -(-(most * of_input + output * of_output) // PICO_PER_NANO) + bounds.request_nano_usd
    return Reserve(most + output, nano_usd, text_bytes // BYTES_PER_TOKEN + media)


def _subjects(key: ClientKey, rules: tuple[LimitRule, ...]) -> Iterator[Subject]:
    if key.limits is not None and _limits_something(key.limits):
        yield Subject(f"client key `{key.name}`", _id_of("key", key.id), key.limits)
    for rule in rules:
        if rule.per == "model" or not _limits_something(rule.limits):
            continue
        shown, counted = _WHO[rule.per](key)
        if counted is not None and matches(rule.match, shown):
            yield _subject(rule, shown, counted)


def _subject(rule: LimitRule, shown: str, counted: str) -> Subject:
    """One of those a rule counts, or all of them as one."""
    if rule.per == "everybody":
        return Subject(f"everybody (rule `{rule.name}`)", _id_of("rule", rule.name, rule.per), rule.limits)
    noun = _NOUNS[rule.per]
    if rule.together:
        return Subject(f"all {noun}s of rule `{rule.name}`", _id_of("rule", rule.name, rule.per), rule.limits)
    own = _id_of("rule", rule.name, rule.per, counted)
    return Subject(f"{noun} `{shown}` (rule `{rule.name}`)", own, rule.limits)


_NOUNS = {"key": "client key", "user": "user", "team": "team", "model": "model"}

_WHO: dict[str, Callable[[ClientKey], tuple[str, str | None]]] = {
    "key": lambda key: (key.name, key.id),
    "user": lambda key: (key.user_id or "", key.user_id),
    "team": lambda key: (key.team_id or "", key.team_id),
    "everybody": lambda key: ("", ""),
}
"""What a rule's pattern is held against, and by what its subjects are told apart; None where a key has no such."""


def _limits_something(limits: Limits) -> bool:
    return limits != Limits(budget_period=limits.budget_period)


def _id_of(*parts: str) -> bytes:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


@lru_cache(maxsize=REMEMBERED)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
