"""Alerts as people see them: which there are and what was told of each; closing one, and trying out who is told.

Knows who may, and what the audit log keeps. How somebody is told is handed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from gateway.alerts import kept
from gateway.alerts.deliveries import read_notice
from gateway.alerts.watch import Tried
from gateway.alerts.wording import link
from gateway.errors import Unacceptable, UnknownResource
from gateway.management.office import Actor, Change, Office, Subject
from gateway.settings.alerting import AlertKind
from gateway.settings.instants import Moment, write_instant, write_moment
from gateway.settings.section import Section
from gateway.store.session import Row, Session

READ, WRITE = "system:read", "system:write"

SHOWN_DELIVERIES = 20
"""Of one alert, the latest."""

State = Literal["open", "silenced", "closed"]
Severity = Literal["warning", "critical"]
ReceiverName = Annotated[str, Meta(min_length=1, max_length=100, description="`webhook/<name>` or `email`.")]


class DeliveryView(Struct, frozen=True, kw_only=True):
    """What somebody was told, or is to be told."""

    receiver: ReceiverName
    event: Annotated[
        Literal["opened", "worse", "reminder", "over"], Meta(description="What was told: `over` when it had ended.")
    ]
    at: Annotated[Moment, Meta(description="When it arose.")]
    tries: int
    delivered_at: Annotated[Moment | None, Meta(description="Null as long as it has not arrived.")]
    next_try_at: Annotated[
        Moment | None, Meta(description="Null once it has arrived, was given up, or need not arrive any more.")
    ]
    retired: Annotated[
        str | None,
        Meta(
            description="Why it is not told any more although it never arrived, such as that it was over by then; null "
            "where it arrived, or is still to, or was given up after a day."
        ),
    ]
    error: Annotated[str | None, Meta(description="Why it failed the last time.")]


class AlertView(Struct, frozen=True, kw_only=True):
    """Something that is wrong, or was."""

    id: str
    state: Annotated[
        State,
        Meta(description="`silenced` ones go on as well, but somebody has closed them: nobody is told any more."),
    ]
    kind: AlertKind
    severity: Severity
    subject: Annotated[str, Meta(description="Whom or what it is about.")]
    title: Annotated[str, Meta(description="What is wrong, in one line.")]
    detail: str
    advice: Annotated[str, Meta(description="What to do next.")]
    figure: float
    threshold: Annotated[float, Meta(description="From which figure on it is told.")]
    unit: str
    node: Annotated[str | None, Meta(description="The machine it is about; null where it is none in particular.")]
    link: Annotated[str | None, Meta(description="Where to look; null without `server.public_url`.")]
    since: Annotated[Moment, Meta(description="Since when it is so, as far as that is known.")]
    opened_at: Moment
    seen_at: Annotated[Moment, Meta(description="When it was last found to be so.")]
    last_sent_at: Annotated[Moment | None, Meta(description="When somebody was last told; null where nobody was.")]
    silenced_at: Moment | None
    closed_at: Moment | None
    deliveries: Annotated[
        tuple[DeliveryView, ...], Meta(description=f"What was told to whom, latest first, {SHOWN_DELIVERIES} at most.")
    ]


class AlertFilter(Struct, frozen=True, kw_only=True):
    """Which alerts are asked for."""

    state: State | None = None
    kind: AlertKind | None = None


class TrialWish(Section, frozen=True, kw_only=True):
    """Who is to be told that this is a test."""

    receiver: Annotated[ReceiverName | None, Meta(description="All of them where unset.")] = None


class TrialView(Struct, frozen=True, kw_only=True):
    """How telling somebody went."""

    receiver: str
    ok: bool
    error: Annotated[str | None, Meta(description="What went wrong, if anything did.")]
    latency_ms: int


class TrialReport(Struct, frozen=True, kw_only=True):
    """How telling each of them went."""

    items: tuple[TrialView, ...]


class Telling(Protocol):
    """Who tells."""

    @property
    def open_now(self) -> int | None:
        """How many alerts are open, but for those that somebody has closed; None before anybody has looked."""

    @property
    def critical_now(self) -> bool:
        """Whether one of these is critical."""

    def receivers(self) -> Sequence[str]:
        """Names of everybody who is told."""

    async def try_out(self, names: Sequence[str]) -> Sequence[Tried]:
        """Tell these that this is a test; all where none is named."""

    async def recount(self) -> None:
        """See how many are open. Raises StateUnavailable."""


async def list_alerts(
    office: Office, actor: Actor, wanted: AlertFilter, *, after_id: str | None, limit: int
) -> list[AlertView]:
    """Alerts, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ)
    parameters = {"state": wanted.state, "kind": wanted.kind, "before_id": after_id, "limit": limit}
    public_url = office.settings.server.public_url

    def read(session: Session) -> list[AlertView]:
        rows = session.rows("alerts/listed", parameters)
        told = _told(session, rows)
        return [_view(row, told, public_url) for row in rows]

    return await office.read(read)


