"""Alerts: what is wrong now and what was, what was told of it to whom, who is told, and from when on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType

from gateway.management import alerts
from gateway.management.alerts import (
    READ,
    WRITE,
    AlertFilter,
    AlertView,
    DeliveryView,
    Severity,
    TrialReport,
    TrialView,
    TrialWish,
)
from gateway.management.alerts import State as Standing
from gateway.settings.alerting import ALERT_KINDS
from gateway.settings.instants import read_instant
from web.alerting import KINDS, Receiver, Threshold, as_seen, course_of, link_of, receivers_of, thresholds_of
from web.display import State
from web.filters import Chip, address
from web.forms import Problem
from web.page import Action, Page, Sent, Shown, Site, Visit
from web.pages.alert_tables import TABLES
from web.saving import listed

PATH = "/alerts"

ROWS = 25

MOST_NOW = 200
"""Alerts that are shown at once of those that are not over."""

SEVERITIES: Mapping[Severity, State] = MappingProxyType(
    {"warning": State("warning", "warning"), "critical": State("critical", "bad")}
)

STANDINGS: Mapping[Standing, State] = MappingProxyType(
    {"open": State("open", "bad"), "silenced": State("closed by hand", "neutral"), "closed": State("over", "good")}
)

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "opened": "that it opened",
        "worse": "that it grew worse",
        "reminder": "that it goes on",
        "over": "that it is over",
    }
)
"""What was told."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told, or is to be told."""

    receiver: str
    event: str
    at_us: int
    state: State
    tries: int
    next_us: int | None
    why: str
    """It did not arrive, or needs not any more."""


@dataclass(frozen=True, slots=True)
class Line:
    """An alert."""

    id: str
    severity: State
    state: State
    kind: str
    title: str
    detail: str
    advice: str
    subject: str
    link: str
    node: str
    measured: str
    since_us: int
    seen_us: int
    sent_us: int | None
    over_us: int | None
    told: tuple[Told, ...]
    failed: int
    """How many of these did not arrive."""
    retired: int
    """How many of them need not arrive any more."""
    is_open: bool
    view: AlertView


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the template shows."""

    now: tuple[Line, ...]
    """What is not over, those that somebody has closed last."""
    looked: bool
    """Whether anybody has looked since the start."""
    past: tuple[Line, ...]
    kind: str
    kinds: Mapping[str, str]
    chips: tuple[Chip, ...]
    older: str
    newest: str
    receivers: tuple[Receiver, ...]
    thresholds: tuple[Threshold, ...]
    course: tuple[str, ...]
    tried: tuple[TrialView, ...]
    may_write: bool
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Alerts:
    """The page's context. Raises NotPermitted, StateUnavailable."""
    before, settings = visit.query.get("before") or None, site.settings().alerts
    most, most_now = visit.most(ROWS), visit.most(MOST_NOW)
    kind = next((each for each in ALERT_KINDS if each == visit.query.get("kind")), None)
    standing, silenced, past = await asyncio.gather(
        _listed(site, visit, AlertFilter(state="open"), shown=MOST_NOW),
        _listed(site, visit, AlertFilter(state="silenced"), shown=MOST_NOW),
        _listed(site, visit, AlertFilter(state="closed", kind=kind), shown=ROWS, after=before),
    )
    asked = {"kind": kind or ""}
    telling = site.around.alerts
    return Alerts(
        now=tuple(
            _line(each, visit.zone) for each in (*sorted(standing[:most_now], key=_is_milder), *silenced[:most_now])
        ),
        looked=telling.open_now is not None,
        past=tuple(_line(each, visit.zone) for each in past[:most]),
        kind=kind or "",
        kinds=dict(KINDS.items()),
        chips=(Chip("kind", "Kind", KINDS[kind], PATH),) if kind else (),
        older=address(PATH, asked, {"before": past[most - 1].id}) if len(past) > most else "",
        newest=address(PATH, asked) if before else "",
        receivers=receivers_of(settings, telling.receivers()),
        thresholds=thresholds_of(settings),
        course=course_of(settings),
        tried=visit.made.items if isinstance(visit.made, TrialReport) else (),
        may_write=visit.person.may(WRITE),
        problem=visit.problem,
    )


