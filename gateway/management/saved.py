"""What people save to come back to: views of pages, as their address says them, and queries in SQL.

Knows whose they are: one's own can be changed, a shared one is seen by everybody who may see such things at all, and
goes with its owner. Does not know what an address or a query means; a query is judged when it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

from msgspec import Meta, Struct, structs

from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.management.people import check_version
from gateway.management.queries import RUN, Text
from gateway.settings.instants import Moment, write_instant
from gateway.store.session import Row, Session

MOST_OF_ONE = 200
"""How many of a kind one user may save."""

MOST_FIELDS = 100
CLEANING = "people:write"
"""Who has this may delete what others share."""

Page = Literal["overview", "requests", "spend", "latency"]

Named = Annotated[str, Meta(min_length=1, max_length=100, description="What it is called, among one's own.")]
Shared = Annotated[bool, Meta(description="Whether others see it too.")]


class ViewWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A view of a page as somebody wants it."""

    page: Annotated[Page, Meta(description="The page it is of.")]
    name: Named
    query: Annotated[str, Meta(max_length=4000, description="What stands behind the question mark of its address.")]
    shared: Shared = False


class QueryWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A saved query as somebody wants it."""

    name: Named
    query: Text
    shared: Shared = False


class _Whose(Struct, frozen=True, kw_only=True):
    id: str
    user_id: Annotated[str, Meta(description="Whose it is.")]
    user_name: str
    email: str
    created_at: Moment
    updated_at: Moment
    version: int


class SavedView(_Whose, frozen=True, kw_only=True):
    """A view of a page, as it is."""

    page: Page
    name: str
    query: str
    shared: bool


class SavedQuery(_Whose, frozen=True, kw_only=True):
    """A saved query, as it is."""

    name: str
    query: str
    shared: bool


WishT = TypeVar("WishT", ViewWish, QueryWish)
SavedT = TypeVar("SavedT", SavedView, SavedQuery)


@dataclass(frozen=True, slots=True)
class Statements:
    """Names of statements."""

    listed: str
    found: str
    counted: str
    created: str
    changed: str
    deleted: str


@dataclass(frozen=True, slots=True)
class Kind(Generic[WishT, SavedT]):
    """A kind of things that are saved."""

    name: str
    """As the audit log says it."""
    a: str
    """The same in a sentence."""
    view: type[SavedT]
    permissions: tuple[str, ...]
    """One of these is needed to have any, or to see any."""
    statements: Statements


VIEWS: Kind[ViewWish, SavedView] = Kind(
    name="saved_view",
    a="view",
    view=SavedView,
    permissions=("usage:read", "usage:own"),
    statements=Statements(
        listed="saved/views_listed",
        found="saved/view_found",
        counted="saved/views_counted",
        created="saved/view_created",
        changed="saved/view_changed",
        deleted="saved/view_deleted",
    ),
)

QUERIES: Kind[QueryWish, SavedQuery] = Kind(
    name="saved_query",
    a="query",
    view=SavedQuery,
    permissions=(RUN,),
    statements=Statements(
        listed="saved/queries_listed",
        found="saved/query_found",
        counted="saved/queries_counted",
        created="saved/query_created",
        changed="saved/query_changed",
        deleted="saved/query_deleted",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a list."""

    limit: int
    after_id: str | None = None
    page: Page | None = None
    """Of views: those of one page."""


async def list_saved(office: Office, actor: Actor, kind: Kind[WishT, SavedT], part: Part) -> list[SavedT]:
    """One's own and those that are shared, latest first. Raises NotPermitted."""
    actor.require(*kind.permissions)
    parameters: dict[str, object] = {"before_id": part.after_id, "user_id": actor.user_id, "limit": part.limit}
    if kind.name == VIEWS.name:
        parameters["page"] = part.page
    rows = await office.read(lambda session: session.rows(kind.statements.listed, parameters))
    return [_view(kind, row) for row in rows]


async def get_saved(office: Office, actor: Actor, kind: Kind[WishT, SavedT], saved_id: str) -> SavedT:
    """One of them. Raises NotPermitted, UnknownResource where there is none that the actor may see."""
    actor.require(*kind.permissions)
    return await office.read(lambda session: _visible(session, actor, kind, saved_id))


async def save(office: Office, actor: Actor, kind: Kind[WishT, SavedT], wish: WishT) -> SavedT:
    """One more. Raises NotPermitted, Unacceptable, Conflict for a name that one has used."""
    actor.require(*kind.permissions)
    user_id = actor.user_id
    if user_id is None:
        raise Unacceptable(f"A {kind.a} is saved by the user it belongs to: log in to save it.")
    wished = _tidy(wish)

    def perform(change: Change) -> SavedT:
        saved_id = new_id(change.now_us)
        if _count(change.session, kind, wished, user_id, saved_id) >= MOST_OF_ONE:
            raise Conflict(f"You have {MOST_OF_ONE} of these: delete one first.")
        columns = {**_columns(wished), "id": saved_id, "user_id": user_id, "now_us": change.now_us}
        change.session.run(kind.statements.created, columns)
        made = _row(change.session, kind, saved_id)
        change.note(f"{kind.name}.create", _subject(kind, made), after=structs.asdict(made))
        return made

    return await office.change(actor, perform)


