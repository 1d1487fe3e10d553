"""Teams and who belongs to them: listed, made, changed, deleted.

Knows what an admin of a team may do with it: say what it is for, and who belongs to it. Making, naming and deleting
teams is for those whose own role allows it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, structs

from gateway.access import roles
from gateway.access.roles import TeamRoleName
from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.management.people import check_version, tidy_email
from gateway.settings.instants import write_instant
from gateway.store.session import Row, Session

READ, WRITE, OWN = "teams:read", "teams:write", "teams:own"


class TeamWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A team as somebody wants it."""

    name: Annotated[
        str, Meta(min_length=1, max_length=100, description="What the team is called; no two have one name.")
    ]
    description: Annotated[str, Meta(max_length=2000, description="What it is for.")] = ""


class TeamView(TeamWish, frozen=True, kw_only=True):
    """A team as it is."""

    id: str
    members: Annotated[int, Meta(description="How many belong to it.")]
    created_at: str
    updated_at: str
    version: int


class TeamFilter(Struct, frozen=True, kw_only=True):
    """Which teams are asked for."""

    user_id: str | None = None
    search: str | None = None


class MemberWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who is to belong to a team: named by id, or by e-mail address where the id is not known."""

    user_id: Annotated[str, Meta(max_length=64, description="The user.")] | None = None
    email: Annotated[str, Meta(max_length=254, description="Their e-mail address, in place of the id.")] | None = None
    role: Annotated[TeamRoleName, Meta(description="`admin` may change the team and who belongs to it.")] = "member"


class MemberView(Struct, frozen=True, kw_only=True):
    """Somebody who belongs to a team."""

    user_id: str
    email: str
    name: str
    disabled: bool
    role: Annotated[TeamRoleName, Meta(description="`admin` may change the team and who belongs to it.")]
    since: Annotated[str, Meta(description="Instant at which they were added.")]


async def list_teams(
    office: Office, actor: Actor, wanted: TeamFilter, *, after_id: str | None, limit: int
) -> list[TeamView]:
    """Teams the actor may see, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ, OWN)
    parameters = {
        "before_id": after_id,
        "search": wanted.search,
        "user_id": wanted.user_id,
        "own_only": int(not actor.may(READ)),
        "own_user_id": actor.user_id,
        "limit": limit,
    }
    rows = await office.read(lambda session: session.rows("teams/listed", parameters))
    return [view(row) for row in rows]


async def get_team(office: Office, actor: Actor, team_id: str) -> TeamView:
    """One team. Raises NotPermitted, UnknownResource where there is none that the actor may see."""
    actor.require(READ, OWN)
    return view(await office.read(lambda session: _visible(session, actor, team_id)))


async def create_team(office: Office, actor: Actor, wish: TeamWish) -> TeamView:
    """A new team. Raises NotPermitted, Unacceptable, Conflict for a name that is taken."""
    actor.require(WRITE)
    wished = _tidy(wish)

    def perform(change: Change) -> TeamView:
        team_id = new_id(change.now_us)
        _check_free(change.session, wished.name, team_id)
        change.session.run("teams/create", {"id": team_id, **structs.asdict(wished), "now_us": change.now_us})
        change.count("people")
        made = view(_row(change.session, team_id))
        change.note("team.create", _subject(made), after=structs.asdict(made))
        return made

    return await office.change(actor, perform)


async def change_team(office: Office, actor: Actor, team_id: str, wish: TeamWish, version: int | None) -> TeamView:
    """The team as wished. Raises NotPermitted, UnknownResource, VersionMismatch, Unacceptable, Conflict."""
    wished = _tidy(wish)

    def perform(change: Change) -> TeamView:
        before = view(_led(change.session, actor, team_id))
        check_version(before.version, version)
        if wished.name != before.name:
            actor.require(WRITE)
            _check_free(change.session, wished.name, team_id)
            change.session.run("teams/touch_keys", {"id": team_id, "revision": change.count("keys")})
        change.session.run("teams/change", {"id": team_id, **structs.asdict(wished), "now_us": change.now_us})
        change.count("people")
        after = view(_row(change.session, team_id))
        change.note("team.change", _subject(after), before=structs.asdict(before), after=structs.asdict(after))
        return after

    return await office.change(actor, perform)


async def delete_team(office: Office, actor: Actor, team_id: str, version: int | None) -> None:
    """The team is gone. Raises as `change_team`; Conflict where it has client keys: they stand in usage records."""
    actor.require(WRITE)

    def perform(change: Change) -> None:
        before = view(_row(change.session, team_id))
        check_version(before.version, version)
        keys = change.session.row("teams/keys_of", {"id": team_id})
        if keys and keys["keys"]:
            raise Conflict("This team has client keys, be they revoked: it stays, for they stand in usage records.")
        change.session.run("teams/delete", {"id": team_id})
        change.count("people")
        change.note("team.delete", _subject(before), before=structs.asdict(before))

    await office.change(actor, perform)


