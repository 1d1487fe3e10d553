"""Tokens, what they cost, and where the figures come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

UsageSource = Literal["reported", "counted", "estimated", "none"]
"""Where token counts come from, the most certain first: the provider's own figures; our own count, with the model's own
tokenizer, of texts that are known whole; our own estimate (the answer was cut short, or cannot be counted so); or
nowhere (nothing was spent, or nobody can tell). What has parts from several has the least certain of these."""


CostSource = Literal["reported", "priced", "unpriced", "none"]
"""Where a cost comes from: the provider named it, it was reckoned from a price, no price is known (the cost is unknown,
not 0), or there was nothing to pay for."""


NANO_USD = 1_000_000_000
"""In one USD."""

MOST_NANO_USD = 2**53
"""Nine million dollars: no request costs more, and sums of such still fit into the integers of stores."""


class Tokens(Struct, frozen=True, gc=False):
    """Tokens of one exchange. The last three are parts of the first two, never additions to them."""

    input: int = 0
    """All input tokens, cached ones included."""
    output: int = 0
    """All output tokens, reasoning included."""
    cache_read: int = 0
    """Input tokens read from the provider's cache."""
    cache_write: int = 0
    """Input tokens written to the provider's cache."""
    reasoning: int = 0
    """Output tokens spent on reasoning."""
    cache_write_1h: int = 0
    """Of those written to the cache, the ones to be kept for an hour."""
    input_audio: int = 0
    input_image: int = 0
    """Input tokens that are audio or images, where the provider says so; cached ones are left out."""
    output_audio: int = 0
    output_image: int = 0
    """Output tokens that are audio or images, where the provider says so."""
    cost_nano_usd: int | None = None
    """What the provider itself says that it charged, nano-USD."""


class Rates(Struct, frozen=True, gc=False):
    """Pico-USD per token of each kind, which is USD per million tokens times a million. None: as said beside it."""

    input: int
    output: int
    cache_read: int | None = None
    """None: as `input`."""
    cache_write: int | None = None
    """None: as `input`."""
    cache_write_1h: int | None = None
    """None: as `cache_write`."""
    reasoning: int | None = None
    """None: as `output`."""
    input_audio: int | None = None
    input_image: int | None = None
    """None: as `input`."""
    output_audio: int | None = None
    output_image: int | None = None
    """None: as `output`."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """Rates of the whole request where its prompt has more tokens than the number in front; rising."""
    request_nano_usd: int = 0
    """For each request beside its tokens."""
    source: str = ""
    """Which row it is from, for people: `override openai/*`, `models.dev openai/gpt-5 of 2026-05-12`."""
    dearest: tuple[tuple[int, int, int], ...] = field(init=False, repr=False, compare=False)
    """The most that a token of input, and one of output, may cost where a prompt may have more tokens than the number
    in front; rising, the first for any prompt."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dearest", tuple(_rising(((-1, self.rates), *self.tiers))))


def _rising(tiers: Sequence[tuple[int, Rates]]) -> Iterator[tuple[int, int, int]]:
    """What a token may cost from each tier on, whichever tier up to that its prompt ends up in."""
    of_input = of_output = 0
    for above, rates in tiers:
        its_input, its_output = _dearest(rates)
        of_input, of_output = max(of_input, its_input), max(of_output, its_output)
        yield above, of_input, of_output


def _dearest(rates: Rates) -> tuple[int, int]:
    """Of a token of input, and of output."""
    in_input = (rates.cache_read, rates.cache_write, rates.cache_write_1h, rates.input_audio, rates.input_image)
    in_output = (rates.reasoning, rates.output_audio, rates.output_image)
    return max(rates.input, *(rate or 0 for rate in in_input)), max(rates.output, *(rate or 0 for rate in in_output))
