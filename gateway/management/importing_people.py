"""Users and teams of a document, put into the database: found again by id, else by address or name.

Knows whom the actor may make and change. Nothing that stands in usage records is deleted: where the document is to
replace what is there, users that it does not have are disabled, and teams that it does not have lose their members.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from gateway.access import passwords, roles
from gateway.errors import Conflict, Unacceptable
from gateway.management import links, people
from gateway.management.documents import IdentityPart, People, Present, TeamPart, UserPart
from gateway.management.office import Change
from gateway.management.people import UserView, UserWish
from gateway.management.tally import Tally, at_place, check_once, when

USERS, TEAMS = "document.people.users", "document.people.teams"


class PeopleImport:
    """One import of users and teams, within its change."""

    def __init__(self, change: Change, present: Present, hashes: Mapping[str, str], *, replaces: bool) -> None:
        """`hashes` of passwords, by the ids of the document."""
        self._change, self._run = change, change.session.run
        self._present, self._hashes, self._replaces = present, hashes, replaces
        self.users, self.teams = Tally(), Tally()
        self.user_ids: dict[str, str] = {}
        """Who the users of the document are here."""
        self.team_ids: dict[str, str] = {}
        self._logins = {
            (one.provider, one.subject): user.id for user in present.people.users for one in user.identities
        }

    def put(self, wanted: People) -> None:
        """Make it so. Raises Unacceptable, NotPermitted, Conflict."""
        check_once((user.id for user in wanted.users), USERS)
        check_once((user.email.strip().lower() for user in wanted.users), USERS)
        check_once((team.id for team in wanted.teams), TEAMS)
        check_once((team.name for team in wanted.teams), TEAMS)
        had_owners = self._owners() > 0
        for at, user in enumerate(wanted.users):
            with at_place(f"{USERS}.{at}"):
                self._put_user(user, f"{USERS}.{at}")
        if self._replaces:
            self._disable_others()
        for at, team in enumerate(wanted.teams):
            self._put_team(team, f"{TEAMS}.{at}")
        if self._replaces:
            self._empty_others()
        self._check_who_is_left(had_owners=had_owners)
        if self.users.touched or self.teams.touched:
            self._change.count("people")

    # Users

    def _put_user(self, wanted: UserPart, place: str) -> None:
        wish = UserWish(
            email=people.tidy_email(wanted.email), name=wanted.name, role=wanted.role, disabled=wanted.disabled
        )
        former = self._former_user(wanted.id, wish.email, place)
        if former is None:
            self._create_user(wanted, wish, place)
            self.users.created += 1
            return
        self.user_ids[wanted.id] = former.id
        roles.check_change(self._change.actor.permissions, former.role, wish.role)
        done = [self._alter_user(former, wish), self._give_password(wanted.id, former.id)]
        done += [self._connect(former.id, one, place) for one in wanted.identities]
        self.users.note(changed=any(done))

    def _former_user(self, user_id: str, email: str, place: str) -> UserPart | None:
        users = self._present.people.users
        by_id = next((user for user in users if user.id == user_id), None)
        by_email = next((user for user in users if user.email == email), None)
        if by_id is not None and by_email is not None and by_id is not by_email:
            raise Unacceptable(f"`{email}` is somebody else here.", param=f"{place}.email")
        return by_id or by_email

    def _create_user(self, wanted: UserPart, wish: UserWish, place: str) -> None:
        roles.check_change(self._change.actor.permissions, wish.role)
        kept = self._hashes.get(wanted.id)
        if kept is not None:
            passwords.check_imported(kept)
        row = {
            "id": wanted.id,
            "email": wish.email,
            "name": wish.name,
            "role": wish.role,
            "password_hash": kept,
            "disabled_at": self._change.now_us if wish.disabled else None,
            "created_at": when(wanted.created_at, f"{place}.created_at"),
            "now_us": self._change.now_us,
        }
        self._run("transfer/create_user", row)
        self._note("user.create", wanted.id)
        self.user_ids[wanted.id] = wanted.id
        for one in wanted.identities:
            self._connect(wanted.id, one, place)

    def _alter_user(self, former: UserPart, wish: UserWish) -> bool:
        """What follows from another role, address or being disabled, follows from an import too."""
        before = people.view(people.found(self._change.session, former.id))
        same = (before.email, before.name, before.role, before.disabled)
        if same == (wish.email, wish.name, wish.role, wish.disabled):
            return False
        disabled_at = self._change.now_us if wish.disabled else None
        row = {"id": former.id, "email": wish.email, "name": wish.name, "role": wish.role}
        self._run("people/change", {**row, "disabled_at": disabled_at, "now_us": self._change.now_us})
        people.follow_up(self._change, before, wish)
        self._note("user.change", former.id, before)
        return True

    def _give_password(self, document_id: str, user_id: str) -> bool:
        """The password of the document, where it has one and it is another one: sessions end then."""
        kept = self._hashes.get(document_id)
        if kept is None or kept == self._present.passwords.get(user_id):
            return False
        passwords.check_imported(kept)
        self._run("people/set_password", {"id": user_id, "password_hash": kept, "now_us": self._change.now_us})
        links.void(self._change, "password", user_id)
        self._run("sessions/end_of_user", {"user_id": user_id, "kept_id": None})
        self._note("user.password", user_id)
        return True

    def _note(self, action: str, user_id: str, before: UserView | None = None) -> None:
        after = people.view(people.found(self._change.session, user_id))
        was = None if before is None else people.told(before)
        self._change.note(action, people.subject(after), before=was, after=people.told(after))

    def _connect(self, user_id: str, one: IdentityPart, place: str) -> bool:
        owner = self._logins.get((one.provider, one.subject))
        if owner == user_id:
            return False
        if owner is not None:
            raise Unacceptable(
                f"The login `{one.subject}` at {one.provider} leads to somebody else here.", param=f"{place}.identities"
            )
        self._run("openid/connect", {**structs.asdict(one), "user_id": user_id, "now_us": self._change.now_us})
        self._logins[one.provider, one.subject] = user_id
        return True

    def _disable_others(self) -> None:
        named = set(self.user_ids.values())
        for user in self._present.people.users:
            if user.id not in named and not user.disabled:
                roles.check_change(self._change.actor.permissions, user.role)
                wish = UserWish(email=user.email, name=user.name, role=user.role, disabled=True)
                self._alter_user(user, wish)
                self.users.removed += 1

    # Teams

    def _put_team(self, wanted: TeamPart, place: str) -> None:
        teams = self._present.people.teams
        found = next((team for team in teams if team.id == wanted.id), None)
        former = found or next((team for team in teams if team.name == wanted.name), None)
        self.team_ids[wanted.id] = former.id if former is not None else wanted.id
        about = {"name": wanted.name, "description": wanted.description, "now_us": self._change.now_us}
        if former is None:
            created_at = when(wanted.created_at, f"{place}.created_at")
            self._run("transfer/create_team", {**about, "id": wanted.id, "created_at": created_at})
        elif differs := (former.name, former.description) != (wanted.name, wanted.description):
            self._run("teams/change", {**about, "id": former.id})
            self._run("teams/touch_keys", {"id": former.id, "revision": self._change.count("keys")})
        moved = self._put_members(wanted, former, place)
        if former is None:
            self.teams.created += 1
        else:
            self.teams.note(changed=differs or moved)

    def _put_members(self, wanted: TeamPart, former: TeamPart | None, place: str) -> bool:
        team_id = self.team_ids[wanted.id]
        before = {one.user_id: one.role for one in former.members} if former is not None else {}
        after: dict[str, str] = {}
        for at, member in enumerate(wanted.members):
            if member.user_id not in self.user_ids:
                raise Unacceptable("The document has no such user.", param=f"{place}.members.{at}.user_id")
            after[self.user_ids[member.user_id]] = member.role
        given = {user_id: role for user_id, role in after.items() if before.get(user_id) != role}
        for user_id, role in given.items():
            row = {"team_id": team_id, "user_id": user_id, "role": role, "now_us": self._change.now_us}
            self._run("teams/set_member", row)
        gone = before.keys() - after.keys() if self._replaces else set[str]()
        self._remove(team_id, gone)
        return bool(given or gone)

    def _empty_others(self) -> None:
        named = set(self.team_ids.values())
        for team in self._present.people.teams:
            if team.id not in named and team.members:
                self._remove(team.id, {one.user_id for one in team.members})
                self.teams.removed += 1

    def _remove(self, team_id: str, user_ids: set[str]) -> None:
        for user_id in sorted(user_ids):
            self._run("teams/remove_member", {"team_id": team_id, "user_id": user_id})

    # Who is left

    def _owners(self) -> int:
        row = self._change.session.row("people/other_owners", {"id": ""})
        return int(row["owners"]) if row is not None else 0

    def _check_who_is_left(self, *, had_owners: bool) -> None:
        if had_owners and not self._owners():
            raise Conflict("After this no owner could log in.")
        actor = self._change.actor
        if actor.user_id is not None:
            left = self._change.session.row("people/found", {"id": actor.user_id})
            if left is None or left["disabled_at"] is not None:
                raise Conflict("After this you could not log in yourself.")
