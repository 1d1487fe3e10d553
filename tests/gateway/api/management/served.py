"""The real operations in this process, over an office of the test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from blacksheep import Request

from gateway.api.management import OPERATIONS
from gateway.api.management.serve import ManagementApi
from gateway.application import new_application
from gateway.errors import NotSignedIn
from gateway.management.office import Actor, Office
from tests.gateway.api.application import Answer
from tests.gateway.management.offices import OPERATOR, somebody

from .asking import send
from .sample import Answers

PEOPLE: Mapping[str, Actor] = {
    "operator": OPERATOR,
    **{role: somebody(role) for role in ("owner", "admin", "member", "viewer", "pending")},
}


class Named:
    """Knows people by their bearer token, which is their role."""

    async def identify(self, request: Request) -> Actor:
        shown = (request.get_first_header(b"authorization") or b"").removeprefix(b"Bearer ").decode("latin-1")
        if shown not in PEOPLE:
            raise NotSignedIn("Send a token.")
        return PEOPLE[shown]

    def anybody(self, request: Request) -> Actor:
        return Actor(kind="anybody", name="anybody")

    def check_origin(self, request: Request, actor: Actor) -> None:
        """Nobody comes by cookie."""


class Served:
    """An application with every operation."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.app = new_application()
        api = ManagementApi(
            OPERATIONS, office=office, entrance=Named(), answers=Answers(), new_id=lambda: str(uuid.uuid4())
        )
        api.add_to(self.app)

    async def ask(self, method: str, target: str, body: Any = None, *, who: str = "operator", **headers: str) -> Answer:
        """The answer; `if_match` stands for `If-Match`."""
        content = b"" if body is None else json.dumps(body).encode()
        said = {"authorization": f"Bearer {who}"}
        if body is not None:
            said["content-type"] = "application/json"
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await send(self.app, method, target, content, said)

    async def refused(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a problem."""
        answer = await self.ask(method, target, body, **headers)
        return answer.status, answer.json()["code"]
