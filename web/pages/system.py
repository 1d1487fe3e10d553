"""The gateway itself: what is not as it should be, its processes and machine, the records on their way, the stores,
what is done by the clock, what it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.management import reloads, system
from gateway.management.reloads import Outcome
from gateway.management.system import (
    READ,
    WRITE,
    Doing,
    ErrandFacts,
    Kept,
    MachineFacts,
    ProcessFacts,
    SpoolFacts,
    WorkerFacts,
)
from gateway.records import JobReport, RegistryState
from gateway.settings.model import ServerSettings
from gateway.usage import figures
from web import display
from web.condition import Remark, Seen, remarks_of
from web.display import State
from web.forms import Problem
from web.page import Action, Page, Sent, Site, Visit
from web.pages.system_tables import TABLES

PATH = "/system"

LIVE = "live"
"""The block that is fetched anew; whatever else is on the page is looked up once."""

RUNS, MISSING = State("runs", "good"), State("does not run", "bad")

FROM_FILE: Mapping[str, State] = MappingProxyType(
    {
        "applied": State("applied", "good"),
        "refused": State("refused", "bad"),
        "silent": State("silent", "warning"),
        "starting": State("starting", "running"),
    }
)
"""What became of the configuration file in a process."""


@dataclass(frozen=True, slots=True)
class Process:
    """One of ours, as a row."""

    name: str
    state: State
    pid: str
    since_us: int | None
    restarts: int | None
    """None for one that does not count them."""
    in_flight: int | None
    streams: int | None
    connections: int | None
    cpu: str
    rss: str
    facts: ProcessFacts | None
    """None where it does not run."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Words and what they are."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Errand:
    """What was asked to be done to the store."""

    name: str
    began_us: int
    ended_us: int | None
    error: str
    result: str


@dataclass(frozen=True, slots=True)
class Job:
    """Something done by the clock."""

    name: str
    summary: str
    state: State
    every: str
    started_us: int | None
    took_us: int | None
    took: str
    next_us: int | None
    runs: int
    failures: int
    error: str
    is_shared: bool
    report: JobReport


@dataclass(frozen=True, slots=True)
class System:
    """What the template shows."""

    remarks: tuple[Remark, ...]
    tiles: tuple[Fact, ...]
    processes: tuple[Process, ...]
    queue: tuple[Fact, ...]
    last_us: int | None
    """When usage records were last taken."""
    jobs: tuple[Job, ...]
    kept: Kept | None
    """None where only the block is wanted."""
    store: tuple[Fact, ...]
    errand: Errand | None
    state: tuple[Fact, ...]
    places: tuple[Fact, ...]
    network: tuple[Fact, ...]
    sizes: tuple[Fact, ...]
    registry: RegistryState
    reload: Outcome | None
    reloaded: tuple[tuple[str, State], ...]
    may_write: bool
    problem: Problem | None


async def load(site: Site, visit: Visit) -> System:
    """The page's context. Raises NotPermitted, StateUnavailable."""
    actor, around, settings = visit.person, site.around, site.settings()
    is_whole = visit.query.get("block") is None
    doing, jobs = await asyncio.gather(system.show_doing(actor, around.inspection), system.list_jobs(actor, around))
    kept = await system.show_kept(actor, around.inspection) if is_whole else None
    reload, registry = reloads.last_reload(actor, around.reloads), around.registry_state()
    seen = Seen(
        doing=doing,
        kept=kept,
        jobs=jobs,
        registry=registry,
        settings=settings,
        refused="" if reload is None else reload.error,
        open_alerts=around.alerts.open_now or 0,
        is_overheard=visit.browser.is_overheard,
    )
    return System(
        remarks=remarks_of(seen),
        tiles=_tiles(doing, site, visit),
        processes=tuple(_processes(doing)),
        queue=_queue(doing.spool),
        last_us=doing.spool.last_us,
        jobs=tuple(map(_job, jobs)),
        kept=kept,
        store=() if kept is None else _store(kept),
        errand=None if kept is None or kept.errand is None else _errand(kept.errand),
        state=() if kept is None else _state(kept),
        places=() if kept is None else _places(kept, doing),
        network=_network(settings.server, visit),
        sizes=() if kept is None else tuple(Fact(name, display.size(size)) for name, size in kept.sizes.items()),
        registry=registry,
        reload=reload,
        reloaded=()
        if reload is None
        else tuple((name, FROM_FILE.get(word, State(word, "neutral"))) for name, word in reload.children.items()),
        may_write=actor.may(WRITE),
        problem=visit.problem,
    )


