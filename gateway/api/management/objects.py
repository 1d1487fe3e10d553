"""What the kinds of configured objects have in common over HTTP: lists, one, made, changed, deleted.

Knows a kind by a row: its path, the fields in it that name one object, and the records it is said and shown in. What
may be said is `gateway.management.configuration`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct, structs

from gateway.errors import Conflict, ManagedByFile, Unacceptable
from gateway.management import configuration
from gateway.management.configured import NAMED, Place, View, name_of
from gateway.management.office import Office
from gateway.settings.stored import Kind

from .operation import Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .patches import given

READ, WRITE = configuration.READ, configuration.WRITE

NAMES = "A slash in a name is written `%2F` in the path."


class ObjectQuery(PageQuery, frozen=True, kw_only=True):
    """Which objects."""

    managed_by: Annotated[Literal["file", "database"] | None, Meta(description="Who says them.")] = None
    search: Annotated[str, Meta(min_length=1, max_length=100, description="Part of the name.")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind."""

    kind: Kind
    tag: str
    """Also the last part of its path, and in the plural how operations are called."""
    a: str
    """`an alias`."""
    some: str
    """`aliases`."""
    wish: type[Struct]
    change: type[Struct]
    view: type[Struct]
    query: type[ObjectQuery] = ObjectQuery
    about: str = ""
    """What is to be known of the list."""

    @property
    def path(self) -> str:
        """Of the list."""
        return f"/api/{self.tag}"

    @property
    def one(self) -> str:
        """Of one object, the fields that name it in braces."""
        return "/".join((self.path, *(f"{{{field}}}" for field in NAMED[self.kind])))

    @property
    def slashes(self) -> str:
        """What is to be known of names that may have slashes in them."""
        return NAMES if self.kind in ("alias", "combo", "price", "limit") else ""

    def named(self, asked: Asked[Any, Any, Any]) -> str:
        """The name in a path."""
        return name_of(self.kind, asked.path)

    def location(self, view: Any) -> str:
        """Where an object is found."""
        return "/".join((self.path, *(quote(getattr(view, field), safe="") for field in NAMED[self.kind])))


def operations_of(resource: Resource) -> tuple[Operation, ...]:
    """The endpoints of a kind."""
    return (_listing(resource), _creating(resource), _showing(resource), _changing(resource), _deleting(resource))


def said(wish: Struct) -> Mapping[str, Any]:
    """What a wish says that is not so by default, in the names of the configuration file."""
    values: dict[str, Any] = msgspec.to_builtins(wish)
    usual = {field.name: msgspec.to_builtins(_default(field)) for field in structs.fields(wish) if not field.required}
    return {name: value for name, value in values.items() if name not in usual or value != usual[name]}


def _default(field: structs.FieldInfo) -> Any:
    made = field.default_factory
    if made is not msgspec.NODEFAULT:
        return made()
    return None if field.default is msgspec.UNSET else field.default


def _listing(resource: Resource) -> Operation:
    async def run(asked: Asked[Office, None, Any]) -> Page[View]:
        query, after = asked.query, asked.query.after(int, int, str)
        found = await configuration.list_places(asked.office, asked.actor, resource.kind)
        wanted = [row for row in found if (after is None or row[0] > after) and _is_wanted(row, query)]
        return cut(wanted, query, lambda row: row[0], lambda row: row[1])

    return Operation(
        method="GET",
        path=resource.path,
        id=f"list_{resource.some}",
        summary=f"List {resource.some}",
        description=f"Those of the configuration file first, then those of the database. {resource.about}".strip(),
        tag=resource.tag,
        permission=READ,
        query=resource.query,
        answer=resource.view,
        paged=True,
        run=run,
    )


def _creating(resource: Resource) -> Operation:
    async def run(asked: Asked[Office, Struct, None]) -> Answer:
        made = await configuration.create_object(asked.office, asked.actor, resource.kind, said(asked.body))
        return Answer(of=made, version=made.version, location=resource.location(made))

    return Operation(
        method="POST",
        path=resource.path,
        id=f"create_{resource.kind}",
        summary=f"Add {resource.a}",
        description="Held to the same rules as the configuration file; every worker goes by it within a second.",
        tag=resource.tag,
        permission=WRITE,
        body=resource.wish,
        answer=resource.view,
        status=201,
        versioned=True,
        idempotent=True,
        errors=(Conflict, ManagedByFile),
        run=run,
    )


def _showing(resource: Resource) -> Operation:
    async def run(asked: Asked[Office, None, None]) -> View:
        return await configuration.get_object(asked.office, asked.actor, resource.kind, resource.named(asked))

    return Operation(
        method="GET",
        path=resource.one,
        id=f"show_{resource.kind}",
        summary=f"Show {resource.a}",
        description=resource.slashes,
        tag=resource.tag,
        permission=READ,
        answer=resource.view,
        versioned=True,
        run=run,
    )


def _changing(resource: Resource) -> Operation:
    async def run(asked: Asked[Office, Struct, None]) -> View:
        which, values = (resource.kind, resource.named(asked)), given(asked.body)
        return await configuration.change_object(asked.office, asked.actor, which, values, asked.if_match)

    return Operation(
        method="PATCH",
        path=resource.one,
        id=f"change_{resource.kind}",
        summary=f"Change {resource.a}",
        description=f"What is left out stays as it is, secrets too. {resource.slashes}".strip(),
        tag=resource.tag,
        permission=WRITE,
        body=resource.change,
        answer=resource.view,
        versioned=True,
        errors=(ManagedByFile,),
        run=run,
    )


def _deleting(resource: Resource) -> Operation:
    async def run(asked: Asked[Office, None, None]) -> None:
        which = (resource.kind, resource.named(asked))
        await configuration.delete_object(asked.office, asked.actor, which, asked.if_match)

    return Operation(
        method="DELETE",
        path=resource.one,
        id=f"delete_{resource.kind}",
        summary=f"Delete {resource.a}",
        description=f"Refused while something else needs it. {resource.slashes}".strip(),
        tag=resource.tag,
        permission=WRITE,
        status=204,
        versioned=True,
        errors=(ManagedByFile, Unacceptable),
        run=run,
    )


def _is_wanted(row: tuple[Place, View], query: ObjectQuery) -> bool:
    (_, _, name), view = row
    by = query.managed_by
    # A list of credentials has `provider` in its question as well.
    provider = getattr(query, "provider", None)
    return (
        (by is None or view.managed.by == by)
        and (query.search is None or query.search.lower() in name.lower())
        and (provider is None or getattr(view, "provider", None) == provider)
    )
