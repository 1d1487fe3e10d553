"""What every page has around it: who is signed in, the pages they may see, what a form of theirs must hold.

Knows people and pages, not HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.access.roles import ROLES
from gateway.management.office import Actor
from web.page import SAID, Page, Site, Visit


@dataclass(frozen=True, slots=True)
class Going:
    """A page on the way to somebody else's."""

    name: str
    url: str


def frame_of(site: Site, pages: Sequence[Page], visit: Visit | None) -> dict[str, object]:
    """Names for the template of a page's surroundings. `visit` is None where it is not known who asks."""
    actor = visit.actor if visit is not None else None
    return {
        "pages": [page for page in pages if page.group is not None and may_see(actor, page)],
        "version": site.version,
        "demo": site.demo,
        "who": actor.name if actor is not None else None,
        "is_signed_in": visit is not None and visit.is_signed_in,
        "form_token": visit.browser.form_token if visit is not None else "",
        "said": SAID.get(visit.query.get("said", ""), "") if visit is not None else "",
        # Without anybody there are no pages to go to.
        "layout": "frame.html" if actor is not None else "entrance.html",
    }


def may_see(actor: Actor | None, page: Page) -> bool:
    """Whether a page is for somebody."""
    if page.is_public or actor is None:
        return page.is_public
    return actor.may(*page.permissions) if page.permissions else actor.session_id is not None


def is_waiting(actor: Actor) -> bool:
    """Whether a user is `pending`: known, and let in nowhere until an admin gives them a role."""
    return actor.kind == "user" and actor.permissions <= ROLES["pending"]
