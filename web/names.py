"""What to call users, teams and keys of which usage records hold the ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.store.keys import ID_PREFIX
from gateway.store.session import Session
from web.page import Site


@dataclass(frozen=True, slots=True)
class Names:
    """Names by id. What has no name any more, since it is deleted, is called by its id."""

    users: Mapping[str, str]
    teams: Mapping[str, str]
    keys: Mapping[str, str]

    def user(self, id: str | None) -> str:  # noqa: A002 # it is one
        """Of a user; empty for none."""
        return self.users.get(id, id) if id else ""

    def team(self, id: str | None) -> str:  # noqa: A002 # likewise
        """Of a team; empty for none."""
        return self.teams.get(id, id) if id else ""

    def key(self, id: str | None) -> str:  # noqa: A002 # likewise
        """Of a client key; one of the configuration file is called by its id. Empty for none."""
        return self.keys.get(id, id) if id else ""


async def names_of(site: Site) -> Names:
    """Everybody's. Raises StateUnavailable."""
    return await site.office.read(_read)


def _read(session: Session) -> Names:
    users = {row["id"]: row["name"] or row["email"] for row in session.rows("people/names")}
    teams = {row["id"]: row["name"] for row in session.rows("teams/names")}
    keys = {f"{ID_PREFIX}{row['id']}": row["name"] for row in session.rows("keys/names")}
    return Names(users, teams, keys)
