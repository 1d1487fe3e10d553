"""A run: scenarios one after the other, in each the peers in turn, nginx before and after every one of them."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.measure import measure
from benchmarks.peers import PEERS, Peer
from benchmarks.places import WORK
from benchmarks.results import Measurement, Run, ScenarioResult
from benchmarks.scenarios import Memory, Named, Scenario, Stalled, Start, shortened
from benchmarks.stage import MockName, Stage, staged

YARDSTICK = "nginx"
_ALONE = (Memory, Stalled, Start)
"""Kinds in which a peer is started anew for each measurement, with no other beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    peers: tuple[str, ...]
    quick: bool = False
    mock: MockName = "native"


def run(chosen: Sequence[Named], options: Options) -> Run:
    """Measures everything. Raises `BenchmarkError`; every process it started has ended by then."""
    begun = time.monotonic()
    with _out_of_the_way():
        results = tuple(_scenario(named, options) for named in chosen)
    return Run(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        minutes=round((time.monotonic() - begun) / 60, 1),
        quick=options.quick,
        mock=options.mock,
        machine=machine.describe(),
        versions=machine.versions(),
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


def _scenario(named: Named, options: Options) -> ScenarioResult:
    scenario = shortened(named.scenario) if options.quick else named.scenario
    named = Named(named.name, scenario)
    _say(f"{named.name}: {scenario.title}")
    peers = [peer for peer in scenario.peers if peer in options.peers]
    cores = machine.assign_cores(scenario.workers)
    with _directory() as directory, _stage(scenario, options, cores, directory) as stage:
        alone = isinstance(scenario, _ALONE)
        measurements = tuple((_one_by_one if alone else _side_by_side)(named, peers, stage))
    return ScenarioResult(name=named.name, scenario=scenario, cores=cores, measurements=measurements)


def _stage(
    scenario: Scenario, options: Options, cores: machine.Cores, directory: Path
) -> contextlib.AbstractContextManager[Stage]:
    return staged(options.mock, cores=cores, directory=directory, workers=scenario.workers, policies=scenario.policies)


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        yield Path(directory)


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


def _side_by_side(named: Named, peers: Sequence[str], stage: Stage) -> Iterator[Measurement]:
    with contextlib.ExitStack() as stack:
        started = {name: stack.enter_context(PEERS[name](stage)) for name in peers}
        for turn, name in turns(peers, named.scenario.rounds):
            yield _measured(named, started[name], stage, name=name, turn=turn)


def _one_by_one(named: Named, peers: Sequence[str], stage: Stage) -> Iterator[Measurement]:
    for turn in range(named.scenario.rounds):
        for name in peers:
            with PEERS[name](stage) as peer:
                yield _measured(named, peer, stage, name=name, turn=turn)


def _measured(named: Named, peer: Peer, stage: Stage, *, name: str, turn: int) -> Measurement:
    measurement = measure(named, peer, stage, name=name, turn=turn)
    figures = "  ".join(f"{figure} {value:.4g}" for figure, value in measurement.figures.items())
    _say(f"  {turn} {name:8} {figures}  {'; '.join(measurement.remarks)}")
    return measurement


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