async def close(site: Site, visit: Visit) -> Sent:
    """Nobody is told of it any more. Raises NotPermitted, UnknownResource."""
    await alerts.close_alert(site.office, visit.person, visit.form.text("id"), site.around.alerts)
    return Sent(f"{PATH}?said=alert-closed")


async def test(site: Site, visit: Visit) -> Shown:
    """One receiver, or all, is told that this is a test; how that went is shown this once. Raises NotPermitted,
    UnknownResource, Unacceptable."""
    wish = TrialWish(receiver=visit.form.text("receiver") or None)
    return Shown(await alerts.try_receivers(site.office, visit.person, wish, site.around.alerts))


def mark(site: Site) -> State | None:
    """What stands beside the page in the rail: how many are open, and whether one of them is critical."""
    telling = site.around.alerts
    if not telling.open_now:
        return None
    return State(f"{telling.open_now} open", "bad" if telling.critical_now else "warning")


async def _listed(
    site: Site, visit: Visit, wanted: AlertFilter, *, shown: int, after: str | None = None
) -> list[AlertView]:
    async def part(after_id: str | None, limit: int) -> list[AlertView]:
        return await alerts.list_alerts(site.office, visit.person, wanted, after_id=after_id, limit=limit)

    return await listed(visit, part, lambda alert: alert.id, shown=shown, after=after)


def _is_milder(alert: AlertView) -> bool:
    return alert.severity != "critical"


def _line(alert: AlertView, zone: tzinfo) -> Line:
    told = tuple(map(_told, alert.deliveries))
    figure, threshold = f"{alert.figure:g} {alert.unit}", f"{alert.threshold:g} {alert.unit}"
    return Line(
        id=alert.id,
        severity=SEVERITIES[alert.severity],
        state=STANDINGS[alert.state],
        kind=KINDS[alert.kind],
        title=as_seen(alert.title, zone),
        detail=as_seen(alert.detail, zone),
        advice=as_seen(alert.advice, zone),
        subject=as_seen(alert.subject, zone),
        link=link_of(alert.kind, alert.subject),
        node=alert.node or "",
        measured=as_seen(f"{figure.strip()}; threshold {threshold.strip()}", zone),
        since_us=read_instant(alert.since),
        seen_us=read_instant(alert.seen_at),
        sent_us=_instant(alert.last_sent_at),
        over_us=_instant(alert.closed_at),
        told=told,
        failed=sum(one.state is NOT_YET or one.state is GIVEN_UP for one in told),
        retired=sum(one.state is RETIRED for one in told),
        is_open=alert.state == "open",
        view=alert,
    )


ARRIVED, WAITS = State("arrived", "good"), State("on its way", "running")
NOT_YET, GIVEN_UP = State("not yet", "warning"), State("given up", "bad")
RETIRED = State("not told any more", "neutral")


def _told(one: DeliveryView) -> Told:
    return Told(
        receiver=one.receiver,
        event=EVENTS[one.event],
        at_us=read_instant(one.at),
        state=_arrival(one),
        tries=one.tries,
        next_us=None if one.delivered_at else _instant(one.next_try_at),
        why="; ".join(filter(None, (one.error, one.retired))),
    )


def _arrival(one: DeliveryView) -> State:
    if one.delivered_at is not None:
        return ARRIVED
    if one.retired is not None:
        return RETIRED
    if one.next_try_at is None:
        return GIVEN_UP
    return NOT_YET if one.error else WAITS


def _instant(at: str | None) -> int | None:
    return None if at is None else read_instant(at)


PAGE = Page(
    path=PATH,
    title="Alerts",
    summary="What is wrong now, what was, who was notified of it, and whether that arrived.",
    template="alerts.html",
    load=load,
    permissions=(READ,),
    group="Run",
    icon="alerts",
    letter="w",
    mark=mark,
    refreshes=True,
    blocks=("now",),
    tables=TABLES,
)

ACTIONS = (Action("/alerts/close", PAGE, close), Action("/alerts/test", PAGE, test))
