"""What was changed while something was drawn, to stand in the drawing: prices, providers, aliases and combos, settings,
and the last start of the gateway. For whoever may read the audit log, which tells of them."""

from __future__ import annotations

from gateway.errors import StateUnavailable
from gateway.management.audit import READ, ChangeNoted, changes_of
from web.charts import Mark
from web.page import Site, Visit
from web.span import Span

MOST = 50
"""The latest ones."""

DONE = {"create": "made", "change": "changed", "delete": "deleted"}
"""What was done, by the end of an action."""


async def marks_of(site: Site, visit: Visit, span: Span) -> tuple[Mark, ...]:
    """The changes within a time, in order; none while nobody can tell."""
    if not visit.person.may(READ):
        return ()
    try:
        found = await changes_of(site.office, visit.person, span.since_us, span.until_us, MOST)
    except StateUnavailable:
        return ()  # the figures are there all the same
    marks = [Mark(each.at_us, _said(each)) for each in found]
    if span.since_us <= site.started_at_us < span.until_us:
        marks.append(Mark(site.started_at_us, f"Sluicegate {site.version} began", is_logged=False))
    return tuple(sorted(marks, key=lambda mark: mark.at_us))


def _said(change: ChangeNoted) -> str:
    kind, _, action = change.action.partition(".")
    return f"{kind} {change.target_name or ''} {DONE.get(action, action)} by {change.actor_name}".replace("  ", " ")
