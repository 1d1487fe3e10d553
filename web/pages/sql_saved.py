"""Queries that are kept for later: saved by name, for oneself or for all, changed and deleted."""

from __future__ import annotations

from msgspec import structs

from gateway.errors import Unacceptable
from gateway.management import saved
from gateway.management.saved import QUERIES, QueryWish, SavedQuery
from web.entries import version
from web.filters import address
from web.forms import Form
from web.page import Action, Sent, Site, Visit
from web.pages.sql import PAGE, PATH, written

LONGEST_NAME = 100


async def save(site: Site, visit: Visit) -> Sent:
    """One more of one's own."""
    made = await saved.save(site.office, visit.person, QUERIES, _wish(visit.form))
    return _done(made, "query-saved")


async def change(site: Site, visit: Visit) -> Sent:
    """One's own, as it is in the editor now."""
    found = await saved.get_saved(site.office, visit.person, QUERIES, visit.form.raw("saved"))
    seen = structs.replace(found, version=version(visit.form) or found.version)
    changed = await saved.change_saved(site.office, visit.person, QUERIES, seen, _wish(visit.form))
    return _done(changed, "query-changed")


async def delete(site: Site, visit: Visit) -> Sent:
    """It is gone."""
    await saved.delete_saved(site.office, visit.person, QUERIES, visit.form.raw("saved"), version(visit.form))
    return Sent(address(PATH, {"said": "query-deleted"}))


def _wish(form: Form) -> QueryWish:
    """Raises Unacceptable."""
    name = form.text("name", most=LONGEST_NAME)
    if not name:
        raise Unacceptable("Give it a name.", param="name")
    return QueryWish(name=name, query=written(form), shared=form.raw("shared") == "yes")


def _done(query: SavedQuery, said: str) -> Sent:
    return Sent(address(PATH, {"saved": query.id, "said": said}))


ACTIONS = (
    Action(f"{PATH}/save", PAGE, save),
    Action(f"{PATH}/change", PAGE, change),
    Action(f"{PATH}/delete", PAGE, delete),
)
