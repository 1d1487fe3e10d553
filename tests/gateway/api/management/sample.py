"""A whole resource on top of the framework, kept in memory: notes that belong to whoever wrote them.

As a program (`python -m tests.gateway.api.management.sample PORT`) it is served by Granian, as the control process is.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from dataclasses import dataclass, field
from typing import Annotated

from blacksheep import Application, Request, Response
from granian.constants import Interfaces
from granian.server.embed import Server
from msgspec import UNSET, Meta, UnsetType, structs
from msgspec import field as msgspec_field

from gateway.api.management.idempotency import Standing, Written
from gateway.api.management.openapi import described
from gateway.api.management.operation import Answer, Answerable, Asked, Operation
from gateway.api.management.paging import Page, PageQuery, cut
from gateway.api.management.problems import OPERATIONS as PROBLEMS
from gateway.api.management.schemas import Body, Count, Instant, Name, Patch, Shown, Text, Version, changes, instant
from gateway.api.management.serve import ManagementApi
from gateway.application import new_application
from gateway.errors import (
    Conflict,
    InvalidKey,
    NotPermitted,
    NotSignedIn,
    StateUnavailable,
    Unacceptable,
    UnknownResource,
    VersionMismatch,
)
from gateway.management.office import Actor


class Note(Shown, frozen=True, kw_only=True):
    """A note."""

    id: str
    title: Name
    text: str
    stars: Count
    written_at: Instant
    version: Version


class NewNote(Body, frozen=True, kw_only=True):
    """A note to be kept."""

    title: Name
    text: Text = ""
    stars: Annotated[int, Meta(ge=0, le=5)] = 0
    labels: dict[Annotated[str, Meta(max_length=20)], tuple[Name, ...]] = msgspec_field(default_factory=dict)


class NoteChange(Patch, frozen=True, kw_only=True):
    """What is to be different."""

    title: Name | UnsetType = UNSET
    stars: Annotated[int, Meta(ge=0, le=5)] | UnsetType = UNSET


class NoteQuery(PageQuery, frozen=True, kw_only=True):
    """Which notes."""

    stars: Annotated[int, Meta(ge=0, le=5, description="Notes with so many.")] | None = None
    title: tuple[Name, ...] = ()
    long: bool = False
    since: Instant | None = None


@dataclass
class Shelf:
    """Stands for the office: where the notes are."""

    notes: dict[str, Note] = field(default_factory=dict)
    made: int = 0

    def get(self, note_id: str, version: int | None = None) -> Note:
        note = self.notes.get(note_id)
        if note is None:
            raise UnknownResource("There is no such note.")
        if version is not None and version != note.version:
            raise VersionMismatch("The note was changed in the meantime.")
        return note


async def list_notes(asked: Asked[Shelf, None, NoteQuery]) -> Page[Note]:
    query, after = asked.query, asked.query.after(str)
    notes = [
        note
        for note in sorted(asked.office.notes.values(), key=lambda note: note.id)
        if (after is None or note.id > str(after[0])) and query.stars in (None, note.stars)
    ]
    return cut(notes[: query.fetched], query, lambda note: (note.id,), lambda note: note)


async def create_note(asked: Asked[Shelf, NewNote, None]) -> Answer:
    shelf, wish = asked.office, asked.body
    if any(note.title == wish.title for note in shelf.notes.values()):
        raise Conflict("There is a note of this title.", param="title")
    if "forbidden" in wish.text:
        raise Unacceptable("This must not be written.", param="text")
    shelf.made += 1
    note = Note(
        id=f"n{shelf.made:06}",
        title=wish.title,
        text=wish.text,
        stars=wish.stars,
        written_at=instant(1_700_000_000_000_001),
        version=1,
    )
    shelf.notes[note.id] = note
    return Answer(of=note, location=f"/api/notes/{note.id}")


async def show_note(asked: Asked[Shelf, None, None]) -> Note:
    return asked.office.get(asked.path["id"])


async def change_note(asked: Asked[Shelf, NoteChange, None]) -> Note:
    note = asked.office.get(asked.path["id"], asked.if_match)
    changed = structs.replace(note, **changes(asked.body), version=note.version + 1)
    asked.office.notes[note.id] = changed
    return changed


async def delete_note(asked: Asked[Shelf, None, None]) -> None:
    del asked.office.notes[asked.office.get(asked.path["id"], asked.if_match).id]


async def explode(asked: Asked[Shelf, None, None]) -> Answerable:
    raise ZeroDivisionError("the canary sits in the error")


async def be_unavailable(asked: Asked[Shelf, None, None]) -> Answerable:
    raise StateUnavailable("The state cannot be read.", retry_after=2.4)


NOTES = (
    Operation(
        method="GET",
        path="/api/notes",
        id="list_notes",
        summary="Notes",
        tag="notes",
        permission="keys:own|keys:read",
        query=NoteQuery,
        answer=Note,
        paged=True,
        run=list_notes,
    ),
    Operation(
        method="POST",
        path="/api/notes",
        id="create_note",
        summary="Keep a note",
        tag="notes",
        permission="keys:write",
        body=NewNote,
        answer=Note,
        status=201,
        versioned=True,
        idempotent=True,
        errors=(Conflict,),
        run=create_note,
    ),
    Operation(
        method="GET",
        path="/api/notes/{id}",
        id="show_note",
        summary="One note",
        tag="notes",
        permission="signed_in",
        answer=Note,
        versioned=True,
        run=show_note,
    ),
    Operation(
        method="PATCH",
        path="/api/notes/{id}",
        id="change_note",
        summary="Change a note",
        tag="notes",
        permission="keys:write",
        body=NoteChange,
        answer=Note,
        versioned=True,
        run=change_note,
    ),
    Operation(
        method="DELETE",
        path="/api/notes/{id}",
        id="delete_note",
        summary="Throw a note away",
        tag="notes",
        permission="keys:write",
        status=204,
        versioned=True,
        run=delete_note,
    ),
)

BROKEN = tuple(
    Operation(
        method="POST",
        path=f"/api/{run.__name__}",
        id=run.__name__,
        summary="What goes wrong",
        tag="broken",
        permission="usage:own",
        status=204,
        idempotent=True,
        run=run,
    )
    for run in (explode, be_unavailable)
)


PEOPLE = {
    "writer": Actor(
        kind="user", id="u1", name="writer", permissions=frozenset(("keys:read", "keys:write", "usage:own"))
    ),
    "reader": Actor(kind="user", id="u2", name="reader", permissions=frozenset(("keys:own",))),
    "browser": Actor(kind="user", id="u3", name="browser", permissions=frozenset(("keys:write",)), by_cookie=True),
    "client": Actor(kind="key", id="k1", name="client", permissions=frozenset(("usage:own",))),
}


class Door:
    """Knows people by their bearer token, which is their name."""

    async def identify(self, request: Request) -> Actor:
        shown = (request.get_first_header(b"authorization") or b"").removeprefix(b"Bearer ").decode("latin-1")
        if not shown:
            raise NotSignedIn("Send a token.")
        if shown not in PEOPLE:
            raise InvalidKey("Nobody has this token.")
        return PEOPLE[shown]

    def anybody(self, request: Request) -> Actor:
        return Actor(kind="anybody", name="anybody")

    def check_origin(self, request: Request, actor: Actor) -> None:
        if actor.by_cookie and request.get_first_header(b"origin") != b"http://ours":
            raise NotPermitted("This came from another page.")


class Answers:
    """Answers to repeat, kept in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[bytes, Written | None]] = {}

    async def begin(self, actor: str, key: str, digest: bytes) -> Standing | Written:
        if (actor, key) not in self.kept:
            self.kept[actor, key] = (digest, None)
            return Standing.FRESH
        known, answer = self.kept[actor, key]
        if known != digest:
            return Standing.MISMATCH
        return answer or Standing.IN_PROGRESS

    async def finish(self, actor: str, key: str, answer: Written) -> None:
        self.kept[actor, key] = (self.kept[actor, key][0], answer)

    async def abandon(self, actor: str, key: str) -> None:
        del self.kept[actor, key]


def application(shelf: Shelf, answers: Answers, rows: tuple[Operation, ...] = (*NOTES, *BROKEN)) -> Application:
    """The sample as the control process would serve it, with a page beside it."""
    app = new_application()

    async def page(request: Request) -> Response:
        return Response(404, [(b"x-page", b"yes")])

    app.router.fallback = page
    api = ManagementApi(
        described((*rows, *PROBLEMS)), office=shelf, entrance=Door(), answers=answers, new_id=lambda: str(uuid.uuid4())
    )
    api.add_to(app)
    return app


async def serve(port: int) -> None:
    """Serve the sample until the process is ended; without the operations that are broken on purpose."""
    server = Server(application(Shelf(), Answers(), NOTES), "127.0.0.1", port, interface=Interfaces.ASGINL)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
