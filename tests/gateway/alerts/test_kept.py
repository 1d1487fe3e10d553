"""Alerts in the state, on both engines: one that is open is there once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest

from gateway.alerts import kept
from gateway.alerts.course import Moment, Notice
from gateway.alerts.deliveries import Ears
from gateway.alerts.rules import MINUTE_US, Condition, Judged
from gateway.errors import Conflict
from gateway.settings.alerting import ALERT_KINDS, AlertSettings
from gateway.store.session import Session
from gateway.store.state import State, Where, make_ready
from tests.gateway.alerts.scenes import NOON, condition, notice

EVERY = frozenset(ALERT_KINDS)
BOTH = ("webhook/ops", "email")

_ids = count(1)


@pytest.fixture
async def state(where: Where) -> AsyncIterator[State]:
    make_ready(where)
    made = State(where)
    yield made
    await made.close()


def found(*conditions: Condition, minutes: float = 0) -> Callable[[Session], list[Notice]]:
    """What is to be kept of this, so many minutes after noon."""
    ears = Ears(AlertSettings(calm_minutes=0.0), lambda kind: BOTH, lambda: f"{next(_ids):036d}")
    moment = Moment(NOON + round(minutes * MINUTE_US), "")
    return lambda session: kept.settle(session, Judged(conditions, EVERY, frozenset()), ears, moment)


async def test_what_is_found_is_there_as_it_was_found(state: State) -> None:
    (news,) = await state.write(found(condition()))
    assert news == notice(alert=news.alert)
    (alert,) = await state.read(kept.open_alerts)
    assert (alert.id, alert.fingerprint, alert.level) == (news.alert, "budget/app/budget_nano_usd", 80)
    assert alert.notice == news
    assert (alert.seen_at_us, alert.sent_at_us, alert.silenced_at_us) == (NOON, NOON, None)


async def test_news_is_what_is_new_worse_or_over(state: State) -> None:
    told = [
        await state.write(found(condition())),
        await state.write(found(condition(), minutes=1)),
        await state.write(found(condition(level=100), minutes=2)),
        await state.write(found(condition(level=100), minutes=60 * 30)),
        await state.write(found(minutes=60 * 31)),
        await state.write(found(minutes=60 * 32)),
    ]
    assert [[one.event for one in news] for news in told] == [["opened"], [], ["worse"], [], ["over"], []]


async def test_of_one_thing_there_is_one_open_alert(state: State) -> None:
    await state.write(found(condition()))
    (alert,) = await state.read(kept.open_alerts)
    texts = {"id": "another", "kind": "budget", "severity": "warning", "subject": "x", "node": "", "told": "{}"}
    values = {**texts, "fingerprint": alert.fingerprint, "level": 0, "edition": 0, "now_us": NOON, "sent_at": None}
    with pytest.raises(Conflict):
        await state.write(lambda session: session.run("alerts/create", values))


async def test_what_was_over_for_long_is_forgotten(state: State) -> None:
    await state.write(found(condition()))
    await state.write(found(minutes=1))
    over_us, asked = NOON + MINUTE_US, {"state": None, "kind": None, "before_id": None, "limit": 9}
    for now_us, left in ((over_us + kept.KEPT_US, 1), (over_us + kept.KEPT_US + 1, 0)):
        await state.write(lambda session, now_us=now_us: kept.forget(session, now_us))  # type: ignore[misc]
        assert len(await state.read(lambda session: session.rows("alerts/listed", asked))) == left
