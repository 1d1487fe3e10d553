"""What happened to a request, one thing after the other, as places on one scale of time. Pure.

From the row of a usage record, times in microseconds from the moment the request was seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gateway.usage import figures
from web import reasons

Row = Mapping[str, Any]
Kind = Literal["ours", "theirs", "stream", "failed", "pause"]

WIDTH = 1000.0
LEAST = 2.0
"""What is too short to be seen is drawn this wide."""

OURSELVES = "Ourselves"

FEWEST_TICKS = 3
SHORTEST_US = 500
"""Shorter pauses are nobody's concern."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a step's line."""

    kind: Kind
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened."""

    what: str
    who: str
    """With whom."""
    note: str
    """What came of it, in words."""
    began_us: int
    took_us: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the scale, as a share of it in percent."""

    x: float
    word: str


@dataclass(frozen=True, slots=True)
class _Span:
    kind: Kind
    began_us: int
    took_us: int
    word: str


def steps_of(row: Row) -> tuple[Step, ...]:
    """The steps of a request, in the order in which they began; ourselves first, with all that was our own time."""
    whole = max(1, row["total_us"])
    steps = (_step(what, spans, whole) for what, spans in _found(row, whole) if spans)
    # What is drawn lacks the little that fell into the wait for a provider.
    return tuple(replace(step, took_us=row["overhead_us"]) if step.what == OURSELVES else step for step in steps)


def ticks_of(total_us: int) -> tuple[Tick, ...]:
    """Places on the scale of a request that are round, a few of them; the first is its beginning."""
    step = _round_below(max(total_us, 1) / FEWEST_TICKS)
    places = range(0, total_us, step)
    return tuple(Tick(round(100 * at / total_us, 2), figures.duration(at) if at else "0") for at in places)


def _round_below(number: float) -> int:
    """The largest of 1, 2, 5, 10, 20, ... that is not above it; at least 1."""
    scale = 1
    while 10 * scale <= number:
        scale *= 10
    return max(each * scale for each in (1, 2, 5) if each * scale <= max(number, 1))


_What = tuple[str, str, str]
"""What it is, with whom, what came of it."""


def _found(row: Row, whole: int) -> Iterator[tuple[_What, Sequence[_Span]]]:
    attempts: Sequence[Row] = row["attempts"] or ()
    if not attempts and row["admitted_us"] is None:
        yield ("Refused", "", reasons.ended(row["error"])), [_Span("ours", 0, whole, "refused")]
        return
    gaps = list(_gaps(row, attempts, whole))
    ours = [span for span in gaps if span.kind == "ours"]
    yield (OURSELVES, "", "let in, made ready, handed on"), ours
    pauses = [span for span in gaps if span.kind == "pause"]
    for number, (began, attempt) in enumerate(_begun(row, attempts), 1):
        for pause in [each for each in pauses if each.began_us <= began]:
            pauses.remove(pause)
            yield ("Pause", "", pause.word), [pause]
        who = reasons.target_of(attempt)
        yield (f"Attempt {number}", who, _came(row, attempt, number)), _attempt(attempt, began, number, row)
    yield from ((("Pause", "", each.word), [each]) for each in pauses)
    if attempts and row["first_byte_us"] is not None:
        yield ("Answer", "", "first byte to the client until the last"), [_streamed(row, whole)]


def _begun(row: Row, attempts: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """When each attempt began; in the record of an older version, when the one before it had ended."""
    ended = row["admitted_us"] or 0
    for attempt in attempts:
        began = ended if attempt["began_us"] is None else attempt["began_us"]
        yield began, attempt
        ended = max(ended, began + attempt["duration_us"])


def _gaps(row: Row, attempts: Sequence[Row], whole: int) -> Iterator[_Span]:
    """Where no provider was asked until the client had a byte: our own time, and what was waited for besides."""
    until = whole if row["first_byte_us"] is None else min(row["first_byte_us"], whole)
    admitted = min(row["admitted_us"] or 0, until)
    if admitted:
        yield _Span("ours", 0, admitted, "let in: key, body, limits")
    gaps, ended = _between(row, attempts, admitted, until)
    paused, besides = _waits(row, attempts, until)
    pauses = [0] * len(gaps)
    for number in sorted(range(len(gaps)), key=lambda number: -gaps[number][1]):
        pauses[number] = min(paused, gaps[number][1])  # a pause is longer than whatever we do
        paused -= pauses[number]
    for number, ((at, length), pause) in enumerate(zip(gaps, pauses, strict=True)):
        others = min(besides, length - pause) if number == 0 else 0
        yield from _gap(at, (others, pause, length - others - pause), is_first=number == 0)
    if ended < until:
        yield _Span("ours", ended, until - ended, "the answer made ready" if attempts else "nobody could be asked")


def _between(row: Row, attempts: Sequence[Row], admitted: int, until: int) -> tuple[Sequence[tuple[int, int]], int]:
    """Where it was in nobody's hands before each attempt, and how long; and when the last attempt had ended."""
    gaps, at = list[tuple[int, int]](), admitted
    for began, attempt in _begun(row, attempts):
        gaps.append((at, max(min(began, until) - at, 0)))
        at = max(at, min(began + attempt["duration_us"], until))
    return gaps, at


