"""The gateway for a long time at half of what it can do, and whether it is the same afterwards.

`python -m benchmarks soak --minutes 30` looks at every process again and again, and says what grew, by the hour. A
figure of a few minutes says little: caches fill, allocators settle. What is left out at the beginning is said, and how
exact a figure is.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import inf, sqrt
from pathlib import Path
from statistics import fmean, median

from benchmarks import machine
from benchmarks.mixture import CLIENTS, KINDS, NAMES, Mixture
from benchmarks.peers import SOAKED_MEMORY, Peer, soaked
from benchmarks.processes import command_line, cpu_seconds, tree
from benchmarks.stage import staged
from gateway.operator import NotAnswered, ask

MIB = 1 << 20
HOUR = 3600.0

BUSY = 0.5
"""Of a processor: what the worker is to use."""
FIRST_RATE, MOST_RATE = 100.0, 3000.0
"""Requests a second."""

WARM_UP = 1 / 3
"""Part of the time at the beginning that is not looked at."""

WINDOWS = 12
"""Pieces of the rest, of each of which the least memory counts. What is not given back is in all that comes after it;
what a process holds while it answers something large is not, and would hide in a line through every look what grows by
less than that."""

SAMPLES = 240
"""Over the whole time; never closer together than a second."""

VIEWERS = 4
"""Of what happens at this moment."""

STORED = 6_000_000
"""Requests that are in the store when it begins: so many that what is read of them is more than DuckDB may keep in
memory. With fewer it would keep more and more of them while the store grows, which is no growth that does not end."""
READ_EVERY_SECONDS = 2.0
READS: tuple[tuple[str, Mapping[str, str | int]], ...] = (
    ("/api/usage", {"last": "24h", "limit": 100}),
    ("/api/usage/days", {}),
    ("/api/usage/latency", {}),
    ("/api/usage", {"last": "30d", "limit": 100}),
)
"""What somebody asks of the store meanwhile, in turn."""

GROWTH_MIB = 1.0
"""Most memory by which a process may grow in an hour."""
MOST_METRICS = 200_000
"""Bytes."""
MORE_DESCRIPTORS = 2 * CLIENTS
"""That may be open at the end: each client has a connection, and one to its provider."""
MORE_THREADS = 4

PATIENCE_SECONDS = 10.0
IN_FLIGHT = re.compile(r"^sluicegate_requests_in_flight(?:\{[^}]*\})? ([\d.e+]+)$", re.MULTILINE)

CONTROL = "control process"
REST = "the same without what its store holds"
"""Of the control process: how much DuckDB keeps in memory goes up and down, up to what it may keep."""

ROLES = (("gateway.worker", "worker"), ("gateway.control", CONTROL), ("serve", "supervisor"))
"""What processes are called, by a part of their command."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process."""

    at: float
    rss: int
    descriptors: int
    threads: int


@dataclass
class Soaked:
    """Everything that was seen."""

    seconds: float
    requests: int = 0
    answered: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    viewers: int = 0
    stored: int = 0
    """Requests that were in the store at first."""
    reads: int = 0
    """How often it answered what was asked of it."""
    in_flight: int = 0
    """Requests that still ran when nobody asked any more."""
    busy: list[float] = field(default_factory=list)
    """Of a processor, used by the worker, in each interval."""
    metrics: list[int] = field(default_factory=list)
    """Bytes of /metrics."""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """By process."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of one process."""

    process: str
    first_mib: float
    last_mib: float
    """The least in the first and in the last window."""
    most_mib: float
    mib_an_hour: float
    """By the least of each window."""
    exact_to: float
    """MiB an hour: twice the standard error of that."""
    descriptors: int
    """More at the end than after the warm-up."""
    threads: int
    processes: int
    """How many there were of it, one after the other: more than one died."""


def soak(minutes: float, directory: Path, stored: int = STORED) -> Soaked:
    """Run it, with so many requests in the store. Raises `BenchmarkError` when something does not start."""
    cores = machine.assign_cores(1)
    with (
        staged("python", cores=cores, directory=directory, workers=1) as stage,
        soaked(stage, stored) as peer,
    ):
        return asyncio.run(_soak(peer, Soaked(minutes * 60, stored=stored)))


async def _soak(peer: Peer, seen: Soaked) -> Soaked:
    mixture = Mixture(peer.address, FIRST_RATE)
    tasks = [asyncio.create_task(mixture.run())]
    tasks += [asyncio.create_task(_view(peer, seen)) for _ in range(VIEWERS)]
    tasks.append(asyncio.create_task(_read(peer, seen)))
    try:
        await _look_on(peer, mixture, seen)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    seen.in_flight = await _in_flight(peer)
    seen.requests, seen.skipped = mixture.asked.total(), mixture.skipped
    seen.kinds, seen.answered = dict(mixture.asked), dict(sorted(mixture.answered.items()))
    return seen


