"""The metrics of a worker, and of all workers in one answer.

Each worker counts for itself and leaves what it has counted in a file once a second; whoever is scraped adds the
others' files to its own numbers. A worker started in the place of one that died goes on from that one's last file, and
nothing is shown to anybody that is not in a file already: so no counter ever goes back.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Collection
from functools import reduce
from operator import add
from pathlib import Path
from typing import TypeVar

from gateway import logs
from gateway.records import AttemptRecord, UsageRecord

from . import exposition, snapshot
from .exposition import PROMETHEUS, Dialect, Scrape
from .naming import Naming
from .series import DURATION_BOUNDS, FIRST_BYTE_BOUNDS, OVERHEAD_BOUNDS
from .snapshot import Process, Snapshot
from .tally import Count, Histogram, Outcome, Readings, Tally, Target, Totals, Try

V = TypeVar("V")

CELLS = 4096
"""Combinations of what a record says for which the place to count is remembered."""

log = logs.get("metrics")


def _nothing() -> None:
    """What is left to do where every exchange is observed at its end."""


def _microseconds(bounds: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(round(bound * 1_000_000) for bound in bounds)


_DURATION = _microseconds(DURATION_BOUNDS)
_FIRST_BYTE = _microseconds(FIRST_BYTE_BOUNDS)
_OVERHEAD = _microseconds(OVERHEAD_BOUNDS)


class Metrics:
    """What one worker counts. Not for several threads."""

    def __init__(
        self,
        directory: Path,
        worker: int,
        *,
        started_at_us: int,
        endpoints: Collection[str],
        readings: Callable[[], Readings],
    ) -> None:
        """`started_at_us` names the start of the gateway, `endpoints` are the paths served, `readings` tells what the
        worker says of itself at the moment. Raises OSError when the directory cannot be made.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory, self._worker, self._started_at_us = directory, worker, started_at_us
        self._readings = readings
        self.catch_up = _nothing
        """Has every exchange observed that has ended by now; called before anything is shown."""
        self._process = Process.current()
        self._published = b""
        self._adopt(snapshot.load(snapshot.path(directory, worker), gateway_started_at_us=started_at_us))
        self._naming = Naming(endpoints, self._targets)
        self._cells: dict[tuple[object, ...], tuple[Count, Totals]] = {}
        self._try_cells: dict[tuple[object, ...], Count] = {}
        self._failed = False
        self.publish()

    def _adopt(self, predecessor: Snapshot | None) -> None:
        """Go on from what the worker that had this place before has counted."""
        nothing = Snapshot(self._started_at_us, self._process, 0, Readings(), Tally([], [], []))
        before = predecessor or nothing
        self._starts = before.starts + 1
        self._before = before.readings.counters_only()
        self._outcomes: dict[Outcome, Count] = dict(before.tally.outcomes)
        self._targets: dict[Target, Totals] = dict(before.tally.targets)
        self._tries: dict[Try, Count] = dict(before.tally.tries)

    def observe(self, record: UsageRecord) -> None:
        """Count one exchange, at its end or a little later: before anybody is told of it."""
        key = (record.endpoint, record.provider, record.model, record.status, record.error)
        count, totals = self._cells.get(key) or self._cell(record)
        count.value += 1
        _add(totals.duration, _DURATION, record.total_us)
        _add(totals.overhead, _OVERHEAD, record.overhead_us)
        if record.first_byte_us is not None and record.status < 400:
            _add(totals.first_byte, _FIRST_BYTE, record.first_byte_us)
        totals.request_bytes += record.request_bytes
        totals.response_bytes += record.response_bytes
        if record.cost_source != "none":
            _add_usage(totals, record)
        for attempt in record.attempts:
            tried = _tried(record, attempt) if attempt.error else (attempt.provider, attempt.model)
            (self._try_cells.get(tried) or self._try_cell(tried, attempt, record)).value += 1

    def publish(self) -> None:
        """Leave what was counted for the other workers, if anything has changed: for the worker's tick, each second."""
        content = self._snapshot().bytes()
        if content == self._published:
            return
        try:
            snapshot.store(snapshot.path(self._directory, self._worker), content)
        except OSError as error:
            if not self._failed:
                log.warning("metrics of this worker cannot be shared", reason=str(error))
            self._failed = True
        else:
            self._published, self._failed = content, False

    def render(self, dialect: Dialect = PROMETHEUS) -> bytes:
        """The metrics of all workers; `exposition.choose` finds the dialect for an `Accept` header."""
        self.publish()
        others = snapshot.load_others(self._directory, self._worker, gateway_started_at_us=self._started_at_us)
        return exposition.write(self._scrape([self._snapshot(), *others]), dialect)

    def _scrape(self, snapshots: list[Snapshot]) -> Scrape:
        alive = [each.process == self._process or each.process.alive() for each in snapshots]
        readings = (
            each.readings if lives else each.readings.counters_only()
            for each, lives in zip(snapshots, alive, strict=True)
        )
        return Scrape(
            tally=reduce(add, (each.tally for each in snapshots)),
            readings=reduce(add, readings),
            workers=sum(alive),
            restarts=sum(each.starts - 1 for each in snapshots),
            uptime_seconds=max(0.0, time.time() - self._started_at_us / 1_000_000),
        )

    def _snapshot(self) -> Snapshot:
        self.catch_up()
        tally = Tally([*self._outcomes.items()], [*self._targets.items()], [*self._tries.items()])
        return Snapshot(self._started_at_us, self._process, self._starts, self._readings() + self._before, tally)

    def _cell(self, record: UsageRecord) -> tuple[Count, Totals]:
        """Where an exchange is counted; remembered when it was counted under its own names, which are few."""
        outcome = self._naming.outcome(record)
        target = outcome[:3]
        count = self._outcomes.setdefault(outcome, Count())
        totals = self._targets.setdefault(target, Totals())
        if target == (record.endpoint, record.provider or "", record.model or ""):
            key = (record.endpoint, record.provider, record.model, record.status, record.error)
            _remember(self._cells, key, (count, totals))
        return count, totals

    def _try_cell(self, tried: tuple[object, ...], attempt: AttemptRecord, record: UsageRecord) -> Count:
        labels = self._naming.attempt(attempt, is_saved=_is_answered(record))
        count = self._tries.setdefault(labels, Count())
        if labels[1] == attempt.model:
            _remember(self._try_cells, tried, count)
        return count


def _tried(record: UsageRecord, attempt: AttemptRecord) -> tuple[object, ...]:
    """What tells where a try that failed is counted."""
    return (attempt.provider, attempt.model, attempt.error, attempt.reason, _is_answered(record))


def _is_answered(record: UsageRecord) -> bool:
    return record.error is None and record.status < 400


def _remember(cells: dict[tuple[object, ...], V], key: tuple[object, ...], cell: V) -> None:
    if len(cells) >= CELLS:
        cells.clear()
    cells[key] = cell


def _add(histogram: Histogram, bounds: tuple[int, ...], value: int) -> None:
    histogram.buckets[bisect_left(bounds, value)] += 1
    histogram.sum += value


def _add_usage(totals: Totals, record: UsageRecord) -> None:
    tokens = record.tokens
    totals.input += tokens.input
    totals.output += tokens.output
    totals.cache_read += tokens.cache_read
    totals.cache_write += tokens.cache_write
    totals.reasoning += tokens.reasoning
    if record.cost_nano_usd is None:
        totals.unpriced += 1
    else:
        totals.cost += record.cost_nano_usd
