"""What happens, as lines of the Live page: what runs, what has ended, how the gateway is doing. Pure.

Knows words and figures, and what of a line moves while a request runs: that is told as text, the rest is HTML. Does not
know how either reaches a browser.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.live.events import Finished, RunningNow, System, ended_at_us
from gateway.live.words import MOST_RUNNING, Running
from gateway.records import UsageRecord
from gateway.usage import figures
from gateway.usage.figures import MILLISECOND, SECOND
from web import display
from web.display import State

SHOWN_RUNNING = 50
SHOWN_ENDED = 50
"""Lines put on top at once; nobody reads more of them before they are gone from the list."""

SHORTEST_US = 100 * MILLISECOND
"""What has just begun runs for so long."""

STATES: Mapping[str, State] = {
    "waiting": State("waiting", "warning"),
    "asking": State("asking", "running"),
    "streaming": State("streaming", "running"),
    "ending": State("ending", "neutral"),
}

NOT_WELL = ("failed", "refused", "client left")
"""Ways to end that are said apart."""

Texts = dict[str, "str | Sequence[str] | None"]
"""What elements of the page say, by their ids: one text, or one for each place in it; None for what is gone."""


@dataclass(frozen=True, slots=True)
class Under:
    """One request under way."""

    id: str
    began_us: int
    state: State
    model: str
    key: str
    attempt: int
    first_byte_us: int | None
    moving: tuple[str, str, str]
    """How long it runs, tokens so far, and how much was sent."""
    arrives: bool
    """Whether it is put among lines that are there."""


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
    counted: bool
    cost_nano_usd: int | None
    first_byte_us: int | None
    total_us: int
    arrives: bool
    """Whether it is put among lines that are there."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How one picture of what runs becomes another."""

    lines: tuple[Under, ...]
    is_whole: bool
    """Whether these are all there are; else they take their places among, or instead of, those that are there."""
    texts: Texts


def changes(before: RunningNow | None, now: RunningNow, now_us: int) -> Changes:
    """From what was shown, if anything was, to what runs now."""
    shown = now.requests[:SHOWN_RUNNING]
    if before is None or not before.requests or not shown:
        return Changes(tuple(under(each, now_us, arrives=False) for each in shown), True, {})
    known = {each.id: each for each in before.requests[:SHOWN_RUNNING]}
    texts: Texts = {line_id(each): None for each in known.keys() - {each.id for each in shown}}
    lines: list[Under] = []
    for each in shown:
        if each.id in known and _fixed(each) == _fixed(known[each.id]):
            texts[line_id(each.id)] = _moving(each, now_us)
        else:
            lines.append(under(each, now_us, arrives=True))
    return Changes(tuple(lines), False, texts)


def line_id(request_id: str) -> str:
    """Of the element that shows a request under way."""
    return f"u-{request_id}"


def count(said: RunningNow, *, narrows: bool = False) -> str:
    """How much runs; where only some of it is wanted, how much of it is."""
    if narrows:
        found = len(said.requests)
        # Of what a worker does not tell, nobody knows what it is.
        least = "at least " if said.total > MOST_RUNNING else ""
        return f"{least}{found:,} of {said.total:,} under way{_shown(found)}"
    text = f"{said.total:,} under way, {said.streaming:,} streaming"
    return text + _shown(said.total)


def _shown(total: int) -> str:
    return f", the newest {SHOWN_RUNNING} shown" if total > SHOWN_RUNNING else ""


def under(each: Running, now_us: int, *, arrives: bool) -> Under:
    """One that runs, as a line."""
    return Under(
        id=each.id,
        began_us=each.started_at_us,
        state=STATES[each.state],
        model=f"{each.provider}/{each.model}" if each.model else each.requested_model or figures.NOTHING,
        key=each.key or figures.NOTHING,
        attempt=each.attempt,
        first_byte_us=each.first_byte_us,
        moving=_moving(each, now_us),
        arrives=arrives,
    )


