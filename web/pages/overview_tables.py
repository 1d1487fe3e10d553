"""What of the overview can be had as files: who spends, what went wrong, providers, the latest requests, its charts.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from web.charted import chart_table
from web.charts import Rank
from web.page import Table
from web.tables import Column, Kind

RECENT = (
    Column("id"),
    Column("started_at", "moment", "When", lambda row: row.started_at_us),
    Column("outcome", head="Outcome", value=lambda row: row.state.word),
    Column("status", "whole", "Outcome"),
    Column("error", head="Outcome"),
    Column("endpoint"),
    Column("model", head="Model"),
    Column("key", head="Key"),
    Column("input_tokens", "whole", "Input"),
    Column("output_tokens", "whole", "Output"),
    Column("cost", "money", "Cost"),
    Column("estimated", "flag", value=lambda row: row.is_estimate),
    Column("first_byte_us", "whole", "First byte"),
    Column("total_us", "whole", "Total"),
)

LIGHTS = (
    Column("provider", head="Provider", value=lambda light: light.name),
    Column("state", head="State", value=lambda light: light.state.word),
    Column("attempts", "whole", "Failed"),
    Column("failed_attempts", "whole", "Failed", lambda light: light.failures),
    Column("first_byte_p50_us", "whole", "First byte p50", lambda light: light.p50_us),
)


def _ranking(name: str, pick: Callable[[Any], Sequence[Rank]], value: str, kind: Kind) -> Table:
    """Names by what they come to."""
    columns = (
        Column("name"),
        Column(value, kind, value=lambda rank: rank.number),
        Column("share", "number", value=lambda rank: rank.part),
    )
    return Table(name=name, columns=columns, rows=pick)


TABLES = (
    _ranking("models", lambda overview: overview.models, "cost", "money"),
    _ranking("keys", lambda overview: overview.keys, "cost", "money"),
    _ranking("errors", lambda overview: overview.errors, "requests", "whole"),
    Table(name="providers", columns=LIGHTS, rows=lambda overview: overview.lights),
    Table(name="latest", columns=RECENT, rows=lambda overview: overview.recent),
    chart_table("spend", lambda overview: overview.spend, "model", "cost", "money"),
    chart_table("outcomes", lambda overview: overview.traffic, "outcome", "requests", "whole"),
    chart_table("first-byte", lambda overview: overview.waiting, "percentile", "us", "number"),
)
