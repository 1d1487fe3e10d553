"""What is not as it should be with the gateway itself, in sentences, the worst first. Pure.

Goes by what was found out, and by settings. Does not know how any of it is found out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.management.system import Doing, Kept
from gateway.records import JobReport, RegistryState
from gateway.settings.model import Settings
from gateway.usage import figures
from web import display

LONG_SECONDS = 60.0
"""Usage records are in the analytics store within seconds; after so long something is wrong."""

FULL = 0.8
"""Of the spool, or of the disk where nothing else is said."""

LITTLE = 0.05
"""Of the memory: less than this available is short."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that needs somebody."""

    text: str
    meaning: Literal["bad", "warning"]
    link: str = ""
    action: str = ""
    """What the link is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that is judged."""

    doing: Doing
    kept: Kept | None
    """None where it was not looked at."""
    jobs: Sequence[JobReport]
    registry: RegistryState
    settings: Settings
    refused: str
    """Why the configuration file is not in force; empty where it is."""
    open_alerts: int
    is_overheard: bool
    """Whether what browsers send can be read on the way."""


def remarks_of(seen: Seen) -> tuple[Remark, ...]:
    """What is degraded, and why."""
    found = [remark for look in LOOKS for remark in look(seen)]
    return tuple(sorted(found, key=lambda remark: remark.meaning != "bad"))


def _workers(seen: Seen) -> Iterator[Remark]:
    workers = seen.doing.workers
    if missing := [each for each in workers if each.process is None]:
        some = "No worker runs: nothing is answered" if len(missing) == len(workers) else (
            f"{len(missing)} of {len(workers)} workers do not run; the others answer"
        )  # fmt: skip
        yield Remark(f"{some}. The supervisor starts them anew; its log says why they ended.", "bad")
    if restarts := sum(each.restarts for each in workers):
        times = "once" if restarts == 1 else f"{restarts} times"
        yield Remark(f"A worker has died and was started anew, {times} since the start. The log says why.", "warning")


def _records(seen: Seen) -> Iterator[Remark]:
    spool = seen.doing.spool
    if spool.dropped:
        text = (
            f"{figures.exact_count(spool.dropped)} usage records are lost: the spool was full, or could not be written."
        )
        yield Remark(f"{text} What they cost is not counted.", "bad")
    if spool.trouble:
        text = f"Usage records are not taken into the analytics store: {spool.trouble.rstrip('.')}."
        yield Remark(f"{text} They wait in the spool, none is lost.", "bad")
    elif spool.lag_seconds > LONG_SECONDS:
        waited = figures.duration(round(spool.lag_seconds) * figures.SECOND)
        yield Remark(f"Usage records wait for the analytics store, the oldest for {waited}.", "warning")
    if spool.size_bytes > FULL * spool.most_bytes:
        share = figures.share(spool.size_bytes, spool.most_bytes)
        yield Remark(f"The spool is {share} full: beyond all of it usage records are lost.", "bad")
    if spool.set_aside:
        text = "A segment of usage records was" if spool.set_aside == 1 else f"{spool.set_aside} segments were"
        yield Remark(f"{text} set aside in spool/bad, because of lines that could not be read.", "warning")


def _stores(seen: Seen) -> Iterator[Remark]:
    if seen.kept is not None and seen.kept.store is None:
        yield Remark("The analytics store does not answer. Requests are served and recorded all the same.", "bad")
    if seen.doing.limits_answer is False:
        away = seen.settings.limits.redis_away
        what = "limits are counted on this machine alone" if away == "local" else "what is limited is refused"
        yield Remark(f"The Redis that counts limits does not answer: {what} (limits.redis_away).", "bad")


def _machine(seen: Seen) -> Iterator[Remark]:
    machine = seen.doing.machine
    if machine is None:
        return
    used = machine.disk_bytes - machine.disk_free_bytes
    percents = seen.settings.alerts.disk_percent or (round(100 * FULL),)
    if 100 * used >= min(percents) * machine.disk_bytes:
        meaning: Literal["bad", "warning"] = "bad" if 100 * used >= max(percents) * machine.disk_bytes else "warning"
        free = display.size(machine.disk_free_bytes)
        yield Remark(
            f"The data directory's disk is {figures.share(used, machine.disk_bytes)} full, {free} free.", meaning
        )
    if machine.available_bytes < LITTLE * machine.memory_bytes:
        yield Remark(f"The machine has {display.size(machine.available_bytes)} of memory left.", "warning")


def _jobs(seen: Seen) -> Iterator[Remark]:
    for job in seen.jobs:
        if job.error is not None:
            yield Remark(f"The job {job.name} failed: {job.error}", "warning", f"#job-{job.name}", "Jobs")


def _prices(seen: Seen) -> Iterator[Remark]:
    if seen.registry.error is not None:
        text = f"The list of prices cannot be fetched: {seen.registry.error.rstrip('.')}. That of"
        yield Remark(f"{text} {seen.registry.date} stays in force.", "warning", "/models#registry", "Prices")


def _configured(seen: Seen) -> Iterator[Remark]:
    if seen.refused:
        text = f"The configuration file was refused, and the former settings stay: {seen.refused}"
        yield Remark(text, "bad", "/configuration", "Configuration")
    if seen.is_overheard:
        text = "You came by plain HTTP: passwords and sessions can be read on the way. Put a proxy with TLS in front,"
        yield Remark(f"{text} and name it in server.trusted_proxies.", "warning")


def _alerts(seen: Seen) -> Iterator[Remark]:
    if seen.open_alerts:
        text = "An alert is open." if seen.open_alerts == 1 else f"{seen.open_alerts} alerts are open."
        yield Remark(text, "warning", "/alerts", "Alerts")


LOOKS = (_workers, _records, _stores, _machine, _configured, _jobs, _prices, _alerts)
"""In the order in which they are told, the worst first."""