def _moving(each: Running, now_us: int) -> tuple[str, str, str]:
    return (
        figures.duration(max(now_us - each.started_at_us, SHORTEST_US)),
        f"≈ {figures.count(each.output_tokens)}" if each.output_tokens else figures.NOTHING,
        display.size(each.response_bytes) if each.response_bytes else figures.NOTHING,
    )


def _fixed(each: Running) -> tuple[object, ...]:
    return each.state, each.attempt, each.first_byte_us, each.provider, each.model, each.requested_model, each.key


def ended(told: Iterable[Finished], since_us: int) -> tuple[tuple[Ended, ...], int]:
    """Lines for these, the latest first, and how many of the news there is no room for. Of what had ended before
    somebody came, what began after this moment."""
    every = [
        (record, said.is_news)
        for said in told
        for record in said.requests
        if said.is_news or record.started_at_us >= since_us
    ]
    shown = heapq.nlargest(SHOWN_ENDED, every, key=lambda each: ended_at_us(each[0]))
    left_out = sum(is_news for _, is_news in every) - sum(is_news for _, is_news in shown)
    return tuple(_of_record(record) for record, _ in shown), left_out


def _of_record(record: UsageRecord) -> Ended:
    return Ended(
        id=record.id,
        ended_at_us=ended_at_us(record),
        state=display.ended(record.status, record.error),
        note=" ".join(filter(None, (str(record.status), record.error))),
        model=f"{record.provider}/{record.model}" if record.model else record.requested_model or figures.NOTHING,
        key=record.key or figures.NOTHING,
        input_tokens=record.tokens.input,
        output_tokens=record.tokens.output,
        about=record.usage_source == "estimated",
        counted=record.usage_source == "counted",
        cost_nano_usd=record.cost_nano_usd,
        first_byte_us=record.first_byte_us,
        total_us=record.total_us,
        arrives=True,
    )


def of_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Ended, ...]:
    """Lines for rows of the analytics store, the latest first."""
    return tuple(sorted(map(_of_row, rows), key=lambda line: -line.ended_at_us))


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
        counted=row["usage_source"] == "counted",
        cost_nano_usd=row["cost_nano_usd"],
        first_byte_us=row["first_byte_us"],
        total_us=row["total_us"],
        arrives=False,
    )


def hows(said: Finished) -> Counter[str]:
    """How many of these have ended in which way, of those that are news."""
    if not said.is_news:
        return Counter()
    return Counter(display.ended(record.status, record.error).word for record in said.requests)


def spoken(hows: Mapping[str, int], seconds: int, running: str) -> str:
    """What somebody hears in place of lines: how many have ended in so many seconds and how, and what runs."""
    total = sum(hows.values())
    others = "".join(f", {figures.exact_count(hows[word])} {word}" for word in NOT_WELL if hows.get(word))
    return f"{figures.exact_count(total)} ended in the last {seconds} seconds{others}. {running}".strip()


def machine(said: System) -> tuple[str, ...]:
    """How the gateway is doing, in the order in which the page has places for it."""
    known = [each.cpu_percent for each in said.processes if each.cpu_percent is not None]
    return (
        figures.exact_count(said.in_flight),
        figures.exact_count(said.streams_open),
        f"{sum(known):.0f} %" if known else figures.NOTHING,
        ", ".join(f"{each.name} {_percent(each.cpu_percent)}" for each in said.processes),
        display.size(sum(each.rss_bytes for each in said.processes)),
        ", ".join(f"{each.name} {display.size(each.rss_bytes)}" for each in said.processes),
        figures.exact_count(said.ingest["segments_waiting"]),
        f"oldest {figures.duration(round(said.ingest_lag_seconds * SECOND))}",
        figures.exact_count(said.viewers),
    )


def _percent(of_one_core: float | None) -> str:
    return figures.NOTHING if of_one_core is None else f"{of_one_core:.0f} %"
