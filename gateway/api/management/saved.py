"""Saved views of pages and saved queries over HTTP: the same operations for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from gateway.errors import Conflict
from gateway.management import saved
from gateway.management.office import Office
from gateway.management.queries import RUN
from gateway.management.saved import QUERIES, VIEWS, Kind, Part, QueryWish, ViewWish

from .operation import SIGNED_IN, Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .patches import merged, patch_of


class ViewsQuery(PageQuery, frozen=True, kw_only=True):
    """Which views."""

    page: Annotated[saved.Page | None, Meta(description="Those of one page.")] = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind, as it is served."""

    kind: Kind[Any, Any]
    path: str
    id: str
    """What operations are called by, of one of them."""
    ids: str
    a: str
    """As it is saved."""
    some: str
    tag: str
    wish: type[Struct]
    change: type[Struct]
    query: type[PageQuery]
    permission: str
    """Who is let in; the kind says who may have any."""

    @property
    def one(self) -> str:
        """The path of one of them."""
        return f"{self.path}/{{id}}"

    async def list(self, asked: Asked[Office, None, Any]) -> Page[Struct]:
        """Latest first."""
        query, after = asked.query, asked.query.after(str)
        part = Part(
            limit=query.fetched,
            after_id=None if after is None else str(after[0]),
            page=query.page if isinstance(query, ViewsQuery) else None,
        )
        found = await saved.list_saved(asked.office, asked.actor, self.kind, part)
        return cut(found, query, lambda each: (each.id,), lambda each: each)

    async def create(self, asked: Asked[Office, Any, None]) -> Answer:
        """In one's own name."""
        made = await saved.save(asked.office, asked.actor, self.kind, asked.body)
        return Answer(of=made, location=f"{self.path}/{made.id}")

    async def show(self, asked: Asked[Office, None, None]) -> Struct:
        """One of them."""
        found: Struct = await saved.get_saved(asked.office, asked.actor, self.kind, asked.path["id"])
        return found

    async def change_one(self, asked: Asked[Office, Struct, None]) -> Struct:
        """The wish is made of what there is; whoever changed it in between is not overwritten."""
        before = await saved.get_saved(asked.office, asked.actor, self.kind, asked.path["id"])
        seen = before if asked.if_match is None else structs.replace(before, version=asked.if_match)
        wish = merged(self.wish, before, asked.body)
        after: Struct = await saved.change_saved(asked.office, asked.actor, self.kind, seen, wish)
        return after

    async def delete(self, asked: Asked[Office, None, None]) -> None:
        """For good."""
        await saved.delete_saved(asked.office, asked.actor, self.kind, asked.path["id"], asked.if_match)


def operations_of(resource: Resource) -> tuple[Operation, ...]:
    """The endpoints of a kind."""
    return (*_reading(resource), *_writing(resource))


def _common(resource: Resource) -> dict[str, Any]:
    """What all of them say alike."""
    return {"tag": resource.tag, "permission": resource.permission}


def _reading(resource: Resource) -> tuple[Operation, ...]:
    common = {**_common(resource), "answer": resource.kind.view}
    return (
        Operation(
            method="GET",
            path=resource.path,
            id=f"list_{resource.ids}",
            summary=f"List {resource.some}",
            description="One's own and those that others share, latest first.",
            query=resource.query,
            paged=True,
            run=resource.list,
            **common,
        ),
        Operation(
            method="GET",
            path=resource.one,
            id=f"show_{resource.id}",
            summary=f"Show {resource.a}",
            versioned=True,
            run=resource.show,
            **common,
        ),
    )


def _writing(resource: Resource) -> tuple[Operation, ...]:
    common = _common(resource)
    changing: dict[str, Any] = {"answer": resource.kind.view, "versioned": True, "errors": (Conflict,), **common}
    return (
        Operation(
            method="POST",
            path=resource.path,
            id=f"create_{resource.id}",
            summary=f"Make {resource.a}",
            body=resource.wish,
            status=201,
            idempotent=True,
            run=resource.create,
            **changing,
        ),
        Operation(
            method="PATCH",
            path=resource.one,
            id=f"change_{resource.id}",
            summary=f"Change {resource.a}",
            description="One's own.",
            body=resource.change,
            run=resource.change_one,
            **changing,
        ),
        Operation(
            method="DELETE",
            path=resource.one,
            id=f"delete_{resource.id}",
            summary=f"Delete {resource.a}",
            description=f"One's own; what others share with `{saved.CLEANING}`.",
            status=204,
            versioned=True,
            run=resource.delete,
            **common,
        ),
    )


OPERATIONS = (
    *operations_of(
        Resource(
            kind=VIEWS,
            path="/api/views",
            id="saved_view",
            ids="saved_views",
            a="a saved view of a page",
            some="saved views of pages",
            tag="views",
            wish=ViewWish,
            change=patch_of(ViewWish, "page"),
            query=ViewsQuery,
            # Client keys see their usage, and are nobody who saves anything.
            permission=SIGNED_IN,
        )
    ),
    *operations_of(
        Resource(
            kind=QUERIES,
            path="/api/queries",
            id="saved_query",
            ids="saved_queries",
            a="a saved query",
            some="saved queries",
            tag="queries",
            wish=QueryWish,
            change=patch_of(QueryWish),
            query=PageQuery,
            permission=RUN,
        )
    ),
)
