"""Somebody who looks and tells, and what is kept of that: what scripts about deliveries are written with."""

from __future__ import annotations

from itertools import count

from gateway.alerts import deliveries, kept
from gateway.alerts.course import Moment
from gateway.alerts.deliveries import Delivery, Ears
from gateway.alerts.rules import MINUTE_US, Condition, Judged
from gateway.settings.alerting import ALERT_KINDS, AlertKind, AlertSettings
from gateway.store.session import Row
from gateway.store.state import State
from tests.gateway.alerts.scenes import NOON

OPS = "webhook/ops"
LEASE_US = 2 * MINUTE_US

_ids = count(1)


class Post:
    """Somebody who looks and tells, and what is kept of that."""

    def __init__(self, state: State) -> None:
        self.state, self.now_us = state, NOON
        self.said = AlertSettings(calm_minutes=0.0)
        self.names: tuple[str, ...] = (OPS,)
        self.unwanted: tuple[AlertKind, ...] = ()

    @property
    def ears(self) -> Ears:
        return Ears(
            self.said,
            lambda kind: () if kind in self.unwanted else self.names,
            lambda: f"{next(_ids):036d}",
            self.names,
        )

    async def find(self, *conditions: Condition, minutes: float = 1, off: tuple[AlertKind, ...] = ()) -> None:
        """So many minutes later this is wrong."""
        self.now_us += round(minutes * MINUTE_US)
        judged = Judged(conditions, frozenset(ALERT_KINDS).difference(off), frozenset(off))
        ears, moment = self.ears, Moment(self.now_us, "")
        await self.state.write(lambda session: kept.settle(session, judged, ears, moment))

    async def take(self, *, minutes: float = 0) -> list[Delivery]:
        """Take what is to be told so many minutes later."""
        self.now_us += round(minutes * MINUTE_US)
        ears, now_us = self.ears, self.now_us
        return await self.state.write(lambda session: deliveries.due(session, ears, now_us, now_us + LEASE_US))

    async def take_one(self, *, minutes: float = 0) -> Delivery:
        """The same where it is one."""
        (one,) = await self.take(minutes=minutes)
        return one

    async def arrive(self, *taken: Delivery) -> None:
        """These arrived."""
        for one in taken:
            await self.state.write(lambda session, one=one: deliveries.note_delivered(session, one, self.now_us, ""))  # type: ignore[misc]

    async def fail(self, *taken: Delivery, minutes: float = 10) -> None:
        """These did not, and are tried again so many minutes later."""
        next_us = self.now_us + round(minutes * MINUTE_US)
        for one in taken:
            await self.state.write(
                lambda session, one=one: deliveries.note_failed(session, one, "it answered 503", next_us)  # type: ignore[misc]
            )

    async def close(self) -> None:
        """Somebody closes the one that is open by hand."""
        (alert,) = await self.state.read(kept.open_alerts)
        assert await self.state.write(lambda session: kept.silence(session, alert.id, self.now_us))

    async def rows(self) -> list[Row]:
        """What was to be told, oldest first."""
        asked = {"first_id": "", "last_id": "~"}
        return (await self.state.read(lambda session: session.rows("alerts/deliveries", asked)))[::-1]

    async def story(self) -> list[tuple[str, str]]:
        """What became of each: `arrived`, `waits`, or why it is not told."""
        return [(row["event"], _fate(row)) for row in await self.rows()]


def _fate(row: Row) -> str:
    if row["delivered_at"] is not None:
        return "arrived"
    return "waits" if row["next_at"] is not None else row["retired"] or row["error"]
