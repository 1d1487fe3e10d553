"""Users and teams of a document, put into the database: found again by id, else by address or name.

Knows whom the actor may make and change. Nothing that stands in usage records is deleted: where the document is to
replace what is there, users that it does not have are disabled, and teams that it does not have lose their members.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from gateway.access import passwords, roles
from gateway.errors import Conflict, GatewayError, Unacceptable
from gateway.management import links, people
from gateway.management.documents import IdentityPart, People, Present, TeamPart, UserPart
from gateway.management.office import Change
from gateway.management.people import UserWish
from gateway.management.tally import Tally
from gateway.settings.instants import read_instant

USERS, TEAMS = "document.people.users", "document.people.teams"


def when(text: str, place: str) -> int:
    """An instant of a document, Unix microseconds. Raises Unacceptable."""
    try:
        return read_instant(text)
    except ValueError as error:
        raise Unacceptable(f"`{place}`: {error}.", param=place) from None


class PeopleImport:
    """One import of users and teams, within its change."""

    def __init__(self, change: Change, present: Present, hashes: Mapping[str, str], *, replaces: bool) -> None:
        self._change, self._present, self._hashes, self._replaces = change, present, hashes, replaces
        self.users, self.teams = Tally(), Tally()
        self.user_ids: dict[str, str] = {}
        """Who the users of the document are here."""
        self.team_ids: dict[str, str] = {}
        self._logins = {(one.provider, one.subject): user.id for user in present.people.users for one in user.identities}

    def put(self, wanted: People) -> None:
        """Make it so. Raises Unacceptable, NotPermitted, Conflict."""
        owners = self._owners()
        for at, user in enumerate(wanted.users):
            try:
                self._put_user(user, f"{USERS}.{at}")
            except GatewayError as error:
                error.param = error.param if error.param and error.param.startswith(USERS) else f"{USERS}.{at}"
                raise
        if self._replaces:
            self._disable_others()
        for at, team in enumerate(wanted.teams):
            self._put_team(team, f"{TEAMS}.{at}")
        if self._replaces:
            self._empty_others()
        self._check_who_is_left(owners)
        if self.users.touched or self.teams.touched:
            self._change.count("people")

    # Users

    def _put_user(self, wanted: UserPart, place: str) -> None:
        email = people.tidy_email(wanted.email)
        former = self._former_user(wanted.id, email, place)
        wish = UserWish(email=email, name=wanted.name, role=wanted.role, disabled=wanted.disabled)
        if former is None:
            self._create_user(wanted, wish, place)
            self.users.created += 1
            return
        self.user_ids[wanted.id] = former.id
        altered = self._alter_user(former, wish)
        rehashed = self._give_password(wanted.id, former)
        connected = [self._connect(former.id, one, place) for one in wanted.identities]
        self.users.note(changed=altered or rehashed or any(connected))

    def _former_user(self, user_id: str, email: str, place: str) -> UserPart | None:
        by_id = next((user for user in self._present.people.users if user.id == user_id), None)
        by_email = next((user for user in self._present.people.users if user.email == email), None)
        if by_id is not None and by_email is not None and by_id is not by_email:
            raise Unacceptable(f"`{email}` is somebody else here.", param=f"{place}.email")
        if email in self._taken():
            raise Unacceptable(f"`{email}` is there twice.", param=f"{place}.email")
        return by_id or by_email

    def _taken(self) -> set[str]:
        """Addresses of those that the document has named so far."""
        return self._named

    def _create_user(self, wanted: UserPart, wish: UserWish, place: str) -> None:
        roles.check_change(self._change.actor.permissions, wish.role)
        kept = self._hashes.get(wanted.id)
        if kept is not None:
            passwords.check_imported(kept)
        self._change.session.run(
            "transfer/create_user",
            {
                **{name: getattr(wish, name) for name in ("email", "name", "role")},
                "id": wanted.id,
                "password_hash": kept,
                "disabled_at": self._change.now_us if wish.disabled else None,
                "created_at": when(wanted.created_at, f"{place}.created_at"),
                "now_us": self._change.now_us,
            },
        )
        self.user_ids[wanted.id] = wanted.id
        for one in wanted.identities:
            self._connect(wanted.id, one, place)
