"""A process that watches for alerts: what it finds, when, by what settings, and whom it tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from msgspec import structs

from gateway.alerts.courier import Courier, Patience
from gateway.alerts.deliveries import Delivery, due
from gateway.alerts.figures import Figures
from gateway.alerts.rules import MINUTE_US
from gateway.alerts.watch import LEASE_US, Tools, Watch
from gateway.settings.alerting import AlertSettings, WebhookSettings
from gateway.settings.model import ServerSettings, Settings
from gateway.store.session import Row
from gateway.store.state import State, Where, make_ready
from tests.gateway.alerts.hooks import Hook
from tests.gateway.alerts.scenes import NOON, ration, well
from tests.gateway.outbound.peers import OK

BROKEN = OK.replace(b"200 OK", b"503 Busy") + b"Content-Length: 0\r\n\r\n"
FINE = OK + b"Content-Length: 0\r\n\r\n"

_ids = count(1)


class Scene:
    """One process that watches: what it finds, when, and by what settings."""

    def __init__(self, where: Where, *hooks: Hook, node: str = "", patience: float = 0.5, **said: Any) -> None:
        self.now_us, self.node = NOON, node
        self.figures: Figures | Exception = well()
        self.failing_since: Mapping[str, int] = {}
        webhooks = tuple(WebhookSettings(name=f"ops{number}", url=one.url) for number, one in enumerate(hooks))
        alerts = AlertSettings(**{"webhooks": webhooks, "calm_minutes": 0.0, **said})
        self.settings = Settings(server=ServerSettings(public_url="https://llm.example.com"), alerts=alerts)
        self.state = State(where)
        self.courier = Courier(lambda: self.settings, lambda: self.settings, Patience(patience, patience))
        tools = Tools(lambda: self.settings, self.look, lambda: self.now_us, lambda: f"{next(_ids):032d}")
        self.watch = Watch(self.state, self.courier, tools)

    async def look(self, failing_since: Mapping[str, int]) -> Figures:
        self.failing_since = failing_since
        if isinstance(self.figures, Exception):
            raise self.figures
        return replace(self.figures, node=self.node)

    def say(self, **said: Any) -> None:
        """Go by these settings of alerts from now on."""
        alerts = structs.replace(self.settings.alerts, **said)
        self.settings = structs.replace(self.settings, alerts=alerts)

    async def turn(self, *, minutes: float = 1, **changes: Any) -> None:
        """Look so many minutes later, at figures in which this is wrong."""
        self.now_us += round(minutes * MINUTE_US)
        self.figures = well(**changes)
        await self.watch.watch()

    async def take(self) -> list[Delivery]:
        """What is to be told now, as one takes it who tells it."""
        ears = self.watch._ears(self.settings.alerts, self.courier.receivers())
        return await self.state.write(lambda session: due(session, ears, self.now_us, self.now_us + LEASE_US))

    async def rows(self, **wanted: Any) -> list[Row]:
        """Every alert, latest first."""
        asked = {"state": None, "kind": None, "before_id": None, "limit": 100, **wanted}
        return await self.state.read(lambda session: session.rows("alerts/listed", asked))

    async def deliveries(self) -> list[Row]:
        """What was to be told, oldest first."""
        asked = {"first_id": "", "last_id": "~"}
        found = await self.state.read(lambda session: session.rows("alerts/deliveries", asked))
        return found[::-1]


@asynccontextmanager
async def scene(where: Where, *hooks: Hook, **said: Any) -> AsyncIterator[Scene]:
    make_ready(where)
    made = Scene(where, *hooks, **said)
    try:
        yield made
    finally:
        await made.state.close()


SPENT: dict[str, Any] = {"rations": [ration(8.5)]}