async def _look_on(peer: Peer, mixture: Mixture, seen: Soaked) -> None:
    every = max(1.0, seen.seconds / SAMPLES)
    begun = time.monotonic()
    used, at = _used(peer), begun
    while time.monotonic() - begun < seen.seconds:
        await asyncio.sleep(every)
        used, before, at, then = _used(peer), used, time.monotonic(), at
        seen.busy.append(max(0.0, used - before) / (at - then))
        mixture.a_second = _adjusted(mixture.a_second, seen.busy[-1])
        for name, pid in _processes(peer.pid):
            with suppress(OSError):
                sample = _sample(pid, at - begun)
                seen.samples.setdefault(name, []).append(sample)
                if name.startswith(CONTROL) and (held := await asyncio.to_thread(_held, peer)) is not None:
                    rest = replace(sample, rss=sample.rss - held)
                    seen.samples.setdefault(f"{REST} {pid}", []).append(rest)
        seen.metrics.append(len(await asyncio.to_thread(_metrics, peer.address)))


def _adjusted(rate: float, busy: float) -> float:
    """The rate that comes nearer to what is wanted, a little at a time."""
    wanted = rate * BUSY / max(busy, 0.02)
    return min(MOST_RATE, max(10.0, rate + 0.3 * (min(wanted, 2 * rate) - rate)))


def _used(peer: Peer) -> float:
    return sum(map(cpu_seconds, peer.workers()))


def _processes(root: int) -> Iterator[tuple[str, int]]:
    for pid in tree(root):
        command = command_line(pid)
        for part, name in ROLES:
            if part in command:
                yield f"{name} {pid}", pid
                break


def _sample(pid: int, at: float) -> Sample:
    """Raises OSError where there is no such process any more."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    rss = pages * os.sysconf("SC_PAGE_SIZE")
    return Sample(at, rss, _entries(process / "fd"), _entries(process / "task"))


def _held(peer: Peer) -> int | None:
    """Bytes of memory that the analytics store's database holds, if anybody can say."""
    assert peer.data_dir is not None
    try:
        return int(ask(peer.data_dir, "/api/usage/storage", {})["memory_bytes"])
    except NotAnswered:
        return None


def _entries(directory: Path) -> int:
    return sum(1 for _ in directory.iterdir())


async def _in_flight(peer: Peer) -> int:
    """Requests that still run, once nobody asks any more; those that end by themselves have time for it."""
    running = 1
    for _ in range(round(PATIENCE_SECONDS)):
        text = (await asyncio.to_thread(_metrics, peer.address)).decode()
        running = sum(int(float(found)) for found in IN_FLIGHT.findall(text))
        if not running:
            break
        await asyncio.sleep(1.0)
    return running


