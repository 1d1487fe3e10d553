"""Credentials as lines: what is said of each, how it is doing, what its provider has told of its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.management.configured import CredentialView
from gateway.management.rests import CredentialStanding, ProviderStanding, RateWindow, RestView
from gateway.settings.instants import read_instant
from gateway.usage import figures
from web.display import Meaning, State
from web.health import Count, Sign, count_of, in_words, is_whole, state_of

LOW, VERY_LOW = 0.2, 0.05
"""Shares of limits that are left at which a bar is a warning, or bad."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """How much is left of a limit."""

    label: str
    left: float | None
    """0 to 1; None where that is not known."""
    words: str
    meaning: Meaning
    resets_at_us: int | None
    """When it is full again; None where nobody told."""
    has_reset: bool = False
    """Whether that is over, and nobody has told what was used since."""
    told_us: int | None = None
    name: str = ""
    """As its provider's headers have it."""

    @property
    def brief(self) -> str:
        """`12 % left`, and no more."""
        return self.words if self.left is None else self.words.partition(",")[0]


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The last attempt that failed."""

    at_us: int
    status: int | None
    word: str
    words: str
    """What that means."""
    link: str


@dataclass(frozen=True, slots=True)
class CredentialLine:
    """A credential, in one line."""

    name: str
    """Empty for a provider that asks for none."""
    link: str
    state: State
    note: str
    until_us: int | None
    """When the longest of its rests ends."""
    is_ours: bool
    origin: str
    is_paused: bool
    priority: int
    weight: int
    models: str
    in_flight: int
    max_parallel: int | None
    latency_us: int | None
    bars: tuple[Bar, ...]
    token_until_us: int | None
    late: Count
    day: Count
    failure: LastFailure | None
    version: int | None


def lines_of(
    views: Sequence[CredentialView], standing: ProviderStanding | None, rows: Sequence[Row]
) -> tuple[CredentialLine, ...]:
    """Those that are configured; for a provider that asks for none, one without a name."""
    known = {} if standing is None else {each.credential or "": each for each in standing.credentials}
    counted = {row["credential"]: row for row in rows if row["credential"] is not None}
    shown = [each for each in views if not each.managed.hidden]
    lines = tuple(line_of(each, known.get(each.name), counted.get(each.name)) for each in shown)
    return lines or tuple(_nobody(found, counted.get("")) for name, found in known.items() if not name)


def line_of(view: CredentialView, standing: CredentialStanding | None, row: Row | None) -> CredentialLine:
    """One of them."""
    rests = () if standing is None else standing.rests
    worst = _worst(rests)
    return CredentialLine(
        name=view.name,
        link=f"/providers/{view.provider}/credentials/{view.name}",
        state=_state(view.managed.problem, rests, row, is_paused=view.paused),
        note=view.managed.problem or _note(rests, worst),
        until_us=read_instant(worst.until) if worst is not None else None,
        is_ours=view.managed.by == "database",
        origin=view.managed.origin or "",
        is_paused=view.paused,
        priority=view.priority,
        weight=view.weight,
        models=", ".join(view.models),
        max_parallel=view.max_parallel,
        version=view.version,
        **_measured(standing, row),
    )


def _nobody(standing: CredentialStanding, row: Row | None) -> CredentialLine:
    """Stands for the credential of a server that asks for none."""
    worst = _worst(standing.rests)
    return CredentialLine(
        name="",
        link="",
        state=_state(None, standing.rests, row, is_paused=False),
        note=_note(standing.rests, worst),
        until_us=read_instant(worst.until) if worst is not None else None,
        is_ours=False,
        origin="",
        is_paused=False,
        priority=0,
        weight=1,
        models="*",
        max_parallel=None,
        version=None,
        **_measured(standing, row),
    )


def _measured(standing: CredentialStanding | None, row: Row | None) -> dict[str, Any]:
    """What is not said but seen."""
    seen = standing is not None
    return {
        "in_flight": standing.in_flight if standing is not None else 0,
        "latency_us": standing.latency_ms * 1000 if standing is not None and standing.latency_ms else None,
        "bars": bars_of(standing) if standing is not None else (),
        "token_until_us": read_instant(standing.token_until) if seen and standing and standing.token_until else None,
        "late": count_of(row, late=True),
        "day": count_of(row),
        "failure": _failure(row),
    }


def bars_of(standing: CredentialStanding) -> tuple[Bar, ...]:
    """What is left of each limit that the provider tells of, the tightest first. Where there was no room to keep each,
    what is left of the tightest."""
    if standing.windows or standing.headroom is None:
        return tuple(map(_bar, standing.windows))
    left = standing.headroom
    resets = read_instant(standing.limits_reset_at) if standing.limits_reset_at else None
    return (Bar("Rate limits", left, _left(left), _meaning(left), resets),)


def tightest_of(standings: Iterable[CredentialStanding]) -> tuple[str, Bar | None]:
    """Of all limits of some credentials that with least left, and whose it is; nobody's where nobody told of any."""
    every = [(each.credential or "", bar) for each in standings for bar in bars_of(each)[:1]]
    return min(every, key=lambda pair: looseness(pair[1]), default=("", None))


