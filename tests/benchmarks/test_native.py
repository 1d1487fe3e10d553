"""The C programs against each other: what one says it served is what the other counted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import native
from benchmarks.errors import BenchmarkError
from benchmarks.load import Outcome, Plan, drive
from benchmarks.machine import assign_cores
from benchmarks.places import NATIVE
from benchmarks.stage import MODEL, UPSTREAM_KEY, Stage, request_bytes, staged

pytestmark = pytest.mark.needs("cc")
CORES = assign_cores(1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged("native", cores=CORES, directory=tmp_path, workers=1) as stage:
        yield stage


def load(
    stage: Stage, wish: str = "", *, key: str = UPSTREAM_KEY, prompt_bytes: int = 100, **options: object
) -> Outcome:
    request = request_bytes(stage.upstream, key=key, model=MODEL + wish, stream=bool(wish), prompt_bytes=prompt_bytes)
    plan = Plan(address=stage.upstream, request=request, mode="stream" if wish else "plain", **options)  # type: ignore[arg-type]  # numbers of a test
    return drive(plan, lambda: None, cores=CORES.load).outcome


def served(stage: Stage) -> dict[str, int]:
    stage.mock.terminate()
    assert stage.mock.stdout is not None
    counts: dict[str, int] = json.loads(stage.mock.stdout.readline())
    return counts


def test_every_plain_request_is_counted_once(stage: Stage) -> None:
    outcome = load(stage, requests=1000, connections=7)

    assert (outcome.requests, outcome.latency_us.count, sum(outcome.errors.values())) == (1000, 1000, 0)
    assert served(stage)["requests"] == 1000


def test_every_chunk_of_a_burst_is_counted_once(stage: Stage) -> None:
    outcome = load(stage, ";chunks=64;size=20", requests=100, connections=8, chunks=64)

    assert (outcome.requests, outcome.chunks, outcome.first_us.count) == (100, 6400, 100)
    assert sum(outcome.errors.values()) == 0
    assert served(stage) == {"requests": 100, "streams": 100, "chunks": 6400, "refused": 0}


def test_paced_chunks_keep_their_pace_and_carry_their_clock(stage: Stage) -> None:
    outcome = load(stage, ";chunks=10;size=20;pace=5ms;stamp", requests=40, connections=20, chunks=10)

    assert (outcome.requests, outcome.chunks, outcome.delay_us.count) == (40, 400, 400)
    assert outcome.latency_us.p50 > 40e3
    assert outcome.delay_us.p50 < outcome.latency_us.p50


def test_large_answers_are_taken_as_the_socket_takes_them(stage: Stage) -> None:
    outcome = load(stage, ";chunks=3000;size=4096", requests=4, connections=2, chunks=3000)

    assert (outcome.requests, outcome.chunks, sum(outcome.errors.values())) == (4, 12000, 0)
    assert outcome.bytes > 4 * 3000 * 4096


def test_large_prompts_arrive_whole(stage: Stage) -> None:
    outcome = load(stage, requests=50, connections=3, prompt_bytes=1 << 20)

    assert (outcome.requests, sum(outcome.errors.values())) == (50, 0)


def test_a_stream_of_another_length_is_an_error(stage: Stage) -> None:
    outcome = load(stage, ";chunks=10", requests=5, chunks=11)

    assert (outcome.requests, outcome.errors["short"]) == (0, 5)
    assert outcome.first_error == "short: 10 chunks, 11 expected"


def test_a_refusal_is_an_error_not_an_answer(stage: Stage) -> None:
    outcome = load(stage, key="sk-another", requests=5)

    assert (outcome.requests, outcome.errors["status"]) == (0, 5)
    assert "401" in outcome.first_error


def test_a_timed_run_tells_when_its_window_opens_and_closes(stage: Stage) -> None:
    request = request_bytes(stage.upstream, key=UPSTREAM_KEY, model=MODEL, stream=False, prompt_bytes=100)
    calls = iter(("begin", "end"))
    plan = Plan(address=stage.upstream, request=request, connections=4, warmup_seconds=0.05, seconds=0.2)

    measured = drive(plan, lambda: next(calls), cores=CORES.load)

    assert (measured.begin, measured.end) == ("begin", "end")
    assert measured.outcome.window_seconds == pytest.approx(0.2, rel=0.5)
    assert measured.outcome.requests > 0


def test_nobody_to_talk_to_ends_with_a_reason() -> None:
    request = request_bytes("127.0.0.1:1", key="", model=MODEL, stream=False, prompt_bytes=1)

    with pytest.raises(BenchmarkError, match="more than 1000 errors; the first one was connect"):
        drive(Plan(address="127.0.0.1:1", request=request), lambda: None, cores=CORES.load)


def test_the_programs_compile_without_a_warning(tmp_path: Path) -> None:
    for source in NATIVE.glob("*.c"):
        command = ["cc", *native.OPTIONS, "-Werror", "-o", str(tmp_path / source.stem), str(source)]
        subprocess.run(command, check=True)


def test_a_machine_without_compiler_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "BUILD", tmp_path)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BenchmarkError, match="no C compiler found"):
        native.program("load")
