"""What every page has around it: who is signed in, the pages they may see, the time that is shown, what a form of
theirs must hold.

Knows people and pages, not HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from gateway.access.roles import ROLES
from gateway.management.office import Actor
from web.display import State
from web.filters import address
from web.page import GROUPS, SAID, Page, Site, Visit
from web.span import SPANS, Span, typed_time

THEMES = ("light", "dark")

OF_TIME = ("range", "from", "to")
"""Words of an address that say which time is shown."""

DOCKED = 4
"""Pages that stand at the bottom of a phone, beside the way to all of them."""

NOT_KEPT = frozenset((*OF_TIME, "block", "said", "before", "after"))
"""Words of an address that mean something else when another time is shown."""


UNKNOWN: Mapping[str, object] = {
    "theme": "",
    "zone": UTC,
    "now_us": 0,
    "here": "/",
    "query": {},
    "span": None,
    "spans": (),
    "typed_time": ("", ""),
    "kept_time": {},
    "pace": 0,
}
"""How things are shown where it is not known to whom."""


@dataclass(frozen=True, slots=True)
class Going:
    """A page on the way to somebody else's."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a template shows that needs no more than the frame."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen: its word, its title, where it is, and whether it is what is shown."""

    word: str
    title: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the rail."""

    page: Page
    url: str
    is_current: bool
    mark: State | None


@dataclass(frozen=True, slots=True)
class Dock:
    """What stands at the bottom of a phone."""

    entries: Sequence[Entry]
    is_elsewhere: bool
    """Whether the page that is shown is none of these, but one of the rail."""
    mark: State | None
    """The first of the pages that do not stand there."""


def frame_of(site: Site, pages: Sequence[Page], visit: Visit | None, page: Page | None = None) -> dict[str, object]:
    """Names for the template of a page's surroundings. `visit` is None where it is not known who asks."""
    actor = visit.actor if visit is not None else None
    rail = _rail(site, pages, visit, page)
    return {
        "rail": rail,
        "dock": _dock([entry for _, entries in rail for entry in entries]),
        "version": site.version,
        "demo": site.demo,
        "who": actor.name if actor is not None else None,
        "is_signed_in": visit is not None and visit.is_signed_in,
        "may_search": actor is not None and actor.may("usage:read", "usage:own"),
        "form_token": visit.browser.form_token if visit is not None else "",
        "said": SAID.get(visit.query.get("said", ""), "") if visit is not None else "",
        # Without anybody there are no pages to go to.
        "layout": "frame.html" if actor is not None else "entrance.html",
        **_seen(visit, page),
    }


def may_see(actor: Actor | None, page: Page) -> bool:
    """Whether a page is for somebody."""
    if page.is_public or actor is None:
        return page.is_public
    return actor.may(*page.permissions) if page.permissions else actor.session_id is not None


def is_waiting(actor: Actor) -> bool:
    """Whether a user is `pending`: known, and let in nowhere until an admin gives them a role."""
    return actor.kind == "user" and actor.permissions <= ROLES["pending"]


def _rail(site: Site, pages: Sequence[Page], visit: Visit | None, page: Page | None) -> list[tuple[str, list[Entry]]]:
    """Groups of pages, those that somebody may see. A time that was chosen goes along from page to page."""
    actor = visit.actor if visit is not None else None
    kept = _time_said(visit)
    entries = [
        Entry(
            page=each,
            url=address(each.path, kept if each.span else {}),
            is_current=page is not None and _is_within(page, each),
            mark=each.mark(site) if each.mark is not None else None,
        )
        for each in pages
        if each.group is not None and may_see(actor, each)
    ]
    grouped = [(group, [entry for entry in entries if entry.page.group == group]) for group in GROUPS]
    return [(group, found) for group, found in grouped if found]


def _dock(entries: Sequence[Entry]) -> Dock:
    shown, others = entries[:DOCKED], entries[DOCKED:]
    return Dock(
        entries=shown,
        is_elsewhere=any(entry.is_current for entry in others),
        mark=next((entry.mark for entry in others if entry.mark), None),
    )


def _time_said(visit: Visit | None) -> Mapping[str, str]:
    """What the address says of the time."""
    return {} if visit is None else {word: visit.query[word] for word in OF_TIME if word in visit.query}


def _is_within(page: Page, entry: Page) -> bool:
    """Whether a page is the one of the rail, or below it."""
    return page is entry or (entry.path != "/" and page.path.startswith(f"{entry.path}/"))


def _seen(visit: Visit | None, page: Page | None) -> dict[str, object]:
    """What the address and the browser say of how things are shown."""
    if visit is None:
        return {**UNKNOWN}
    span = visit.span_or(page.span) if page is not None and page.span else None
    theme = visit.browser.preferences.get("theme", "")
    is_live = page is not None and page.refreshes and visit.query.get("live") != "off"
    return {
        "theme": theme if theme in THEMES else "",
        "zone": visit.zone,
        "now_us": visit.now_us,
        "here": visit.path,
        "query": visit.query,
        "span": span,
        "spans": () if span is None else _spans(visit, span),
        "typed_time": ("", "") if span is None else typed_time(span, visit.zone),
        # Whoever searches means the time that they look at.
        "kept_time": _time_said(visit) if span is None else span.query,
        # Seconds between two looks of a page that refreshes; 0 for one that does not.
        "pace": 0 if not is_live else (span.refresh_seconds if span is not None else 5),
    }


def _spans(visit: Visit, span: Span) -> tuple[Choice, ...]:
    kept: Mapping[str, str] = {word: value for word, value in visit.query.items() if word not in NOT_KEPT}
    return tuple(
        Choice(word, title, address(visit.path, kept, {"range": word}), span.name == word)
        for word, (title, _, _) in SPANS.items()
    )
