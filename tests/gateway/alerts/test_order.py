"""What receivers hear of alerts in the end, on both engines: in order, of what is so, and never the contrary of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.alerts import kept
from gateway.alerts.figures import Figures
from gateway.alerts.rules import MINUTE_US
from gateway.settings.alerting import EmailSettings
from gateway.store.state import Where
from tests.gateway.alerts.hooks import Hook, hook
from tests.gateway.alerts.scenes import NOON, disk, failing, ration, refused
from tests.gateway.alerts.watching import BROKEN, FINE, SPENT, Scene, scene
from tests.mail_server import mail_server
from tests.waiting import auntil


def heard(there: Hook) -> list[list[str]]:
    return [one.events for one in there.told]


def titles(there: Hook) -> list[str]:
    return [alert["title"] for one in there.told for alert in one.fields["alerts"]]


async def close(here: Scene) -> None:
    (alert,) = await here.state.read(kept.open_alerts)
    await here.state.write(lambda session: kept.silence(session, alert.id, here.now_us))


async def test_what_opened_and_ended_while_nobody_could_be_told_is_not_told(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there, calm_minutes=5.0) as here:
        await here.turn(**SPENT)
        for _ in range(9):
            await here.turn(**SPENT)
        there.answer, tried = FINE, len(there.told)
        for _ in range(90):
            await here.turn()
        assert heard(there)[tried:] == []
        assert [row["retired"] is not None for row in await here.deliveries()] == [True, True]


async def test_who_can_be_told_again_hears_how_it_is_by_now_and_then_its_end(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there) as here:
        await here.turn(rations=[ration(8.5)])
        await here.turn(minutes=0.1, rations=[ration(10)])
        there.answer, tried = FINE, len(there.told)
        for _ in range(70):
            await here.turn(rations=[ration(10)])
        await here.turn()
        assert heard(there)[tried:] == [["opened"], ["over"]]
        assert there.told[tried].fields["alerts"][0]["severity"] == "critical"


async def test_what_one_machine_is_telling_another_waits_for(where: Where) -> None:
    async with (
        hook() as there,
        scene(where, there, patience=60.0) as one,
        scene(where, there, patience=60.0) as other,
    ):
        there.held = asyncio.Event()
        telling = asyncio.create_task(one.turn(**SPENT))
        await auntil(lambda: there.told)
        await other.turn(minutes=1.5)
        assert heard(there) == [["opened"]]
        assert [row["event"] for row in await other.deliveries()] == ["opened", "over"], "it knows that it is over"
        there.held.set()
        await telling
        await other.turn()
        assert heard(there) == [["opened"], ["over"]]


async def test_what_is_closed_by_hand_before_it_arrived_is_not_told(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there) as here:
        await here.turn(**SPENT)
        there.answer = FINE
        await close(here)
        for _ in range(3):
            await here.turn(**SPENT)
        assert heard(there) == [["opened"]], "the one time that failed"


async def test_what_is_closed_by_hand_while_it_is_told_is_not_told_again(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there, patience=60.0) as here:
        there.held = asyncio.Event()
        telling = asyncio.create_task(here.turn(**SPENT))
        await auntil(lambda: there.told)
        await close(here)
        there.held.set()
        await telling
        for _ in range(3):
            await here.turn(**SPENT)
        assert heard(there) == [["opened"]]


@pytest.mark.parametrize("off", [{"budget_percent": ()}, {"webhooks": "others"}])
async def test_what_nobody_wants_to_hear_of_any_more_is_not_told(where: Where, off: dict[str, Any]) -> None:
    async with hook(BROKEN) as there, scene(where, there) as here:
        await here.turn(**SPENT)
        there.answer = FINE
        if off.get("webhooks"):
            (webhook,) = here.settings.alerts.webhooks
            off = {"webhooks": (type(webhook)(name=webhook.name, url=webhook.url, kinds=("disk",)),)}
        here.say(**off)
        for _ in range(3):
            await here.turn(**SPENT)
        assert heard(there) == [["opened"]], "the one time that failed"


async def test_failures_are_not_over_where_requests_have_gone_elsewhere(where: Where) -> None:
    """As they do in an outage: rests and breakers see to that."""
    async with hook() as there, scene(where, there, calm_minutes=5.0) as here:
        await here.turn(failing=[failing(100, 100)])
        for found in ([failing(15, 15)], [failing(1, 1)], [], [failing(0, 15)]):
            for _ in range(8):
                await here.turn(failing=found)
        assert heard(there) == [["opened"]]
        for _ in range(6):
            await here.turn(failing=[failing(1, 20)])
        assert heard(there) == [["opened"], ["over"]]


async def test_failures_are_over_when_all_requests_since_tell_so(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(failing=[failing(100, 100)])
        bad_us = here.now_us
        await here.turn(failing=[failing(0, 5)])
        assert here.failing_since == {"openai": bad_us}
        await here.turn(failing=[failing(0, 5)], since_failing=[failing(0, 19)])
        assert heard(there) == [["opened"]]
        await here.turn(failing=[failing(0, 5)], since_failing=[failing(0, 20)])
        assert heard(there) == [["opened"], ["over"]]
        await here.turn()
        assert here.failing_since == {}


async def test_failures_of_which_nobody_hears_for_a_day_are_ended_as_such(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(failing=[failing(100, 100)])
        for _ in range(23):
            await here.turn(minutes=60)
        assert heard(there) == [["opened"]]
        await here.turn(minutes=60)
        assert heard(there) == [["opened"], ["over"]]
        assert titles(there)[1] == "taken to be over after 24 hours: 100 % of requests to `openai` fail"
        (row,) = await here.rows(state="closed")
        assert "Nothing has told for 24 hours" in row["told"]


async def test_while_few_requests_fail_it_is_told_again_once_a_day(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(failing=[failing(100, 100)])
        for _ in range(25):
            await here.turn(minutes=60, failing=[failing(3, 4)])
        assert heard(there) == [["opened"], ["reminder"]]
        assert titles(there)[1].endswith("75 % of requests to `openai` fail")


YESTERDAY, TODAY = NOON - 24 * 60 * MINUTE_US, NOON


async def test_a_budget_that_is_spent_again_in_the_next_period_is_told_again(where: Where) -> None:
    async with hook() as there, scene(where, there, calm_minutes=5.0) as here:
        await here.turn(rations=[ration(10, began_us=YESTERDAY)])
        for used in (0.0, 0.5):
            await here.turn(rations=[ration(used, began_us=TODAY)])
        for _ in range(180):
            await here.turn(rations=[ration(10, began_us=TODAY)])
        assert heard(there) == [["opened"], ["opened"]], "and not that the former is over"
        assert [one["replaces"] for told in there.told for one in told.fields["alerts"]] == [
            None,
            there.told[0].fields["alerts"][0]["id"],
        ]
        assert [row["closed_at"] is None for row in await here.rows()] == [True, False]


async def test_a_budget_that_is_not_spent_again_is_over(where: Where) -> None:
    async with hook() as there, scene(where, there, calm_minutes=5.0) as here:
        await here.turn(rations=[ration(10, began_us=YESTERDAY)])
        for _ in range(6):
            await here.turn(rations=[ration(0.5, began_us=TODAY)])
        await here.turn(rations=[ration(10, began_us=TODAY)])
        assert heard(there) == [["opened"], ["over"], ["opened"]]


async def test_a_budget_alert_of_before_periods_were_written_down_goes_on(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(rations=[ration(10, began_us=TODAY)])
        await here.state.write(lambda session: session.run("alerts/change", _forgotten(session.rows("alerts/open")[0])))
        await here.turn(rations=[ration(10, began_us=TODAY)])
        assert heard(there) == [["opened"]]
        (alert,) = await here.state.read(kept.open_alerts)
        assert alert.edition == TODAY


def _forgotten(row: dict[str, Any]) -> dict[str, Any]:
    said = {name: row[name] for name in ("id", "level", "told", "sent_at")}
    return {**said, "edition": None, "severity": "critical", "now_us": row["seen_at"], "is_heard": 0}


async def test_of_what_comes_and_goes_the_end_is_not_told_after_the_beginning(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(disk=disk(95))
        there.answer = BROKEN
        await here.turn()
        there.answer = FINE
        for _ in range(70):
            await here.turn(disk=disk(95))
        assert heard(there) == [["opened"], ["over"], ["opened"]], "the end failed, and was not tried again"
        first, _, second = (told.fields["alerts"][0] for told in there.told)
        assert second["replaces"] == first["id"]


async def test_mails_go_in_order_as_well_with_the_worst_in_front(where: Where) -> None:
    async with mail_server() as mails, scene(where) as here:
        email = EmailSettings(host="127.0.0.1", port=mails.port, security="none", sender="a@b.c", to=("o@b.c",))
        here.say(email=email)
        await here.turn(rations=[ration(8.5)], disk=disk(99))
        await here.turn(rations=[ration(10)])
        subjects = [mail.message["Subject"].strip() for mail in mails.mails]
        assert subjects[0].startswith("[critical] the disk of `/data` is 99 % full, and 1 more")
        assert subjects[1].startswith("[critical] worse: client key `app` has used 100 % of its budget, and 1 more")
        assert mails.mails[1].text.index("CRITICAL: worse") < mails.mails[1].text.index("OVER: over after")


async def test_what_only_might_keep_an_alert_open_writes_nothing(where: Where) -> None:
    async with scene(where) as here:
        figures: dict[str, Any] = {"refused": [refused(None)], "failing": [failing(1, 1)]}
        await here.turn(**figures)
        assert isinstance(here.figures, Figures)
        assert (here.watch.open_now, await here.rows()) == (0, [])
