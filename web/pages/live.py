"""What runs at this moment and what has just ended, told by an event stream for as long as somebody looks.

Lines are HTML, blocks of the page's own template, and only those are told that are new or look otherwise; what moves in
the others is told as text, which the page's script puts where it belongs. Whoever sees the same is told what was made
once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache, partial
from typing import Any

import orjson

from gateway.errors import NotSignedIn
from gateway.live.events import End, Event, Finished, Gap, Greeting, RunningNow, System
from gateway.live.stream import parts
from gateway.live.wanted import Sight, Wanted
from gateway.management import seats, standing
from gateway.management.office import Actor
from gateway.usage import figures
from gateway.usage.chosen import OUTCOMES, Filter
from gateway.usage.figures import HOUR, MILLISECOND, MINUTE, SECOND
from web import happening
from web.filters import BY_NAME, MOST_CHARACTERS, OUTCOME_WORDS, Chip, address, shown
from web.happening import Ended, Texts, Under
from web.page import Flow, Page, Site, Visit, render_block
from web.seeing import EVERYBODYS, OWN, keys_of, visible_keys

PATH, EVENTS = "/live", "/live/events"

SYSTEM = "system:read"
RECENT = 40

LONGEST_LIFE = HOUR
"""What ran for longer and has ended just now is not found in the store, but told by the stream."""

FILTERS = ("model", "provider", "key", "outcome")
"""What an address may ask for: what is known of a request exactly while it runs, or when it has ended."""

LONGEST_SECONDS = 5
"""Digits."""

PACE_US = SECOND
"""Lines are told so often at most; counts and figures as they come. It is the clock's second: those who look are told
at the same moments."""

SPOKEN_US = 10 * SECOND
"""Whoever hears the page is told a summary so often: lines as they come would be one long noise."""

MOMENT_US = 100 * MILLISECOND
"""How exactly it is told how long something runs: what is told within one is made once."""

KEPT = 16
"""How much of what was made is kept for others who are told the same."""

WHY: Mapping[str, str] = {
    "signed_out": "You are signed out. Reload the page to log in.",
    "slow": "Too much has happened to follow. It goes on in a moment.",
    "unavailable": "The database does not answer. It goes on as soon as it does.",
    "closing": "The gateway restarts. It goes on in a moment.",
}


@dataclass(frozen=True, slots=True)
class Live:
    """What the template shows."""

    running: tuple[Under, ...] | None = None
    """None before anything was heard."""
    machine: tuple[str, ...] = ()
    ended: tuple[Ended, ...] = ()
    narrows: bool = False
    """Whether not everything is wanted of what runs."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """What it is filtered by, as the address says it."""
    chips: tuple[Chip, ...] = ()
    events: str = EVENTS
    """Where it is followed."""
    again: str = PATH
    """The page as it is."""
    outcomes: Mapping[str, str] = field(default_factory=lambda: OUTCOME_WORDS)


async def load(site: Site, visit: Visit) -> Live:
    """The page's context: what ended in the last hour, until the stream says more."""
    asked = filters_in(visit.query)
    return Live(
        ended=await _stored(site, visit),
        narrows=wanted_by(asked).narrows,
        asked=asked,
        chips=tuple(_chip(name, asked) for name in asked),
        events=address(EVENTS, asked),
        again=address(PATH, asked),
    )


def filters_in(query: Mapping[str, str]) -> Mapping[str, str]:
    """What of an address is understood, in the order of FILTERS."""
    said = {name: query.get(name, "").strip()[:MOST_CHARACTERS] for name in FILTERS}
    return {name: text for name, text in said.items() if text and (name != "outcome" or text in OUTCOMES)}


def wanted_by(asked: Mapping[str, str]) -> Wanted:
    """What is to be told of where this is asked for."""
    outcome = next((each for each in OUTCOMES if each == asked.get("outcome")), None)
    key, model, provider = (asked.get(name) for name in ("key", "model", "provider"))
    return Wanted(recent=True, key=key, model=model, provider=provider, outcome=outcome)


def _chip(name: str, asked: Mapping[str, str]) -> Chip:
    without = address(PATH, {other: text for other, text in asked.items() if other != name})
    return Chip(name, BY_NAME[name].label, shown(BY_NAME[name], asked[name]), without)


