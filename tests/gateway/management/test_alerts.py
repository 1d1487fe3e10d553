"""Alerts as people see them, on both engines: listed, closed by hand, tried out; each by who may, and written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

import pytest

from gateway.alerts import kept
from gateway.alerts.course import Moment
from gateway.alerts.deliveries import Ears
from gateway.alerts.rules import MINUTE_US, Condition, Judged
from gateway.alerts.watch import Tried
from gateway.errors import NotPermitted, Unacceptable, UnknownResource
from gateway.management import alerts, audit
from gateway.management.alerts import AlertFilter, AlertView, TrialWish
from gateway.management.audit import AuditFilter
from gateway.management.office import Office
from gateway.settings.alerting import ALERT_KINDS, AlertSettings
from gateway.settings.instants import write_instant
from gateway.settings.model import ServerSettings, Settings
from gateway.store.state import Where
from tests.gateway.alerts.scenes import NOON, condition
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.postgres import postgres, where

__all__ = ["postgres", "where"]

EVERY = frozenset(ALERT_KINDS)
NOWHERE = "00000000-0000-7000-8000-000000000000"

_ids = count(1)


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_in(where.path.parent, where.url) as office:
        yield office


async def find(office: Office, *found: Condition, minutes: float = 0) -> None:
    """Have it kept that this is wrong, so many minutes after noon, and two receivers to be told."""
    ears = Ears(AlertSettings(calm_minutes=0.0), lambda kind: ("webhook/ops", "email"), lambda: f"{next(_ids):036d}")
    moment = Moment(NOON + round(minutes * MINUTE_US), "")
    judged = Judged(found, EVERY, frozenset())
    await office.state.write(lambda session: kept.settle(session, judged, ears, moment))


def wrong(name: str, **more: Any) -> Condition:
    return condition(fingerprint=name, subject=name, **more)


async def listed(office: Office, limit: int = 50, after_id: str | None = None, **wanted: Any) -> list[AlertView]:
    return await alerts.list_alerts(office, OPERATOR, AlertFilter(**wanted), after_id=after_id, limit=limit)


async def test_an_alert_is_shown_with_what_was_told_of_it(office: Office) -> None:
    office.settings = Settings(server=ServerSettings(public_url="https://llm.example.com"))
    await find(office, condition())
    (one,) = await listed(office)
    assert (one.state, one.kind, one.severity, one.subject) == ("open", "budget", "warning", "client key `app`")
    assert one.title == "client key `app` has used 83 % of its budget"
    assert (one.figure, one.threshold, one.unit, one.node) == (83.1, 80, "%", None)
    assert one.link == "https://llm.example.com/spend"
    assert one.opened_at == one.seen_at == one.since == one.last_sent_at == write_instant(NOON)
    assert (one.silenced_at, one.closed_at) == (None, None)
    assert {told.receiver: (told.event, told.tries, told.delivered_at) for told in one.deliveries} == {
        "webhook/ops": ("opened", 0, None),
        "email": ("opened", 0, None),
    }
    assert one.deliveries[0].next_try_at == write_instant(NOON)


async def test_they_are_listed_by_page_state_and_kind_latest_first(office: Office) -> None:
    for at in range(5):
        await find(office, *(wrong(f"a{number}") for number in range(at + 1)))
    await find(office, wrong("a0"), wrong("disk", kind="disk"), minutes=1)
    names = [one.subject for one in await listed(office)]
    assert names == ["disk", "a4", "a3", "a2", "a1", "a0"]
    first = await listed(office, 4)
    assert [one.subject for one in await listed(office, 4, first[-1].id)] == ["a1", "a0"]
    assert [one.subject for one in await listed(office, state="open")] == ["disk", "a0"]
    assert len(await listed(office, state="closed")) == 4
    assert [one.subject for one in await listed(office, kind="disk")] == ["disk"]
    assert await listed(office, state="silenced") == []


async def test_of_each_the_latest_that_was_told_is_shown(office: Office) -> None:
    for at in range(15):
        await find(office, wrong("a", level=at), wrong("b"), minutes=at)
    of_b, of_a = await listed(office)
    assert (of_a.subject, len(of_a.deliveries), of_a.deliveries[0].event) == ("a", 20, "worse")
    assert len(of_b.deliveries) == 2


async def test_one_that_is_closed_by_hand_is_silent_and_that_is_written_down_once(office: Office) -> None:
    await find(office, condition())
    (one,) = await listed(office)
    admin, telling = somebody("admin", "ada"), Telling()
    closed = await alerts.close_alert(office, admin, one.id, telling)
    assert telling.counted == 1
    assert (closed.state, closed.closed_at) == ("silenced", None)
    assert await alerts.close_alert(office, admin, one.id, Telling()) == closed
    (entry,) = await audit.list_entries(office, OPERATOR, AuditFilter(action="alert.close"), after_id=None, limit=9)
    assert (entry.actor_id, entry.target_id, entry.target_name) == ("ada", one.id, "client key `app`")
    assert entry.before == {"kind": "budget", "text": one.title}


async def test_what_waits_to_be_told_of_one_that_is_closed_by_hand_is_not_told(office: Office) -> None:
    await find(office, condition(), wrong("other"))
    (other, one) = await listed(office)
    assert {told.retired for told in one.deliveries} == {None}
    closed = await alerts.close_alert(office, OPERATOR, one.id, Telling())
    assert [(told.retired, told.next_try_at) for told in closed.deliveries] == [("it was closed by hand", None)] * 2
    assert (await listed(office))[0] == other, "others go on"


async def test_one_that_is_over_stays_as_it_is(office: Office) -> None:
    await find(office, condition())
    await find(office, minutes=1)
    (one,) = await listed(office)
    assert (await alerts.close_alert(office, OPERATOR, one.id, Telling())).state == "closed"
    assert (await listed(office))[0].silenced_at is None


async def test_one_that_there_is_not_cannot_be_closed(office: Office) -> None:
    with pytest.raises(UnknownResource, match="no alert"):
        await alerts.close_alert(office, OPERATOR, NOWHERE, Telling())


class Telling:
    """Tells some, badly."""

    def __init__(self, *names: str) -> None:
        self.names, self.open_now, self.counted = names, 0, 0
        self.critical_now = False

    async def recount(self) -> None:
        self.counted += 1

    def receivers(self) -> Sequence[str]:
        return self.names

    async def try_out(self, names: Sequence[str]) -> Sequence[Tried]:
        return [Tried(name, "it answered 500" if name == "email" else "", 12) for name in names or self.names]


async def test_how_trying_it_out_went_is_told_and_written_down(office: Office) -> None:
    telling = Telling("webhook/ops", "email")
    report = await alerts.try_receivers(office, somebody("admin"), TrialWish(), telling)
    assert [(one.receiver, one.ok, one.error, one.latency_ms) for one in report.items] == [
        ("webhook/ops", True, None, 12),
        ("email", False, "it answered 500", 12),
    ]
    one = await alerts.try_receivers(office, OPERATOR, TrialWish(receiver="webhook/ops"), telling)
    assert [item.receiver for item in one.items] == ["webhook/ops"]
    entries = await audit.list_entries(office, OPERATOR, AuditFilter(action="alert.test"), after_id=None, limit=9)
    assert [entry.after for entry in entries] == [
        {"webhook/ops": "ok"},
        {"webhook/ops": "ok", "email": "it answered 500"},
    ]


async def test_whom_there_is_not_nobody_can_tell(office: Office) -> None:
    with pytest.raises(Unacceptable, match="nobody to tell"):
        await alerts.try_receivers(office, OPERATOR, TrialWish(), Telling())
    with pytest.raises(UnknownResource, match=r"no receiver `x`; there are webhook/ops\."):
        await alerts.try_receivers(office, OPERATOR, TrialWish(receiver="x"), Telling("webhook/ops"))


@pytest.mark.parametrize("role", ["member", "viewer", "pending"])
async def test_alerts_are_for_those_who_look_after_the_gateway(office: Office, role: Any) -> None:
    actor = somebody(role)
    with pytest.raises(NotPermitted):
        await alerts.list_alerts(office, actor, AlertFilter(), after_id=None, limit=1)
    with pytest.raises(NotPermitted):
        await alerts.close_alert(office, actor, NOWHERE, Telling())
    with pytest.raises(NotPermitted):
        await alerts.try_receivers(office, actor, TrialWish(), Telling("email"))
