"""What rests, in words: what for, until when, and what it came from. Pure.

Rests are told by the management functions; the attempt that caused one is looked for among those of the last day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.management.rests import RestView
from gateway.settings.instants import read_instant
from gateway.usage import figures
from web.health import ADVICE, in_words

BY_ANSWER = "answer"
"""What an attempt says where the provider named the time in the body of its answer."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rest:
    """Something that is not used for now."""

    what: str
    kind: str
    credential: str
    """Empty of a model as a whole."""
    model: str
    """Empty of a credential as a whole."""
    why: str
    advice: str
    until_us: int
    is_hard: bool
    probe_due: bool
    came: str
    """What it came from; empty where that is not known."""
    at_us: int | None
    """When that was."""
    link: str
    """To the request."""


def rests_of(views: Sequence[RestView], rows: Sequence[Row]) -> tuple[Rest, ...]:
    """What rests of a provider; `rows` are those of `providers/rested`."""
    return tuple(_rest(view, _cause(view, rows)) for view in views)


def _rest(view: RestView, cause: Row | None) -> Rest:
    return Rest(
        what=_what(view),
        kind=view.kind,
        credential=view.credential or "",
        model=view.model or "",
        why=in_words(view.reason),
        advice=ADVICE.get(view.reason, ""),
        until_us=read_instant(view.until),
        is_hard=view.hard,
        probe_due=view.probe_due,
        came=_came(cause) if cause is not None else "",
        at_us=cause["at_us"] if cause is not None else None,
        link=f"/requests/{cause['id']}" if cause is not None else "",
    )


def _what(view: RestView) -> str:
    if view.kind == "target":
        return f"{view.model} with every credential"
    if view.model is None:
        return view.credential or "the provider"
    return f"{view.model} with {view.credential}" if view.credential else view.model


def _cause(view: RestView, rows: Sequence[Row]) -> Row | None:
    """The last attempt that may have been the cause."""
    found = [row["latest"] for row in rows if _may_be(view, row)]
    return max(found, key=lambda latest: latest["at_us"], default=None)


def _may_be(view: RestView, row: Row) -> bool:
    if view.kind == "target":  # its breaker counts whatever fails there
        return bool(row["model"] == view.model)
    if (row["credential"] or None) != view.credential or row["reason"] != view.reason:
        return False
    return bool(row["latest"]["rest_us"]) and view.model in (None, row["model"])


def _came(cause: Row) -> str:
    """`429 from the provider, which named 1 min in retry-after`."""
    status = cause["status"]
    said = f"{status} from the provider" if status else str(cause["error"] or "no answer").replace("_", " ")
    if not cause["rest_us"]:
        return said
    long = figures.duration(cause["rest_us"])
    if by := cause["rest_by"]:
        return f"{said}, which named {long} in {'its answer' if by == BY_ANSWER else by}"
    return f"{said}; {long} by the gateway's rules for failures"