async def close_alert(office: Office, actor: Actor, alert_id: str, telling: Telling) -> AlertView:
    """Tell nobody of an alert any more as long as it lasts. One that is over stays as it is. Raises NotPermitted,
    UnknownResource."""
    actor.require(WRITE)

    def perform(change: Change) -> AlertView:
        row = _found(change.session, alert_id)
        if kept.silence(change.session, alert_id, change.now_us):
            said = {"kind": row["kind"], "text": read_notice(row["told"]).text}
            change.note("alert.close", Subject("alert", alert_id, row["subject"]), before=said)
            row = _found(change.session, alert_id)
        return _view(row, _told(change.session, [row]), office.settings.server.public_url)

    closed = await office.change(actor, perform)
    await telling.recount()
    return closed


async def try_receivers(office: Office, actor: Actor, wish: TrialWish, telling: Telling) -> TrialReport:
    """Tell somebody, or all, that this is a test. Raises NotPermitted, UnknownResource, and Unacceptable where there is
    nobody to tell."""
    actor.require(WRITE)
    known = telling.receivers()
    if not known:
        raise Unacceptable("There is nobody to tell: set `alerts.webhooks`, or `alerts.email`.")
    if wish.receiver is not None and wish.receiver not in known:
        raise UnknownResource(f"There is no receiver `{wish.receiver}`; there are {', '.join(known)}.")
    tested = await telling.try_out(() if wish.receiver is None else (wish.receiver,))
    said = {one.receiver: one.error or "ok" for one in tested}
    await office.change(actor, lambda change: change.note("alert.test", Subject("alert"), after=said))
    return TrialReport(items=tuple(_tested(one) for one in tested))


def _found(session: Session, alert_id: str) -> Row:
    row = session.row("alerts/found", {"id": alert_id})
    if row is None:
        raise UnknownResource(f"There is no alert `{alert_id}`.")
    return row


def _told(session: Session, rows: Sequence[Row]) -> Mapping[str, Sequence[DeliveryView]]:
    """What was told of these alerts, by their ids."""
    found: dict[str, list[DeliveryView]] = defaultdict(list)
    if not rows:
        return found
    ids = [row["id"] for row in rows]
    for row in session.rows("alerts/deliveries", {"first_id": min(ids), "last_id": max(ids)}):
        if len(found[row["alert_id"]]) < SHOWN_DELIVERIES:
            found[row["alert_id"]].append(_delivery(row))
    return found


def _delivery(row: Row) -> DeliveryView:
    return DeliveryView(
        receiver=row["receiver"],
        event=row["event"],
        at=write_instant(row["created_at"]),
        tries=row["tries"],
        delivered_at=write_moment(row["delivered_at"]),
        next_try_at=write_moment(row["next_at"]),
        retired=row["retired"],
        error=row["error"],
    )


def _view(row: Row, told: Mapping[str, Sequence[DeliveryView]], public_url: str) -> AlertView:
    notice = read_notice(row["told"])
    return AlertView(
        id=row["id"],
        state="closed" if row["closed_at"] else "silenced" if row["silenced_at"] else "open",
        kind=row["kind"],
        severity=row["severity"],
        subject=row["subject"],
        title=notice.text,
        detail=notice.detail,
        advice=notice.advice,
        figure=notice.figure,
        threshold=notice.threshold,
        unit=notice.unit,
        node=row["node"] or None,
        link=link(notice, public_url),
        since=write_instant(notice.since_us),
        opened_at=write_instant(row["opened_at"]),
        seen_at=write_instant(row["seen_at"]),
        last_sent_at=write_moment(row["sent_at"]),
        silenced_at=write_moment(row["silenced_at"]),
        closed_at=write_moment(row["closed_at"]),
        deliveries=tuple(told.get(row["id"], ())),
    )


def _tested(one: Tried) -> TrialView:
    return TrialView(receiver=one.receiver, ok=not one.error, error=one.error or None, latency_ms=one.took_ms)
