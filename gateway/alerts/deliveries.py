"""Notices on their way to receivers: of one thing in order, one at a time, and only what there still is to say.

What a receiver hears of a thing is one line, whatever alerts there are of it: that it opened, that it grew worse or
goes on, and in the end that it is over. In a line one notice at most is under way, and one at most waits; what is under
way goes before what waits, and what comes newly takes the place of what waits. Who has not heard that something opened
hears that first, whatever has become of it since, and of its end nothing.

Knows rows. Everything here is done within a transaction of the caller, in which nobody else writes: each notice is
taken by one, and nobody takes the next of a line meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gateway.alerts.course import Event, Notice
from gateway.alerts.rules import RULES
from gateway.settings.alerting import AlertSettings
from gateway.store.session import Row, Session

MOST_DUE = 10_000
"""Deliveries that are looked at in one go."""

STALE_US = 86_400_000_000
"""What could not be told for so long is not told any more."""

GIVEN_UP = "given up after a day"

SUPERSEDED: Mapping[str, str] = MappingProxyType(
    {
        "opened": "it has come anew",
        "worse": "it has grown worse",
        "reminder": "it is told again",
        "over": "it is over",
    }
)
"""Why something is not told any more, by what is told in its place."""

ENDED = "it is over"
UNWANTED = "nobody wants to hear of it any more"
SILENCED = "it was closed by hand"
NOTHING_TOLD = "nothing of what it is about had arrived"

NewId = Callable[[], str]


class Ears(NamedTuple):
    """Who is to be told, and by what rules."""

    said: AlertSettings
    receivers: Callable[[str], Sequence[str]]
    """Names of those who want to hear of a kind."""
    new_id: NewId
    everybody: Collection[str] = ()
    """Names of all of those that are told of anything."""


class Delivery(NamedTuple):
    """One notice on its way to one receiver."""

    id: str
    receiver: str
    notice: Notice
    created_at_us: int
    tries: int
    """This one included."""


def queue(session: Session, notice: Notice, receivers: Sequence[str], new_id: NewId) -> None:
    """Have these told, in place of whatever of the same thing waits for them."""
    for receiver in receivers:
        _retire(session, notice.alert, SUPERSEDED[notice.event], receiver)
        said = {"id": new_id(), "alert_id": notice.alert, "receiver": receiver, "now_us": notice.at_us}
        session.run("alerts/deliver", {**said, "event": notice.event, "told": write_notice(notice)})


def retire(session: Session, alert_id: str, reason: str) -> None:
    """Have nobody told what waits of the thing that an alert is about. What is under way cannot be called back."""
    _retire(session, alert_id, reason, None)


def is_anything_due(session: Session, now_us: int) -> bool:
    """Whether anybody is to be told anything now."""
    return session.row("alerts/due", {"now_us": now_us, "limit": 1}) is not None


def due(session: Session, ears: Ears, now_us: int, until_us: int) -> list[Delivery]:
    """What is to be told now. Whoever asks tells it, and says before `until_us` how that went: until then nobody else
    is given it, nor what comes after it. Of receivers that are not known here nothing is decided, but what is for them
    does not wait for ever either."""
    found = []
    for row in session.rows("alerts/due", {"now_us": now_us, "limit": MOST_DUE}):
        if now_us - row["created_at"] >= STALE_US:
            session.run("alerts/undelivered", {"id": row["id"], "error": _given_up(row), "next_us": None})
        elif row["receiver"] in ears.everybody:
            taken = _taken(session, row, ears)
            if isinstance(taken, Delivery):
                said = {"id": taken.id, "event": taken.notice.event, "told": write_notice(taken.notice)}
                session.run("alerts/claim", {**said, "now_us": now_us, "until_us": until_us})
                found.append(taken)
            else:
                session.run("alerts/retire_one", {"id": row["id"], "reason": taken})
    return found


def note_delivered(session: Session, delivery: Delivery, now_us: int, remark: str) -> None:
    """It was told; `remark` is what went wrong nevertheless, if anything did."""
    session.run("alerts/delivered", {"id": delivery.id, "now_us": now_us, "error": remark or None})


def note_failed(session: Session, delivery: Delivery, error: str, next_us: int) -> None:
    """It was not; it is tried again then, unless there is something newer to tell. Who comes so late that somebody else
    has it by now has nothing to say."""
    row = session.row("alerts/delivery", {"id": delivery.id})
    if row is None or row["taken_at"] is None or row["tries"] != delivery.tries:
        return
    newer = session.row("alerts/followed", {"id": delivery.id})
    session.run("alerts/undelivered", {"id": delivery.id, "error": error, "next_us": next_us})
    if newer is not None:
        session.run("alerts/retire_one", {"id": delivery.id, "reason": SUPERSEDED[newer["event"]]})


def read_notice(text: str) -> Notice:
    """What was kept of an alert."""
    return msgspec.json.decode(text, type=Notice)


def write_notice(notice: Notice) -> str:
    """As it is kept."""
    return msgspec.json.encode(notice).decode()


def fitting(notice: Notice, alert_id: str | None, event: Event | None) -> Notice | None:
    """A notice as it is told to somebody who was last told this of its thing, if anything; None where there is nothing
    to tell: the end of what it has not heard of."""
    if event in (None, "over"):
        return None if notice.event == "over" else replace(notice, event="opened")
    if alert_id == notice.alert:
        return notice
    return replace(notice, event="over" if notice.event == "over" else "opened", replaces=alert_id)


def _retire(session: Session, alert_id: str, reason: str, receiver: str | None) -> None:
    session.run("alerts/retire", {"alert_id": alert_id, "reason": reason, "receiver": receiver})


def _taken(session: Session, row: Row, ears: Ears) -> Delivery | str:
    """What is told of a row that is due, or why it is not."""
    notice = read_notice(row["told"])
    if reason := _why_not(session, row, notice, ears):
        return reason
    last = session.row("alerts/last_told", {"fingerprint": row["fingerprint"], "receiver": row["receiver"]}) or {}
    fits = fitting(notice, last.get("alert_id"), last.get("event"))
    if fits is None:
        return NOTHING_TOLD
    return Delivery(row["id"], row["receiver"], fits, row["created_at"], row["tries"] + 1)


def _why_not(session: Session, row: Row, notice: Notice, ears: Ears) -> str:
    """Why something need not be told any more; empty where it must."""
    is_end = notice.event == "over"
    if row["silenced_at"] is not None:
        return SILENCED
    if not _is_wanted(row, ears) or (is_end and not ears.said.recovery):
        return UNWANTED
    if row["closed_at"] is None or is_end:
        return ""
    # It may have arrived with somebody who could not say so any more: then its end is told, and it goes before.
    is_awaited = row["taken_at"] is not None and session.row("alerts/followed", {"id": row["id"]}) is not None
    return "" if is_awaited else ENDED


def _is_wanted(row: Row, ears: Ears) -> bool:
    return RULES[row["kind"]].is_wanted(ears.said) and row["receiver"] in ears.receivers(row["kind"])


def _given_up(row: Row) -> str:
    untold = "nobody said how it went" if row["tries"] else "there is no such receiver"
    return f"{row['error'] or untold}; {GIVEN_UP}"
