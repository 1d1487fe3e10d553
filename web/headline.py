"""Headline numbers: what came of the requests of a time, beside the time before it.

Pure: rows of statements in, figures in words out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.usage import figures
from gateway.usage.figures import SECOND
from web import display
from web.display import Change

Row = Mapping[str, Any]

SPARK_WIDTH, SPARK_HEIGHT = 96, 24

Through = Callable[[Callable[[Sequence[Row]], float | None]], Sequence[str]]
"""The sparkline of what is made of the rows of each piece."""

SAME = Change("", "neutral")
"""Nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number."""

    label: str
    value: str
    exact: str
    """For the tooltip."""
    change: Change = SAME
    lines: Sequence[str] = ()
    """Its sparkline, as points."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of all requests of a time. Microseconds, nano-USD."""

    requests: int = 0
    failed: int = 0
    refused: int = 0
    gone: int = 0
    cost_nano_usd: int | None = None
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    keys: int = 0
    p50_first_byte_us: int | None = None
    p95_first_byte_us: int | None = None
    tokens_per_second: float | None = None

    @property
    def error_share(self) -> float | None:
        """Of those that were refused or failed."""
        return (self.failed + self.refused) / self.requests if self.requests else None

    @property
    def cached_share(self) -> float | None:
        """Of input tokens that a provider had in its cache."""
        return self.cache_read_tokens / self.input_tokens if self.input_tokens else None


def figures_of(now: Totals, before: Totals, pieces: Sequence[Sequence[Row]]) -> tuple[Figure, ...]:
    """The eight numbers on top; `pieces` are the rows of `overview/over_time`, folded."""

    whole = pieces[:-1]  # the last one is not over: it would look like a fall

    def through(value: Callable[[Sequence[Row]], float | None]) -> Sequence[str]:
        return spark(map(value, whole))

    p50, p95 = (through(_waited(f"{word}_first_byte_us")) for word in ("p50", "p95"))
    return (
        _requests(now, before, through(lambda rows: _sum(rows, "requests"))),
        _cost(now, before, through(lambda rows: _sum(rows, "cost_nano_usd"))),
        _errors(now, before, through(lambda rows: _sum(rows, "failed") + _sum(rows, "refused"))),
        _wait("First byte, p50", now.p50_first_byte_us, before.p50_first_byte_us, p50),
        _wait("First byte, p95", now.p95_first_byte_us, before.p95_first_byte_us, p95),
        _speed(now, before, through),
        _keys(now, before, through(_most_keys)),
        _cached(now, before, through(_cached_share)),
    )


def spark(values: Iterable[float | None]) -> Sequence[str]:
    """The sparkline of a headline number."""
    return display.sparkline(list(values), width=SPARK_WIDTH, height=SPARK_HEIGHT)


def weighed(rows: Sequence[Row], column: str) -> float | None:
    """A percentile of pieces of time put together: of one piece exact, else a mean, weighed by their requests."""
    said = [(row[column], row["requests"]) for row in rows if row[column] is not None]
    whole = sum(requests for _, requests in said)
    return sum(value * requests for value, requests in said) / whole if whole else None


def _most_keys(rows: Sequence[Row]) -> int | None:
    """None where it is not known how many there were."""
    return None if any(row["keys"] is None for row in rows) else max((row["keys"] for row in rows), default=0)


def _waited(column: str) -> Callable[[Sequence[Row]], float | None]:
    return lambda rows: weighed(rows, column)


def _sum(rows: Sequence[Row], column: str) -> float:
    return float(sum(row[column] for row in rows))


def _cached_share(rows: Sequence[Row]) -> float | None:
    tokens = _sum(rows, "input_tokens")
    return _sum(rows, "cache_read_tokens") / tokens if tokens else None


def _requests(now: Totals, before: Totals, lines: Sequence[str]) -> Figure:
    change = display.change(now.requests, before.requests)
    return Figure("Requests", figures.count(now.requests), figures.exact_count(now.requests), change, lines)


def _cost(now: Totals, before: Totals, lines: Sequence[str]) -> Figure:
    if now.cost_nano_usd is None:
        exact = "no price is known for these models" if now.unpriced else "nothing was paid for"
        return Figure("Spend", figures.NOTHING, exact, lines=lines)
    change = display.change(now.cost_nano_usd, before.cost_nano_usd)
    value, exact = spent(now.cost_nano_usd, now.estimated, now.unpriced)
    return Figure("Spend", value, exact, change, lines)


def spent(nano_usd: int, estimated: int, unpriced: int = 0) -> tuple[str, str]:
    """What requests cost together, of which some are estimates and some have no price: in short, and exactly."""
    exact = [figures.exact_money(nano_usd)]
    if estimated:
        exact.append(_of_these(estimated, "is an estimate", "are estimates"))
    if unpriced:
        exact.append(f"without {_of_these(unpriced, 'that has no price', 'that have no price')}")
    return f"{'≈ ' if estimated else ''}{figures.money(nano_usd)}", ", ".join(exact)


def _of_these(count: int, one: str, several: str) -> str:
    return f"{figures.exact_count(count)} request{'' if count == 1 else 's'} {one if count == 1 else several}"


def _errors(now: Totals, before: Totals, lines: Sequence[str]) -> Figure:
    exact = (
        f"{figures.exact_count(now.failed)} failed and {figures.exact_count(now.refused)} refused of "
        f"{figures.exact_count(now.requests)}"
    )
    change = display.change(now.error_share, before.error_share, more_is="bad")
    return Figure("Errors", figures.share(now.failed + now.refused, now.requests), exact, change, lines)


def _wait(label: str, now: int | None, before: int | None, lines: Sequence[str]) -> Figure:
    if now is None:
        return Figure(label, figures.NOTHING, "no request had an answer yet", lines=lines)
    change = display.change(now, before, more_is="bad")
    return Figure(label, figures.duration(now), figures.exact_duration(now), change, lines)


def _speed(now: Totals, before: Totals, through: Through) -> Figure:
    label = "Output, tokens/s"
    if now.tokens_per_second is None:
        change = display.change(now.output_tokens, before.output_tokens)
        exact = figures.exact_count(now.output_tokens)
        lines = through(lambda rows: _sum(rows, "output_tokens"))
        return Figure("Output tokens", figures.count(now.output_tokens), exact, change, lines)
    change = display.change(now.tokens_per_second, before.tokens_per_second, more_is="good")
    exact = "half of the streamed answers come faster than this, once they come"
    return Figure(label, f"{now.tokens_per_second:,.0f}", exact, change, through(_speed_of))


def _speed_of(rows: Sequence[Row]) -> float | None:
    pace_us = weighed(rows, "pace_us")
    return SECOND / pace_us if pace_us else None


def _keys(now: Totals, before: Totals, lines: Sequence[str]) -> Figure:
    change = display.change(now.keys, before.keys)
    return Figure("Active keys", figures.count(now.keys), "keys that sent a request", change, lines)


def _cached(now: Totals, before: Totals, lines: Sequence[str]) -> Figure:
    label = "Cache read"
    if now.cached_share is None:
        return Figure(label, figures.NOTHING, "no input tokens")
    exact = (
        f"{figures.exact_count(now.cache_read_tokens)} of {figures.exact_count(now.input_tokens)} input tokens were in "
        "a provider's cache"
    )
    change = display.change(now.cached_share, before.cached_share, more_is="good")
    return Figure(label, figures.share(now.cache_read_tokens, now.input_tokens), exact, change, lines)
