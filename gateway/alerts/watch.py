"""Looks again and again what is wrong, and has it told. The one that puts the rest of this package together.

Several processes may share what is kept: of those who find the same one opens an alert, and each notice is carried by
whoever takes it first. What cannot be told is tried again, later each time, for a day.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway import logs
from gateway.alerts import deliveries, kept
from gateway.alerts.courier import Courier, Receiver, Undelivered, names_of
from gateway.alerts.course import Alert, Moment, Notice
from gateway.alerts.deliveries import Delivery, Ears, NewId
from gateway.alerts.figures import Figures
from gateway.alerts.rules import judge, provider_of
from gateway.alerts.wording import Message
from gateway.settings.alerting import AlertSettings
from gateway.settings.model import Settings
from gateway.store.session import Session
from gateway.store.state import State

LEASE_US = 120 * 1_000_000
"""How long whoever took a notice has to carry it: longer than any receiver may take."""

TRY_SECONDS = 8.0
"""How long a test may take: somebody waits for it."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60, 3600
"""After a failure; doubled each time."""

log = logs.get("gateway.alerts")


class Tools(NamedTuple):
    """What it works with."""

    settings: Callable[[], Settings]
    """Those that hold at the moment."""
    look: Callable[[Mapping[str, int]], Awaitable[Figures]]
    """How things stand. By provider of whose failures there is an alert, empty for that of all, it is told when that
    was last found to be so."""
    now_us: Callable[[], int]
    new_id: NewId


class Tried(NamedTuple):
    """How telling somebody went."""

    receiver: str
    error: str
    """Empty where it arrived."""
    took_ms: int


class Watch:
    """Of one control process."""

    def __init__(self, state: State, courier: Courier, tools: Tools) -> None:
        self._state, self._courier, self._tools = state, courier, tools
        self.open_now: int | None = None
        """How many alerts are open, but for those that somebody has closed; None before anybody has looked."""
        self.critical_now = False
        """Whether one of these is critical."""

    async def watch(self) -> None:
        """See what is wrong, and have everybody told. Raises StateUnavailable."""
        await self.look()
        await self.tell()

    async def look(self) -> None:
        """See what is wrong, and what of it is new, worse or over. Raises StateUnavailable."""
        alerts = await self._state.read(kept.open_alerts)
        figures = await self._tools.look(_failing_since(alerts))
        said, now_us = self._tools.settings().alerts, self._tools.now_us()
        judged = judge(figures, said, now_us)
        if not alerts and not any(condition.opens for condition in judged.conditions):
            self.open_now, self.critical_now = 0, False
            return
        ears, moment = self._ears(said, self._courier.receivers()), Moment(now_us, figures.node)
        for notice in await self._state.write(lambda session: kept.settle(session, judged, ears, moment)):
            _log(notice)
        await self.recount()

    async def recount(self) -> None:
        """See how many are open, as after one was closed. Raises StateUnavailable."""
        found = [alert for alert in await self._state.read(kept.open_alerts) if alert.silenced_at_us is None]
        self.open_now = len(found)
        self.critical_now = any(alert.notice.severity == "critical" for alert in found)

    async def tell(self) -> None:
        """Tell everybody what is to be told by now; who cannot be told is told later. Raises StateUnavailable."""
        now_us = self._tools.now_us()
        if not await self._state.read(lambda session: deliveries.is_anything_due(session, now_us)):
            return
        receivers = self._courier.receivers()
        ears = self._ears(self._tools.settings().alerts, receivers)
        found = await self._state.write(lambda session: deliveries.due(session, ears, now_us, now_us + LEASE_US))
        told: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in found:
            told[delivery.receiver].append(delivery)
        # At once: whoever is slow keeps nobody else waiting.
        done = await asyncio.gather(
            *(self._carry(receivers[name], some) for name, some in told.items()), return_exceptions=True
        )
        for error in filter(None, done):
            raise error

    async def forget(self) -> None:
        """Delete what has long been over. Raises StateUnavailable."""
        now_us = self._tools.now_us()
        await self._state.write(lambda session: kept.forget(session, now_us))

    async def try_out(self, names: Sequence[str]) -> list[Tried]:
        """Tell these, or everybody where none is named, that this is a test; how that went."""
        receivers = self._courier.receivers()
        meant = [receivers[name] for name in names or receivers]
        return list(await asyncio.gather(*map(self._try, meant)))

    def receivers(self) -> list[str]:
        """Names of everybody who is told."""
        return list(self._courier.receivers())

    def _ears(self, said: AlertSettings, receivers: Mapping[str, Receiver]) -> Ears:
        return Ears(said, lambda kind: names_of(receivers.values(), kind), self._tools.new_id, receivers.keys())

    async def _carry(self, receiver: Receiver, taken: Sequence[Delivery]) -> None:
        message = self._message([delivery.notice for delivery in taken])
        try:
            remark = await self._courier.carry(receiver, message)
        except Undelivered as error:
            reason = str(error)
            log.warning("alerts could not be told, which is tried again", receiver=receiver.name, reason=reason)
            await self._note(
                taken, lambda session, one: deliveries.note_failed(session, one, reason, self._next_us(one))
            )
            return
        if remark:
            log.warning("alerts were not told to all", receiver=receiver.name, reason=remark)
        now_us = self._tools.now_us()
        await self._note(taken, lambda session, one: deliveries.note_delivered(session, one, now_us, remark))

    async def _note(self, taken: Sequence[Delivery], note: Callable[[Session, Delivery], None]) -> None:
        def perform(session: Session) -> None:
            for delivery in taken:
                note(session, delivery)

        await self._state.write(perform)

    async def _try(self, receiver: Receiver) -> Tried:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(TRY_SECONDS):
                error = await self._courier.carry(receiver, self._message([self._test_notice()]))
        except Undelivered as undelivered:
            error = str(undelivered)
        except TimeoutError:
            error = f"no answer within {TRY_SECONDS:g} seconds"
        return Tried(receiver.name, error, round((time.monotonic() - begun) * 1000))

    def _message(self, notices: Sequence[Notice]) -> Message:
        return Message(notices, self._tools.now_us(), self._tools.settings().server.public_url)

    def _next_us(self, delivery: Delivery) -> int:
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(delivery.tries - 1, 16), LONGEST_PAUSE_SECONDS)
        return self._tools.now_us() + round(pause * 1_000_000)

    def _test_notice(self) -> Notice:
        now_us = self._tools.now_us()
        return Notice(
            alert="test",
            event="test",
            kind="test",
            severity="warning",
            subject="alerts",
            text="this is a test of alerts",
            detail="Somebody asked for it.",
            advice="Nothing: alerts arrive.",
            figure=0,
            threshold=0,
            unit="",
            since_us=now_us,
            at_us=now_us,
            node="",
        )


def _failing_since(alerts: Iterable[Alert]) -> Mapping[str, int]:
    """When alerts of failures were last found to be so, by provider."""
    return {provider_of(alert.fingerprint): alert.seen_at_us for alert in alerts if alert.kind == "errors"}


def _log(notice: Notice) -> None:
    say = log.info if notice.event == "over" else log.warning
    said = {"kind": notice.kind, "severity": notice.severity, "text": notice.text, "alert": notice.alert}
    say(f"alert: {notice.event}", **said)
