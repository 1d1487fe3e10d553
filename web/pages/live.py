"""What runs at this moment and what has just ended, told by an event stream of HTML for as long as somebody looks.

A message holds the parts of the page that have changed: what runs and how the gateway is doing in the place of what was
said before, what has ended on top of the list. Parts are blocks of the page's own template.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.errors import NotSignedIn, StateUnavailable
from gateway.live.events import End, Event, Finished, Gap, RunningNow, System
from gateway.live.stream import parts
from gateway.live.wanted import Sight, Wanted
from gateway.live.words import Running
from gateway.management import seats, standing
from gateway.management.office import Actor
from gateway.records import UsageRecord
from gateway.usage import figures, paging
from gateway.usage.chosen import Filter
from gateway.usage.figures import HOUR
from web import display
from web.display import State
from web.page import Flow, Page, Site, Visit, render_block
from web.seeing import EVERYBODYS, OWN, keys_of, visible_keys

SYSTEM = "system:read"
RECENT = 40
SHOWN_RUNNING = 50
LONGEST_SECONDS = 5
"""Digits."""
SHOWN_ENDED = 50
"""Lines put on top at once; more would be gone from the list before anybody reads them."""

STATES: Mapping[str, State] = {
    "waiting": State("waiting", "warning"),
    "asking": State("asking", "running"),
    "streaming": State("streaming", "running"),
    "ending": State("ending", "neutral"),
}

WHY: Mapping[str, str] = {
    "signed_out": "You are signed out. Load the page anew to log in.",
    "slow": "Too much has happened to follow. It goes on in a moment.",
    "closing": "The gateway restarts. It goes on in a moment.",
}


@dataclass(frozen=True, slots=True)
class Under:
    """One request under way."""

    id: str
    state: State
    model: str
    key: str
    attempt: int
    elapsed_us: int
    first_byte_us: int | None
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Now:
    """Everything that runs."""

    total: int
    streaming: int
    lines: tuple[Under, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Ended:
    """One that has ended."""

    id: str
    ended_at_us: int
    state: State
    note: str
    model: str
    key: str
    input_tokens: int
    output_tokens: int
    about: bool
    cost_nano_usd: int | None
    first_byte_us: int | None
    total_us: int
    arrives: bool
    """Whether it came while somebody looked."""


@dataclass(frozen=True, slots=True)
class Process:
    """One of ours."""

    name: str
    cpu: str
    rss: str


@dataclass(frozen=True, slots=True)
class Machine:
    """How the gateway is doing."""

    in_flight: int
    streams: int
    cpu: str
    rss: str
    waiting: int
    """Segments of usage records that are not taken yet."""
    lag: str
    viewers: int
    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What the template shows."""

    running: Now | None
    """None before anything was heard."""
    machine: Machine | None
    ended: tuple[Ended, ...]
    missed: str
    note: str
    sees_machine: bool


async def load(site: Site, visit: Visit) -> Live:
    """The page's context: what ended in the last hour, until the stream says more."""
    key_ids = await visible_keys(site, visit)
    recent = Filter(since_us=visit.now_us - HOUR, until_us=visit.now_us + HOUR, key_ids=key_ids)
    page = await paging.newest(site.read, recent, rows=RECENT)
    ended = tuple(_of_row(row) for row in page.rows)
    return Live(None, None, ended, "", "", visit.person.may(SYSTEM))


async def watch(site: Site, visit: Visit, frame: Callable[[], Mapping[str, object]]) -> Flow:
    """The same as a stream, from now on. `frame` gives what every part of a page has around it at that moment. Raises
    ControlUnavailable where too many watch."""
    actor = visit.person
    sight, who = await _sight(site, actor), await seats.person(site.office, actor)
    viewer = site.around.feed.subscribe(sight, Wanted(recent=True), who=who, last_id=_last_id(visit))
    told = parts(viewer, partial(_review, site, actor), partial(write, frame=frame), seconds=_seconds(visit))
    return Flow(told, viewer.leave)


def write(events: Sequence[Event], *, frame: Callable[[], Mapping[str, object]]) -> bytes:
    """Events as one message; empty where nothing of them is shown."""
    pieces: list[str] = []
    now_us = time.time_ns() // 1000
    around = {**frame(), "now_us": now_us}
    for event in events:
        pieces += _pieces(event, around, now_us)
    if not pieces:
        return b""
    lines = "\n".join(pieces).splitlines()
    body = "".join(f"data: {line}\n" for line in lines if line.strip())
    return f"id: {events[-1].id}\n{body}\n".encode()


def _pieces(event: Event, around: Mapping[str, object], now_us: int) -> list[str]:
    match event.of:
        case RunningNow() as said:
            return [_swap("running", "innerMorph", _render("running", around, running=_now(said, now_us)))]
        case Finished() as said:
            records = sorted(said.requests, key=lambda record: -(record.started_at_us + record.total_us))
            lines = tuple(map(_of_record, records[:SHOWN_ENDED]))
            return [_swap("ended", "afterbegin", _render("rows", around, ended=lines))]
        case System() as said:
            return [_swap("machine", "innerMorph", _render("machine", around, machine=_machine(said)))]
        case Gap(missed):
            word = "Some" if missed is None else figures.exact_count(missed)
            return [_swap("missed", "innerHTML", _render("missed", around, missed=f"{word} more that are not shown."))]
        case End(why):
            return [_swap("note", "innerHTML", _render("note", around, note=WHY[why]))]
        case _:
            return []


