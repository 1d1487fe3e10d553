"""What of the page of a provider can be had as files: its credentials, what rests, what failed, its models. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from web.charted import chart_table
from web.health import count_columns
from web.page import Table, Visit
from web.tables import Column

MODELS = (
    Column("model", head="Model"),
    Column("requests", "whole", "Requests"),
    *count_columns("tried", "Success"),
    Column("p50_first_byte_us", "whole", "First byte p50", lambda line: line.p50_us),
    Column("p95_first_byte_us", "whole", "p95", lambda line: line.p95_us),
    Column("p50_total_us", "whole", "Total p50"),
    Column("input_tokens", "whole", "Input"),
    Column("cache_read_tokens", "whole", "Cached"),
    Column("output_tokens", "whole", "Output"),
    Column("cost", "money", "Cost"),
    Column("estimated", "flag", value=lambda line: line.about),
)

CREDENTIALS = (
    Column("name", head="Name"),
    Column("state", head="State", value=lambda line: line.state.word),
    Column("note", head="State"),
    Column("resting_until", "moment", "State", lambda line: line.until_us),
    Column("origin", head="Name"),
    Column("priority", "whole", "Priority"),
    Column("weight", "whole", "Weight"),
    Column("models", head="Models"),
    Column("in_flight", "whole", "In flight"),
    Column("max_parallel", "whole", "In flight"),
    Column("first_token_us", "whole", "First token", lambda line: line.latency_us),
    Column("limits_left", "number", "Limits left", lambda line: line.bars[0].left if line.bars else None),
    Column("tightest_limit", head="Limits left", value=lambda line: line.bars[0].name if line.bars else None),
    Column("limit_resets_at", "moment", "Limits left", lambda line: line.bars[0].resets_at_us if line.bars else None),
    Column("token_ends_at", "moment", "Token ends", lambda line: line.token_until_us),
    *count_columns("late", "Success, 1 h", "_1h"),
    *count_columns("day", "24 h", "_24h"),
    Column("last_failure_at", "moment", "Last failure", lambda line: line.failure and line.failure.at_us),
    Column("last_failure_status", "whole", "Last failure", lambda line: line.failure and line.failure.status),
    Column("last_failure", head="Last failure", value=lambda line: line.failure and line.failure.word),
)

RESTS = (
    Column("credential", head="Credential"),
    Column("model", head="Model"),
    Column("why", head="Why"),
    Column("came_from", head="Came from", value=lambda rest: rest.came),
    Column("began_at", "moment", "Came from", lambda rest: rest.at_us),
    Column("until", "moment", "Back", lambda rest: rest.until_us),
    Column("not_used", "flag", "Until then", lambda rest: rest.is_hard),
    Column("next_request_tries", "flag", "Until then", lambda rest: rest.probe_due),
)

KINDS = (
    Column("kind", head="Kind", value=lambda kind: kind.word),
    Column("meaning"),
    Column("attempts", "whole", "Attempts"),
    Column("share", "number", "Share", lambda kind: kind.part),
    Column("then", head="Then", value=lambda kind: kind.decided),
    Column("rested_us", "whole", "Rested", lambda kind: kind.rest_us),
)


def _of_it(name: str) -> Callable[[Visit], str]:
    return lambda visit: f"{visit.names['id']}-{name}"


TABLES = tuple(
    replace(table, file=_of_it(table.name))
    for table in (
        Table(name="models", columns=MODELS, rows=lambda provider: provider.models),
        Table(name="credentials", columns=CREDENTIALS, rows=lambda provider: provider.credentials),
        Table(name="rests", columns=RESTS, rows=lambda provider: provider.rests),
        Table(name="failures", columns=KINDS, rows=lambda provider: provider.kinds),
        chart_table("failures-over-time", lambda provider: provider.chart, "kind", "attempts", "whole"),
    )
)