async def watch(site: Site, visit: Visit) -> Flow:
    """The same as a stream, from now on. Raises ControlUnavailable where too many watch, StateUnavailable."""
    actor, feed, last_id = visit.person, site.around.feed, _last_id(visit)
    # Whoever was away for too long begins anew, with what has ended meanwhile.
    anew = await _stored(site, visit) if last_id and not feed.knows(last_id) else None
    sight, who = await _sight(site, actor), await seats.person(site.office, actor)
    wanted = wanted_by(filters_in(visit.query))
    viewer = feed.subscribe(sight, wanted, who=who, last_id=last_id)
    following = Following(visit.zone, anew, narrows=wanted.narrows)
    told = parts(viewer, partial(_review, site, actor), following.write, seconds=_seconds(visit))
    return Flow(told, viewer.leave)


def _now_us() -> int:
    return time.time_ns() // 1000


class Following:
    """What one browser is told, and what it was told before."""

    def __init__(
        self,
        zone: tzinfo,
        anew: tuple[Ended, ...] | None = None,
        clock: Callable[[], int] = _now_us,
        *,
        narrows: bool = False,
    ) -> None:
        """`anew` are lines in the place of all that have ended, where there is too much in between; `narrows` is
        whether not everything is wanted of what runs."""
        self._zone, self._anew, self._clock, self._narrows = zone, anew, clock, narrows
        self._texts: Texts = {}
        """What is to be said next."""
        self._html: list[str] = []
        self._last_id = ""
        """Of the last event that was taken."""
        self._ended: list[Event] = []
        """What has ended and waits for the time of lines."""
        self._count = ""
        self._running: Event | None = None
        self._shown: Event | None = None
        """What runs, as it was last told in lines."""
        self._missed: int | None = 0
        self._has_machine = False
        self._paced = -1
        """The second in which lines were last told."""
        self._hows = Counter[str]()
        """How many ended in which way since that was last spoken of."""
        self._spoken = clock() // SPOKEN_US

    def write(self, events: Sequence[Event]) -> bytes:
        """These events as messages, and whatever it is time for; empty where there is nothing to tell."""
        now_us = self._clock()
        for event in events:
            self._take(event, now_us)
        is_over = bool(events) and isinstance(events[-1].of, End)
        if is_over or now_us // PACE_US != self._paced:
            self._tell_lines(now_us)
        if now_us // SPOKEN_US != self._spoken:
            self._speak(now_us)
        texts, html = self._texts, "".join(self._html)
        self._texts, self._html, self._anew = {}, [], None
        # Whoever comes back is not to miss what was taken and is not told yet: so long they keep the id that they have.
        last_id = "" if self._ended else f"id: {self._last_id}\n"
        said = f"event: told\ndata: {orjson.dumps(texts).decode()}\n{'' if html else last_id}\n" if texts else ""
        lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
        return f"{said}{last_id}{lines}\n".encode() if html else said.encode()

    def _take(self, event: Event, now_us: int) -> None:
        self._last_id = event.id
        match event.of:
            case Greeting():
                self._begin(now_us)
            case RunningNow() as said:
                self._running = event
                self._say_count(happening.count(said, narrows=self._narrows))
            case Finished():
                self._ended.append(event)
                self._hows += happening.hows(event.of)
            case System() as said:
                self._tell_machine(said, now_us)
            case Gap(missed):
                self._miss(missed)
            case End(why):
                self._texts["note"] = WHY[why]

    # What is said at once

    def _begin(self, now_us: int) -> None:
        """What was said of an end or a gap does not hold any more."""
        self._texts |= {"note": "", "missed": ""}
        if self._anew is not None:
            self._html.append(_swap("ended", "innerMorph", _drawn("rows", self._zone, now_us, ended=self._anew)))

    def _say_count(self, count: str) -> None:
        if count != self._count:
            self._count = self._texts["count"] = count

    def _tell_machine(self, said: System, now_us: int) -> None:
        figured = happening.machine(said)
        if self._has_machine:
            self._texts["machine"] = figured
        else:
            self._html.append(_swap("machine", "innerMorph", _drawn("machine", self._zone, now_us, machine=figured)))
        self._has_machine = True

    def _miss(self, missed: int | None) -> None:
        """Some have ended that are not shown; where the list begins anew it does not matter how many."""
        if self._anew is not None or missed == 0:
            return
        self._missed = None if missed is None or self._missed is None else self._missed + missed
        self._texts["missed"] = _unshown(self._missed)

    # What is said every few seconds

    def _speak(self, now_us: int) -> None:
        if self._hows:
            self._texts["spoken"] = happening.spoken(self._hows, SPOKEN_US // SECOND, self._count)
        self._spoken = now_us // SPOKEN_US
        self._hows.clear()

    # What is said once a second

    def _tell_lines(self, now_us: int) -> None:
        if self._ended:
            html, left_out = _rows(tuple(self._ended), self._zone, now_us // MINUTE * MINUTE - HOUR)
            self._html.append(html)
            self._miss(left_out)
            self._ended.clear()
            self._paced = now_us // PACE_US
        if self._running is not None and (self._running is not self._shown or _has_lines(self._running)):
            html, texts = _lines(self._shown, self._running, now_us // MOMENT_US * MOMENT_US, narrows=self._narrows)
            self._html.append(html)
            self._texts |= texts
            self._shown = self._running
            self._paced = now_us // PACE_US


@lru_cache(maxsize=KEPT)
def _rows(told: tuple[Event, ...], zone: tzinfo, since_us: int) -> tuple[str, int]:
    """What has ended by these events, as it is put into the list, and for how many there is no room."""
    lines, left_out = happening.ended([event.of for event in told if isinstance(event.of, Finished)], since_us)
    return _swap("ended", "afterbegin", _drawn("rows", zone, since_us, ended=lines)) if lines else "", left_out


@lru_cache(maxsize=KEPT)
def _lines(before: Event | None, now: Event, now_us: int, *, narrows: bool) -> tuple[str, Texts]:
    """How what was shown becomes what runs now: lines that come, and what moves in the others."""
    was = before.of if before is not None and isinstance(before.of, RunningNow) else None
    assert isinstance(now.of, RunningNow)
    found = happening.changes(was, now.of, now_us)
    if not found.lines and not found.is_whole:
        return "", found.texts
    how = "innerMorph" if found.is_whole else "afterbegin"
    return _swap("underway", how, _drawn("running", UTC, now_us, running=found.lines, narrows=narrows)), found.texts


def _unshown(missed: int | None) -> str:
    if missed is None:
        return "Some more may not be shown."
    return f"{figures.exact_count(missed)} more {'is' if missed == 1 else 'are'} not shown."


def _has_lines(event: Event) -> bool:
    return isinstance(event.of, RunningNow) and bool(event.of.requests)


def _swap(target: str, how: str, inner: str) -> str:
    return f'<hx-partial hx-target="#{target}" hx-swap="{how}">{inner}</hx-partial>'


def _drawn(block: str, zone: tzinfo, now_us: int, **shown: Any) -> str:
    """A block of the page, as anybody sees it in this zone."""
    return render_block(PAGE, block, Live(**shown), {"zone": zone, "now_us": now_us})


async def _stored(site: Site, visit: Visit) -> tuple[Ended, ...]:
    """What ended in the last hour, as far as the analytics store has it."""
    wanted, since_us = wanted_by(filters_in(visit.query)), visit.now_us - HOUR
    recent = Filter(
        since_us=since_us - LONGEST_LIFE,
        until_us=visit.now_us + HOUR,
        key_ids=await visible_keys(site, visit),
        provider=wanted.provider,
        outcome=wanted.outcome,
    )
    named = {"key": wanted.key, "model": wanted.model, "ended_us": since_us, "limit": RECENT}
    return happening.of_rows(await site.read("requests/ended", {"filter": recent.parameter(), **named}))


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
    """What they may see by now; None where that is nothing. Raises StateUnavailable."""
    try:
        now = await standing.still(site.office, actor)
    except NotSignedIn:
        return None
    return await _sight(site, now) if now.may(EVERYBODYS, OWN) else None


PAGE = Page(
    path=PATH,
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