async def run(site: Site, visit: Visit) -> Sent:
    """A job is done now. Raises NotPermitted, UnknownResource."""
    system.run_job(visit.person, site.around, visit.form.text("name"))
    return Sent(f"{PATH}?said=job-begun")


async def compact(site: Site, visit: Visit) -> Sent:
    """The analytics store's file is written anew. Raises NotPermitted, Conflict, ControlUnavailable, Unacceptable."""
    await system.compact(visit.person, site.around.inspection)
    return Sent(f"{PATH}?said=compacting")


# What is live


def _tiles(doing: Doing, site: Site, visit: Visit) -> tuple[Fact, ...]:
    ours = [each for each in (doing.supervisor, doing.control, *(one.process for one in doing.workers)) if each]
    known = [each.cpu_percent for each in ours if each.cpu_percent is not None]
    return (
        Fact("Up for", _whole(visit.now_us - site.started_at_us), f"version {site.version}"),
        Fact("In flight", figures.exact_count(sum(each.in_flight for each in doing.workers)),
             _many(sum(each.streams for each in doing.workers), "stream")),
        Fact("Processor, of one core", f"{sum(known):.0f} %" if known else figures.NOTHING, _load(doing.machine)),
        Fact("Memory", display.size(sum(each.rss_bytes for each in ours)), _memory(doing.machine)),
        Fact("Records waiting", figures.exact_count(doing.spool.segments), _lag(doing.spool)),
        Fact("Disk free", figures.NOTHING if doing.machine is None else display.size(doing.machine.disk_free_bytes),
             _disk(doing.machine)),
    )  # fmt: skip