def _gap(at: int, parts: tuple[int, int, int], *, is_first: bool) -> Iterator[_Span]:
    """What was done before an attempt: waited for what is no attempt, paused, got ready. What is short is our own."""
    others, pause, ours = parts
    if others >= SHORTEST_US:
        yield _Span("pause", at, others, "for a token or for what the request names by URL")
        at, others = at + others, 0
    if pause >= SHORTEST_US:
        yield _Span("pause", at, pause, "until the next attempt")
        at, pause = at + pause, 0
    if left := others + pause + ours:
        yield _Span("ours", at, left, "chosen, translated, sent" if is_first else "the next one chosen")


def _waits(row: Row, attempts: Sequence[Row], until: int) -> tuple[int, int]:
    """What of the gaps is not our own time: pauses, and what was waited for besides."""
    if not attempts:
        return row["waited_us"] or 0, 0
    asked = last = 0
    for began, attempt in _begun(row, attempts):
        ended = min(began + attempt["duration_us"], until)
        asked += max(ended - max(began, last), 0)
        last = max(last, ended)
    waited = max(until - asked - row["overhead_us"], 0)
    paused: int | None = row["waited_us"]
    if paused is None:  # of a record that an older version has left
        return waited, 0
    return paused, max(waited - paused, 0)


def _attempt(attempt: Row, began: int, number: int, row: Row) -> list[_Span]:
    """Connecting, waiting for the head, then what came after it."""
    is_last = number == len(row["attempts"])
    connect, head, whole = attempt["connect_us"] or 0, attempt["head_us"], attempt["duration_us"]
    failed = attempt["error"] is not None
    spans = [_Span("pause", began, connect, "connected")] if connect else []
    if head is None or head > whole:
        kind: Kind = "failed" if failed else "theirs"
        return [*spans, _Span(kind, began + connect, max(0, whole - connect), "no answer" if failed else "answered")]
    spans.append(
        _Span("failed" if failed else "theirs", began + connect, max(0, head - connect), "waited for its head")
    )
    if whole > head:
        kind = "failed" if failed else "stream" if row["stream"] and is_last else "theirs"
        spans.append(_Span(kind, began + head, whole - head, "read its answer"))
    return spans


def _came(row: Row, attempt: Row, number: int) -> str:
    """What came of an attempt."""
    if attempt["error"] is not None:
        return f"failed: {reasons.failed(attempt)}"
    if number == len(row["attempts"]) and reasons.has_left(row["error"]):
        return "answered, until the client left"
    return "answered"


def _streamed(row: Row, whole: int) -> _Span:
    first = min(row["first_byte_us"], whole)
    return _Span("stream", first, whole - first, "handed to the client")


def _step(what: _What, spans: Sequence[_Span], whole: int) -> Step:
    began = spans[0].began_us
    ended = max(span.began_us + span.took_us for span in spans)
    return Step(*what, began, ended - began, tuple(_stretch(span, whole) for span in spans))


def _stretch(span: _Span, whole: int) -> Stretch:
    scale = WIDTH / max(whole, span.began_us + span.took_us)
    width = max(LEAST, span.took_us * scale)
    x = min(span.began_us * scale, WIDTH - width)
    took = figures.duration(span.took_us)
    return Stretch(span.kind, round(x, 2), round(width, 2), f"{span.word}: {took}")
