"""A store with usage records of some days, and what they come to by counting them here."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from duckdb import DuckDBPyConnection
from msgspec.structs import replace

import sql
from gateway.records import AttemptRecord, Tokens, UsageRecord
from gateway.store.analytics import Analytics
from gateway.upkeep import rolling
from gateway.upkeep.archive import Archive
from gateway.upkeep.rolling import Beginnings
from gateway.usage.chosen import Filter
from tests.gateway.usage.bench import Bench
from tests.gateway.usage.records import usage_record

FIRST = date(2026, 3, 1)
"""The first day of which there may be records."""

DAYS = 5

TARGETS = (("mock", "gpt-4o"), ("mock", "gpt-4o-mini"), ("other", "claude"))
KEYS = (
    ("key:a", "app", "u1", "t1"),
    ("key:b", "app", "u2", "t1"),
    ("file", "file", None, None),
    (None, None, None, None),
)

EVERYTHING = Filter(since_us=0, until_us=4_000_000_000_000_000)

NOTHING_BEGUN = Beginnings()

Sums = Mapping[tuple[Any, ...], tuple[int, ...]]


def us(day: date, hour: float = 0) -> int:
    """An instant of a day, in Unix microseconds."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return round((midnight + timedelta(hours=hour)).timestamp() * 1e6)


def some_records(count: int, seed: int, days: int = DAYS) -> list[UsageRecord]:
    """Records of all kinds, on any of these days."""
    dice = random.Random(seed)
    return [some_record(dice, FIRST + timedelta(days=dice.randrange(days))) for _ in range(count)]


def some_record(dice: random.Random, day: date) -> UsageRecord:
    """One on this day."""
    key_id, key, user, team = dice.choice(KEYS)
    targets = [dice.choice(TARGETS) for _ in range(dice.randrange(4))] if key is not None else []
    provider, model = targets[-1] if targets else (None, None)
    status, error = dice.choice(
        [(200, None), (429, "rate_limited"), (502, "upstream_error"), (499, "client_disconnected")]
    )
    attempts = [AttemptRecord(*target, dice.choice("xy"), 500, "upstream_error", 5) for target in targets]
    if attempts and error is None:
        attempts[-1] = replace(attempts[-1], status=200, error=None)
    return usage_record(
        started_at_us=us(day) + dice.randrange(86_400_000_000),
        key_id=key_id,
        key=key,
        user_id=user,
        team_id=team,
        provider=provider,
        model=model,
        credential=attempts[-1].credential if attempts else None,
        attempts=tuple(attempts),
        status=status,
        error=error,
        tokens=Tokens(input=dice.randrange(1000), output=dice.randrange(1000), cache_read=dice.randrange(9)),
        usage_source=dice.choice(["reported", "estimated"]),
        cost_nano_usd=dice.choice([None, dice.randrange(10**9)]) if targets else None,
        cost_source=dice.choice(["priced", "unpriced"]) if targets else "none",
        total_us=dice.randrange(1, 10**8),
        first_byte_us=dice.choice([None, dice.randrange(1, 10**7)]),
        overhead_us=dice.randrange(300),
    )


def day_of(record: UsageRecord) -> date:
    return datetime.fromtimestamp(record.started_at_us / 1e6, UTC).date()


def counted(records: Iterable[UsageRecord]) -> Sums:
    """What records come to: requests, answered ones, tokens and money, by day and whatever they are summed up by."""
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for one in records:
        whose = (
            day_of(one),
            one.key_id or one.key,
            one.key,
            one.user_id,
            one.team_id,
            one.provider,
            one.model,
            one.credential,
        )
        sums = found.setdefault(whose, Counter())
        sums["n"] += 1
        sums["ok"] += one.error is None and one.status < 400
        sums["asked"] += bool(one.attempts)
        sums["input"] += one.tokens.input
        sums["output"] += one.tokens.output
        sums["cost"] += one.cost_nano_usd or 0
        sums["total"] += one.total_us
    return {
        whose: tuple(sums[name] for name in ("n", "ok", "asked", "input", "output", "cost", "total"))
        for whose, sums in found.items()
    }


@cache
def empty() -> bytes:
    """A store that is up to date: made once, since that takes longer than most tests."""
    with TemporaryDirectory() as directory:
        store = Analytics(Path(directory) / "usage.duckdb", Path(directory) / "spool", memory_limit="256MB")
        store.open()
        store.close()
        store.end()
        return store.path.read_bytes()


class House(Bench):
    """A store whose days can be rolled up."""

    def __init__(self, directory: Path) -> None:
        self.archive = Archive(directory / "archive" / "usage")
        super().__init__(directory)
        if not self.path.exists():
            self.path.write_bytes(empty())
        self.store = Analytics(self.path, self.spool, memory_limit="256MB", archive=self.archive.directory)
        self.again()
        self._segments = 0

    @property
    def connection(self) -> DuckDBPyConnection:
        self.ingest.open()
        assert self.ingest.connection is not None
        return self.ingest.connection

    def take(self, *records: UsageRecord) -> None:
        """Have these in the store."""
        self._segments += 1
        self.put(f"segment{self._segments}", *records)
        while self.ingest.step():
            pass

    def ask(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """The rows of a statement of ours."""
        return self.query(sql.statement(name), **parameters)

    def query(self, text: str, **parameters: object) -> list[dict[str, Any]]:
        result = self.connection.execute(text, parameters)
        columns = [column[0] for column in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def one(self, text: str, **parameters: object) -> Any:
        """The one value that a query gives."""
        (row,) = self.connection.execute(text, parameters).fetchall()
        return row[0]

    def stale(self, today: date = FIRST + timedelta(days=DAYS)) -> list[date]:
        return [row["d"] for row in self.ask("rollups/stale_days", today_us=us(today))]

    def roll_up(self, begun: Beginnings = NOTHING_BEGUN) -> None:
        """Catch up with all days."""
        for day in self.stale():
            self.catch_up(day, begun)

    def catch_up(self, day: date, begun: Beginnings = NOTHING_BEGUN) -> None:
        rolling.catch_up(self.connection, day, begun, 1)

    def remove(self, *days: date, begun: Beginnings = NOTHING_BEGUN) -> None:
        for day in days:
            rolling.remove_requests(self.connection, day, begun, 1)

    def sums(self, rolled_until: date | None = None, meant: Filter = EVERYTHING) -> Sums:
        """What the macro `daily` says, as `counted` says it."""
        rows = self.connection.execute(
            """select d, key_id, key, user_id, team_id, provider, model, credential, cast(sum(n) as bigint),
            cast(sum(n_ok) as bigint), cast(sum(n_asked) as bigint), cast(sum(input_tokens) as bigint),
            cast(sum(output_tokens) as bigint), cast(coalesce(sum(cost_nano_usd), 0) as bigint),
            cast(sum(total_us) as bigint)
            from daily($filter, $until) group by all""",
            {"filter": meant.parameter(), "until": 0 if rolled_until is None else us(rolled_until)},
        ).fetchall()
        return {row[:8]: row[8:] for row in rows}


def days(count: int = DAYS) -> Sequence[date]:
    """The first of them."""
    return [FIRST + timedelta(days=number) for number in range(count)]
