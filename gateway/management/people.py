"""Users: listed, made, changed, deleted. Who they are and what they may do; how they log in is known beside this.

Knows whom somebody may change: nobody who may do more than they may themselves, and never the last owner who can log
in. Whoever is disabled or gets another role is signed out, and their API tokens are gone.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct, structs

from gateway.access import passwords, roles
from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import links
from gateway.management.hashing import THREADS
from gateway.management.links import LinkView, LinkWish
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.settings.instants import write_instant
from gateway.settings.section import RoleName, Section
from gateway.store.session import Row, Session

READ, WRITE = "people:read", "people:write"

INVITED_HOURS = 72.0
"""How long the link works with which a new user chooses a password: over a weekend."""

ADDRESS = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,189}")
"""Good enough to tell an address from something else. ASCII only: letters that merely look alike, or become alike in
lower case, would let one person pass for another."""

Email = Annotated[
    str, Meta(max_length=254, description="E-mail address, in ASCII; kept in lower case. Names the user at login.")
]
Name = Annotated[str, Meta(max_length=200, description="What the person is called.")]
Role = Annotated[RoleName, Meta(description="What they may do; `pending` waits for an admin and may do nothing.")]


class UserWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A user as somebody wants them."""

    email: Email
    name: Name = ""
    role: Role = "member"
    disabled: Annotated[bool, Meta(description="Whether they cannot log in, and their client keys are refused.")] = (
        False
    )


class NewUser(Section, frozen=True, kw_only=True):
    """A user to be made."""

    secrets = frozenset({"password", "password_hash"})

    email: Email
    name: Name = ""
    role: Role = "member"
    password: Annotated[str, Meta(max_length=1024, description="Their password.")] | None = None
    password_hash: (
        Annotated[
            str,
            Meta(
                max_length=200,
                description="In its place a hash from elsewhere: bcrypt of cost 10 to 14, or Argon2id.",
            ),
        ]
        | None
    ) = None
    invite: Annotated[
        bool, Meta(description="Whether, without either, a link is made with which they choose a password.")
    ] = True


class UserView(UserWish, frozen=True, kw_only=True):
    """A user as they are."""

    id: str
    has_password: Annotated[bool, Meta(description="Whether they can log in with a password.")]
    disabled_at: str | None
    created_at: str
    updated_at: str
    last_login_at: str | None
    version: int


class MadeUser(Struct, frozen=True, kw_only=True):
    """A user just made."""

    user: UserView
    link: Annotated[LinkView | None, Meta(description="With which they choose a password.")] = None


class UserFilter(Struct, frozen=True, kw_only=True):
    """Which users are asked for."""

    role: RoleName | None = None
    disabled: bool | None = None
    search: str | None = None


