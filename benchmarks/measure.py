"""One peer, one scenario, one measurement: load on, clocks read twice, figures out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.dialects import DIALECTS
from benchmarks.errors import BenchmarkError
from benchmarks.load import Histogram, Measured, Outcome, Plan, drive
from benchmarks.pages import Browser, Visit, filled
from benchmarks.pages import figures as page_figures
from benchmarks.peers import Peer
from benchmarks.processes import running, spawn
from benchmarks.results import Measurement
from benchmarks.scenarios import Beside, Memory, Pages, Plain, Scenario, Stalled, Start, Streams, Timed, wish
from benchmarks.stage import Stage
from gateway.operator import NotAnswered, ask

Figures = dict[str, float]

CALM_SECONDS = 0.2
"""Between two measurements, so that closing connections of the one are not work in the other."""
REST_SECONDS = 1.0
"""After the first answer, before memory at rest is read."""
CONTROL_SECONDS = 30.0
"""How long the control process may take to come up."""
TAKING_SECONDS = 3.0
"""Records are taken some of them at a time, about once a second: a shorter time tells nothing of how many."""
BUSY_NEIGHBOUR = 0.10
"""Share of a core in use by others from which a measurement says so."""
DISTURBED = 0.25
"""Share of a core in use by others from which a measurement is made again, as long as patience lasts."""
ATTEMPTS = 3
RIG_LIMIT = 0.95


@dataclass(frozen=True, slots=True)
class Reading:
    """All clocks at one instant, seconds; memory of the peer's workers in KiB, where it was asked for."""

    at: float
    peer: float
    workers: float
    mock: float
    peer_cores: float
    rig_cores: float
    memory: int


@dataclass(slots=True)
class Patience:
    """How often in a run a disturbed measurement may still be made again."""

    left: int = 0

    def allows(self, attempts: list[Measurement]) -> bool:
        """Whether one more attempt is worth it, which is then counted."""
        if not attempts:
            return True
        if self.left <= 0 or len(attempts) >= ATTEMPTS or _disturbance(attempts[-1]) < DISTURBED:
            return False
        self.left -= 1
        return True


def measure(scenario: Scenario, peer: Peer, stage: Stage, *, name: str, turn: int, patience: Patience) -> Measurement:
    """One measurement of the peer called `name` in round `turn`: of its attempts the one that was disturbed least."""
    attempts: list[Measurement] = []
    while patience.allows(attempts):
        figures, remarks = _KINDS[type(scenario)](scenario, peer, stage)
        time.sleep(CALM_SECONDS)
        attempts.append(Measurement(peer=name, round=turn, figures=figures, remarks=remarks))
    return min(attempts, key=_disturbance)


def _disturbance(measurement: Measurement) -> float:
    return measurement.figures.get("others_use", 0.0)


def _read_clocks(peer: Peer, stage: Stage, *, memory: bool = False) -> Reading:
    return Reading(
        at=time.monotonic(),
        peer=processes.cpu_seconds(peer.pid) if peer.pid else 0.0,
        workers=sum(map(processes.cpu_seconds, peer.workers())) if peer.pid else 0.0,
        mock=processes.cpu_seconds(stage.mock.pid),
        peer_cores=_busy(stage.cores.peer),
        rig_cores=_busy(stage.cores.rig),
        memory=_memory_of(peer.workers()) if memory else 0,
    )


def _memory_of(pids: list[int]) -> int:
    return sum(map(processes.pss_kib, pids))


def _busy(cores: tuple[int, ...]) -> float:
    return sum(map(processes.busy_seconds, cores))


def _plan(scenario: Timed, peer: Peer) -> Plan:
    stream = isinstance(scenario, Streams)
    dialect = DIALECTS[peer.dialect]
    return Plan(
        address=peer.address,
        request=peer.request(wish(scenario), stream=stream, prompt_bytes=scenario.prompt_bytes),
        mode="stall" if isinstance(scenario, Stalled) else "stream" if stream else "plain",
        connections=scenario.connections,
        seconds=scenario.seconds,
        ramp_seconds=scenario.ramp_seconds,
        warmup_seconds=scenario.warmup_seconds,
        chunks=scenario.chunks if isinstance(scenario, Streams) else 0,
        content=dialect.content,
        end=dialect.end,
    )


