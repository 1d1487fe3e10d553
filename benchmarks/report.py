"""A run as Markdown: what was reached, every scenario, how and on what it was measured. Pure: a run in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks import targets
from benchmarks.results import Run, ScenarioResult
from benchmarks.scenarios import Beside, Memory, Pages, Plain, Stalled, Start, Streams, Timed
from benchmarks.summary import BARE, Spread, Way, look, peers


@dataclass(frozen=True, slots=True)
class Column:
    """A figure in a table."""

    title: str
    figure: str
    way: Way = "value"
    spread: bool = False


_LATENCY = (
    Column("p50 ms", "latency_p50_ms"),
    Column("p99 ms", "latency_p99_ms"),
    Column("added p50 ms", "latency_p50_ms", "added"),
    Column("added p99 ms", "latency_p99_ms", "added"),
)
_FIRST = (
    Column("first token p50 ms", "first_p50_ms"),
    Column("p99 ms", "first_p99_ms"),
    Column("added p50 ms", "first_p50_ms", "added"),
    Column("added p99 ms", "first_p99_ms", "added"),
)
_DELAY = (
    Column("chunk delay p50 ms", "delay_p50_ms"),
    Column("p99 ms", "delay_p99_ms"),
    Column("p99 x without the page", "delay_p99_ms", "beside", spread=True),
)
_USE = (Column("core used", "peer_use"), Column("mock and load, cores used", "rig_use"))

_STREAMS = (
    Column("chunks/s", "chunks_per_second"),
    Column("CPU µs/chunk", "cpu_us_per_chunk", spread=True),
    Column("of it not in workers", "beside_cpu_us_per_chunk"),
    Column("x nginx", "cpu_us_per_chunk", "ratio", spread=True),
    Column("µs above passing through", "cpu_us_per_chunk", "above", spread=True),
    *_FIRST,
    *_DELAY,
    *_USE,
)

PAGE_COLUMNS = (
    Column("first load ms", "first_ms"),
    Column("p50 ms", "p50_ms"),
    Column("p95 ms", "p95_ms"),
    Column("requests", "requests"),
    Column("of a first visit", "first_requests"),
    Column("kB", "kilobytes"),
)
"""Of each page: the name of the page stands in front of that of the figure."""

COLUMNS: dict[type, tuple[Column, ...]] = {
    Plain: (
        Column("requests/s", "requests_per_second"),
        Column("CPU µs/request", "cpu_us_per_request", spread=True),
        Column("of it not in workers", "beside_cpu_us_per_request"),
        Column("x nginx", "cpu_us_per_request", "ratio", spread=True),
        Column("µs above passing through", "cpu_us_per_request", "above", spread=True),
        *_LATENCY,
        *_USE,
    ),
    Streams: _STREAMS,
    Beside: _STREAMS,
    Pages: (Column("records taken a second", "taken_per_second"),),
    Memory: (
        Column("MiB per worker at rest", "rest_mib_per_worker", spread=True),
        Column("MiB, all processes", "rest_mib", spread=True),
        Column("KiB per stream", "stream_kib", spread=True),
    ),
    Stalled: (Column("KiB per stalled client", "stalled_kib", spread=True),),
    Start: (
        Column("seconds to the first answer", "start_seconds", spread=True),
        Column("CPU seconds", "start_cpu_seconds", spread=True),
    ),
}

METHOD = """\
- Every relay runs on its own core, but for what is said of pages; the mock provider and the load generator, both C
  programs on epoll, have another one. Where a machine has only two cores, "2 workers" means two processes on one core:
  overhead, not scaling.
- CPU is user and system time of the relay's whole process tree (supervisor, workers, control process; children that
  ended included) between two instants under steady load, divided by what the load generator completed between them.
