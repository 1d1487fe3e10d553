"""What viewers are told: the kinds of events, and how each is written in JSON.

Names are those of the usage records in the management API (`/api/usage`), so that a request that runs and the same one
when it has ended are told in the same words. Times are microseconds, money billionths of a US dollar.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from gateway.records import UsageRecord
from gateway.settings.instants import write_instant

from .words import Running

Kind = Literal["running", "finished", "system"]
"""What can be asked for."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Why = Literal["signed_out", "slow", "unavailable", "closing"]
"""Why we end it: whoever watches may not any more; they took nothing for too long; the database does not answer, and
nobody knows whether they may; the gateway, or its control process, stops."""

TOKENS = (
    *("input", "output", "cache_read", "cache_write", "reasoning", "cache_write_1h"),
    *("input_audio", "input_image", "output_audio", "output_image"),
)


class Greeting(Struct, frozen=True):
    """The first event."""

    version: str
    kinds: tuple[Kind, ...]
    heartbeat_seconds: float
    """After so much silence there is a sign of life."""


class RunningNow(Struct, frozen=True):
    """Everything that runs, in the place of whatever was told before."""

    total: int
    """How many there are that the viewer may see."""
    streaming: int
    """Of how many the answer flows."""
    requests: tuple[Running, ...]
    """Those that were asked for, the newest first."""


class Finished(Struct, frozen=True):
    """These have ended."""

    requests: tuple[UsageRecord, ...]
    is_news: bool = True
    """False for such as had ended before whoever hears it came."""


class Gap(Struct, frozen=True):
    """Some have ended of which nothing is told."""

    missed: int | None
    """How many; none where nobody knows."""


class ProcessFigures(Struct, frozen=True):
    """A process of the gateway."""

    name: str
    pid: int
    cpu_percent: float | None
    """Of one core; none before it was looked at twice."""
    rss_bytes: int


class WorkerFigures(Struct, frozen=True):
    """What a worker does at the moment."""

    worker: int
    pid: int
    in_flight: int
    streams_open: int
    connections_open: int


class System(Struct, frozen=True):
    """How the gateway is doing."""

    at_us: int
    in_flight: int
    streams_open: int
    processes: tuple[ProcessFigures, ...]
    workers: tuple[WorkerFigures, ...]
    viewers: int
    ingest: Mapping[str, Any]
    """How records get into the analytics store, as the management API tells of it."""
    ingest_lag_seconds: float
    """Age of the oldest segment that is not taken yet."""
    sizes: Mapping[str, int]
    """Bytes of the files in the data directory."""


class End(Struct, frozen=True):
    """The last event, where we are the ones who end it."""

    why: Why


Said = Greeting | RunningNow | Finished | Gap | System | End


class Event:
    """Something that happened, with its place in the order of things. Written once, for however many viewers."""

    __slots__ = ("_boot", "_data", "_shares", "_write", "id", "name", "number", "of")

    def __init__(self, boot: str, number: int, of: Said) -> None:
        self.number, self.of, self._boot = number, of, boot
        self.id = f"{boot}-{number}"
        self.name, self._write = _WAYS[type(of)]
        self._data: bytes | None = None
        self._shares: dict[Hashable, Event] = {}

    def share(self, seen: Hashable, make: Callable[[], Said]) -> Event:
        """What somebody sees of it: one event for all by whom the same is seen, made when the first of them comes."""
        if seen not in self._shares:
            self._shares[seen] = Event(self._boot, self.number, make())
        return self._shares[seen]

    @property
    def data(self) -> bytes:
        """What it says, in JSON."""
        if self._data is None:
            self._data = msgspec.json.encode(self._write(self.of))
        return self._data


def ended_at_us(record: UsageRecord) -> int:
    """When a request ended, in Unix time."""
    return record.started_at_us + record.total_us


def told(record: UsageRecord) -> dict[str, Any]:
    """A usage record as the management API tells it."""
    fields = asdict(record)
    tokens = fields.pop("tokens")
    return {
        "started_at": write_instant(fields.pop("started_at_us")),
        **fields,
        **{f"{name}_tokens": getattr(tokens, name) for name in TOKENS},
    }


def _running(said: RunningNow) -> dict[str, Any]:
    requests = [_with_instant(asdict(each)) for each in said.requests]
    return {"total": said.total, "streaming": said.streaming, "requests": requests}


def _finished(said: Finished) -> dict[str, Any]:
    return {"requests": [told(record) for record in said.requests]}


def _system(said: System) -> dict[str, Any]:
    fields = asdict(said)
    return {"at": write_instant(fields.pop("at_us")), **fields}


def _with_instant(fields: dict[str, Any]) -> dict[str, Any]:
    return {"started_at": write_instant(fields.pop("started_at_us")), **fields}


_WAYS: Mapping[type[Struct], tuple[str, Callable[[Any], dict[str, Any]]]] = MappingProxyType(
    {
        Greeting: ("hello", asdict),
        RunningNow: ("running", _running),
        Finished: ("finished", _finished),
        Gap: ("gap", asdict),
        System: ("system", _system),
        End: ("end", asdict),
    }
)
"""What each event is called, and how it is written."""
