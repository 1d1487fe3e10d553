"""Charts as geometry: numbers in, places and words out. A template draws them; what they mean, pages know.

Pure. A plot is PLOT_WIDTH by PLOT_HEIGHT units and is stretched to the room there is, so that no text stands in it:
axes are words beside it. Everything begins at zero. What is missing stays missing, it is never drawn through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from gateway.usage import figures
from gateway.usage.figures import DAY, SECOND
from web import display
from web.span import Span
from web.ticks import Tick, ticks_of

PLOT_WIDTH = 1000.0
PLOT_HEIGHT = 100.0

GUIDES = 4
"""Parts of the height between guides, at most."""

GAP = 0.22
"""The share of a piece's width that is left free between bars."""

Show = Callable[[int], str]
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was changed."""

    at_us: int
    text: str
    is_logged: bool = True
    """Whether the audit log has it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Where that stands in a chart; several that are close together are one."""

    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one name, one for each piece of a span."""

    name: str
    tint: str
    """Class of its colour: `series-1` to `series-8`, `series-0` for the rest; `good`, `warning`, `bad` where it means
    that."""
    values: Values
    total: str = ""
    """What it comes to, in words; shown beside its name."""
    exact: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar."""

    tint: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of time, stacked."""

    x: float
    width: float
    title: str
    parts: tuple[Part, ...]
    is_partial: bool
    """The piece is not over yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series: `points` of a polyline each, broken where there is nothing."""

    tint: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a pointer finds what a chart says at one piece of time."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of time in the table of a chart."""

    when: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What a template draws."""

    title: str
    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    spots: tuple[Spot, ...]
    scale: tuple[str, ...]
    """Words of the vertical axis, from the top."""
    guides: tuple[float, ...]
    top: int
    """Where the vertical axis ends."""
    ticks: tuple[Tick, ...]
    """Words of the horizontal axis, from the left."""
    labels: tuple[str, ...]
    """Its pieces in words."""
    rows: tuple[Row, ...]
    """The same as a table, latest first."""
    starts: tuple[int, ...]
    """Where its pieces begin."""
    signs: tuple[Sign, ...]
    changes: int
    """How many changes these stand for."""
    changed: Mapping[str, str]
    """The words of an address of the audit log that lists them; nothing where it has none of them."""

    @property
    def places(self) -> list[int]:
        """The pieces that its table shows, latest first."""
        return _told(self.series, len(self.starts))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all to see."""
        return not any(value for each in self.series for value in each.values)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the charts of one page have in common."""

    span: Span
    zone: tzinfo
    now_us: int
    marks: tuple[Mark, ...] = ()
    """What was changed in this time, in order."""

    def label(self, place: int) -> str:
        """A piece of time in words."""
        since, until = self.span.ends(place)
        first = _local(since, self.zone)
        if self.span.step_us == DAY:
            return f"{first:%a %d %b}"
        if self.span.step_us > DAY:
            return f"{first:%d %b} to {_local(until - 1, self.zone):%d %b}"
        if self.span.length_us <= DAY:
            return f"{first:%H:%M}"
        return f"{first:%a %d %b %H:%M}"


def stacked(title: str, frame: Frame, series: Sequence[Series], show: Show) -> Chart:
    """Bars, one on top of the other, the first series at the bottom."""
    pieces = len(frame.span.starts)
    totals = [sum(each.values[place] or 0 for each in series) for place in range(pieces)]
    top = _top(totals, show)
    width = PLOT_WIDTH / pieces
    bars = tuple(
        Bar(
            x=round((place + GAP / 2) * width, 2),
            width=round((1 - GAP) * width, 2),
            title=_title(frame, series, place, show),
            parts=tuple(_parts(series, place, top)),
            is_partial=frame.span.ends(place)[1] > frame.now_us,
        )
        for place in range(pieces)
        if totals[place]
    )
    return _chart(title, frame, tuple(series), top, show, bars=bars)


def lined(title: str, frame: Frame, series: Sequence[Series], show: Show) -> Chart:
    """Lines, broken where there is nothing."""
    values = [value for each in series for value in each.values if value is not None]
    top = _top(values, show)
    lines = tuple(Line(each.tint, tuple(_runs(each.values, top))) for each in series)
    return _chart(title, frame, tuple(series), top, show, lines=lines)


def _chart(
    title: str,
    frame: Frame,
    series: tuple[Series, ...],
    top: int,
    show: Show,
    **drawn: tuple[Bar, ...] | tuple[Line, ...],
) -> Chart:
    parts = next(parts for parts in (GUIDES, 3, 2, 1) if top % parts == 0)
    rows = (
        Row(frame.label(place), tuple(_cell(each.values[place], show) for each in series))
        for place in _told(series, len(frame.span.starts))
    )
    return Chart(
        title=title,
        series=series,
        bars=drawn.get("bars", ()),  # type: ignore[arg-type] # by its name
        lines=drawn.get("lines", ()),  # type: ignore[arg-type] # likewise
        spots=() if "bars" in drawn else tuple(_spots(frame, series, show)),
        scale=tuple(show(top * part // parts) if part else "0" for part in range(parts, -1, -1)),
        guides=tuple(round(PLOT_HEIGHT * part / parts, 2) for part in range(parts + 1)),
        top=top,
        ticks=ticks_of(frame.span, frame.zone),
        labels=tuple(map(frame.label, range(len(frame.span.starts)))),
        rows=tuple(rows),
        starts=tuple(frame.span.starts),
        signs=tuple(_signs(frame)),
        changes=len(frame.marks),
        changed=_time_said(frame) if any(mark.is_logged for mark in frame.marks) else {},
    )


def _spots(frame: Frame, series: Sequence[Series], show: Show) -> Iterator[Spot]:
    pieces = len(frame.span.starts)
    width = PLOT_WIDTH / pieces
    for place in range(pieces):
        if any(each.values[place] is not None for each in series):
            yield Spot(round(place * width, 2), round(width, 2), _title(frame, series, place, show))


def _signs(frame: Frame) -> list[Sign]:
    """One for each piece of time in which something was changed, where the first of it was."""
    span = frame.span
    found: dict[int, list[Mark]] = {}
    for mark in frame.marks:
        found.setdefault(span.place_at(mark.at_us), []).append(mark)
    width = PLOT_WIDTH / len(span.starts)
    signs = []
    for place, marks in found.items():
        since, until = span.ends(place)
        within = (marks[0].at_us - since) / (until - since)
        told = (f"{_local(mark.at_us, frame.zone):%a %d %b %H:%M}: {mark.text}" for mark in marks)
        signs.append(Sign(round((place + within) * width, 2), "\n".join(told)))
    return signs


def _time_said(frame: Frame) -> Mapping[str, str]:
    """The time as an address says it."""
    ends = {"from": frame.span.since_us, "to": frame.span.until_us}
    return {word: f"{_local(at_us, frame.zone):%Y-%m-%dT%H:%M}" for word, at_us in ends.items()}


def _told(series: Sequence[Series], pieces: int) -> list[int]:
    """Pieces of which there is something to tell, latest first."""
    return [place for place in reversed(range(pieces)) if any(each.values[place] for each in series)]


def _parts(series: Sequence[Series], place: int, top: int) -> list[Part]:
    parts, below = [], 0.0
    for each in series:
        if value := each.values[place]:
            height = PLOT_HEIGHT * value / top
            below += height
            parts.append(Part(each.tint, round(PLOT_HEIGHT - below, 2), round(height, 2)))
    return parts


def _runs(values: Values, top: int) -> list[str]:
    step = PLOT_WIDTH / max(1, len(values))
    runs: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{(place + 0.5) * step:.1f},{PLOT_HEIGHT * (1 - value / top):.2f}")
    # A lone point shows as a dot: a line from it to itself with round ends.
    return [" ".join(points if len(points) > 1 else points * 2) for points in runs if points]


def _title(frame: Frame, series: Sequence[Series], place: int, show: Show) -> str:
    """What a piece of time says, a line each, the largest first."""
    lines = [(each.values[place] or 0, each.name) for each in series if each.values[place]]
    said = (f"{name}: {_cell(value, show)}" for value, name in sorted(lines, key=lambda line: -line[0]))
    return "\n".join((frame.label(place), *said))


def _cell(value: float | None, show: Show) -> str:
    return figures.NOTHING if value is None else show(round(value))


def _top(values: Iterable[float], show: Show) -> int:
    """Where the axis ends: a number that is easily said, and so are its parts."""
    most = max([1, *map(_up, values)])
    return display.duration_ceiling(most) if show is figures.duration else display.ceiling(most)


def _up(value: float) -> int:
    return int(value) + (value != int(value))


def _local(at_us: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_us // SECOND, zone)


@dataclass(frozen=True, slots=True)
class Rank:
    """A line of a ranking: a name, what it comes to, and a bar of its share of the largest."""

    name: str
    tint: str
    number: int
    value: str
    exact: str
    length: float
    """Percent."""
    part: float
    """Its share of all of them, from 0 to 1, and in words."""
    share: str
    link: str = ""
    note: str = ""
    of: str = ""
    """The beginning of the name that says whose it is, such as `openai/`: where there is little room it goes first."""


def ranked(rows: Sequence[tuple[str, int, str]], show: Show, exact: Show, tint_of: Callable[[str], str]) -> list[Rank]:
    """Lines of rows of name, number and link, which are in order; shares are those of all together."""
    most = max((number for _, number, _ in rows), default=0) or 1
    whole = sum(number for _, number, _ in rows)
    return [
        Rank(
            name=name,
            tint=tint_of(name),
            number=number,
            value=show(number),
            exact=exact(number),
            length=round(100 * number / most, 1),
            part=number / whole if whole else 0.0,
            share=figures.share(number, whole),
            link=link,
        )
        for name, number, link in rows
    ]