- nginx does `proxy_pass` with keep-alive upstream, `proxy_buffering off`, the provider's key put in, no access log.
  It is measured before and after every measurement of another relay. A ratio is to the mean of these two neighbours, so
  that what the machine does to one it does to the other; nginx's own row shows how far two of its neighbours differ.
  Figures are medians over the rounds, in brackets the lowest and the highest.
- A measurement during which others used more than a quarter of one of its cores is made again, up to twice and
  40 times a run, and the least disturbed one counts; what was left of disturbance is said below the tables.
- `direct` is the load generator on the mock itself; "added" is the difference to it in the same round. With more than
  one connection a plain load is a closed loop that keeps a core full: its latencies are mostly waiting in line.
- `naive` is `benchmarks/naive.py`: BlackSheep and one shared `httpx.AsyncClient`, under Granian's command line.
- The gateway runs with what a real one has: key check, model allow list, two credentials in turn, usage records through
  the spool into DuckDB, metrics, and an access log into a file. `with-policies` has every limit on its
  key, 100 further keys with limits and budgets, prices, combos, and is asked for the model by an alias; what that takes
  is the difference to `gateway` in the same round.
- Paced streams: the ramp is as long as a stream, so that streams end and begin all the time; time to first token is
  from the request being written to the first event with content. Each chunk carries the mock's clock; a chunk's delay
  is from there to the load generator.
- `from-responses`, `from-anthropic` and `from-gemini` are the gateway asked by clients of that dialect. The provider
  speaks chat, so that their streams are translated, while those of `gateway` are passed through; the difference of the
  two in the same round is what translation takes. What each pair of dialects takes, without sockets, is in
  [formats.md](formats.md).
- Pages are loaded over one connection, each in its turn, until all of its parts are there; the first load of each has
  a column of its own, since others may find answers that are kept. The store has
  the requests that `sluicegate seed` makes; a program beside it puts usage records into the spool meanwhile. The
  dashboard is that of a demo, which needs no login. `beside-pages` is `with-records` with somebody who loads a page
  without a pause. In both scenarios nobody has a core of their own: gateway, provider, load and whoever looks are on
  all cores, as on one machine for everything.
- Memory is PSS. Growth per stream and per stalled client is that of the relay's workers, from after 1,000 warm-up
  requests over 32 connections. A stalled client asks for 64 MiB, reads the first chunk and then nothing, with a
  receive buffer of 8 KiB; what the kernel holds in sockets is nobody's PSS."""

NOT_SHOWN = """\
TLS on either side, HTTP/2, a real network (all is loopback), name look-up, translation from providers that do not speak
chat, translated thoughts and calls, several providers at once, more cores than this machine has, runs of hours, and
what a hypervisor's other guests did meanwhile.
Kernel time spent in soft interrupts is charged to whoever runs at that moment, which is the sender on loopback."""


def render(run: Run, file_name: str) -> str:
    """The whole report."""
    parts = [
        f"# Benchmark results\n\nGenerated from `{file_name}` by `python -m benchmarks run`. Do not edit.",
        _circumstances(run),
        _targets(run),
        *(_scenario(result) for result in run.scenarios),
        f"## Method\n\n{METHOD}",
        f"## Not shown\n\n{NOT_SHOWN}",
    ]
    return "\n\n".join(parts) + "\n"


def _circumstances(run: Run) -> str:
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    length = "a quick run: one round, short windows, good for a first look only" if run.quick else "a whole run"
    return "\n".join((
        f"- Machine: {machine.cpu}, {machine.cores} cores, {machine.memory_mib / 1024:.0f} GiB, Linux {machine.kernel}",
        f"- Versions: {versions}",
        f"- Run: {run.date}, {run.minutes} minutes, {length}; mock provider: {run.mock}",
    ))  # fmt: skip


def _targets(run: Run) -> str:
    rows = [
        (verdict.target.title, _limit(verdict.target), _figure(verdict.measured), verdict.text)
        for verdict in targets.judge(run)
    ]
    return "## Targets\n\n" + _table(("", "target", "measured", ""), rows)