def looseness(bar: Bar) -> tuple[bool, bool, float]:
    """By which bars are sorted: the tightest first, then what is full again, then what is not known."""
    return bar.left is None, bar.has_reset, bar.left or 0.0


def _bar(window: RateWindow) -> Bar:
    left, has_reset = window.left, window.has_reset
    words = "not known" if left is None else "full again" if has_reset else _left(left)
    if window.remaining is not None:
        of = f" of {figures.exact_count(window.limit)}" if window.limit is not None else " left"
        count = f"{figures.exact_count(window.remaining)}{of}"
        words = count if left is None else f"{words}, {count}"
    resets = read_instant(window.resets_at) if window.resets_at else None
    told = read_instant(window.told_at)
    return Bar(label_of(window), left, words, _meaning(left), resets, has_reset, told, window.name)


def _left(left: float) -> str:
    return f"{figures.share(round(1000 * left), 1000)} left"


def _meaning(left: float | None) -> Meaning:
    if left is None:
        return "neutral"
    return "bad" if left < VERY_LOW else "warning" if left < LOW else "good"


PLAN, CODEX = "plan-", "codex-"

PERIODS: Mapping[str, str] = {"minute": "a minute", "hour": "an hour", "day": "a day", "month": "a month"}
"""With which names end of limits whose vendor has several of a kind, in words."""

LENGTHS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
"""Units in which the length of a limit is told, in seconds."""


def label_of(window: RateWindow) -> str:
    """What a limit is called: `Input tokens`; with how long it is where its provider tells, as in `Plan, 5 hours`."""
    first, _, rest = window.name.partition("-")
    length = _length(window.window_seconds)
    if f"{first}-" == PLAN:
        return _said(first, rest.partition("_")[2], length)
    if f"{first}-" == CODEX:
        # That the one is the first and the other the second says nothing where it is told how long they are.
        words = [word for word in rest.split("-") if not length or word not in ("primary", "secondary")]
        return _said(first, " ".join(words), length)
    words = window.name.replace("_", "-").split("-")
    if len(words) > 1 and words[-1] in PERIODS:
        words[-1] = PERIODS[words[-1]]
    return "Rate limit" if words == ["all"] else " ".join(words).capitalize()


def _said(vendor: str, which: str, length: str) -> str:
    return ", ".join(word for word in (vendor.capitalize(), length, which.replace("_", " ").capitalize()) if word)


def _length(seconds: int | None) -> str:
    """`5 hours`; the largest unit of which it is a whole number."""
    if not seconds:
        return ""
    unit, word = next((unit, word) for unit, word in LENGTHS if seconds % unit == 0)
    number = seconds // unit
    return f"{number} {word}{'' if number == 1 else 's'}"


def _state(problem: str | None, rests: Sequence[RestView], row: Row | None, *, is_paused: bool) -> State:
    whole = any(is_whole(rest) for rest in rests)
    others = sum(1 for rest in rests if rest.hard and not is_whole(rest))
    late, day = count_of(row, late=True), count_of(row)
    return state_of(Sign(problem, "", int(not is_paused), int(whole), others, late, day))


def _worst(rests: Sequence[RestView]) -> RestView | None:
    """A rest of all of it before one for a model, a hard one before a soft one, then the longest."""
    return max(rests, key=lambda rest: (is_whole(rest), rest.hard, rest.until), default=None)


def _note(rests: Sequence[RestView], worst: RestView | None) -> str:
    if worst is None:
        return ""
    more = f", and {len(rests) - 1} more" if len(rests) > 1 else ""
    return (f"{worst.model}: " if worst.model else "") + in_words(worst.reason) + more


def _failure(row: Row | None) -> LastFailure | None:
    last = row["last_failure"] if row is not None else None
    if last is None:
        return None
    what = last["what"] or ""
    return LastFailure(last["at_us"], last["status"], what.replace("_", " "), in_words(what), f"/requests/{last['id']}")
