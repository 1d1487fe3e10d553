"""A small run as a result file holds it: known figures, so that what is made of them can be foretold."""

from __future__ import annotations

from benchmarks.machine import Cores, Machine
from benchmarks.results import Measurement, Run, ScenarioResult
from benchmarks.scenarios import Beside, Plain, Start, Streams

CORES = Cores(peer=(0,), mock=(1,), load=(1,))
MACHINE = Machine(cpu="Example CPU (R) 9000", cores=2, memory_mib=8192, kernel="6.1.0")
VERSIONS = {"gateway": "0.1.0", "python": "3.11.7", "nginx": "1.22.1", "granian": "2.8.7"}


def measurement(peer: str, turn: int, **figures: float) -> Measurement:
    return Measurement(peer=peer, round=turn, figures=figures)


def plain(ours: float = 60.0) -> ScenarioResult:
    """nginx drifts from 10 to 20 µs a request while the gateway takes `ours` in the first round, twice that after."""
    return ScenarioResult(
        name="plain32",
        scenario=Plain(
            title="Plain answers",
            order=1,
            peers=("gateway", "nginx", "direct", "naive"),
            rounds=2,
            connections=32,
            seconds=1.0,
        ),
        cores=CORES,
        measurements=(
            measurement("nginx", 0, cpu_us_per_request=10.0),
            measurement("gateway", 0, cpu_us_per_request=ours, latency_p50_ms=3.0),
            measurement("nginx", 0, cpu_us_per_request=14.0),
            measurement("direct", 0, latency_p50_ms=1.0),
            measurement("naive", 0, cpu_us_per_request=1800.0),
            measurement("nginx", 0, cpu_us_per_request=20.0),
            measurement("gateway", 1, cpu_us_per_request=2 * ours, latency_p50_ms=4.5),
            measurement("nginx", 1, cpu_us_per_request=20.0),
            measurement("direct", 1, latency_p50_ms=1.5),
        ),
    )


def start(seconds: float) -> ScenarioResult:
    return ScenarioResult(
        name="start",
        scenario=Start(title="Start", order=2, peers=("gateway",), rounds=1),
        cores=CORES,
        measurements=(Measurement(peer="gateway", round=0, figures={"start_seconds": seconds}, remarks=("a remark",)),),
    )


def translated() -> ScenarioResult:
    """Clients of Gemini take 2 µs a chunk more than those who are passed through, then 3."""
    return ScenarioResult(
        name="translated",
        scenario=Streams(
            title="Translated streams",
            order=3,
            peers=("gateway", "nginx", "from-gemini"),
            rounds=2,
            connections=8,
            seconds=1.0,
            chunks=200,
        ),
        cores=CORES,
        measurements=(
            measurement("gateway", 0, cpu_us_per_chunk=4.0),
            measurement("nginx", 0, cpu_us_per_chunk=1.0),
            measurement("from-gemini", 0, cpu_us_per_chunk=6.0),
            measurement("gateway", 1, cpu_us_per_chunk=5.0),
            measurement("from-gemini", 1, cpu_us_per_chunk=8.0),
        ),
    )


def beside() -> ScenarioResult:
    """A page takes nothing from streams in the first round, and doubles their delays in the second."""
    return ScenarioResult(
        name="pages_beside",
        scenario=Beside(
            title="Beside",
            order=4,
            peers=("with-records", "beside-pages"),
            rounds=3,
            connections=8,
            seconds=1.0,
            chunks=100,
            requests=1000,
            days=3.0,
            page="/",
        ),
        cores=CORES,
        measurements=(
            measurement("with-records", 0, delay_p99_ms=4.0, first_p99_ms=0.0),
            measurement("beside-pages", 0, delay_p99_ms=4.0, first_p99_ms=3.0),
            measurement("with-records", 1, delay_p99_ms=5.0),
            measurement("beside-pages", 1, delay_p99_ms=10.0),
            measurement("beside-pages", 2, delay_p99_ms=10.0),
        ),
    )


def a_run(*, ours: float = 60.0, seconds: float = 2.2, machine: Machine = MACHINE) -> Run:
    return Run(
        date="2026-01-02T03:04:05+00:00",
        minutes=1.5,
        quick=False,
        mock="native",
        machine=machine,
        versions=VERSIONS,
        scenarios=(plain(ours), start(seconds), translated()),
    )