def _limit(target: targets.Target) -> str:
    return f"{'≥' if target.against else '≤'} {target.limit:g} {target.unit}"


def _scenario(result: ScenarioResult) -> str:
    columns = COLUMNS[type(result.scenario)]
    shown = [column for column in columns if _is_shown(result, column)]
    rows = [(peer, *(_cell(result, peer, column) for column in shown)) for peer in peers(result)]
    table = _table(("", *(column.title for column in shown)), rows)
    if isinstance(result.scenario, Pages):
        table += f"\n\n{_pages(result, result.scenario)}"
    notes = [_options(result), *_costs_of_the_rig(result), *_remarks(result)]
    return f"## {result.scenario.title}\n\n{table}\n\n" + "\n".join(f"- {note}" for note in notes)


def _pages(result: ScenarioResult, scenario: Pages) -> str:
    """A row for each page."""
    (peer,) = peers(result)
    rows = [
        (name, *(_cell(result, peer, replace(column, figure=f"{name}.{column.figure}")) for column in PAGE_COLUMNS))
        for name in scenario.pages
    ]
    return _table(("", *(column.title for column in PAGE_COLUMNS)), rows)


def _is_shown(result: ScenarioResult, column: Column) -> bool:
    return any(look(result, peer, column.figure, column.way) for peer in peers(result))


def _cell(result: ScenarioResult, peer: str, column: Column) -> str:
    found = look(result, peer, column.figure, column.way)
    if found is None:
        return ""
    return _figure(found.middle) + (_range(found) if column.spread else "")


def _range(found: Spread) -> str:
    return f" ({_figure(found.low)} to {_figure(found.high)})" if found.low != found.high else ""


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _options(result: ScenarioResult) -> str:
    scenario, cores = result.scenario, result.cores
    words = [f"`{result.name}`: rounds {scenario.rounds}"]
    if isinstance(scenario, Timed):
        words.append(
            f"window {scenario.seconds:g} s after {scenario.ramp_seconds + scenario.warmup_seconds:g} s of warm-up"
        )
        words.append(f"{scenario.connections} connections, prompts of {scenario.prompt_bytes:,} bytes")
    if isinstance(scenario, Streams):
        pace = f", one every {scenario.pace_ms} ms" if scenario.pace_ms else ", as fast as they are taken"
        words.append(f"{scenario.chunks} chunks of {scenario.size} characters{pace}")
    if isinstance(scenario, Pages | Beside):
        words.append(f"{scenario.requests:,} requests of {scenario.days:g} days")
    if isinstance(scenario, Pages):
        words.append(f"{scenario.loads} loads of each page, {scenario.records_per_second:,} records a second")
    if isinstance(scenario, Beside):
        words.append(f"page `{scenario.page}`")
    words.append(f"workers {scenario.workers}")
    words.append(f"cores: relay {_cores(cores.peer)}, mock {_cores(cores.mock)}, load {_cores(cores.load)}")
    return "; ".join(words)


def _cores(cores: tuple[int, ...]) -> str:
    return ", ".join(map(str, cores))


def _costs_of_the_rig(result: ScenarioResult) -> Iterator[str]:
    for unit in ("request", "chunk"):
        mock = look(result, BARE, f"mock_cpu_us_per_{unit}")
        load = look(result, BARE, f"load_cpu_us_per_{unit}")
        if mock and load:
            yield f"the rig itself, without a relay: mock {mock.middle:.1f} µs, load {load.middle:.1f} µs a {unit}"


def _remarks(result: ScenarioResult) -> Iterator[str]:
    for peer in peers(result):
        found = [
            f"round {measurement.round + 1}: {remark}"
            for measurement in result.measurements
            for remark in measurement.remarks
            if measurement.peer == peer
        ]
        if found:
            yield f"{peer}: {'; '.join(found)}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("--:" for _ in head[1:])), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
