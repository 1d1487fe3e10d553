"""Alerts that are kept and told, on both engines: once, whoever looks, and however often it is begun anew."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from gateway.alerts import watch
from gateway.alerts.courier import Receiver
from gateway.alerts.rules import HOUR_US, MINUTE_US
from gateway.alerts.watch import Tried
from gateway.alerts.wording import Message
from gateway.errors import StateUnavailable
from gateway.settings.alerting import EmailSettings, WebhookSettings
from gateway.store.state import Where
from tests.gateway.alerts.hooks import hook
from tests.gateway.alerts.scenes import NOON, disk, failing, ration, refused, well
from tests.gateway.alerts.watching import BROKEN, FINE, SPENT, scene
from tests.mail_server import mail_server
from tests.waiting import auntil


async def test_something_wrong_is_told_once_and_its_end_once(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn()
        assert not there.told
        for _ in range(3):
            await here.turn(**SPENT)
        assert [one.events for one in there.told] == [["opened"]]
        for _ in range(3):
            await here.turn()
        assert [one.events for one in there.told] == [["opened"], ["over"]]
        (row,) = await here.rows()
        assert row["closed_at"] == here.now_us - 2 * MINUTE_US
        await here.turn(**SPENT)
        assert [one.events for one in there.told] == [["opened"], ["over"], ["opened"]]
        assert len(await here.rows()) == 2, "it is another one"


async def test_a_restart_tells_nothing_again(where: Where) -> None:
    async with hook() as there:
        async with scene(where, there) as here:
            await here.turn(**SPENT)
        async with scene(where, there) as again:
            await again.turn(**SPENT)
            await again.turn()
        assert [one.events for one in there.told] == [["opened"], ["over"]]


async def test_of_several_that_find_the_same_one_tells_it(where: Where) -> None:
    """At once, as two control processes that share a database do."""
    async with hook() as there, AsyncExitStack() as stack:
        some = [await stack.enter_async_context(scene(where, there, node=name)) for name in "abcd"]
        for _ in range(3):
            await asyncio.gather(*(one.turn(**SPENT) for one in some))
        assert sorted(one.events for one in there.told) == [["opened"]]
        assert len(await some[0].rows()) == 1
        for _ in range(3):
            await asyncio.gather(*(one.turn() for one in some))
        assert [one.events for one in there.told] == [["opened"], ["over"]]


async def test_what_one_machine_still_finds_is_not_over_for_another(where: Where) -> None:
    async with hook() as there, scene(where, there, node="a") as one, scene(where, there, node="b") as other:
        for _ in range(5):
            await one.turn(**SPENT)
            await other.turn()
        assert [told.events for told in there.told] == [["opened"]]


async def test_each_machine_has_its_own_disk(where: Where) -> None:
    async with hook() as there, scene(where, there, node="a") as one, scene(where, there, node="b") as other:
        await one.turn(disk=disk(95))
        await other.turn(disk=disk(95))
        assert [told.fields["alerts"][0]["node"] for told in there.told] == ["a", "b"]
        await other.turn(minutes=3)
        assert [told.events for told in there.told[2:]] == [["over"]]
        assert [row["node"] for row in await one.rows(state="open")] == ["a"]


async def test_it_is_told_again_when_it_grows_worse(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(rations=[ration(8.5)])
        await here.turn(rations=[ration(10)])
        await here.turn(rations=[ration(11)])
        assert [one.events for one in there.told] == [["opened"], ["worse"]]
        (row,) = await here.rows()
        assert (row["severity"], row["closed_at"]) == ("critical", None)


async def test_while_it_lasts_it_is_told_again_once_a_day(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        for _ in range(50):
            await here.turn(minutes=60, **SPENT)
        assert [one.events for one in there.told] == [["opened"], ["reminder"], ["reminder"]]


async def test_many_at_once_are_one_message(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(rations=[ration(9, name=f"k{number}") for number in range(200)], failing=[failing(50)])
        (told,) = there.told
        assert (len(told.fields["alerts"]), told.fields["more"]) == (50, 151)
        assert len(await here.rows(kind="budget", limit=500)) == 200


async def test_each_receiver_hears_of_what_it_wants_to_hear(where: Where) -> None:
    async with hook() as every, hook() as some, mail_server() as mails, scene(where) as here:
        hooks = (
            WebhookSettings(name="every", url=every.url),
            WebhookSettings(name="some", url=some.url, kinds=("errors",)),
        )
        email = EmailSettings(
            host="127.0.0.1", port=mails.port, security="none", sender="a@b.c", to=("o@b.c",), kinds=("budget",)
        )
        here.say(webhooks=hooks, email=email)
        await here.turn(**SPENT, failing=[failing(50)])
        assert sorted(one["kind"] for one in every.told[0].fields["alerts"]) == ["budget", "errors"]
        assert [one["kind"] for one in some.told[0].fields["alerts"]] == ["errors"]
        assert "has used 85 %" in mails.mails[0].text
        assert "requests" not in mails.mails[0].message["Subject"]


async def test_without_anybody_to_tell_it_is_kept_and_told_when_there_is_somebody(where: Where) -> None:
    async with hook() as there, scene(where) as here:
        for _ in range(2):
            await here.turn(**SPENT)
        (row,) = await here.rows()
        assert row["sent_at"] is None
        here.say(webhooks=(WebhookSettings(name="ops", url=there.url),))
        for _ in range(2):
            await here.turn(**SPENT)
        assert [one.events for one in there.told] == [["opened"]]


async def test_nobody_is_told_of_the_end_of_what_nobody_was_told_of(where: Where) -> None:
    async with hook() as there, scene(where) as here:
        await here.turn(**SPENT)
        here.say(webhooks=(WebhookSettings(name="ops", url=there.url),))
        await here.turn()
        assert not there.told
        assert await here.rows(state="open") == []


async def test_the_end_is_told_where_somebody_wants_to_hear_of_it(where: Where) -> None:
    async with hook() as there, scene(where, there, recovery=False) as here:
        await here.turn(**SPENT)
        await here.turn()
        assert [one.events for one in there.told] == [["opened"]]
        assert len(await here.rows(state="closed")) == 1


async def test_what_is_closed_by_hand_is_silent_until_it_comes_back(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(**SPENT)
        (row,) = await here.rows()
        silence = {"id": row["id"], "now_us": here.now_us}
        assert await here.state.write(lambda session: session.run("alerts/silence", silence)) == 1
        assert await here.state.write(lambda session: session.run("alerts/silence", silence)) == 0
        await here.turn(minutes=60 * 30, **SPENT)
        assert [row["silenced_at"] for row in await here.rows(state="silenced")] == [NOON + MINUTE_US]
        await here.turn()
        assert [one.events for one in there.told] == [["opened"]]
        await here.turn(**SPENT)
        assert [one.events for one in there.told] == [["opened"], ["opened"]]


async def test_what_is_closed_by_hand_and_grows_worse_is_told(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(**SPENT)
        (row,) = await here.rows()
        silence = {"id": row["id"], "now_us": here.now_us}
        await here.state.write(lambda session: session.run("alerts/silence", silence))
        await here.turn(rations=[ration(10)])
        assert [one.events for one in there.told] == [["opened"], ["worse"]]
        assert len(await here.rows(state="open")) == 1


async def test_what_could_not_be_told_is_tried_again_later_each_time(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there) as here:
        await here.turn(**SPENT)
        tries = []
        for minute in range(1, 70):
            before = len(there.told)
            await here.turn(**SPENT)
            tries += [minute] * (len(there.told) - before)
        assert tries == [1, 3, 7, 15, 31, 63]
        (row,) = await here.deliveries()
        assert (row["tries"], row["error"], row["delivered_at"]) == (7, "it answered 503", None)
        there.answer = FINE
        await here.turn(minutes=60, **SPENT)
        (row,) = await here.deliveries()
        assert (row["tries"], row["next_at"], row["error"]) == (8, None, None)
        assert row["delivered_at"] == here.now_us
        assert {tuple(one.events) for one in there.told} == {("opened",)}


async def test_what_could_not_be_told_for_a_day_is_given_up(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there, repeat_hours=0.0) as here:
        for _ in range(26):
            await here.turn(minutes=60, **SPENT)
        told = len(there.told)
        assert 20 <= told <= 26
        await here.turn(minutes=60, **SPENT)
        assert len(there.told) == told
        (row,) = await here.deliveries()
        assert (row["next_at"], row["delivered_at"]) == (None, None)
        assert row["error"] == "it answered 503; given up after a day"


async def test_who_is_not_there_any_more_is_told_nothing_and_forgotten(where: Where) -> None:
    async with hook(BROKEN) as there, scene(where, there) as here:
        await here.turn(**SPENT)
        here.say(webhooks=())
        await here.turn(minutes=60, **SPENT)
        assert len(there.told) == 1
        await here.turn(minutes=60 * 24, **SPENT)
        (row,) = await here.deliveries()
        assert row["next_at"] is None
        assert "given up" in row["error"]


async def test_a_slow_receiver_keeps_nobody_else_waiting(where: Where) -> None:
    async with hook(is_silent=True) as slow, hook() as quick, scene(where, slow, quick) as here:
        turning = asyncio.create_task(here.turn(**SPENT))
        await auntil(lambda: quick.told)
        assert not turning.done()
        await turning
        assert {row["receiver"]: row["delivered_at"] is not None for row in await here.deliveries()} == {
            "webhook/ops0": False,
            "webhook/ops1": True,
        }


async def test_what_somebody_took_and_died_with_is_told_by_another(where: Where) -> None:
    async with hook() as there, scene(where, there) as here, scene(where, there) as other:
        here.now_us = other.now_us = NOON
        here.figures = well(**SPENT)
        await here.watch.look()
        assert len(await here.take()) == 1
        await other.watch.tell()
        assert not there.told, "it is under way"
        other.now_us += 2 * MINUTE_US
        await other.watch.tell()
        assert [one.events for one in there.told] == [["opened"]]


async def test_what_went_wrong_although_it_was_told_is_kept(where: Where) -> None:
    async with mail_server(refused={"b@b.c"}) as mails, scene(where) as here:
        email = EmailSettings(host="127.0.0.1", port=mails.port, security="none", sender="a@b.c", to=("o@b.c", "b@b.c"))
        here.say(email=email)
        with capture_logs() as said:
            await here.turn(**SPENT)
        (row,) = await here.deliveries()
        assert (row["receiver"], row["error"], row["next_at"]) == ("email", "refused: b@b.c", None)
        assert [line["reason"] for line in said if "not told to all" in line["event"]] == ["refused: b@b.c"]


async def test_the_log_tells_what_is_new_worse_and_over(where: Where) -> None:
    async with scene(where) as here:
        with capture_logs() as said:
            for used in (8.5, 8.5, 10, 10, 1, 1):
                await here.turn(rations=[ration(used)])
        told = [(line["log_level"], line["event"]) for line in said]
        assert told == [("warning", "alert: opened"), ("warning", "alert: worse"), ("info", "alert: over")]


async def test_figures_that_fail_to_come_change_nothing(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(**SPENT)
        here.now_us += 10 * MINUTE_US
        here.figures = StateUnavailable("gone")
        with pytest.raises(StateUnavailable):
            await here.watch.watch()
        await here.turn(rations=None)
        assert [one.events for one in there.told] == [["opened"]]
        await here.turn(refused=[refused(None)])
        assert [one.events for one in there.told] == [["opened"], ["over"]]


async def test_a_test_tells_those_that_are_named_or_all_and_says_how_it_went(where: Where) -> None:
    async with hook() as fine, hook(BROKEN) as broken, scene(where, fine, broken) as here:
        assert here.watch.receivers() == ["webhook/ops0", "webhook/ops1"]
        (one,) = await here.watch.try_out(["webhook/ops0"])
        assert (one.receiver, one.error) == ("webhook/ops0", "")
        assert not broken.told
        assert fine.told[0].events == ["test"]
        both = await here.watch.try_out([])
        assert [(one.receiver, one.error) for one in both] == [
            ("webhook/ops0", ""),
            ("webhook/ops1", "it answered 503"),
        ]
        assert isinstance(both[0], Tried)
        assert await here.rows() == [], "a test is no alert"


async def test_a_test_that_takes_long_is_given_up_before_whoever_asks_for_it_is(
    where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TRY_SECONDS", 0.1)
    async with hook(is_silent=True) as there, scene(where, there) as here:
        (one,) = await here.watch.try_out([])
        assert one.error == "no answer within 0.1 seconds"


async def test_what_nobody_has_foreseen_stops_one_receiver_and_is_told(where: Where) -> None:
    async with hook() as there, scene(where, there, there) as here:
        carry = here.courier.carry

        async def stumble(receiver: Receiver, message: Message) -> str:
            if receiver.name == "webhook/ops0":
                raise RuntimeError("a mistake")
            return await carry(receiver, message)

        here.courier.carry = stumble  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="a mistake"):
            await here.turn(**SPENT)
        assert [one.events for one in there.told] == [["opened"]]


async def test_what_has_long_been_over_is_forgotten_with_what_was_told_of_it(where: Where) -> None:
    async with hook() as there, scene(where, there) as here:
        await here.turn(**SPENT)
        await here.turn()
        await here.turn(rations=[ration(9, name="other")])
        here.now_us += 91 * 24 * HOUR_US
        await here.watch.forget()
        (row,) = await here.rows()
        assert row["subject"] == "client key `other`", "it is not over"
        assert len(await here.deliveries()) == 1
