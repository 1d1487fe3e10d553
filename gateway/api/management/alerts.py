"""Alerts over HTTP: what is wrong and what was told of it, closing one, trying out who is told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.errors import Unacceptable, UnknownResource
from gateway.management import alerts
from gateway.management.alerts import AlertFilter, AlertView, State, TrialReport, TrialWish
from gateway.settings.alerting import AlertKind

from .desk import Desk
from .operation import Asked, Operation
from .paging import Page, PageQuery, cut

TAG = "alerts"


class AlertQuery(PageQuery, frozen=True, kw_only=True):
    """Which alerts."""

    state: Annotated[State | None, Meta(description="All of them where unset.")] = None
    kind: AlertKind | None = None


async def list_alerts(asked: Asked[Desk, None, AlertQuery]) -> Page[AlertView]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    wanted = AlertFilter(state=query.state, kind=query.kind)
    after_id = None if after is None else str(after[0])
    found = await alerts.list_alerts(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda alert: (alert.id,), lambda alert: alert)


async def close_alert(asked: Asked[Desk, None, None]) -> AlertView:
    """Until it is over and comes back."""
    desk = asked.office
    return await alerts.close_alert(desk, asked.actor, asked.path["id"], desk.around.alerts)


async def test_alerts(asked: Asked[Desk, TrialWish, None]) -> TrialReport:
    """The answer comes when all have been told, or could not be."""
    return await alerts.try_receivers(asked.office, asked.actor, asked.body, asked.office.around.alerts)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/alerts",
        id="list_alerts",
        summary="List alerts",
        description="What is wrong and what was, latest first, each with what was told of it and how that went. "
        "Alerts that are over are kept for 90 days.",
        tag=TAG,
        permission=alerts.READ,
        query=AlertQuery,
        answer=AlertView,
        paged=True,
        run=list_alerts,
    ),
    Operation(
        method="POST",
        path="/api/alerts/test",
        id="test_alerts",
        summary="Try out who is told",
        description="Sends a test to one receiver or to all, and says how each of them went.",
        tag=TAG,
        permission=alerts.WRITE,
        body=TrialWish,
        answer=TrialReport,
        errors=(Unacceptable, UnknownResource),
        run=test_alerts,
    ),
    Operation(
        method="POST",
        path="/api/alerts/{id}/close",
        id="close_alert",
        summary="Close an alert",
        description="Nobody is told of it any more as long as it lasts. When it is over and comes back, or grows "
        "worse, somebody is told again.",
        tag=TAG,
        permission=alerts.WRITE,
        answer=AlertView,
        run=close_alert,
    ),
)
