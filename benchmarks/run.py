"""A run: scenarios one after the other, in each the peers in turn, nginx before and after every one of them."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.machine import Cores
from benchmarks.measure import Patience, measure
from benchmarks.peers import PEERS, Peer, looked_at, with_records
from benchmarks.places import WORK
from benchmarks.results import Measurement, Run, ScenarioResult
from benchmarks.scenarios import Beside, Memory, Named, Pages, Scenario, Stalled, Start, shortened
from benchmarks.stage import MockName, Stage, staged

YARDSTICK = "nginx"
_ALONE = (Memory, Stalled, Start, Pages)
"""Kinds in which a peer is started anew for each measurement, with no other beside it."""
REPEATS = 40
"""Disturbed measurements made again in a whole run: about two minutes of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    peers: tuple[str, ...]
    quick: bool = False
    mock: MockName = "native"


def run(chosen: Sequence[Named], options: Options) -> Run:
    """Measures everything. Raises `BenchmarkError`; every process it started has ended by then."""
    begun, versions = time.monotonic(), machine.versions()
    with _out_of_the_way():
        course = _Course(options)
        results = tuple(course.scenario(named) for named in chosen)
    return Run(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        minutes=round((time.monotonic() - begun) / 60, 1),
        quick=options.quick,
        mock=options.mock,
        machine=machine.describe(),
        versions=machine.between(versions, machine.versions()),
        scenarios=results,
    )


@contextlib.contextmanager
def _out_of_the_way() -> Iterator[None]:
    """This process itself stays off the core of those it measures."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, machine.assign_cores(1).load)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def turns(peers: Sequence[str], rounds: int) -> list[tuple[int, str]]:
    """Who is measured in which round: the yardstick stands on both sides of every other peer that costs CPU."""
    others = [peer for peer in peers if peer != YARDSTICK]
    if YARDSTICK not in peers:
        return [(turn, peer) for turn in range(rounds) for peer in others]
    order = [(0, YARDSTICK)]
    for turn in range(rounds):
        for peer in others:
            order.append((turn, peer))
            if peer != "direct":
                order.append((turn, YARDSTICK))
    return order if others else [(turn, YARDSTICK) for turn in range(rounds)]


class _Course:
    """The scenarios of one run; what they share is how much patience is left."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._patience = Patience(0 if options.quick else REPEATS)

    def scenario(self, named: Named) -> ScenarioResult:
        """Starts the mock and the peers, measures them and ends them."""
        scenario = shortened(named.scenario) if self._options.quick else named.scenario
        _say(f"{named.name}: {scenario.title}")
        cores = machine.assign_cores(scenario.workers, together=scenario.together)
        in_turn = self._one_by_one if isinstance(scenario, _ALONE) else self._side_by_side
        if isinstance(scenario, Beside):
            in_turn = self._with_and_without
        with _directory() as directory, self._stage(scenario, cores, directory) as stage:
            measurements = tuple(in_turn(scenario, stage))
        return ScenarioResult(name=named.name, scenario=scenario, cores=cores, measurements=measurements)

    def _stage(self, scenario: Scenario, cores: Cores, directory: Path) -> AbstractContextManager[Stage]:
        mock, workers = self._options.mock, scenario.workers
        return staged(mock, cores=cores, directory=directory, workers=workers, scenario=scenario)

    def _peers(self, scenario: Scenario) -> list[str]:
        return [peer for peer in scenario.peers if peer in self._options.peers]

    def _side_by_side(self, scenario: Scenario, stage: Stage) -> Iterator[Measurement]:
        names = self._peers(scenario)
        with contextlib.ExitStack() as stack:
            started = {name: stack.enter_context(PEERS[name](stage)) for name in names}
            for turn, name in turns(names, scenario.rounds):
                yield self._measured(scenario, started[name], stage, name=name, turn=turn)

    def _one_by_one(self, scenario: Scenario, stage: Stage) -> Iterator[Measurement]:
        for turn in range(scenario.rounds):
            for name in self._peers(scenario):
                with PEERS[name](stage) as peer:
                    yield self._measured(scenario, peer, stage, name=name, turn=turn)

    def _with_and_without(self, scenario: Scenario, stage: Stage) -> Iterator[Measurement]:
        """The same gateway in all rounds, every other time the other way round: what a machine does for minutes, and
        what one start of a gateway has that another has not, is in both."""
        names = self._peers(scenario)
        with with_records(stage) as peer:
            for turn in range(scenario.rounds):
                for name in reversed(names) if turn % 2 else names:
                    with looked_at(stage, peer) if name == "beside-pages" else contextlib.nullcontext():
                        yield self._measured(scenario, peer, stage, name=name, turn=turn)

    def _measured(self, scenario: Scenario, peer: Peer, stage: Stage, *, name: str, turn: int) -> Measurement:
        measurement = measure(scenario, peer, stage, name=name, turn=turn, patience=self._patience)
        # What is told of each of many pages is for the report.
        told = {figure: value for figure, value in measurement.figures.items() if "." not in figure}
        figures = "  ".join(f"{figure} {value:.4g}" for figure, value in told.items())
        _say(f"  {turn} {name:8} {figures}  {'; '.join(measurement.remarks)}")
        return measurement


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        yield Path(directory)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