def _plain(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Plain)
    measured = drive(_plan(scenario, peer), lambda: _read_clocks(peer, stage), cores=stage.cores.load)
    outcome = measured.outcome
    per_second = outcome.requests / outcome.window_seconds
    figures = {"requests_per_second": per_second}
    figures |= _cpu_figures(measured, unit="request", per_second=per_second)
    figures |= {"others_use": _others(measured, stage, peer)} | _milliseconds("latency", outcome.latency_us)
    return figures, _remarks(figures, outcome, stage)


def _streams(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Streams)
    measured = drive(_plan(scenario, peer), lambda: _read_clocks(peer, stage), cores=stage.cores.load)
    outcome = measured.outcome
    per_second = outcome.chunks / outcome.window_seconds
    figures = {"chunks_per_second": per_second}
    figures |= _cpu_figures(measured, unit="chunk", per_second=per_second)
    figures |= {"others_use": _others(measured, stage, peer)} | _milliseconds("first", outcome.first_us)
    remarks = _remarks(figures, outcome, stage)
    if scenario.pace_ms:
        figures |= _milliseconds("delay", outcome.delay_us)
        figures["pace_kept"] = per_second / _asked_pace(scenario)
        if figures["pace_kept"] < 0.98:
            remarks += (f"only {figures['pace_kept']:.0%} of the pace was kept",)
    return figures, remarks


def _memory(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Memory)
    time.sleep(REST_SECONDS)
    workers = peer.workers()
    figures = {
        "rest_mib_per_worker": _memory_of(workers) / len(workers) / 1024,
        "rest_mib": _memory_of(processes.tree(peer.pid)) / 1024,
    }
    grown, measured = _growth(scenario, peer, stage)
    return figures | {"stream_kib": grown}, _errors(measured.outcome)


def _stalled(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Stalled)
    grown, measured = _growth(scenario, peer, stage)
    remarks = _errors(measured.outcome)
    if measured.outcome.stalled < scenario.connections:
        remarks += (f"only {measured.outcome.stalled} of {scenario.connections} clients got a first chunk",)
    return {"stalled_kib": grown}, remarks


def _start(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Start)
    cpu = _read_clocks(peer, stage).peer
    return {"start_seconds": peer.start_seconds, "start_cpu_seconds": cpu}, ()


def _pages(scenario: Scenario, peer: Peer, stage: Stage) -> tuple[Figures, tuple[str, ...]]:
    assert isinstance(scenario, Pages)
    assert peer.data_dir is not None
    places, browser = _places(peer.data_dir), Browser(peer.address)
    command = [sys.executable, "-m", "benchmarks.recording", str(peer.data_dir / "spool")]
    figures: Figures = {}
    remarks: list[str] = []
    with running(spawn([*command, str(scenario.records_per_second)], cores=stage.cores.load)):
        time.sleep(REST_SECONDS)
        before, begun = _taken(peer.data_dir), time.monotonic()
        visits: dict[str, list[Visit]] = {name: [] for name in scenario.pages}
        # In turn: whoever asks for the same again at once gets an answer that is kept.
        for name, path in [*scenario.pages.items()] * scenario.loads:
            try:
                visits[name].append(browser.load(filled(path, places)))
            except BenchmarkError as error:
                remarks.append(str(error))
        for name in filter(visits.get, visits):
            figures |= {f"{name}.{figure}": value for figure, value in page_figures(visits[name]).items()}
        time.sleep(max(0.0, begun + TAKING_SECONDS - time.monotonic()))
        figures["taken_per_second"] = (_taken(peer.data_dir) - before) / (time.monotonic() - begun)
    browser.close()
    if figures["taken_per_second"] < 0.9 * scenario.records_per_second:
        remarks.append(f"only {figures['taken_per_second']:,.0f} records a second were taken")
    return figures, tuple(dict.fromkeys(remarks))


def _places(data_dir: Path) -> dict[str, str]:
    """What stands in addresses of pages: a request of the last day, and the key that is asked with most."""
    row = _asked(data_dir, "/api/usage", last="24h", limit=1)["rows"][0]
    (busiest,) = _asked(data_dir, "/api/keys", search="search-service")["items"]
    return {"id": row["id"], "key": f"key:{busiest['id']}"}


def _taken(data_dir: Path) -> int:
    """Records taken by now."""
    return int(_asked(data_dir, "/api/health")["records_taken"])