async def list_members(
    office: Office, actor: Actor, team_id: str, *, after_id: str | None, limit: int
) -> list[MemberView]:
    """Who belongs to a team, in the order of their ids, behind `after_id`. Raises NotPermitted, UnknownResource."""
    actor.require(READ, OWN)

    def perform(session: Session) -> list[Row]:
        _visible(session, actor, team_id)
        return session.rows("teams/members", {"team_id": team_id, "after_id": after_id, "limit": limit})

    return [_member(row) for row in await office.read(perform)]


async def put_member(office: Office, actor: Actor, team_id: str, wish: MemberWish) -> MemberView:
    """Somebody belongs to the team as wished, whether they did before or not.

    Raises NotPermitted, UnknownResource, Unacceptable for a user who is not there.
    """

    def perform(change: Change) -> MemberView:
        team = view(_led(change.session, actor, team_id))
        who = {"team_id": team_id, "user_id": _user_id(change.session, wish)}
        before = change.session.row("teams/member", who)
        change.session.run("teams/set_member", {**who, "role": wish.role, "now_us": change.now_us})
        row = change.session.row("teams/member", who)
        assert row is not None  # it was put there just now
        _note_member(change, team, "team.put_member", before, row)
        return _member(row)

    return await office.change(actor, perform)


async def remove_member(office: Office, actor: Actor, team_id: str, user_id: str) -> None:
    """Somebody no longer belongs to the team; everybody may leave. Raises NotPermitted, UnknownResource."""

    def perform(change: Change) -> None:
        leaves = actor.kind == "user" and actor.user_id == user_id and actor.may(OWN)
        team = view((_visible if leaves else _led)(change.session, actor, team_id))
        who = {"team_id": team_id, "user_id": user_id}
        before = change.session.row("teams/member", who)
        if before is None:
            raise UnknownResource("This user does not belong to the team.")
        change.session.run("teams/remove_member", who)
        _note_member(change, team, "team.remove_member", before, None)

    await office.change(actor, perform)


def memberships(session: Session, user_id: str) -> dict[str, str]:
    """The role a user has in each team, by its id."""
    return {row["team_id"]: row["role"] for row in session.rows("teams/of_user", {"user_id": user_id})}


def view(row: Row) -> TeamView:
    """A row of `teams/listed` or `teams/found` as it is shown."""
    instants = {name: write_instant(row[name]) for name in ("created_at", "updated_at")}
    return TeamView(**{**row, **instants})


def _member(row: Row) -> MemberView:
    return MemberView(
        **{name: row[name] for name in ("user_id", "email", "name", "role")},
        disabled=row["disabled_at"] is not None,
        since=write_instant(row["created_at"]),
    )


def _note_member(change: Change, team: TeamView, action: str, before: Row | None, after: Row | None) -> None:
    change.session.run("teams/touch", {"id": team.id, "now_us": change.now_us})
    change.count("people")
    told = [
        None if row is None else {name: row[name] for name in ("user_id", "email", "role")} for row in (before, after)
    ]
    change.note(action, _subject(team), before=told[0], after=told[1])


def _tidy(wish: TeamWish) -> TeamWish:
    name = " ".join(wish.name.split())
    if not name:
        raise Unacceptable("A team needs a name.", param="name")
    return TeamWish(name=name, description=wish.description.strip())


def _check_free(session: Session, name: str, team_id: str) -> None:
    taken = session.row("teams/named", {"name": name})
    if taken is not None and taken["id"] != team_id:
        raise Conflict(f"There is a team {name} already.", param="name")


def _user_id(session: Session, wish: MemberWish) -> str:
    """Whom a wish is about. Raises Unacceptable."""
    if (wish.user_id is None) == (wish.email is None):
        raise Unacceptable("Name the user by `user_id` or by `email`.", param="user_id")
    if wish.user_id is not None:
        row, said = session.row("people/found", {"id": wish.user_id}), wish.user_id
    else:
        said = tidy_email(wish.email or "")
        row = session.row("people/by_email", {"email": said})
    if row is None:
        raise Unacceptable(f"There is no user {said}.", param="email" if wish.user_id is None else "user_id")
    return str(row["id"])


def _row(session: Session, team_id: str) -> Row:
    row = session.row("teams/found", {"id": team_id})
    if row is None:
        raise UnknownResource(f"There is no team {team_id}.")
    return row


def _visible(session: Session, actor: Actor, team_id: str) -> Row:
    row = _row(session, team_id)
    if not roles.may_in_team(actor.permissions, _role(actor, team_id), READ):
        raise UnknownResource(f"There is no team {team_id}.")
    return row


def _led(session: Session, actor: Actor, team_id: str) -> Row:
    """A team that the actor may change. Raises UnknownResource, NotPermitted."""
    actor.require(READ, WRITE, OWN)
    row = _visible(session, actor, team_id)
    if not roles.may_in_team(actor.permissions, _role(actor, team_id), WRITE):
        raise NotPermitted("This is for the admins of the team.")
    return row


def _role(actor: Actor, team_id: str) -> TeamRoleName | None:
    role = actor.teams.get(team_id)
    return "admin" if role == "admin" else "member" if role == "member" else None


def _subject(team: TeamView) -> Subject:
    return Subject("team", team.id, team.name)
