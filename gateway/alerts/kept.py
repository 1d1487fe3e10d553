"""Alerts in the state: which are open, what became of them, and what of that is to be told.

Knows rows. What they mean is for `course` to say, and how somebody is told for `deliveries`. Everything here is done
within a transaction of the caller, in which nobody else writes: of several who find the same at once, one opens it and
has it told.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.alerts import deliveries
from gateway.alerts.course import (
    Alert,
    Event,
    Moment,
    Notice,
    Step,
    Turn,
    edition_after,
    follow,
    level_after,
    noticed,
)
from gateway.alerts.deliveries import ENDED, SILENCED, SUPERSEDED, UNWANTED, Ears, read_notice, write_notice
from gateway.alerts.rules import Judged
from gateway.settings.alerting import AlertSettings
from gateway.store.session import Row, Session

EVENTS: Mapping[Turn, Event] = MappingProxyType(
    {"opened": "opened", "worse": "worse", "reminder": "reminder", "over": "over", "lapsed": "over"}
)
"""What is told of a turn; of the others nothing is."""

NEWS: frozenset[Event | None] = frozenset(("opened", "worse", "over"))

LEFT: Mapping[Turn, str] = MappingProxyType({"dropped": UNWANTED, "renewed": SUPERSEDED["opened"]})
"""Why what waits is not told any more when an alert has come to an end so; otherwise because it has."""

KEPT_US = 90 * 86_400_000_000
"""How long an alert that is over is kept."""


def open_alerts(session: Session) -> list[Alert]:
    """Those that are not over."""
    return [_alert(row) for row in session.rows("alerts/open")]


def settle(session: Session, judged: Judged, ears: Ears, moment: Moment) -> list[Notice]:
    """Have it kept what was found, and what is to be told of it; what of it is news."""
    steps = follow(open_alerts(session), judged, ears.said, moment)
    return [notice for step in steps if (notice := _take(session, step, ears, moment.now_us)) is not None]


def silence(session: Session, alert_id: str, now_us: int) -> bool:
    """Have nobody told of an alert any more, nor what waits; whether it was one that somebody was told of."""
    if not session.run("alerts/silence", {"id": alert_id, "now_us": now_us}):
        return False
    deliveries.retire(session, alert_id, SILENCED)
    return True


def forget(session: Session, now_us: int) -> None:
    """Delete what has long been over."""
    session.run("alerts/forget", {"before_us": now_us - KEPT_US})


def _take(session: Session, step: Step, ears: Ears, now_us: int) -> Notice | None:
    """Write one step down, and have it told to whoever wants to hear of it; what is told, where it is news."""
    alert_id = ears.new_id() if step.alert is None else step.alert.id
    event = EVENTS.get(step.turn)
    notice = noticed(step, alert_id, event or "reminder", now_us)
    receivers = ears.receivers(notice.kind) if event is not None and _is_told(step, ears.said) else ()
    session.run(*_written(step, notice, {"id": alert_id, "now_us": now_us, "sent_at": now_us if receivers else None}))
    if step.condition is None:
        deliveries.retire(session, alert_id, LEFT.get(step.turn, ENDED))
    deliveries.queue(session, notice, receivers, ears.new_id)
    return notice if event in NEWS and (event != "opened" or step.alert is None) else None


def _is_told(step: Step, said: AlertSettings) -> bool:
    """Nobody is told of the end of what nobody was told of, or did not want to hear of any more."""
    if step.condition is not None:
        return True
    alert = step.alert
    return said.recovery and alert is not None and alert.sent_at_us is not None and alert.silenced_at_us is None


def _written(step: Step, notice: Notice, known: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The statement that writes a step down, and with what."""
    told = {**known, "told": write_notice(notice)}
    if step.condition is None:
        return "alerts/close", told
    measured = {"edition": edition_after(step), "level": level_after(step, known["now_us"])}
    values = {**told, **measured, "severity": notice.severity}
    if step.alert is not None:
        return "alerts/change", {**values, "is_heard": int(step.turn == "worse")}
    fixed = {name: getattr(step.condition, name) for name in ("fingerprint", "kind", "subject", "node")}
    return "alerts/create", {**values, **fixed}


def _alert(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        fingerprint=row["fingerprint"],
        edition=row["edition"],
        kind=row["kind"],
        node=row["node"],
        level=row["level"],
        notice=read_notice(row["told"]),
        seen_at_us=row["seen_at"],
        sent_at_us=row["sent_at"],
        silenced_at_us=row["silenced_at"],
    )