def _metrics(address: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/metrics", timeout=30) as answer:
        body: bytes = answer.read()
        return body


async def _view(peer: Peer, seen: Soaked) -> None:
    """Watch what happens, as the dashboard does, as long as it can be watched."""
    assert peer.data_dir is not None
    run = peer.data_dir / "run"
    while True:
        await asyncio.sleep(1.0)
        with suppress(OSError):
            token = (run / "operator.token").read_text().strip()
            reader, writer = await asyncio.open_unix_connection(run / "control.sock")
            try:
                head = f"GET /api/live HTTP/1.1\r\nHost: x\r\nx-sluicegate-operator: {token}\r\n\r\n"
                writer.write(head.encode())
                if not (await reader.read(1 << 16)).startswith(b"HTTP/1.1 200"):
                    return
                seen.viewers += 1
                while await reader.read(1 << 16):
                    pass
            finally:
                writer.transport.abort()


async def _read(peer: Peer, seen: Soaked) -> None:
    """Ask the store, as pages do, one thing after the other."""
    assert peer.data_dir is not None
    for path, parameters in cycle(READS):
        await asyncio.sleep(READ_EVERY_SECONDS)
        with suppress(NotAnswered):  # which is seen by their number
            await asyncio.to_thread(ask, peer.data_dir, path, parameters)
            seen.reads += 1


# What is made of it


def lines(seen: Soaked) -> list[Line]:
    """A line for each kind of process: of several, of the one that was there longest."""
    found: dict[str, list[list[Sample]]] = {}
    for name, samples in seen.samples.items():
        found.setdefault(name.rpartition(" ")[0], []).append(samples)
    return [_line(name, seen.seconds, samples) for name, samples in found.items()]


def _line(name: str, seconds: float, processes: Sequence[list[Sample]]) -> Line:
    longest = max(processes, key=len)
    warm = [sample for sample in longest if sample.at >= WARM_UP * seconds] or longest
    lows = least(warm)
    growth = fitted(lows)
    quarter = max(1, len(warm) // 4)
    first, last = warm[:quarter], warm[-quarter:]
    return Line(
        process=name,
        first_mib=lows[0][1],
        last_mib=lows[-1][1],
        most_mib=max(sample.rss for sample in warm) / MIB,
        mib_an_hour=growth.slope * HOUR,
        exact_to=2 * growth.error * HOUR,
        descriptors=round(median(each.descriptors for each in last) - median(each.descriptors for each in first)),
        threads=round(median(each.threads for each in last) - median(each.threads for each in first)),
        processes=len(processes),
    )


def least(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """When a process had the least memory in each window, and how many MiB those were."""
    first, last = samples[0].at, samples[-1].at
    window = (last - first) / WINDOWS or 1.0
    found: dict[int, Sample] = {}
    for sample in samples:
        place = min(WINDOWS - 1, int((sample.at - first) / window))
        if place not in found or sample.rss < found[place].rss:
            found[place] = sample
    return [(sample.at, sample.rss / MIB) for sample in found.values()]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A line through points, by least squares: its slope and the standard error of that."""

    slope: float
    error: float


def fitted(points: Sequence[tuple[float, float]]) -> Fitted:
    """By how much the second grows with the first: not at all for less than three points, of which nothing is known."""
    if len(points) < 3:
        return Fitted(0.0, inf)
    middle_x, middle_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
    off = sum((y - middle_y - slope * (x - middle_x)) ** 2 for x, y in points)
    return Fitted(slope, sqrt(off / (len(points) - 2) / spread))


def verdicts(seen: Soaked) -> list[str]:
    """What is not as it should be."""
    wrong = []
    for line in lines(seen):
        if line.mib_an_hour > GROWTH_MIB:
            grows = f"{line.mib_an_hour:.1f} MiB an hour (± {line.exact_to:.1f}), of at most {GROWTH_MIB:g}"
            wrong.append(f"{line.process}: grows by {grows}")
        if line.descriptors > MORE_DESCRIPTORS:
            wrong.append(f"{line.process}: {line.descriptors} more descriptors")
        if line.threads > MORE_THREADS:
            wrong.append(f"{line.process}: {line.threads} more threads")
        if line.processes > 1:
            wrong.append(f"{line.process}: started {line.processes} times")
    if seen.in_flight:
        wrong.append(f"{seen.in_flight} requests never ended")
    if seen.metrics and max(seen.metrics) > MOST_METRICS:
        wrong.append(f"/metrics: {max(seen.metrics):,} bytes, of at most {MOST_METRICS:,}")
    return wrong


def render(seen: Soaked) -> str:
    """As Markdown, for docs/reliability.md."""
    rows = [
        f"| {line.process} | {line.first_mib:.1f} | {line.last_mib:.1f} | {line.most_mib:.1f} "
        f"| {line.mib_an_hour:+.2f} ± {line.exact_to:.2f} | {line.descriptors:+d} | {line.threads:+d} |"
        for line in lines(seen)
    ]
    head = "| | MiB after the warm-up | at the end | most | MiB an hour | descriptors | threads |"
    busy = fmean(seen.busy) if seen.busy else 0.0
    rate = seen.requests / seen.seconds
    described = machine.describe()
    return "\n".join((
        f"{seen.requests:,} requests in {seen.seconds / 60:.1f} minutes ({rate:,.0f} a second, the worker using "
        f"{busy:.0%} of a processor) on {described.cpu}, {described.cores} cores; the first {WARM_UP:.0%} are warm-up. "
        f"{NAMES:,} names of models that nobody has, {seen.viewers} viewers of what happens; {seen.stored:,} requests "
        f"in the store at first, which was asked {seen.reads:,} times and keeps at most {SOAKED_MEMORY} in memory. "
        f"Of each of {WINDOWS} pieces of the time after it the least memory counts.",
        "",
        head,
        "| --- | --: | --: | --: | --: | --: | --: |",
        *rows,
        "",
        f"- /metrics: {_range(seen.metrics)} bytes",
        f"- asked: {_told(seen.kinds, [kind.name for kind in KINDS])}",
        f"- answered: {_told(seen.answered, sorted(seen.answered))}; {seen.skipped:,} were due and not asked",
        *(f"- **{wrong}**" for wrong in verdicts(seen)),
    ))  # fmt: skip


def _range(values: Sequence[int]) -> str:
    return f"{values[0]:,} at first, {max(values):,} at most" if values else "no"


def _told(counts: dict[str, int], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {counts.get(name, 0):,}" for name in names)


def listed(seen: Soaked) -> str:
    """Every look at every process, as CSV: for whoever wants to see how it went, and not only how it ended."""
    rows = [
        f"{process},{each.at:.1f},{each.rss / MIB:.2f},{each.descriptors},{each.threads}"
        for process, samples in seen.samples.items()
        for each in samples
    ]
    return "\n".join(("process,seconds,rss_mib,descriptors,threads", *rows, ""))
