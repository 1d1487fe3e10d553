"""What happened to a request, one thing after the other, as places on one scale of time. Pure.

From the row of a usage record, times in microseconds from the moment the request was seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.usage import figures

Row = Mapping[str, Any]
Kind = Literal["ours", "theirs", "stream", "failed", "pause"]

WIDTH = 1000.0
LEAST = 2.0
"""What is too short to be seen is drawn this wide."""


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
    note: str
    """In words, for the tooltip."""
    began_us: int
    took_us: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    kind: Kind
    began_us: int
    took_us: int
    word: str


def steps_of(row: Row) -> tuple[Step, ...]:
    """The steps of a request, in the order in which they began."""
    whole = max(1, row["total_us"])
    return tuple(_step(what, note, spans, whole) for what, note, spans in _found(row, whole) if spans)


def _found(row: Row, whole: int) -> Iterator[tuple[str, str, Sequence[_Span]]]:
    attempts: Sequence[Row] = row["attempts"] or ()
    admitted = row["admitted_us"]
    if admitted is not None:
        yield "Let in", "key found, body read, limits asked", [_Span("ours", 0, admitted, "let in")]
    ended = admitted or 0
    for number, attempt in enumerate(attempts, 1):
        began = attempt["began_us"]
        if began is None:  # of a record that an older version has left
            began = ended
        if number > 1 and began - ended > 1000:
            yield "Pause", "until the next attempt", [_Span("pause", ended, began - ended, "pause")]
        yield f"Attempt {number}", _tried(attempt), _attempt(attempt, began, number == len(attempts), row)
        ended = max(ended, began + attempt["duration_us"])
    if attempts and row["first_byte_us"] is not None:
        yield "Answer", "first byte to the client until the last", [_streamed(row, whole)]
    elif not attempts and admitted is None:
        yield "Refused", str(row["error"] or ""), [_Span("ours", 0, whole, "refused")]


def _attempt(attempt: Row, began: int, is_last: bool, row: Row) -> list[_Span]:
    """Connecting, waiting for the head, then what came after it."""
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


def _tried(attempt: Row) -> str:
    who = f"{attempt['provider']}/{attempt['model']}" + (
        f" on {attempt['credential']}" if attempt["credential"] else ""
    )
    return f"{who}: {attempt['error'] or 'answered'}"


def _streamed(row: Row, whole: int) -> _Span:
    first = min(row["first_byte_us"], whole)
    return _Span("stream", first, whole - first, "handed to the client")


def _step(what: str, note: str, spans: Sequence[_Span], whole: int) -> Step:
    began = spans[0].began_us
    ended = max(span.began_us + span.took_us for span in spans)
    return Step(what, note, began, ended - began, tuple(_stretch(span, whole) for span in spans))


def _stretch(span: _Span, whole: int) -> Stretch:
    scale = WIDTH / max(whole, span.began_us + span.took_us)
    width = max(LEAST, span.took_us * scale)
    x = min(span.began_us * scale, WIDTH - width)
    took = figures.duration(span.took_us)
    return Stretch(span.kind, round(x, 2), round(width, 2), f"{span.word}: {took}")
