"""The load generator as Python sees it: options in, figures out, and two instants at which clocks are read."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from benchmarks import native
from benchmarks.dialects import DIALECTS
from benchmarks.errors import BenchmarkError
from benchmarks.processes import Process, running, spawn

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the generator is told. It runs for `seconds` after ramp and warm-up, or until `requests` are answered."""

    address: str
    request: bytes
    mode: Literal["plain", "stream", "stall"] = "plain"
    connections: int = 1
    seconds: float = 1.0
    ramp_seconds: float = 0.0
    warmup_seconds: float = 0.0
    requests: int = 0
    chunks: int = 0
    """Chunks expected in each stream; another number is an error. 0: any."""
    content: str = DIALECTS["openai_chat"].content
    end: str = DIALECTS["openai_chat"].end
    """Marks of a chunk and of a stream's end, as `Dialect` has them."""


class Histogram(Struct, frozen=True, forbid_unknown_fields=True):
    """Microseconds."""

    count: int
    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """What happened between the two instants."""

    window_seconds: float
    requests: int
    chunks: int
    comments: int
    bytes: int
    stalled: int
    cpu_seconds: float
    errors: dict[str, int]
    first_error: str
    latency_us: Histogram
    first_us: Histogram
    delay_us: Histogram


@dataclass(frozen=True, slots=True)
class Measured(Generic[T]):
    """An outcome, and what the caller's clocks said when the window opened and when it closed."""

    outcome: Outcome
    begin: T
    end: T


def drive(plan: Plan, probe: Callable[[], T], *, cores: tuple[int, ...]) -> Measured[T]:
    """Runs the generator; `probe` is called as the window opens and as it closes. Raises `BenchmarkError`."""
    with tempfile.TemporaryDirectory() as directory:
        request, log = Path(directory, "request"), Path(directory, "log")
        request.write_bytes(plan.request)
        process = spawn(_command(plan, request), cores=cores, output=subprocess.PIPE, log=log)
        with running(process):
            _expect(process, b"begin\n", log)
            begin = probe()
            _expect(process, b"end\n", log)
            end = probe()
            assert process.stdin is not None
            process.stdin.close()
            outcome = msgspec.json.decode(_line(process), type=Outcome)
    return Measured(outcome, begin, end)


def _command(plan: Plan, request: Path) -> list[str]:
    options: dict[str, object] = {
        "address": plan.address,
        "request": request,
        "mode": plan.mode,
        "connections": plan.connections,
        "seconds": plan.seconds,
        "ramp": plan.ramp_seconds,
        "warmup": plan.warmup_seconds,
        "requests": plan.requests,
        "chunks": plan.chunks,
        "content": plan.content,
        "end": plan.end,
    }
    return [str(native.program("load")), *(f"--{name}={value}" for name, value in options.items())]


def _line(process: Process) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def _expect(process: Process, line: bytes, log: Path) -> None:
    if _line(process) != line:
        raise BenchmarkError(log.read_text(errors="replace").strip() or "the load generator ended without a word")
