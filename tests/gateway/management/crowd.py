"""People of the tests: an office on either engine, users in it, and a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from msgspec import structs

from gateway.access import passwords
from gateway.access.roles import permissions_of
from gateway.access.sessions import read
from gateway.management import login, people, sessions, teams
from gateway.management.audit import AuditFilter
from gateway.management.login import PasswordLogin
from gateway.management.office import Actor, Office
from gateway.management.people import NewUser, UserView
from gateway.management.sessions import Started, Visit
from gateway.settings.model import LoginSettings, Settings
from gateway.settings.section import RoleName
from gateway.store.session import Session
from gateway.store.state import Where
from tests.gateway.management.offices import OPERATOR, office_in

PASSWORD = "plum orchard lantern"
HASH = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$CJH1qz0W5LE2Pq8MqPXjVw7VnZbpZ0NGpqjVvW5Wl1c"
"""Of no password: costs nothing to keep."""

VISIT = Visit("192.0.2.7", "a browser")
SECOND_US = 1_000_000


class Clock:
    """Unix nanoseconds, as somebody says; a few more each time, so that what is made later is later."""

    def __init__(self, now_us: int = 1_800_000_000 * SECOND_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        self.now_us += 3
        return self.now_us * 1000

    def pass_by(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND_US)


@asynccontextmanager
async def office_at(where: Where, login_settings: LoginSettings | None = None) -> AsyncIterator[tuple[Office, Clock]]:
    """An office at a database of the fixture `where`, and the clock on its wall."""
    settings = Settings(login=login_settings or LoginSettings())
    async with office_in(where.path.parent, where.url, settings) as office:
        clock = Clock()
        office._clock = clock
        yield office, clock


async def add(office: Office, name: str, role: RoleName = "member", **more: Any) -> UserView:
    """A user `<name>@example.com`, without a way to log in unless one is given."""
    if more.get("password") == PASSWORD:
        more = {**more, "password": None, "password_hash": _kept_of_password()}
    wish = NewUser(email=f"{name}@example.com", name=name.capitalize(), role=role, invite=False, **more)
    return (await people.create_user(office, OPERATOR, wish)).user


@cache
def _kept_of_password() -> str:
    """What is kept of the usual password: worked out once, for it takes a core's time."""
    return passwords.hashed(PASSWORD)


async def actor_of(office: Office, user: UserView, **more: Any) -> Actor:
    """The user, as if logged in."""
    row = await office.read(lambda session: people.found(session, user.id))
    belongs = await office.read(lambda session: teams.memberships(session, user.id))
    actor = Actor(
        kind="user",
        name=row["email"],
        id=user.id,
        user_id=user.id,
        permissions=permissions_of(row["role"]),
        teams=belongs,
        address=VISIT.address,
    )
    return Actor(**{**{name: getattr(actor, name) for name in Actor.__dataclass_fields__}, **more})


async def begin(office: Office, user: UserView, visit: Visit = VISIT) -> Started:
    """A session of the user, without showing a password."""

    def perform(change: Any) -> Started:
        return sessions.begin(change, office, people.found(change.session, user.id), visit)

    return await office.change(OPERATOR, perform)


async def came_back(office: Office, started: Started) -> Actor:
    """Who the cookie of a session stands for. Raises NotSignedIn."""
    token = read(started.value, office.secrets.sessions)
    assert token is not None
    return await sessions.find(office, token, VISIT.address)


async def log_in(office: Office, email: str, password: str, address: str = VISIT.address) -> Started:
    """A login with a password."""
    return await login.log_in(office, PasswordLogin(email=email, password=password), Visit(address, "a browser"))


async def audit(office: Office, action: str | None = None) -> list[dict[str, Any]]:
    """What the audit log has, oldest first."""
    wanted = {**structs.asdict(AuditFilter(action=action)), "before_id": None, "limit": 1000}

    def perform(session: Session) -> list[dict[str, Any]]:
        return session.rows("audit/listed", wanted)

    rows = await office.read(perform)
    read_in = ({**row, **{side: row[side] and orjson.loads(row[side]) for side in ("before", "after")}} for row in rows)
    return [row for row in read_in if action in (None, row["action"])][::-1]


def wish_of(user: UserView, **changed: Any) -> people.UserWish:
    """The user as they are, but for this."""
    same = people.UserWish(**{name: getattr(user, name) for name in people.UserWish.__struct_fields__})
    return structs.replace(same, **changed)


def everything_kept(directory: Path) -> bytes:
    """The content of every file of a data directory."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())
