"""A store most of whose days went into sums by the real jobs, a dashboard over it, and what the records come to."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import SimpleNamespace
from typing import Any

from gateway.records import AttemptRecord, Tokens, UsageRecord
from gateway.settings.model import UsageSettings
from gateway.upkeep.copying import MOST_FILES
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.upkeep import Around, Upkeep
from gateway.usage.figures import DAY
from gateway.usage.ingest_thread import IngestThread
from tests.gateway.management.offices import OPERATOR
from tests.gateway.upkeep.house import House as Kept
from tests.gateway.usage.records import usage_record
from tests.web.visiting import House
from web.lookback import Lookback, look_back
from web.page import Visit
from web.reach import reach_of
from web.span import Span

NOW = time.time_ns() // 1000
TODAY = NOW // DAY * DAY

KEPT_DAYS = 20
"""Whole days of which there are requests."""

DAYS = 100
"""Of which there were any."""

TARGETS = (("mock", "gpt-4o"), ("mock", "mini"), ("other", "claude"))
OWNERS = (("key:a", "app", "u1", "t1"), ("key:b", "app", "u2", "t1"), ("file", "file", None, None))
ENDS = (
    (200, None),
    (200, None),
    (200, None),
    (429, "rate_limited"),
    (502, "upstream_error"),
    (499, "client_disconnected"),
)

VERY_LONG_US = 3_600_000_000
"""How long it took until there was no answer."""

SMALL, LARGE = "small", "large"
"""Stores: of fewer requests than it takes to ask sums for their own sake, or of more."""


def _record(dice: random.Random, midnight_us: int) -> UsageRecord:
    key_id, key, user, team = dice.choice(OWNERS)
    provider, model = dice.choice(TARGETS)
    status, error = dice.choice(ENDS)
    credential, first_byte_us = dice.choice("xy"), dice.randrange(10_000, 900_000)
    spare = AttemptRecord("other", "claude", "x", 500, "upstream_error", 5, reason="server")
    last = AttemptRecord(provider, model, credential, status, error, 50_000)
    paid = error is None and dice.random() < 0.9
    return usage_record(
        started_at_us=midnight_us + dice.randrange(max(1, min(DAY, NOW - midnight_us))),
        key_id=key_id,
        key=key,
        user_id=user,
        team_id=team,
        provider=provider,
        model=model,
        credential=credential,
        attempts=(spare, last) if dice.random() < 0.3 else (last,),
        status=status,
        error=error,
        tokens=Tokens(input=dice.randrange(1000), output=dice.randrange(2, 1000), cache_read=dice.randrange(9)),
        cost_nano_usd=dice.randrange(1, 10**10) if paid else None,
        cost_source="priced" if paid else "unpriced",
        first_byte_us=first_byte_us,
        total_us=first_byte_us + dice.randrange(20_000, 9_000_000) if error is None else VERY_LONG_US,
        overhead_us=dice.randrange(50, 900),
    )


def _records(dice: random.Random) -> list[UsageRecord]:
    """Some of each day, at any hour."""
    return [_record(dice, TODAY - ago * DAY) for ago in range(DAYS) for _ in range(6)]


RECORDS = _records(random.Random(1))


@dataclass
class Stand:
    """A store looked after by the real jobs, and a dashboard over it."""

    kept: Kept
    house: House
    upkeep: Upkeep
    records: list[UsageRecord]

    def __post_init__(self) -> None:
        self.house.around.rolled_until_us = self.upkeep.rolled_until_us

    async def load(self, page: Any, query: Mapping[str, str], zone: tzinfo = UTC) -> Any:
        """The context of a page."""
        return await page.load(self.house.site, self.visit(query, zone))

    def visit(self, query: Mapping[str, str], zone: tzinfo = UTC) -> Visit:
        browser: Any = SimpleNamespace(origin="https://gate.example", preferences={})
        return Visit(browser=browser, now_us=NOW, query=query, actor=OPERATOR, zone=zone)

    async def looked(
        self, query: Mapping[str, str], zone: tzinfo = UTC, key_ids: tuple[str, ...] | None = None
    ) -> Lookback:
        return await look_back(self.house.site, self.visit(query, zone), key_ids)

    async def span(self, query: Mapping[str, str]) -> Span:
        """The time that pages show."""
        return (await reach_of(self.house.site, self.visit(query))).span

    async def asked(self, run: Any, query: Any) -> Any:
        """What an operation of the API answers."""
        around = SimpleNamespace(read=self.kept.store.read, upkeep=self.upkeep)
        return await run(SimpleNamespace(query=query, actor=OPERATOR, office=SimpleNamespace(around=around)))

    def within(self, since_us: int, until_us: int) -> list[UsageRecord]:
        return [record for record in self.records if since_us <= record.started_at_us < until_us]


def counts(records: Iterable[UsageRecord]) -> Counter[str]:
    """What they come to."""
    found: Counter[str] = Counter()
    for record in records:
        found["requests"] += 1
        found["cost"] += record.cost_nano_usd or 0
        found["unpriced"] += record.cost_source == "unpriced"
        found["ok"] += record.error is None
        found["input"] += record.tokens.input
        found["output"] += record.tokens.output
    return found


def counts_by(records: Iterable[UsageRecord], kind: str) -> dict[str | None, int]:
    """What they cost, by what Spend shows of a kind."""
    names: Mapping[str, Callable[[UsageRecord], str | None]] = {
        "model": lambda record: f"{record.provider}/{record.model}",
        "provider": lambda record: record.provider,
        "credential": lambda record: f"{record.provider}/{record.credential}",
        "key": lambda record: record.key_id,
        "user": lambda record: record.user_id or "none",
        "team": lambda record: record.team_id or "none",
    }
    found: Counter[str | None] = Counter()
    for record in records:
        found[names[kind](record)] += record.cost_nano_usd or 0
    return dict(found)


def said(day_us: int) -> str:
    return f"{datetime.fromtimestamp(day_us / 1e6, UTC):%Y-%m-%d}"


async def have_done(jobs: Upkeep) -> None:
    """What is due, as often as it takes."""
    await jobs.roll_up()
    for _ in range(DAYS // MOST_FILES + 1):
        await jobs.copy_days()
    await jobs.forget()
    await jobs.roll_up()


def upkeep_of(kept: Kept, thread: IngestThread) -> Upkeep:
    async def begun() -> Beginnings:
        return Beginnings()

    settings = UsageSettings(retention_days=KEPT_DAYS, rollup_days=0, archive_days=0)
    around = Around(settings=lambda: settings, begun=begun, clock_us=lambda: NOW)
    return Upkeep(kept.store, thread, kept.archive, around)
