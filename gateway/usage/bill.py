"""A cost as lines that add up to it: how many tokens of which kind at which rate. Pure.

`meter.cost_of` says what an exchange costs, in as few steps as can be; this says why, for whoever looks at it later. A
test holds the two to the same sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import astuple

from gateway.records import Price, Rates, Tokens

PICO_IN_NANO = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """Tokens of one kind."""

    kind: str
    """In words: `input`, `cache read`, `cache write, 1 h`, `output`, `reasoning`, ..."""
    count: int
    rate: int
    """Pico-USD per token, which is USD per million tokens times a million."""

    @property
    def pico_usd(self) -> int:
        """What they come to."""
        return self.count * self.rate


@dataclass(frozen=True, slots=True)
class Lines:
    """All of a bill."""

    lines: tuple[Line, ...]
    request_nano_usd: int
    """For the request itself, beside its tokens."""
    tier: int | None
    """Tokens of prompt from which these rates hold; None for those of any prompt."""

    @property
    def nano_usd(self) -> int:
        """What it comes to, rounded as costs are: once, half up."""
        pico = sum(line.pico_usd for line in self.lines)
        return (pico + PICO_IN_NANO // 2) // PICO_IN_NANO + self.request_nano_usd


def lines_of(tokens: Tokens, price: Price) -> Lines:
    """The lines of a bill; each token stands in one of them."""
    tier, rates = _rates_at(tokens.input, price)
    lines = (*_charged(tokens.input, "input", rates.input, _of_input(tokens, rates)),
             *_charged(tokens.output, "output", rates.output, _of_output(tokens, rates)))  # fmt: skip
    return Lines(tuple(line for line in lines if line.count), price.request_nano_usd, tier)


def _rates_at(prompt: int, price: Price) -> tuple[int | None, Rates]:
    """As `meter` has it: what a tier leaves open is as without one."""
    reached = [tier for tier in price.tiers if tier[0] < prompt]
    if not reached:
        return None, price.rates
    above, own = reached[-1]
    pairs = zip(astuple(own), astuple(price.rates), strict=True)
    return above, Rates(*(usual if rate is None else rate for rate, usual in pairs))


Kind = tuple[str, int, int | None, int]
"""Its name, how many, its rate, and the rate in its place where it has none."""


def _of_input(tokens: Tokens, rates: Rates) -> Sequence[Kind]:
    written = rates.input if rates.cache_write is None else rates.cache_write
    for_long = min(tokens.cache_write_1h, tokens.cache_write)
    return (
        ("cache read", tokens.cache_read, rates.cache_read, rates.input),
        ("cache write, 1 h", for_long, rates.cache_write_1h, written),
        ("cache write", tokens.cache_write - for_long, written, rates.input),
        ("audio input", tokens.input_audio, rates.input_audio, rates.input),
        ("image input", tokens.input_image, rates.input_image, rates.input),
    )


def _of_output(tokens: Tokens, rates: Rates) -> Sequence[Kind]:
    return (
        ("reasoning", tokens.reasoning, rates.reasoning, rates.output),
        ("audio output", tokens.output_audio, rates.output_audio, rates.output),
        ("image output", tokens.output_image, rates.output_image, rates.output),
    )


def _charged(left: int, name: str, usual: int, kinds: Sequence[Kind]) -> Iterator[Line]:
    """No kind is more than what the others left; what none has is plain, and stands first."""
    lines = []
    for kind, count, rate, instead in kinds:
        charged = min(count, left)
        lines.append(Line(kind, charged, instead if rate is None else rate))
        left -= charged
    yield Line(name, left, usual)
    yield from lines
