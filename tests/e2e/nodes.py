"""Two gateways on one PostgreSQL: two data directories with the same vault key, as two machines would have it.

Knows how they come to be, and how their owner asks either of them. What is asked is the test's business.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from gateway.access.roles import PERMISSIONS
from gateway.credentials.keyfile import key_file
from gateway.management import people, sessions, tokens
from gateway.management.office import Actor, Change
from gateway.management.people import NewUser
from gateway.management.sessions import Started, Visit
from gateway.management.tokens import NewToken
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.gateway_process import GatewayProcess, configuration, running

EMAIL = "owner@example.com"

LOCAL = '\n[network]\nallow = ["127.0.0.0/8"]\n'
"""The mock may be a provider that the API tells of."""


class Owner(NamedTuple):
    """What the owner shows: a program's token, a browser's session."""

    token: str
    session: str


class Node(NamedTuple):
    """One gateway, and its owner as a client of its management API."""

    gateway: GatewayProcess
    api: httpx.Client

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """The answer to one request of the owner; a change is of whatever version there is."""
        said = {**({} if method in ("GET", "POST") else {"if-match": "*"}), **headers}
        return self.api.request(method, path, json=body, headers=said)

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """What the owner is answered, once it is done."""
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def new_key(self, name: str, **wish: Any) -> tuple[str, str]:
        """Id and secret of a new client key."""
        made = self.told("POST", "/api/keys", {"name": name, **wish})
        return made["key"]["id"], made["secret"]


@dataclass(frozen=True)
class Nodes:
    """Both of them, one after the other where they are gone through, and their owner."""

    one: Node
    other: Node
    owner: Owner

    def __iter__(self) -> Iterator[Node]:
        return iter((self.one, self.other))


def kept_at(url: str, toml: str) -> str:
    """Settings with the state at `url`, in the data directory where it is empty."""
    return f'[database]\nurl = "{url}"\n\n{toml}' if url else toml


def owned(data_dir: Path, url: str = "") -> Owner:
    """An owner in a database that is made ready, and what they show; the vault key is in the data directory."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return asyncio.run(_owned(data_dir, url))


async def _owned(data_dir: Path, url: str) -> Owner:
    async with office_in(data_dir, url) as office:
        wish = NewUser(email=EMAIL, name="Owner", role="owner", invite=False)
        user_id = (await people.create_user(office, OPERATOR, wish)).user.id
        actor: Actor = somebody("owner", user_id)
        made = await tokens.create_token(office, actor, NewToken(name="all", scopes=tuple(PERMISSIONS)))

        def begin(change: Change) -> Started:
            return sessions.begin(change, office, people.found(change.session, user_id), Visit("127.0.0.1", "browser"))

        return Owner(made.secret, (await office.change(OPERATOR, begin)).value)


@contextmanager
def api_of(url: str, owner: Owner) -> Iterator[httpx.Client]:
    """The owner as a client of the gateway at `url`."""
    headers = {"authorization": f"Bearer {owner.token}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


@contextmanager
def nodes(directory: Path, url: str, mock_url: str, *, workers: int = 1) -> Iterator[Nodes]:
    """Both of them, until the end of the block."""
    places = [directory / "one", directory / "other"]
    owner = owned(places[0] / "data", url)
    (places[1] / "data").mkdir(mode=0o700, parents=True)
    shutil.copy(key_file(places[0] / "data"), key_file(places[1] / "data"))
    toml = kept_at(url, configuration(mock_url, LOCAL))
    with ExitStack() as stack:
        gateways = [stack.enter_context(running(place, toml, workers=workers)).complete() for place in places]
        one, other = [Node(each, stack.enter_context(api_of(each.url, owner))) for each in gateways]
        yield Nodes(one, other, owner)