def _whole(passed_us: int) -> str:
    """How long something lasts, in whole seconds."""
    return figures.duration(max(passed_us, 0) // figures.SECOND * figures.SECOND)


def _load(machine: MachineFacts | None) -> str:
    if machine is None:
        return ""
    return f"load {machine.load:.2f} on {_many(machine.processors, 'core')}"


def _memory(machine: MachineFacts | None) -> str:
    if machine is None:
        return ""
    return f"{display.size(machine.available_bytes)} of {display.size(machine.memory_bytes)} available"


def _disk(machine: MachineFacts | None) -> str:
    return "" if machine is None else f"of {display.size(machine.disk_bytes)}"


def _lag(spool: SpoolFacts) -> str:
    return f"the oldest for {figures.duration(round(spool.lag_seconds * figures.SECOND))}" if spool.segments else ""


def _many(number: int, what: str) -> str:
    """`1 stream`, `2 streams`."""
    return f"{figures.exact_count(number)} {what}{'s' if number != 1 else ''}"


def _processes(doing: Doing) -> Sequence[Process]:
    others = [each for each in (doing.supervisor, doing.control) if each is not None]
    return (*map(_worker, doing.workers), *(_process(each, each.name) for each in others))


def _worker(worker: WorkerFacts) -> Process:
    name = f"worker {worker.index}"
    if worker.process is None:
        nothing = figures.NOTHING
        return Process(name, MISSING, nothing, None, worker.restarts, None, None, None, nothing, nothing, None)
    return _process(worker.process, name, worker)


def _process(process: ProcessFacts, name: str, worker: WorkerFacts | None = None) -> Process:
    return Process(
        name=name,
        state=RUNS,
        pid=str(process.pid),
        since_us=process.since_us,
        restarts=None if worker is None else worker.restarts,
        in_flight=None if worker is None else worker.in_flight,
        streams=None if worker is None else worker.streams,
        connections=None if worker is None else worker.connections,
        cpu=figures.NOTHING if process.cpu_percent is None else f"{process.cpu_percent:.0f} %",
        rss=display.size(process.rss_bytes),
        facts=process,
    )


def _queue(spool: SpoolFacts) -> tuple[Fact, ...]:
    used = figures.share(spool.size_bytes, spool.most_bytes)
    return (
        Fact("Waiting", _many(spool.segments, "segment"), _lag(spool)),
        Fact("Spool", display.size(spool.size_bytes), f"{used} of {display.size(spool.most_bytes)}"),
        Fact("Taken", figures.exact_count(spool.taken), "since the control process began"),
        Fact("Lost", figures.exact_count(spool.dropped), "since the start"),
        Fact("Unreadable lines", figures.exact_count(spool.refused), "since the control process began"),
        Fact("Set aside", figures.exact_count(spool.set_aside), "segments in spool/bad"),
    )


# What is looked up once


def _store(kept: Kept) -> tuple[Fact, ...]:
    store = kept.store
    if store is None:
        return ()
    until = "none yet" if store.rolled_until is None else f"until {store.rolled_until}"
    archived = f"{figures.exact_count(store.archived_days)} files, {display.size(store.archive_bytes)}"
    return (
        Fact("Usage records", figures.exact_count(store.requests)),
        Fact("File", display.size(store.file_bytes), f"{display.size(store.free_bytes)} of it free to be used again"),
        Fact("Log", display.size(store.log_bytes)),
        Fact("In memory", display.size(store.memory_bytes), f"of {store.memory_limit} at most"),
        Fact("Days summed up", figures.exact_count(store.rolled_days), until),
        Fact("Days with records", figures.exact_count(store.days_with_requests), "beside their sums"),
        Fact("Archive", archived if store.archived_days else "no file"),
    )


def _errand(errand: ErrandFacts) -> Errand:
    said = errand.said
    result = ""
    if "after_bytes" in said:
        result = f"{display.size(int(said['before_bytes']))} before, {display.size(int(said['after_bytes']))} after"
    elif "requests" in said:
        result = f"{figures.exact_count(int(said['requests']))} records of {int(said['days'])} days"
    return Errand(errand.name, errand.began_us, errand.ended_us, errand.error or "", result)


def _state(kept: Kept) -> tuple[Fact, ...]:
    state = kept.state
    size = () if state.size_bytes is None else (Fact("Size", display.size(state.size_bytes), "with its log"),)
    return (
        Fact("Where", state.place, "other machines may share it" if state.is_shared else "SQLite, of this machine"),
        *size,
        Fact("Schema", f"version {state.version}", f"{state.migrations} migrations applied"),
    )


def _places(kept: Kept, doing: Doing) -> tuple[Fact, ...]:
    limits = "this machine, in memory its processes share"
    note = ""
    if kept.limits_place:
        limits = f"Redis at {kept.limits_place}"
        away = f", {doing.limits_outages} outages since the control process began" if doing.limits_outages else ""
        note = f"{'answers' if doing.limits_answer else 'does not answer'}{away}"
    return (Fact("Data directory", kept.directory), Fact("Limits counted by", limits, note))


def _network(server: ServerSettings, visit: Visit) -> tuple[Fact, ...]:
    tls = visit.browser.origin.startswith("https:")
    trusted = ", ".join(server.trusted_proxies)
    return (
        Fact("Listens on", server.listen),
        Fact("Public address", server.public_url or "as each request says it"),
        Fact("Trusted proxies", trusted or "none", "" if trusted else "forwarded headers are ignored"),
        Fact("Your connection", "HTTPS" if tls else "plain HTTP", f"from {visit.browser.address or 'this machine'}"),
    )


def _job(report: JobReport) -> Job:
    began, ended = report.started_at_us, report.finished_at_us
    took_us = None if began is None or ended is None or ended < began else ended - began
    return Job(
        name=report.name,
        summary=report.summary.replace("`", ""),
        state=_job_state(report),
        every=figures.duration(round(report.every_seconds * figures.SECOND)),
        started_us=began,
        took_us=took_us,
        took=figures.NOTHING if took_us is None else figures.duration(took_us),
        next_us=report.next_at_us,
        runs=report.runs,
        failures=report.failures,
        error=report.error or "",
        is_shared=report.is_shared,
        report=report,
    )


def _job_state(report: JobReport) -> State:
    checks: Sequence[tuple[Callable[[], bool], State]] = (
        (lambda: report.is_running, State("running", "running")),
        (lambda: report.error is not None, State("failed", "bad")),
        (lambda: not report.runs, State("not yet", "neutral")),
    )
    return next((state for holds, state in checks if holds()), State("well", "good"))


PAGE = Page(
    path=PATH,
    title="System",
    summary="How the gateway itself is doing: processes, machine, stores, jobs, versions.",
    template="system.html",
    load=load,
    permissions=(READ,),
    group="Run",
    icon="system",
    letter="i",
    refreshes=True,
    blocks=(LIVE,),
    tables=TABLES,
)

ACTIONS = (Action("/system/run", PAGE, run), Action("/system/compact", PAGE, compact))
