"""Whole small runs, with no relay and with nginx: nothing stays behind, and every figure has its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import seeded
from benchmarks.run import Options, run, turns
from benchmarks.scenarios import Beside, Memory, Named, Pages, Plain, Scenario, Stalled, Start, Streams


def test_nginx_stands_on_both_sides_of_every_relay() -> None:
    assert turns(("gateway", "nginx", "direct", "naive"), 2) == [
        (0, "nginx"),
        (0, "gateway"), (0, "nginx"), (0, "direct"), (0, "naive"), (0, "nginx"),
        (1, "gateway"), (1, "nginx"), (1, "direct"), (1, "naive"), (1, "nginx"),
    ]  # fmt: skip


def test_nginx_alone_is_measured_once_a_round() -> None:
    assert turns(("nginx",), 2) == [(0, "nginx"), (1, "nginx")]


def test_without_nginx_the_others_take_turns() -> None:
    assert turns(("gateway", "direct"), 2) == [(0, "gateway"), (0, "direct"), (1, "gateway"), (1, "direct")]


PLAIN = {
    "requests_per_second", "latency_p50_ms", "latency_p99_ms", "rig_use", "mock_cpu_us_per_request",
    "load_cpu_us_per_request", "others_use",
}  # fmt: skip
COST = {"cpu_us_per_request", "beside_cpu_us_per_request", "peer_use"}
PACED = {
    "chunks_per_second", "first_p50_ms", "first_p99_ms", "delay_p50_ms", "delay_p99_ms", "pace_kept", "rig_use",
    "cpu_us_per_chunk", "mock_cpu_us_per_chunk", "load_cpu_us_per_chunk", "peer_use",
    "others_use", "beside_cpu_us_per_chunk",
}  # fmt: skip
NGINX: dict[str, Scenario] = {
    "plain": Plain(title="", order=0, peers=("nginx",), connections=4, seconds=0.2, warmup_seconds=0.05),
    "paced": Streams(title="", order=0, peers=("nginx",), connections=4, seconds=0.3, chunks=10, pace_ms=10),
    "memory": Memory(title="", order=0, peers=("nginx",), connections=4, seconds=0.1, chunks=60, pace_ms=1000),
    "stalled": Stalled(title="", order=0, peers=("nginx",), connections=2, seconds=0.1, chunks=65536, size=1024),
    "start": Start(title="", order=0, peers=("nginx",)),
}
FIGURES = {
    "plain": PLAIN | COST,
    "paced": PACED,
    "memory": {"rest_mib_per_worker", "rest_mib", "stream_kib"},
    "stalled": {"stalled_kib"},
    "start": {"start_seconds", "start_cpu_seconds"},
}


@pytest.mark.needs("cc", "nginx")
@pytest.mark.parametrize("kind", NGINX)
def test_every_kind_of_scenario_yields_its_figures(kind: str) -> None:
    before = os.sched_getaffinity(0)

    found = run([Named(kind, NGINX[kind])], Options(peers=("nginx",), quick=True))

    (measurement,) = found.scenarios[0].measurements
    assert measurement.figures.keys() == FIGURES[kind]
    assert not [remark for remark in measurement.remarks if "error" in remark]
    assert os.sched_getaffinity(0) == before


@pytest.mark.slow
@pytest.mark.needs("cc")
def test_pages_are_loaded_while_records_come_in_and_beside_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded, "WORK", tmp_path)
    pages = Pages(
        title="", order=0, peers=("with-records",), requests=500, days=1.0, loads=2, records_per_second=50,
        pages={"Overview": "/", "Of a key": "/?key={key}", "Nothing": "/nothing/{id}"},
    )  # fmt: skip
    beside = Beside(
        title="", order=0, peers=("beside-pages",), connections=4, seconds=0.3, chunks=10, pace_ms=10,
        requests=500, days=1.0, page="/",
    )  # fmt: skip

    found = run(
        [Named("pages", pages), Named("beside", beside)], Options(peers=("with-records", "beside-pages"), quick=True)
    )

    (shown, *_), (streamed, *_) = (result.measurements for result in found.scenarios)
    assert shown.figures["Overview.requests"] >= 1
    assert shown.figures["Of a key.p95_ms"] > 0
    assert shown.figures["taken_per_second"] > 0
    assert not [figure for figure in shown.figures if figure.startswith("Nothing")]
    assert [remark for remark in shown.remarks if remark.endswith("was answered 404")]
    assert streamed.figures.keys() == PACED


@pytest.mark.needs("cc")
def test_the_mock_itself_has_no_cost_of_a_relay() -> None:
    scenario = Plain(title="", order=0, peers=("direct",), rounds=2, connections=2, seconds=0.1, warmup_seconds=0.05)

    found = run([Named("plain", scenario)], Options(peers=("direct",)))

    assert [set(measurement.figures) for measurement in found.scenarios[0].measurements] == [PLAIN, PLAIN]