def _asked(data_dir: Path, path: str, **question: str | int) -> Any:
    """What the control process says, which may come up later than the workers. Raises `BenchmarkError`."""
    deadline = time.monotonic() + CONTROL_SECONDS
    while True:
        try:
            return ask(data_dir, path, question)
        except NotAnswered as error:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{path}: {error}") from error
            time.sleep(CALM_SECONDS)


_KINDS: dict[type, Callable[[Scenario, Peer, Stage], tuple[Figures, tuple[str, ...]]]] = {
    Plain: _plain,
    Streams: _streams,
    Memory: _memory,
    Stalled: _stalled,
    Start: _start,
    Pages: _pages,
    Beside: _streams,
}


def _growth(scenario: Streams, peer: Peer, stage: Stage) -> tuple[float, Measured[Reading]]:
    """KiB by which the peer's workers grow for each connection of the scenario, from a state that has seen traffic."""
    warm = Plan(address=peer.address, request=peer.request("", stream=False), connections=32, requests=1000)
    drive(warm, lambda: None, cores=stage.cores.load)
    time.sleep(CALM_SECONDS)
    before = _read_clocks(peer, stage, memory=True)
    measured = drive(_plan(scenario, peer), lambda: _read_clocks(peer, stage, memory=True), cores=stage.cores.load)
    return (measured.end.memory - before.memory) / scenario.connections, measured


def _asked_pace(scenario: Streams) -> float:
    """Chunks a second that the mock sends: a stream of N chunks has N - 1 pauses, and then the next one begins."""
    return scenario.connections * scenario.chunks / ((scenario.chunks - 1) * scenario.pace_ms / 1000)


def _cpu_figures(measured: Measured[Reading], *, unit: str, per_second: float) -> Figures:
    """Rates are divided, not sums: the clocks are read a moment after the generator opens and closes its window."""
    outcome, begin, end = measured.outcome, measured.begin, measured.end
    seconds = end.at - begin.at
    peer, mock = (end.peer - begin.peer) / seconds, (end.mock - begin.mock) / seconds
    load = outcome.cpu_seconds / outcome.window_seconds
    microseconds = 1e6 / per_second if per_second else 0.0
    figures = {f"mock_cpu_us_per_{unit}": mock * microseconds, f"load_cpu_us_per_{unit}": load * microseconds}
    if end.peer:
        beside = peer - (end.workers - begin.workers) / seconds
        figures |= {f"cpu_us_per_{unit}": peer * microseconds, f"beside_cpu_us_per_{unit}": beside * microseconds}
        figures |= {"peer_use": peer}
    return figures | {"rig_use": mock + load}


def _milliseconds(name: str, histogram: Histogram) -> Figures:
    if not histogram.count:
        return {}
    return {f"{name}_p50_ms": histogram.p50 / 1000, f"{name}_p99_ms": histogram.p99 / 1000}


def _errors(outcome: Outcome) -> tuple[str, ...]:
    count = sum(outcome.errors.values())
    return (f"{count} errors, the first one: {outcome.first_error}",) if count else ()


def _others(measured: Measured[Reading], stage: Stage, peer: Peer) -> float:
    """How much of a core others used: of the peer's or of the rig's, whichever was disturbed more; where these are the
    same cores, of them."""
    begin, end = measured.begin, measured.end
    seconds = end.at - begin.at
    load = measured.outcome.cpu_seconds / measured.outcome.window_seconds
    if stage.cores.peer == stage.cores.rig:
        ours = (end.mock - begin.mock + end.peer - begin.peer) / seconds + load
        return max(0.0, ((end.rig_cores - begin.rig_cores) / seconds - ours) / len(stage.cores.rig))
    rig = (end.rig_cores - begin.rig_cores - (end.mock - begin.mock)) / seconds - load
    relay = (end.peer_cores - begin.peer_cores - (end.peer - begin.peer)) / seconds
    return max(0.0, rig / len(stage.cores.rig), relay / len(stage.cores.peer) if peer.pid else 0.0)


def _remarks(figures: Figures, outcome: Outcome, stage: Stage) -> tuple[str, ...]:
    remarks = _errors(outcome)
    if figures["others_use"] > BUSY_NEIGHBOUR:
        remarks += (f"others used {figures['others_use']:.0%} of a core",)
    if "peer_use" in figures and figures["rig_use"] > RIG_LIMIT * len(stage.cores.rig):
        remarks += ("mock and load were at their limit: the peer could have done more",)
    return remarks