async def change_saved(office: Office, actor: Actor, kind: Kind[WishT, SavedT], before: SavedT, wish: WishT) -> SavedT:
    """One's own, of the version that one has seen, as wished; it stays on its page.

    Raises NotPermitted, UnknownResource, VersionMismatch, Unacceptable, Conflict.
    """
    actor.require(*kind.permissions)
    wished = _tidy(wish)

    def perform(change: Change) -> SavedT:
        found = _visible(change.session, actor, kind, before.id)
        if found.user_id != actor.user_id:
            raise NotPermitted(f"This {kind.a} is {found.user_name or found.email}'s to change.")
        check_version(found.version, before.version)
        _count(change.session, kind, wished, found.user_id, found.id)
        columns = {name: value for name, value in _columns(wished).items() if name != "page"}
        change.session.run(kind.statements.changed, {**columns, "id": found.id, "now_us": change.now_us})
        after = _row(change.session, kind, found.id)
        change.note(
            f"{kind.name}.change", _subject(kind, after), before=structs.asdict(found), after=structs.asdict(after)
        )
        return after

    return await office.change(actor, perform)


async def delete_saved(
    office: Office, actor: Actor, kind: Kind[WishT, SavedT], saved_id: str, version: int | None
) -> None:
    """It is gone: one's own, or what somebody shares, for those who look after people. Raises NotPermitted,
    UnknownResource, VersionMismatch."""
    actor.require(*kind.permissions)

    def perform(change: Change) -> None:
        found = _visible(change.session, actor, kind, saved_id)
        if found.user_id != actor.user_id:
            actor.require(CLEANING)
        check_version(found.version, version)
        change.session.run(kind.statements.deleted, {"id": found.id})
        change.note(f"{kind.name}.delete", _subject(kind, found), before=structs.asdict(found))

    await office.change(actor, perform)


def _tidy(wish: WishT) -> WishT:
    """Without what makes no difference; an address such as we would write it. Raises Unacceptable."""
    name = " ".join(wish.name.split())
    if not name or not name.isprintable():
        raise Unacceptable("A name is a line of text.", param="name")
    if isinstance(wish, QueryWish):
        return structs.replace(wish, name=name, query=wish.query.strip())
    try:
        said = parse_qsl(wish.query.removeprefix("?"), errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Unacceptable("The query is no list of names and values.", param="query") from None
    return structs.replace(wish, name=name, query=urlencode(said))


def _count(session: Session, kind: Kind[WishT, SavedT], wish: WishT, user_id: str, saved_id: str) -> int:
    """How many the user has. Raises Conflict where another one of them is called so."""
    asked = {"user_id": user_id, "id": saved_id, "name": wish.name}
    if isinstance(wish, ViewWish):
        asked["page"] = wish.page
    row = session.row(kind.statements.counted, asked)
    assert row is not None  # a count
    if row["called_so"]:
        raise Conflict(f"You have a {kind.a} called {wish.name} already.", param="name")
    saved: int = row["saved"]
    return saved


def _columns(wish: ViewWish | QueryWish) -> dict[str, object]:
    return {**structs.asdict(wish), "shared": int(wish.shared)}


def _row(session: Session, kind: Kind[WishT, SavedT], saved_id: str) -> SavedT:
    row = session.row(kind.statements.found, {"id": saved_id})
    if row is None:
        raise _unknown(kind, saved_id)
    return _view(kind, row)


def _visible(session: Session, actor: Actor, kind: Kind[WishT, SavedT], saved_id: str) -> SavedT:
    found = _row(session, kind, saved_id)
    if not found.shared and found.user_id != actor.user_id:
        raise _unknown(kind, saved_id)
    return found


def _view(kind: Kind[WishT, SavedT], row: Row) -> SavedT:
    told: Mapping[str, Any] = {
        **row,
        "shared": bool(row["shared"]),
        "created_at": write_instant(row["created_at"]),
        "updated_at": write_instant(row["updated_at"]),
    }
    return kind.view(**told)


def _unknown(kind: Kind[Any, Any], saved_id: str) -> UnknownResource:
    return UnknownResource(f"There is no saved {kind.a} {saved_id}.")


def _subject(kind: Kind[WishT, SavedT], saved: SavedT) -> Subject:
    return Subject(kind.name, saved.id, saved.name)
