"""Programs that change things over the management API, whatever happens to the gateway, and what they were told of it.

Knows what was acknowledged, and what may or may not have come about because nobody answered. Does not know who kills
what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.nodes import Owner

PAUSE_SECONDS = 0.1
"""Between an attempt that failed and the next: what nobody answered must not overtake it."""

PROVIDER = "hammered"

SETTINGS = (
    "upstream.connect_timeout_seconds",
    "upstream.tls_timeout_seconds",
    "media.timeout_seconds",
    "responses.max_bytes",
)
"""One for each program."""

Body = dict[str, Any]


class Unanswered(Exception):
    """Nobody can say whether it was done."""


@dataclass
class Key:
    """A client key, as its program knows it."""

    id: str
    secret: str
    tags: set[int] = field(default_factory=set)
    """Whichever of these it has."""
    revoked: bool | None = False
    """None where the answer did not come."""


@dataclass
class Told:
    """What one program was told; of values the last that was acknowledged, and those tried since."""

    keys: list[Key] = field(default_factory=list)
    setting: set[int] = field(default_factory=set)
    secret: set[str] = field(default_factory=set)
    """Of the program's credential."""
    acknowledged: int = 0
    unanswered: int = 0


class Program:
    """One of them, with a setting and a credential of its own."""

    def __init__(self, number: int, owner: Owner, where: Callable[[], str]) -> None:
        """`where` says at which URL the gateway is at the moment."""
        self.told = Told()
        self._number, self._where = number, where
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {owner.token}", "if-match": "*"}, trust_env=False, timeout=30
        )
        self._round = 0

    @property
    def setting(self) -> str:
        """The path of its setting."""
        return SETTINGS[self._number]

    @property
    def credential(self) -> str:
        """The name of its credential."""
        return f"of-{self._number}"

    async def prepare(self) -> None:
        """Make what is changed later."""
        made = {"provider": PROVIDER, "name": self.credential, "api_key": f"sk-first-{self._number}"}
        await self._ask("POST", "/api/credentials", made)
        self.told.secret = {made["api_key"]}

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Make changes of every kind, in turn, until it is over."""
        changes: Sequence[Callable[[], Awaitable[None]]] = (
            self._create, self._change, self._set, self._create, self._seal, self._revoke
        )  # fmt: skip
        while not is_over():
            self._round += 1
            try:
                await changes[self._round % len(changes)]()
                self.told.acknowledged += 1
            except Unanswered:
                self.told.unanswered += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """Leave."""
        await self._client.aclose()

    async def _create(self) -> None:
        name = f"key-{self._number}-{self._round}"
        made = await self._ask("POST", "/api/keys", {"name": name})
        self.told.keys.append(Key(made["key"]["id"], made["secret"]))

    async def _change(self) -> None:
        if key := self._latest():
            key.tags.add(self._round)
            await self._ask("PATCH", f"/api/keys/{key.id}", {"tags": [str(self._round)]})
            key.tags = {self._round}

    async def _revoke(self) -> None:
        if key := self._latest():
            key.revoked = None
            await self._ask("DELETE", f"/api/keys/{key.id}")
            key.revoked = True

    async def _set(self) -> None:
        value = 5000 + self._round
        self.told.setting.add(value)
        await self._ask("PUT", f"/api/settings/{self.setting}", {"value": value})
        self.told.setting = {value}

    async def _seal(self) -> None:
        secret = f"sk-of-{self._number}-in-round-{self._round}"
        self.told.secret.add(secret)
        await self._ask("PATCH", f"/api/credentials/{PROVIDER}/{self.credential}", {"api_key": secret})
        self.told.secret = {secret}

    def _latest(self) -> Key | None:
        """The last of its keys that is surely there and not revoked."""
        return next((key for key in reversed(self.told.keys) if key.revoked is False), None)

    async def _ask(self, method: str, path: str, body: Body | None = None) -> Any:
        """What is answered to a change that was made. Raises Unanswered."""
        try:
            answer = await self._client.request(method, self._where() + path, json=body)
        except httpx.TransportError as error:
            raise Unanswered from error
        if answer.status_code == 503:
            raise Unanswered
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()