async def list_users(
    office: Office, actor: Actor, wanted: UserFilter, *, after_id: str | None, limit: int
) -> list[UserView]:
    """Users, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ)
    parameters = {
        "before_id": after_id,
        "role": wanted.role,
        "disabled": None if wanted.disabled is None else int(wanted.disabled),
        "search": wanted.search,
        "limit": limit,
    }
    rows = await office.read(lambda session: session.rows("people/listed", parameters))
    return [view(row) for row in rows]


async def get_user(office: Office, actor: Actor, user_id: str) -> UserView:
    """One user, or oneself. Raises NotPermitted, UnknownResource."""
    if not is_oneself(actor, user_id):
        actor.require(READ)
    return view(await office.read(lambda session: found(session, user_id)))


async def find_user(office: Office, actor: Actor, email: str) -> UserView:
    """The user with this e-mail address. Raises NotPermitted, UnknownResource."""
    actor.require(READ)
    row = await office.read(lambda session: session.row("people/by_email", {"email": email.strip().lower()}))
    if row is None:
        raise UnknownResource(f"There is no user {email}.")
    return view(row)


async def create_user(office: Office, actor: Actor, wish: NewUser) -> MadeUser:
    """A new user, and the link with which they choose a password, where one is wanted and they have none yet.

    Raises NotPermitted, Unacceptable, Conflict for an address that is taken.
    """
    actor.require(WRITE)
    roles.check_change(actor.permissions, wish.role)
    kept = await kept_password(wish)

    def perform(change: Change) -> MadeUser:
        user = insert(change, wish, kept)
        if kept is not None or not wish.invite:
            return MadeUser(user=user)
        row = {"id": user.id, "email": user.email}
        return MadeUser(user=user, link=links.issue(change, office.secrets.keys, "password", row, hours=INVITED_HOURS))

    return await office.change(actor, perform)


async def change_user(office: Office, actor: Actor, user_id: str, wish: UserWish, version: int | None) -> UserView:
    """The user as wished; without `people:write` one may change one's own name.

    Raises NotPermitted, UnknownResource, VersionMismatch, Unacceptable, Conflict.
    """

    def perform(change: Change) -> UserView:
        before = view(found(change.session, user_id))
        wished = structs.replace(wish, email=tidy_email(wish.email))
        _check_may_change(actor, before, wished)
        check_version(before.version, version)
        return alter(change, before, wished)

    return await office.change(actor, perform)


async def delete_user(office: Office, actor: Actor, user_id: str, version: int | None) -> None:
    """The user is gone, with sessions, API tokens and memberships. Raises as `change_user`; Conflict where they have
    client keys, for those stand in usage records."""
    actor.require(WRITE)

    def perform(change: Change) -> None:
        before = view(found(change.session, user_id))
        roles.check_change(actor.permissions, before.role)
        check_version(before.version, version)
        _check_owner_stays(change.session, before, None)
        keys = change.session.row("people/keys_of", {"id": user_id})
        if keys and keys["keys"]:
            raise Conflict("This user has client keys, be they revoked: disable the user in place of deleting them.")
        change.session.run("people/delete", {"id": user_id})
        change.count("people")
        change.note("user.delete", subject(before), before=told(before))

    await office.change(actor, perform)


async def make_password_link(office: Office, actor: Actor, user_id: str, wish: LinkWish) -> LinkView:
    """A link with which a user chooses a new password, once. Raises NotPermitted, UnknownResource, Conflict."""
    actor.require(WRITE)

    def perform(change: Change) -> LinkView:
        row = found(change.session, user_id)
        roles.check_change(actor.permissions, row["role"])
        if row["disabled_at"] is not None:
            raise Conflict("This user is disabled: a link would lead nowhere.")
        link = links.issue(change, office.secrets.keys, "password", row, hours=wish.hours)
        change.note("user.password_link", subject(view(row)), after={"expires_at": link.expires_at})
        return link

    return await office.change(actor, perform)


async def set_password(office: Office, actor: Actor, user_id: str, password: str) -> UserView:
    """A password for somebody, as only the operator sets one: everybody else makes a link. Their sessions end.

    Raises NotPermitted, UnknownResource, Unacceptable.
    """
    if actor.kind != "operator":
        raise NotPermitted("Only the operator sets somebody's password: make a link with which they choose one.")
    user = await office.read(lambda session: found(session, user_id))
    passwords.check_new(password, email=user["email"], name=user["name"])
    kept = await THREADS.hashed(password)
    return await office.change(actor, lambda change: keep_password(change, found(change.session, user_id), kept))


def is_oneself(actor: Actor, user_id: str) -> bool:
    """Whether a person asks about themselves: a token does not stand for all that its user is."""
    return actor.kind == "user" and actor.user_id == user_id


def tidy_email(email: str) -> str:
    """An address as it is kept. Raises Unacceptable."""
    tidy = email.strip().lower()
    if not (email.isascii() and ADDRESS.fullmatch(tidy)):
        raise Unacceptable("This is no e-mail address that can be used here.", param="email")
    return tidy


async def kept_password(wish: NewUser) -> str | None:
    """What to keep of a new user's password, if they have one. Raises Unacceptable."""
    if wish.password is not None and wish.password_hash is not None:
        raise Unacceptable("Give a password or the hash of one, not both.", param="password_hash")
    if wish.password is not None:
        passwords.check_new(wish.password, email=wish.email, name=wish.name)
        return await THREADS.hashed(wish.password)
    if wish.password_hash is not None:
        passwords.check_imported(wish.password_hash)
    return wish.password_hash


def insert(change: Change, wish: NewUser, kept: str | None) -> UserView:
    """A new user within a change, written down. Raises Unacceptable, Conflict."""
    email = tidy_email(wish.email)
    _check_free(change.session, email)
    user_id = new_id(change.now_us)
    change.session.run(
        "people/create",
        {
            "id": user_id,
            "email": email,
            "name": wish.name.strip(),
            "role": wish.role,
            "password_hash": kept,
            "now_us": change.now_us,
        },
    )
    change.count("people")
    made = view(found(change.session, user_id))
    change.note("user.create", subject(made), after=told(made))
    return made


