"""Views of a page that people save to come back to: the words of its address by a name, for oneself or for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from msgspec import structs

from gateway.errors import Unacceptable
from gateway.management import saved
from gateway.management.saved import VIEWS, Part, SavedView, ViewWish
from gateway.management.saved import Page as Name
from web.entries import version
from web.filters import address
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Site, Visit

MOST_LISTED = 100
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class View:
    """One that is saved."""

    id: str
    version: int
    name: str
    link: str
    note: str
    """Whose it is, or that others see it."""
    is_own: bool
    is_shared: bool
    is_open: bool
    """Whether it is what the address says."""


@dataclass(frozen=True, slots=True)
class Views:
    """What there is, and what could be saved."""

    items: tuple[View, ...]
    opened: View | None
    """One's own that is open."""
    others: tuple[View, ...]
    """One's own that are not."""
    query: str
    """What the address says."""
    may_save: bool
    form: Form
    problem: Problem | None


NO_VIEWS = Views((), None, (), "", may_save=False, form=Form(), problem=None)


async def views_of(site: Site, visit: Visit, page: Name, path: str, words: Mapping[str, str]) -> Views:
    """The views of a page that whoever looks may see; `words` are those of the address that make one. Raises
    NotPermitted, StateUnavailable."""
    actor = visit.person
    found = await saved.list_saved(site.office, actor, VIEWS, Part(limit=MOST_LISTED, page=page))
    here = {word: value for word, value in words.items() if value}
    items = sorted((_view(each, path, here, actor.user_id) for each in found), key=lambda view: view.name.lower())
    own = [view for view in items if view.is_own]
    return Views(
        items=tuple(items),
        opened=next((view for view in own if view.is_open), None),
        others=tuple(view for view in own if not view.is_open),
        query=urlencode(here),
        may_save=actor.user_id is not None,
        form=visit.form,
        problem=visit.problem,
    )


def _view(view: SavedView, path: str, here: Mapping[str, str], user_id: str | None) -> View:
    is_own = view.user_id == user_id
    said = dict(parse_qsl(view.query))
    return View(
        id=view.id,
        version=view.version,
        name=view.name,
        link=address(path, said),
        note=("for all" if view.shared else "") if is_own else f"by {view.user_name or view.email}",
        is_own=is_own,
        is_shared=view.shared,
        is_open=said == here,
    )


def words_typed(form: Form) -> dict[str, str]:
    """The words of the address from which a form was sent."""
    return dict(parse_qsl(form.raw("query")))


def actions_of(page: Page, name: Name) -> tuple[Action, ...]:
    """What can be done with views of a page."""

    async def save(site: Site, visit: Visit) -> Sent:
        """One more of one's own: what the address says."""
        form = visit.form
        wish = ViewWish(page=name, name=_named(form), query=urlencode(words_typed(form)), shared=_is_shared(form))
        made = await saved.save(site.office, visit.person, VIEWS, wish)
        return _done(made, "view-saved")

    async def change(site: Site, visit: Visit) -> Sent:
        """One's own: called otherwise, or with what the address says in its place."""
        form = visit.form
        found = await saved.get_saved(site.office, visit.person, VIEWS, form.raw("view"))
        replaces = form.raw("replaces") == "yes"
        wish = ViewWish(
            page=name,
            name=found.name if replaces else _named(form),
            query=urlencode(words_typed(form)) if replaces else found.query,
            shared=found.shared if replaces else _is_shared(form),
        )
        seen = structs.replace(found, version=version(form) or found.version)
        return _done(await saved.change_saved(site.office, visit.person, VIEWS, seen, wish), "view-changed")

    async def delete(site: Site, visit: Visit) -> Sent:
        """It is gone."""
        await saved.delete_saved(site.office, visit.person, VIEWS, visit.form.raw("view"), version(visit.form))
        return Sent(address(page.path, words_typed(visit.form), {"said": "view-deleted"}))

    def _done(view: SavedView, said: str) -> Sent:
        return Sent(address(page.path, dict(parse_qsl(view.query)), {"said": said}))

    of_page = {"save": save, "change": change, "delete": delete}
    return tuple(Action(f"{page.path}/views/{word}", page, run) for word, run in of_page.items())


def _named(form: Form) -> str:
    name = form.text("name", most=LONGEST_NAME)
    if not name:
        raise Unacceptable("Give it a name.", param="name")
    return name


def _is_shared(form: Form) -> bool:
    return "yes" in form.every("shared")
