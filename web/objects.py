"""Configured objects on pages: what their forms do, and what stands in those forms.

Knows the office's words for making, changing and deleting. What an object of a kind is asked for is its page's to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Unacceptable
from gateway.management import configuration
from gateway.management.configured import NAMED, View
from gateway.settings.stored import Kind
from web.entries import Entry, beside, check_typed, empty, read, said, shown, typed, version
from web.filters import address
from web.page import Action, Page, Sent, Site, Visit


@dataclass(frozen=True, slots=True)
class Editing:
    """An object that is being changed."""

    name: str
    version: int | None
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Objects:
    """A kind of objects, and the page that lists them."""

    kind: Kind
    path: str
    """Of the page."""
    entries: tuple[Entry, ...]
    """What its forms ask for, the name first."""

    @property
    def name(self) -> str:
        """The field that names one."""
        return NAMED[self.kind][-1]

    @property
    def rest(self) -> tuple[Entry, ...]:
        """Everything but the name, which stays."""
        return tuple(each for each in self.entries if each.name != self.name)

    def actions(self, page: Page) -> tuple[Action, ...]:
        """What the forms of the page do."""
        done: Mapping[str, Callable[[Site, Visit], Awaitable[Sent]]] = {
            "create": self._create,
            "change": self._change,
            "delete": self._delete,
        }
        return tuple(Action(f"{self.path}/{word}", page, run) for word, run in done.items())

    def new(self, visit: Visit) -> Mapping[str, str]:
        """What stands in the form of a new one: what was typed, or what the address gives."""
        if _is_wrong(visit, f"{self.path}/create"):
            return typed(visit.form, self.entries)
        return empty(self.entries, visit.query)

    def editing(self, visit: Visit, views: Sequence[View]) -> Editing | None:
        """The one that the address, or a form that was not carried out, is about; None of those that cannot change."""
        again = _is_wrong(visit, f"{self.path}/change")
        is_about = again or _is_wrong(visit, f"{self.path}/delete")
        wanted = visit.form.raw("name") if is_about else visit.query.get("edit")
        found = next((view for view in views if getattr(view, self.name) == wanted), None)
        if found is None or found.managed.by != "database" or not visit.person.may(configuration.WRITE):
            return None
        values = typed(visit.form, self.rest) if again else shown(found, self.rest)
        return Editing(str(wanted), found.version, values)

    async def _create(self, site: Site, visit: Visit) -> Sent:
        try:
            values = said(visit.form, self.entries)
            await configuration.create_object(site.office, visit.person, self.kind, values)
        except Unacceptable as error:
            raise beside(error, self.entries, usual=self.name) from None
        return self._done("made", str(values[self.name]))

    async def _change(self, site: Site, visit: Visit) -> Sent:
        name = visit.form.raw("name")
        try:
            values = read(visit.form, self.rest)
            await configuration.change_object(site.office, visit.person, (self.kind, name), values, version(visit.form))
        except Unacceptable as error:
            raise beside(error, self.rest, usual=self.rest[0].name) from None
        return self._done("changed", name)

    async def _delete(self, site: Site, visit: Visit) -> Sent:
        visit.person.require(configuration.WRITE)
        name = visit.form.raw("name")
        check_typed(visit.form, name, "typed")
        try:
            await configuration.delete_object(site.office, visit.person, (self.kind, name), version(visit.form))
        except Unacceptable as error:
            raise Unacceptable(error.message, param="typed") from None
        return self._done("deleted", "")

    def _done(self, word: str, name: str) -> Sent:
        return Sent(address(self.path, {"said": f"object-{word}", "at": name}))


def _is_wrong(visit: Visit, action: str) -> bool:
    return visit.problem is not None and visit.problem.action == action
