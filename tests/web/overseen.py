"""Whoever tells of alerts, and what is known of the gateway itself, as a test wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from gateway.alerts.watch import Tried
from gateway.errors import GatewayError
from gateway.management.system import (
    Doing,
    ErrandFacts,
    Kept,
    MachineFacts,
    ProcessFacts,
    SpoolFacts,
    StateFacts,
    StoreFacts,
    WorkerFacts,
)
from gateway.records import JobReport

GB = 10**9


class Teller:
    """Tells receivers, as well as a test says it goes."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.errors: dict[str, str] = {}
        """Why somebody cannot be told."""
        self.open_now: int | None = None
        self.critical_now = False
        self.told: list[str] = []
        self.counted = 0

    def receivers(self) -> Sequence[str]:
        return self.names

    async def try_out(self, names: Sequence[str]) -> Sequence[Tried]:
        meant = names or self.names
        self.told += meant
        return [Tried(name, self.errors.get(name, ""), 12) for name in meant]

    async def recount(self) -> None:
        self.counted += 1


def process(name: str = "control", pid: int = 4711, **more: Any) -> ProcessFacts:
    return ProcessFacts(**{"name": name, "pid": pid, "since_us": 1, "cpu_percent": 3.0, "rss_bytes": GB // 10, **more})


def worker(index: int = 0, **more: Any) -> WorkerFacts:
    usual: dict[str, Any] = {"restarts": 0, "in_flight": 3, "streams": 2, "connections": 4}
    return WorkerFacts(**{"index": index, "process": process(f"worker {index}", 4720 + index), **usual, **more})


def machine(**more: Any) -> MachineFacts:
    memory = {"memory_bytes": 8 * GB, "available_bytes": 4 * GB}
    return MachineFacts(
        **{"processors": 2, "load": 0.5, "disk_bytes": 100 * GB, "disk_free_bytes": 60 * GB, **memory, **more}
    )


def spool(**more: Any) -> SpoolFacts:
    usual = dict.fromkeys(("segments", "size_bytes", "taken", "refused", "set_aside", "dropped"), 0)
    return SpoolFacts(**{**usual, "most_bytes": GB, "lag_seconds": 0.0, "last_us": None, "trouble": None, **more})


def doing(**more: Any) -> Doing:
    """All is well, but what is said."""
    usual: dict[str, Any] = {
        "supervisor": process("supervisor", 4700),
        "control": process(),
        "workers": (worker(),),
        "machine": machine(),
        "spool": spool(),
        "limits_answer": None,
        "limits_outages": 0,
    }
    return Doing(**{**usual, **more})


def held(**more: Any) -> StoreFacts:
    usual: dict[str, Any] = dict.fromkeys(
        ("log_bytes", "rolled_days", "days_with_requests", "archived_days", "archive_bytes"), 0
    )
    usual |= {"memory_bytes": 83_000_000, "memory_limit": "953.6 MiB"}
    at = dict.fromkeys(("oldest_us", "newest_us", "rolled_at_us", "rolled_until"))
    return StoreFacts(**{**usual, **at, "file_bytes": 5 * GB, "free_bytes": GB, "requests": 1234, **more})


def kept(**more: Any) -> Kept:
    usual: dict[str, Any] = {
        "store": held(rolled_until=date(2026, 11, 20)),
        "errand": None,
        "state": StateFacts(
            place="/data/state.sqlite3", is_shared=False, size_bytes=GB, migrations=5, version=5, migrated_us=1
        ),
        "sizes": {"usage.duckdb": 5 * GB},
        "directory": "/data",
        "limits_place": "",
        "versions": (("Sluicegate", "1.2.3"), ("duckdb", "9.9")),
    }
    return Kept(**{**usual, **more})


def job(name: str = "checkpoint", **more: Any) -> JobReport:
    usual: dict[str, Any] = {
        "summary": "Moves the `log` into its file.",
        "every_seconds": 300.0,
        "is_shared": False,
        "started_at_us": 1_000_000,
        "finished_at_us": 1_250_000,
        "error": None,
        "runs": 7,
        "failures": 0,
        "next_at_us": None,
        "is_running": False,
    }
    return JobReport(**{"name": name, **usual, **more})


class Inspected:
    """Knows how the gateway is doing: well, unless a test says otherwise."""

    def __init__(self) -> None:
        self.now, self.here = doing(), kept()
        self.refusal: GatewayError | None = None
        """Why nothing is compacted."""
        self.looks = 0

    async def doing(self) -> Doing:
        return self.now

    async def kept(self) -> Kept:
        self.looks += 1
        return self.here

    async def compact(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        errand = ErrandFacts(name="compact", began_us=1, ended_us=None, error=None, said={})
        self.here = replace(self.here, errand=errand)
