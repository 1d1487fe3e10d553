"""Alerts in the state: which are open, what became of them, and what is still to be told to whom.

Knows rows. What they mean is for `course` to say. Everything here is done within a transaction of the caller, in which
nobody else writes: of several who find the same at once, one opens it and has it told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.alerts.course import Alert, Event, Moment, Notice, Step, Turn, follow, level_after, noticed
from gateway.alerts.rules import Judged
from gateway.settings.alerting import AlertSettings
from gateway.store.session import Row, Session

EVENTS: Mapping[Turn, Event] = {"opened": "opened", "worse": "worse", "reminder": "reminder", "over": "over"}
"""What is told of a turn; of the others nothing is."""

NEWS: frozenset[Event | None] = frozenset(("opened", "worse", "over"))

KEPT_US = 90 * 86_400_000_000
"""How long an alert that is over is kept."""

MOST_DUE = 10_000
"""Deliveries that are looked at in one go."""

STALE_US = 86_400_000_000
"""What could not be told for so long is not told any more."""

GIVEN_UP = "given up after a day"

NewId = Callable[[], str]


class Ears(NamedTuple):
    """Who is to be told, and by what rules."""

    said: AlertSettings
    receivers: Callable[[str], Sequence[str]]
    """Names of those who want to hear of a kind."""
    new_id: NewId


class Delivery(NamedTuple):
    """One notice on its way to one receiver."""

    id: str
    receiver: str
    notice: Notice
    created_at_us: int
    tries: int
    """This one included."""


def open_alerts(session: Session) -> list[Alert]:
    """Those that are not over."""
    return [_alert(row) for row in session.rows("alerts/open")]


def settle(session: Session, judged: Judged, ears: Ears, moment: Moment) -> list[Notice]:
    """Have it kept what was found, and what is to be told of it; what of it is news."""
    steps = follow(open_alerts(session), judged, ears.said, moment)
    return [notice for step in steps if (notice := _take(session, step, ears, moment.now_us)) is not None]


def is_anything_due(session: Session, now_us: int) -> bool:
    """Whether anybody is to be told anything now."""
    return session.row("alerts/due", {"now_us": now_us, "limit": 1}) is not None


def due(session: Session, receivers: Iterable[str], now_us: int, until_us: int) -> list[Delivery]:
    """What these are to be told now. Whoever asks tells it, and says before `until_us` how that went: until then nobody
    else is given it. Of others nothing is known here, but what is for them does not wait for ever either."""
    known, found = frozenset(receivers), []
    for row in session.rows("alerts/due", {"now_us": now_us, "limit": MOST_DUE}):
        if now_us - row["created_at"] >= STALE_US:
            error = f"{row['error'] or 'there is no such receiver'}; {GIVEN_UP}"
            session.run("alerts/undelivered", {"id": row["id"], "error": error, "next_us": None})
        elif row["receiver"] in known:
            session.run("alerts/claim", {"id": row["id"], "until_us": until_us})
            found.append(_delivery(row))
    return found


def note_delivered(session: Session, delivery: Delivery, now_us: int, remark: str) -> None:
    """It was told; `remark` is what went wrong nevertheless, if anything did."""
    session.run("alerts/delivered", {"id": delivery.id, "now_us": now_us, "error": remark or None})


def note_failed(session: Session, delivery: Delivery, error: str, next_us: int) -> None:
    """It was not; it is tried again then."""
    session.run("alerts/undelivered", {"id": delivery.id, "error": error, "next_us": next_us})


def forget(session: Session, now_us: int) -> None:
    """Delete what has long been over."""
    session.run("alerts/forget", {"before_us": now_us - KEPT_US})


def read_notice(text: str) -> Notice:
    """What was kept of an alert."""
    return msgspec.json.decode(text, type=Notice)


def _take(session: Session, step: Step, ears: Ears, now_us: int) -> Notice | None:
    """Write one step down, and have it told to whoever wants to hear of it; what is told, where it is news."""
    alert_id = ears.new_id() if step.alert is None else step.alert.id
    event = EVENTS.get(step.turn)
    notice = noticed(step, alert_id, event or "reminder", now_us)
    receivers = ears.receivers(notice.kind) if event is not None and _is_told(step, ears.said) else ()
    known = {"id": alert_id, "now_us": now_us, "sent_at": now_us if receivers else None}
    if step.condition is None:
        session.run("alerts/close", known)
    else:
        session.run(*_written(step, notice, known))
    for receiver in receivers:
        said = {"id": ears.new_id(), "alert_id": alert_id, "receiver": receiver, "now_us": now_us}
        session.run("alerts/deliver", {**said, "event": event, "told": _text(notice)})
    return notice if event in NEWS and (event != "opened" or step.alert is None) else None


def _is_told(step: Step, said: AlertSettings) -> bool:
    """Nobody is told of the end of what nobody was told of, or did not want to hear of any more."""
    if step.turn != "over":
        return True
    alert = step.alert
    return said.recovery and alert is not None and alert.sent_at_us is not None and alert.silenced_at_us is None


def _written(step: Step, notice: Notice, known: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    condition = step.condition
    assert condition is not None  # else it is closed
    level = level_after(step, known["now_us"])
    values = {**known, "severity": notice.severity, "level": level, "told": _text(notice)}
    if step.alert is not None:
        return "alerts/change", {**values, "is_heard": int(step.turn == "worse")}
    fixed = {name: getattr(condition, name) for name in ("fingerprint", "kind", "subject", "node")}
    return "alerts/create", {**values, **fixed}


def _text(notice: Notice) -> str:
    return msgspec.json.encode(notice).decode()


def _alert(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        fingerprint=row["fingerprint"],
        kind=row["kind"],
        node=row["node"],
        level=row["level"],
        notice=read_notice(row["told"]),
        seen_at_us=row["seen_at"],
        sent_at_us=row["sent_at"],
        silenced_at_us=row["silenced_at"],
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(row["id"], row["receiver"], read_notice(row["told"]), row["created_at"], row["tries"] + 1)
