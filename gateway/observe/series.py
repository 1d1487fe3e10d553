"""Every series of `/metrics`: its name, type, labels and meaning. `docs/metrics.md` is rendered from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

OTHER = "other"
"""The label value of whatever has no series of its own."""

DURATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Seconds; those of OpenTelemetry's `gen_ai.server.request.duration`."""

FIRST_BYTE_BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Seconds; those of OpenTelemetry's `gen_ai.server.time_to_first_token`."""

OVERHEAD_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric family."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets; the last one, infinity, goes without saying."""


_TARGET = ("endpoint", "provider", "model")

SERIES = (
    Series(
        "sluicegate_requests_total",
        "counter",
        (*_TARGET, "status", "error"),
        "Requests answered, by status class (`2xx`) and kind of failure; `error` is empty for success, `provider` and "
        "`model` are empty when the request was refused before either was known.",
    ),
    Series(
        "sluicegate_request_duration_seconds",
        "histogram",
        _TARGET,
        "From the request seen to the last byte handed to the client.",
        DURATION_BOUNDS,
    ),
    Series(
        "sluicegate_time_to_first_byte_seconds",
        "histogram",
        _TARGET,
        "From the request seen to the first body byte handed to the client; answers with a status below 400 only.",
        FIRST_BYTE_BOUNDS,
    ),
    Series(
        "sluicegate_overhead_seconds",
        "histogram",
        _TARGET,
        "What the gateway added before the first byte: the time until then, less the time spent waiting on providers.",
        OVERHEAD_BOUNDS,
    ),
    Series(
        "sluicegate_tokens_total",
        "counter",
        (*_TARGET, "kind"),
        "Tokens as providers report them. `cache_read` and `cache_write` are part of `input`, `reasoning` is part of "
        "`output`: do not add them up.",
    ),
    Series("sluicegate_cost_usd_total", "counter", _TARGET, "Cost of the requests that have a price, in USD."),
    Series(
        "sluicegate_unpriced_requests_total",
        "counter",
        _TARGET,
        "Requests answered by a model whose price nobody knows: their cost is missing from the total.",
    ),
    Series("sluicegate_request_bytes_total", "counter", _TARGET, "Bytes of request bodies."),
    Series("sluicegate_response_bytes_total", "counter", _TARGET, "Bytes of response bodies handed to clients."),
    Series(
        "sluicegate_attempts_total",
        "counter",
        ("provider", "model", "error", "fault"),
        "Tries at providers; `error` is the kind of failure, and `fault` whose it was: `provider`, `client` (a bad "
        "request, leaving), or `nobody` (another target was quicker; a limit that another credential made good). Both "
        "are empty for the try that became the answer.",
    ),
    Series("sluicegate_requests_in_flight", "gauge", (), "Requests and streams being answered now."),
    Series("sluicegate_streams_open", "gauge", (), "Streamed answers open now."),
    Series(
        "sluicegate_upstream_connections",
        "gauge",
        ("state",),
        "Connections to providers, `busy` or `idle`.",
    ),
    Series("sluicegate_upstream_connections_opened_total", "counter", (), "Connections to providers opened."),
    Series(
        "sluicegate_usage_records_dropped_total",
        "counter",
        (),
        "Usage records lost because the spool was full or could not be written. Anything but 0 needs attention.",
    ),
    Series("sluicegate_log_lines_dropped_total", "counter", (), "Log lines given up because nobody read them."),
    Series(
        "sluicegate_captures_dropped_total",
        "counter",
        (),
        "Captures lost because too many waited for the disk, or because it refused them.",
    ),
    Series(
        "sluicegate_trace_spans_dropped_total",
        "counter",
        (),
        "Spans of traces that no collector took: too many waited for it, or it refused them.",
    ),
    Series(
        "sluicegate_spool_backlog_bytes",
        "gauge",
        (),
        "Usage records written by the workers that the control process has yet to take.",
    ),
    Series("sluicegate_workers", "gauge", (), "Relay workers alive."),
    Series("sluicegate_worker_restarts_total", "counter", (), "Relay workers started again after one had died."),
    Series("sluicegate_uptime_seconds", "gauge", (), "Time since the gateway was started."),
    Series("sluicegate_build_info", "gauge", ("version", "python"), "Always 1; the labels tell what is running."),
)
"""In the order in which they are written. `model` is `other` for models without a series of their own."""