def alter(change: Change, before: UserView, wished: UserWish) -> UserView:
    """A user changed within a change, with all that follows from it. Raises Conflict."""
    if wished.email != before.email:
        _check_free(change.session, wished.email)
    _check_owner_stays(change.session, before, wished)
    change.session.run(
        "people/change",
        {
            "id": before.id,
            "email": wished.email,
            "name": wished.name.strip(),
            "role": wished.role,
            "disabled_at": change.now_us if wished.disabled else None,
            "now_us": change.now_us,
        },
    )
    change.count("people")
    follow_up(change, before, wished)
    after = view(found(change.session, before.id))
    change.note("user.change", subject(after), before=told(before), after=told(after))
    return after


def keep_password(change: Change, row: Row, kept: str, *, kept_session: str | None = None) -> UserView:
    """A new password within a change: links for choosing one are void, and sessions end, all but one if it is named."""
    change.session.run("people/set_password", {"id": row["id"], "password_hash": kept, "now_us": change.now_us})
    links.void(change, "password", row["id"])
    change.session.run("sessions/end_of_user", {"user_id": row["id"], "kept_id": kept_session})
    change.count("people")
    after = view(found(change.session, row["id"]))
    change.note("user.password", subject(after))
    return after


def found(session: Session, user_id: str) -> Row:
    """The row of a user. Raises UnknownResource."""
    row = session.row("people/found", {"id": user_id})
    if row is None:
        raise UnknownResource(f"There is no user {user_id}.")
    return row


def view(row: Row) -> UserView:
    """A row of `people/listed`, `people/found` or `people/by_email` as it is shown."""
    return UserView(
        **{name: row[name] for name in ("id", "email", "name", "role", "version")},
        disabled=row["disabled_at"] is not None,
        has_password=bool(row["has_password"]),
        disabled_at=row["disabled_at"] and write_instant(row["disabled_at"]),
        created_at=write_instant(row["created_at"]),
        updated_at=write_instant(row["updated_at"]),
        last_login_at=row["last_login_at"] and write_instant(row["last_login_at"]),
    )


def subject(user: UserView) -> Subject:
    """How the audit log names a user."""
    return Subject("user", user.id, user.email)


def told(user: UserView) -> dict[str, object]:
    """What the audit log keeps of a user."""
    return {name: value for name, value in structs.asdict(user).items() if name != "last_login_at"}


def check_version(actual: int, expected: int | None) -> None:
    """Raises VersionMismatch unless it is the expected one, or any will do."""
    if expected is not None and expected != actual:
        raise VersionMismatch(f"This has version {actual} by now, not {expected}.")


def check_may_help(actor: Actor, user: UserView) -> None:
    """Raises NotPermitted unless it is oneself, or somebody whom the actor may change."""
    if user.role == "pending" or not is_oneself(actor, user.id):
        actor.require(WRITE)
        roles.check_change(actor.permissions, user.role)


def _check_may_change(actor: Actor, before: UserView, wished: UserWish) -> None:
    check_may_help(actor, before)
    if actor.may(WRITE):
        roles.check_change(actor.permissions, before.role, wished.role)
    elif (wished.email, wished.role, wished.disabled) != (before.email, before.role, before.disabled):
        raise NotPermitted("Of yourself you may change the name; the rest is for an admin.")


def _check_free(session: Session, email: str) -> None:
    if session.row("people/by_email", {"email": email}) is not None:
        raise Conflict(f"There is a user {email} already.", param="email")


def _check_owner_stays(session: Session, before: UserView, wished: UserWish | None) -> None:
    """Raises Conflict for a change after which no owner could log in."""
    was_owner = before.role == "owner" and not before.disabled
    if not was_owner or (wished is not None and wished.role == "owner" and not wished.disabled):
        return
    others = session.row("people/other_owners", {"id": before.id})
    if not (others and others["owners"]):
        raise Conflict("This is the last owner who can log in: make somebody else an owner before.")


def follow_up(change: Change, before: UserView, wished: UserWish) -> None:
    """What ends with who somebody was: links sent to the old address, sessions and tokens of the old role."""
    if (wished.email, wished.role, wished.disabled) != (before.email, before.role, before.disabled):
        links.void(change, "password", before.id)
    # Who waited could do nothing, and sees at once that the waiting is over.
    if wished.disabled or wished.role != before.role != "pending":
        change.session.run("sessions/end_of_user", {"user_id": before.id, "kept_id": None})
        change.session.run("tokens/revoke_of_user", {"user_id": before.id, "now_us": change.now_us})
    if _is_out(wished) != _is_out(before):
        change.session.run("people/touch_keys", {"id": before.id, "revision": change.count("keys")})


def _is_out(user: UserWish) -> bool:
    """Whether what belongs to a user may not be used either."""
    return user.disabled or user.role == "pending"