def _swap(target: str, how: str, inner: str) -> str:
    return f'<hx-partial hx-target="#{target}" hx-swap="{how}">{inner}</hx-partial>'


def _render(block: str, around: Mapping[str, object], **shown: Any) -> str:
    usual: dict[str, Any] = {"running": None, "machine": None, "ended": (), "missed": "", "note": ""}
    return render_block(PAGE, block, Live(**{**usual, **shown}, sees_machine=True), around)


def _now(said: RunningNow, now_us: int) -> Now:
    shown = said.requests[:SHOWN_RUNNING]
    return Now(said.total, said.streaming, tuple(_under(each, now_us) for each in shown), said.total - len(shown))


def _under(each: Running, now_us: int) -> Under:
    return Under(
        id=each.id,
        state=STATES[each.state],
        model=f"{each.provider}/{each.model}" if each.model else each.requested_model or figures.NOTHING,
        key=each.key or figures.NOTHING,
        attempt=each.attempt,
        elapsed_us=max(0, now_us - each.started_at_us),
        first_byte_us=each.first_byte_us,
        tokens=each.output_tokens,
        bytes=each.response_bytes,
    )


def _of_record(record: UsageRecord) -> Ended:
    return Ended(
        id=record.id,
        ended_at_us=record.started_at_us + record.total_us,
        state=display.ended(record.status, record.error),
        note=" ".join(filter(None, (str(record.status), record.error))),
        model=f"{record.provider}/{record.model}" if record.model else record.requested_model or figures.NOTHING,
        key=record.key or figures.NOTHING,
        input_tokens=record.tokens.input,
        output_tokens=record.tokens.output,
        about=record.usage_source == "estimated",
        cost_nano_usd=record.cost_nano_usd,
        first_byte_us=record.first_byte_us,
        total_us=record.total_us,
        arrives=True,
    )


def _of_row(row: Mapping[str, Any]) -> Ended:
    return Ended(
        id=row["id"],
        ended_at_us=row["started_at_us"] + row["total_us"],
        state=display.ended(row["status"], row["error"]),
        note=" ".join(filter(None, (str(row["status"]), row["error"]))),
        model=f"{row['provider']}/{row['model']}" if row["model"] else row["requested_model"] or figures.NOTHING,
        key=row["key"] or figures.NOTHING,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        about=row["usage_source"] == "estimated",
        cost_nano_usd=row["cost_nano_usd"],
        first_byte_us=row["first_byte_us"],
        total_us=row["total_us"],
        arrives=False,
    )


def _machine(said: System) -> Machine:
    known = [each.cpu_percent for each in said.processes if each.cpu_percent is not None]
    return Machine(
        in_flight=said.in_flight,
        streams=said.streams_open,
        cpu=f"{sum(known):.0f} %" if known else figures.NOTHING,
        rss=display.size(sum(each.rss_bytes for each in said.processes)),
        waiting=said.ingest["segments_waiting"],
        lag=figures.duration(round(said.ingest_lag_seconds * figures.SECOND)),
        viewers=said.viewers,
        processes=tuple(
            Process(each.name, figures.NOTHING if each.cpu_percent is None else f"{each.cpu_percent:.0f} %",
                    display.size(each.rss_bytes))
            for each in said.processes
        ),
    )  # fmt: skip


def _seconds(visit: Visit) -> float | None:
    """How long it goes on: `seconds=60`; until somebody leaves where nothing is said."""
    said = visit.query.get("seconds", "")
    return float(said) if said.isascii() and said.isdecimal() and len(said) <= LONGEST_SECONDS else None


def _last_id(visit: Visit) -> str:
    return visit.browser.headers.get(b"last-event-id", b"").decode("latin-1")[:64]


async def _sight(site: Site, actor: Actor) -> Sight:
    """What somebody may see. Raises StateUnavailable."""
    key_ids = await keys_of(site, actor)
    return Sight(key_ids=None if key_ids is None else frozenset(key_ids), system=actor.may(SYSTEM))


async def _review(site: Site, actor: Actor) -> Sight | None:
    """What they may see by now; nothing where nobody can tell, either."""
    try:
        now = await standing.still(site.office, actor)
        return await _sight(site, now) if now.may(EVERYBODYS, OWN) else None
    except (NotSignedIn, StateUnavailable):
        return None


PAGE = Page(
    path="/live",
    title="Live",
    summary="What runs at this moment, and what has just ended.",
    template="live.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
    group="Watch",
    icon="live",
    letter="l",
    blocks=("running", "machine", "rows"),
    stream=watch,
)
