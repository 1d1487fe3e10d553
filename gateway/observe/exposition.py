"""Numbers as text, in Prometheus's format and in OpenMetrics. Knows how a series is written, not who counted.

Written here and not by prometheus_client because a scrape runs in the event loop that carries the streams: with 200
targets its encoders hold the loop for 50 to 80 ms, this for a tenth of it. Its parsers are what the tests read with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from platform import python_version

from gateway import __version__

from .series import SERIES, Series
from .tally import Histogram, Readings, Tally, Totals

MICRO = 1_000_000
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the two text formats."""

    content_type: str
    suffixed_family: bool
    """Whether a counter's family carries the suffix `_total` of its samples."""
    end: str


PROMETHEUS = Dialect("text/plain; version=0.0.4; charset=utf-8", suffixed_family=True, end="")
OPEN_METRICS = Dialect(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", suffixed_family=False, end="# EOF\n"
)


def choose(accept: str) -> Dialect:
    """The dialect for an `Accept` header: OpenMetrics where it is asked for by name."""
    asked = (part.partition(";")[0].strip() for part in accept.lower().split(","))
    return OPEN_METRICS if "application/openmetrics-text" in asked else PROMETHEUS


@dataclass(frozen=True, slots=True)
class Scrape:
    """What is to be written: the numbers of all workers, added up."""

    tally: Tally
    readings: Readings
    workers: int
    restarts: int
    uptime_seconds: float


Sample = tuple[tuple[str, ...], float]


def write(scrape: Scrape, dialect: Dialect = PROMETHEUS) -> bytes:
    """The whole exposition."""
    lines: list[str] = []
    for series in SERIES:
        family = series.name if dialect.suffixed_family else series.name.removesuffix("_total")
        lines.append(f"# HELP {family} {_escaped(series.meaning)}\n# TYPE {family} {series.kind}\n")
        lines.extend(_histograms(series, scrape) if series.kind == "histogram" else _samples(series, scrape))
    lines.append(dialect.end)
    return "".join(lines).encode()


def _samples(series: Series, scrape: Scrape) -> Iterator[str]:
    for values, number in SAMPLES[series.name](scrape):
        yield f"{series.name}{_labels(series.labels, values)} {number}\n"


def _histograms(series: Series, scrape: Scrape) -> Iterator[str]:
    template = _template(series)
    pick = HISTOGRAMS[series.name]
    for values, totals in scrape.tally.targets:
        histogram = pick(totals)
        cumulated = list(accumulate(histogram.buckets))
        filled = template % (*cumulated, histogram.sum / MICRO, cumulated[-1])
        yield filled.replace("\0", _labels(series.labels, values)[1:-1])


@lru_cache(maxsize=len(SERIES))
def _template(series: Series) -> str:
    """All lines of one histogram, with `%` for the numbers and NUL for the labels."""
    bounds = [*map(repr, series.bounds), "+Inf"]
    buckets = (f'{series.name}_bucket{{\0,le="{bound}"}} %d\n' for bound in bounds)
    return "".join(buckets) + f"{series.name}_sum{{\0}} %r\n{series.name}_count{{\0}} %d\n"


@lru_cache(maxsize=2048)
def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = (f'{name}="{_escaped(value, quoted=True)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}" if names else ""


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text


def _per_target(pick: Callable[[Totals], float]) -> Callable[[Scrape], Iterable[Sample]]:
    return lambda scrape: ((target, pick(totals)) for target, totals in scrape.tally.targets)


def _alone(pick: Callable[[Scrape], float]) -> Callable[[Scrape], Iterable[Sample]]:
    return lambda scrape: (((), pick(scrape)),)


def _tokens(scrape: Scrape) -> Iterator[Sample]:
    for target, totals in scrape.tally.targets:
        for kind in ("input", "output", "cache_read", "cache_write", "reasoning"):
            yield (*target, kind), getattr(totals, kind)


def _connections(scrape: Scrape) -> Iterator[Sample]:
    idle = scrape.readings.connections_idle
    yield ("busy",), scrape.readings.connections_open - idle
    yield ("idle",), idle


HISTOGRAMS: dict[str, Callable[[Totals], Histogram]] = {
    "sluicegate_request_duration_seconds": lambda totals: totals.duration,
    "sluicegate_time_to_first_byte_seconds": lambda totals: totals.first_byte,
    "sluicegate_overhead_seconds": lambda totals: totals.overhead,
}

SAMPLES: dict[str, Callable[[Scrape], Iterable[Sample]]] = {
    "sluicegate_requests_total": lambda scrape: ((labels, count.value) for labels, count in scrape.tally.outcomes),
    "sluicegate_tokens_total": _tokens,
    "sluicegate_cost_usd_total": _per_target(lambda totals: totals.cost / NANO),
    "sluicegate_unpriced_requests_total": _per_target(lambda totals: totals.unpriced),
    "sluicegate_request_bytes_total": _per_target(lambda totals: totals.request_bytes),
    "sluicegate_response_bytes_total": _per_target(lambda totals: totals.response_bytes),
    "sluicegate_attempts_total": lambda scrape: ((labels, count.value) for labels, count in scrape.tally.tries),
    "sluicegate_requests_in_flight": _alone(lambda scrape: scrape.readings.in_flight),
    "sluicegate_streams_open": _alone(lambda scrape: scrape.readings.streams_open),
    "sluicegate_upstream_connections": _connections,
    "sluicegate_upstream_connections_opened_total": _alone(lambda scrape: scrape.readings.connections_opened),
    "sluicegate_usage_records_dropped_total": _alone(lambda scrape: scrape.readings.records_dropped),
    "sluicegate_log_lines_dropped_total": _alone(lambda scrape: scrape.readings.log_lines_dropped),
    "sluicegate_captures_dropped_total": _alone(lambda scrape: scrape.readings.captures_dropped),
    "sluicegate_trace_spans_dropped_total": _alone(lambda scrape: scrape.readings.spans_dropped),
    "sluicegate_spool_backlog_bytes": _alone(lambda scrape: scrape.readings.spool_backlog_bytes),
    "sluicegate_workers": _alone(lambda scrape: scrape.workers),
    "sluicegate_worker_restarts_total": _alone(lambda scrape: scrape.restarts),
    "sluicegate_uptime_seconds": _alone(lambda scrape: scrape.uptime_seconds),
    "sluicegate_build_info": lambda scrape: (((__version__, python_version()), 1),),
}
"""Where the samples of each series come from."""
