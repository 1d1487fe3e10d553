"""Credentials as lines: what is said of each, how it is doing, what its provider has told of its limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.management.configured import CredentialView
from gateway.management.rests import CredentialStanding, ProviderStanding, RestView
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
    left: float
    """0 to 1."""
    words: str
    meaning: Meaning
    resets_at_us: int | None


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
    """What is left of the limits that the provider tells of."""
    left = standing.headroom
    if left is None:
        return ()
    words = f"{figures.share(round(1000 * left), 1000)} left"
    resets = read_instant(standing.limits_reset_at) if standing.limits_reset_at else None
    meaning: Meaning = "bad" if left < VERY_LOW else "warning" if left < LOW else "good"
    return (Bar("Rate limits", left, words, meaning, resets),)


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
