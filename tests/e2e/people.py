"""A live gateway and its people: one of every role, a team and whoever leads it, a program with a token, a client.

Knows how they come to be and what each of them shows with a request. Sessions are begun in the gateway's own office;
logging in has tests of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx

from gateway.management import people, sessions
from gateway.management.office import Change
from gateway.management.people import NewUser
from gateway.management.sessions import Started, Visit
from gateway.settings.section import RoleName
from tests.gateway.management.offices import OPERATOR, office_in
from tests.gateway_process import GatewayProcess, configuration, running

PASSWORD = "plum orchard lantern"
"""Of those who have one."""

WITH_PASSWORD = frozenset(("owner", "member"))

ROLES: Mapping[str, RoleName] = MappingProxyType(
    {
        "owner": "owner",
        "admin": "admin",
        "member": "member",
        "leader": "member",
        "stranger": "member",
        "viewer": "viewer",
        "pending": "pending",
    }
)
"""Users by name. `leader` is the admin of a team that `member` belongs to; `stranger` belongs to none."""

NARROW = ("audit:read",)
"""What the API token of the admin is for."""

AT_THE_SOCKET = ("operator", "intruder")
"""Who asks the control process itself: with the operator's token, and without one."""

ADDRESS = "127.0.0.1"

NOTHING: Mapping[str, str] = MappingProxyType({})

Headers = Mapping[str, str]


def email(name: str) -> str:
    """The e-mail address of a user."""
    return f"{name}@example.com"


class Identity(NamedTuple):
    """Somebody, and what they show."""

    id: str
    """Of the user, token or key; empty for nobody."""
    headers: Headers

    @property
    def secret(self) -> str:
        """The key or token itself."""
        return self.headers["authorization"].removeprefix("Bearer ")


class People:
    """A gateway and who comes: users by name, `token`, `key`, `anonymous`; at its socket `operator` and `intruder`."""

    def __init__(self, gateway: GatewayProcess, client: httpx.Client, at_socket: httpx.Client) -> None:
        self.gateway = gateway
        self.client, self._at_socket = client, at_socket
        token = (gateway.data_dir / "run" / "operator.token").read_text().strip()
        self.who: dict[str, Identity] = {
            "anonymous": Identity("", NOTHING),
            "intruder": Identity("", NOTHING),
            "operator": Identity("", {"x-sluicegate-operator": token}),
        }
        self.team = ""
        """The team that `leader` leads."""
        self.judge: Callable[[httpx.Response], None] | None = None
        """Looks at every answer."""

    def ask(self, name: str, method: str, path: str, body: Any = None, headers: Headers = NOTHING) -> httpx.Response:
        """The answer to one request of somebody. What is not bytes goes out as JSON."""
        client = self._at_socket if name in AT_THE_SOCKET else self.client
        said = {**self.who[name].headers, **headers}
        sent = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        answer = client.request(method, path, headers=said, **sent)
        client.cookies.clear()
        if self.judge is not None:
            self.judge(answer)
        return answer

    def get(self, name: str, path: str) -> Any:
        """What somebody is shown, from JSON."""
        answer = self.ask(name, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, name: str, path: str, body: Any = None, headers: Headers = NOTHING) -> Any:
        """What somebody gets for a POST, from JSON."""
        answer = self.ask(name, "POST", path, body, headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def change(self, name: str, path: str, body: Any, version: str = "*") -> httpx.Response:
        """The answer to a PATCH of this version; of any where none is said."""
        return self.ask(name, "PATCH", path, body, {"if-match": version})

    def remove(self, name: str, path: str, version: str = "*") -> httpx.Response:
        """The answer to a DELETE of this version; of any where none is said."""
        return self.ask(name, "DELETE", path, None, {"if-match": version})

    def new_key(self, name: str, /, **wish: Any) -> tuple[str, str]:
        """Id and secret of a client key that somebody makes."""
        made = self.make(name, "/api/keys", wish)
        return made["key"]["id"], made["secret"]

    def trail(self, **wanted: str) -> list[dict[str, Any]]:
        """What the audit log says, oldest first."""
        asked = httpx.QueryParams({"limit": "200", **wanted})
        entries: list[dict[str, Any]] = self.get("operator", f"/api/audit?{asked}")["items"]
        return entries[::-1]

    def sign_in(self, name: str) -> Identity:
        """Another session of a user."""
        user_id = self.who[name].id
        begun = asyncio.run(_sign_in(self.gateway.data_dir, {name: user_id}))[name]
        return Identity(user_id, _cookie(begun, self.gateway.url))

    def settle(self) -> None:
        """Make what is made through the API: the team, its members, the token and the key."""
        self.team = self.make("owner", "/api/teams", {"name": "crew"})["id"]
        for name, role in (("leader", "admin"), ("member", "member")):
            self.make("owner", f"/api/teams/{self.team}/members", {"user_id": self.who[name].id, "role": role})
        made = self.make("admin", "/api/tokens", {"name": "narrow", "scopes": NARROW})
        self.who["token"] = Identity(made["token"]["id"], bearer(made["secret"]))
        key_id, secret = self.new_key("member", name="of-the-member")
        self.who["key"] = Identity(key_id, bearer(secret))


def bearer(secret: str) -> Headers:
    """How a key or token is shown."""
    return {"authorization": f"Bearer {secret}"}


@contextmanager
def live(directory: Path, mock_url: str, more: str = "", *, workers: int = 1) -> Iterator[People]:
    """A gateway with all of them, until the end of the block."""
    data_dir = directory / "data"
    data_dir.mkdir(mode=0o700, parents=True)
    users = asyncio.run(_add_users(data_dir))
    begun = asyncio.run(_sign_in(data_dir, users))
    with running(directory, configuration(mock_url, more), workers=workers) as gateway, ExitStack() as stack:
        gateway.complete()
        transport = httpx.HTTPTransport(uds=str(data_dir / "run" / "control.sock"))
        at_socket = stack.enter_context(httpx.Client(transport=transport, base_url="http://localhost", timeout=20))
        client = stack.enter_context(httpx.Client(base_url=gateway.url, trust_env=False, timeout=20))
        made = People(gateway, client, at_socket)
        made.who |= {name: Identity(users[name], _cookie(begun[name], gateway.url)) for name in users}
        made.settle()
        yield made


async def _add_users(data_dir: Path) -> dict[str, str]:
    """A user of every role; their ids."""
    users = {}
    async with office_in(data_dir) as office:
        for name, role in ROLES.items():
            password = PASSWORD if name in WITH_PASSWORD else None
            wish = NewUser(email=email(name), name=name, role=role, password=password, invite=False)
            users[name] = (await people.create_user(office, OPERATOR, wish)).user.id
    return users


async def _sign_in(data_dir: Path, users: Mapping[str, str]) -> dict[str, Started]:
    """A session for each of these."""
    async with office_in(data_dir) as office:

        def perform(change: Change, user_id: str) -> Started:
            return sessions.begin(change, office, people.found(change.session, user_id), Visit(ADDRESS, "a browser"))

        return {
            name: await office.change(OPERATOR, partial(perform, user_id=user_id)) for name, user_id in users.items()
        }


def _cookie(started: Started, url: str) -> Headers:
    return {"cookie": f"__Host-sluicegate={started.value}", "origin": url}
