"""Notices on their way, on both engines: of one thing in order, each taken by one, and only what there is still to say.

Scripts of one or two receivers: what is found, who takes what is to be told, and how that went.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.alerts import deliveries, kept
from gateway.alerts.course import Moment, Notice
from gateway.alerts.deliveries import ENDED, GIVEN_UP, NOTHING_TOLD, SILENCED, SUPERSEDED, UNWANTED, fitting
from gateway.alerts.rules import HOUR_US, Judged
from gateway.settings.alerting import AlertSettings
from gateway.store.state import State, Where, make_ready
from tests.gateway.alerts.posting import OPS, Post
from tests.gateway.alerts.scenes import NOON, condition, notice


@pytest.fixture
async def post(where: Where) -> AsyncIterator[Post]:
    make_ready(where)
    state = State(where)
    yield Post(state)
    await state.close()


WARNING, CRITICAL = condition(level=80), condition(level=100)


async def test_what_is_due_is_taken_by_one_for_a_while(post: Post) -> None:
    post.names = (OPS, "email")
    assert not await post.state.read(lambda session: deliveries.is_anything_due(session, NOON))
    await post.find(WARNING, minutes=0)
    assert await post.state.read(lambda session: deliveries.is_anything_due(session, NOON))
    assert not await post.state.read(lambda session: deliveries.is_anything_due(session, NOON - 1))
    assert [(one.receiver, one.tries, one.notice.event) for one in await post.take()] == [
        (OPS, 1, "opened"),
        ("email", 1, "opened"),
    ]
    assert await post.take(minutes=1.9) == []
    post.names = (OPS,)
    assert [(one.receiver, one.tries) for one in await post.take(minutes=0.1)] == [(OPS, 2)], "who took it has died"


async def test_how_it_went_is_written_down(post: Post) -> None:
    post.names = (OPS, "email")
    await post.find(WARNING)
    first, other = await post.take()
    await post.arrive(first)
    await post.fail(other)
    assert [(row["error"], row["taken_at"], row["tries"]) for row in await post.rows()] == [
        (None, None, 1),
        ("it answered 503", None, 1),
    ]
    assert await post.take(minutes=9.9) == []
    assert (await post.take_one(minutes=0.1)).id == other.id


async def test_who_did_not_hear_that_it_opened_does_not_hear_that_it_is_over(post: Post) -> None:
    await post.find(WARNING)
    await post.fail(await post.take_one())
    await post.find(minutes=2)
    assert await post.story() == [("opened", ENDED), ("over", "waits")]
    assert await post.take() == []
    assert await post.take(minutes=60) == []
    assert await post.story() == [("opened", ENDED), ("over", NOTHING_TOLD)]
    (opened, _) = await post.rows()
    assert opened["error"] == "it answered 503", "what went wrong is still known"


async def test_who_did_not_hear_that_it_opened_hears_that_first_as_it_is_by_now(post: Post) -> None:
    await post.find(WARNING)
    await post.fail(await post.take_one())
    await post.find(CRITICAL, minutes=2)
    told = await post.take_one()
    assert (told.notice.event, told.notice.severity) == ("opened", CRITICAL.severity)
    await post.arrive(told)
    await post.find()
    await post.arrive(await post.take_one())
    assert await post.story() == [("opened", SUPERSEDED["worse"]), ("opened", "arrived"), ("over", "arrived")]


async def test_who_was_told_hears_of_each_turn_in_its_own_words(post: Post) -> None:
    await post.find(WARNING)
    await post.arrive(await post.take_one())
    await post.find(CRITICAL)
    await post.fail(await post.take_one())
    await post.find(CRITICAL, minutes=60 * 24)
    await post.arrive(await post.take_one())
    await post.find()
    await post.arrive(await post.take_one())
    assert await post.story() == [
        ("opened", "arrived"),
        ("worse", SUPERSEDED["reminder"]),
        ("reminder", "arrived"),
        ("over", "arrived"),
    ]


async def test_each_receiver_has_a_line_of_its_own(post: Post) -> None:
    post.names = (OPS, "email")
    await post.find(WARNING)
    ops, mail = await post.take()
    await post.arrive(ops)
    await post.fail(mail)
    await post.find()
    told = await post.take()
    assert [(one.receiver, one.notice.event) for one in told] == [(OPS, "over")]


async def test_one_who_comes_later_hears_that_it_opened_first(post: Post) -> None:
    await post.find(WARNING)
    await post.arrive(await post.take_one())
    post.names = (OPS, "email")
    await post.find(CRITICAL)
    assert [(one.receiver, one.notice.event) for one in await post.take()] == [(OPS, "worse"), ("email", "opened")]
    post.names = (OPS, "email", "webhook/late")
    await post.find()
    assert [one.receiver for one in await post.take(minutes=3)] == [OPS, "email"], "both may have heard, or not"


async def test_what_is_under_way_goes_before_what_comes_after_it(post: Post) -> None:
    """Whoever asks meanwhile, on this machine or on another."""
    await post.find(WARNING)
    first = await post.take_one()
    await post.find()
    assert await post.story() == [("opened", "waits"), ("over", "waits")]
    assert await post.take() == []
    await post.arrive(first)
    assert (await post.take_one()).notice.event == "over"


async def test_what_was_under_way_and_did_not_arrive_gives_way_to_what_came_after_it(post: Post) -> None:
    await post.find(WARNING)
    first = await post.take_one()
    await post.find(CRITICAL)
    await post.fail(first)
    assert (await post.story())[0] == ("opened", SUPERSEDED["worse"])
    told = await post.take_one()
    assert (told.notice.event, told.id) != ("worse", first.id)
    await post.find()
    await post.fail(told)
    assert await post.take(minutes=60) == []
    assert await post.story() == [
        ("opened", SUPERSEDED["worse"]),
        ("opened", SUPERSEDED["over"]),
        ("over", NOTHING_TOLD),
    ]


async def test_what_somebody_died_with_is_told_again_before_its_end(post: Post) -> None:
    """It may have arrived: then its end must arrive too."""
    await post.find(WARNING)
    first = await post.take_one()
    await post.find()
    again = await post.take_one(minutes=2)
    assert (again.id, again.tries, again.notice.event) == (first.id, 2, "opened")
    assert await post.take() == []
    await post.arrive(again)
    assert (await post.take_one()).notice.event == "over"


async def test_what_somebody_died_with_is_not_told_again_when_its_end_is_not_told(post: Post) -> None:
    post.said = AlertSettings(calm_minutes=0.0, recovery=False)
    await post.find(WARNING)
    await post.take_one()
    await post.find()
    assert await post.take(minutes=2) == []
    assert await post.story() == [("opened", ENDED)]


async def test_who_comes_late_with_a_failure_does_not_disturb_who_has_it_by_now(post: Post) -> None:
    await post.find(WARNING)
    late = await post.take_one()
    again = await post.take_one(minutes=2)
    await post.fail(late, minutes=0)
    assert await post.take() == [], "somebody is telling it"
    await post.arrive(again)
    await post.fail(late, minutes=0)
    assert await post.story() == [("opened", "arrived")]


async def test_who_comes_late_and_has_told_it_is_believed(post: Post) -> None:
    await post.find(WARNING)
    late = await post.take_one()
    again = await post.take_one(minutes=2)
    await post.arrive(late)
    arrived_us = post.now_us
    await post.fail(again)
    assert await post.take(minutes=60) == []
    await post.arrive(again)
    assert [row["delivered_at"] for row in await post.rows()] == [arrived_us], "it is when it first did"


async def test_what_is_closed_by_hand_is_not_told_any_more(post: Post) -> None:
    await post.find(WARNING)
    await post.close()
    assert await post.story() == [("opened", SILENCED)]
    assert await post.take() == []


async def test_what_is_closed_by_hand_while_it_is_under_way_is_not_tried_again(post: Post) -> None:
    await post.find(WARNING)
    taken = await post.take_one()
    await post.close()
    await post.fail(taken)
    assert await post.take(minutes=60) == []
    assert await post.story() == [("opened", SILENCED)]
    await post.find(WARNING)
    await post.find(CRITICAL)
    assert (await post.take_one()).notice.event == "opened", "it has grown worse, and nobody had heard of it"


@pytest.mark.parametrize("is_kind_off", [True, False])
async def test_what_nobody_wants_to_hear_of_any_more_is_not_told(post: Post, is_kind_off: bool) -> None:
    await post.find(WARNING)
    await post.fail(await post.take_one())
    if is_kind_off:
        post.said = AlertSettings(calm_minutes=0.0, budget_percent=())
    else:
        post.unwanted = ("budget",)
    assert await post.take(minutes=60) == []
    assert await post.story() == [("opened", UNWANTED)]


async def test_an_alert_that_is_dropped_takes_with_it_what_waits(post: Post) -> None:
    await post.find(WARNING)
    await post.find(off=("budget",))
    assert await post.story() == [("opened", UNWANTED)]


async def test_an_end_that_nobody_wants_to_hear_of_any_more_is_not_told(post: Post) -> None:
    await post.find(WARNING)
    await post.arrive(await post.take_one())
    await post.find()
    post.said = AlertSettings(calm_minutes=0.0, recovery=False)
    assert await post.take() == []
    assert await post.story() == [("opened", "arrived"), ("over", UNWANTED)]


async def test_what_comes_anew_takes_the_place_of_an_end_that_did_not_arrive(post: Post) -> None:
    """Else it would open, and then be over, while it goes on."""
    await post.find(WARNING)
    first = await post.take_one()
    await post.arrive(first)
    await post.find()
    await post.fail(await post.take_one())
    await post.find(WARNING, minutes=2)
    again = await post.take_one()
    assert (again.notice.event, again.notice.replaces) == ("opened", first.notice.alert)
    assert again.notice.alert != first.notice.alert
    await post.arrive(again)
    await post.find()
    over = await post.take_one()
    assert (over.notice.event, over.notice.alert, over.notice.replaces) == ("over", again.notice.alert, None)
    assert await post.take(minutes=1) == []
    assert (await post.story())[1] == ("over", SUPERSEDED["opened"])


async def test_the_end_of_what_came_anew_unheard_is_that_of_what_was_heard(post: Post) -> None:
    await post.find(condition(edition=1))
    first = await post.take_one()
    await post.arrive(first)
    await post.find(condition(edition=2))
    await post.fail(await post.take_one())
    await post.find()
    over = await post.take_one()
    assert (over.notice.event, over.notice.replaces) == ("over", first.notice.alert)


async def test_the_end_of_a_former_period_is_not_told_where_the_next_begins_as_badly(post: Post) -> None:
    await post.find(condition(edition=1))
    await post.arrive(await post.take_one())
    await post.find(condition(edition=2))
    await post.arrive(await post.take_one())
    await post.find(condition(edition=2))
    assert await post.take(minutes=60) == []
    assert await post.story() == [("opened", "arrived"), ("opened", "arrived")]
    (alert,) = await post.state.read(kept.open_alerts)
    assert alert.edition == 2


async def test_an_end_that_nobody_saw_is_told_as_such(post: Post) -> None:
    await post.find(WARNING)
    await post.arrive(await post.take_one())
    post.now_us += 24 * HOUR_US
    ears, moment = post.ears, Moment(post.now_us, "")
    unknown = Judged((), frozenset(), frozenset())
    (news,) = await post.state.write(lambda session: kept.settle(session, unknown, ears, moment))
    told = await post.take_one()
    assert told.notice == news
    assert (told.notice.event, told.notice.is_presumed) == ("over", True)


async def test_what_could_not_be_told_for_a_day_is_given_up_whoever_was_to_be_told(post: Post) -> None:
    post.names = (OPS, "email", "webhook/dead")
    await post.find(WARNING)
    ops, mail, _ = await post.take()
    await post.arrive(mail)
    await post.fail(ops)
    post.names = ("email",)
    assert await post.take(minutes=60 * 24) == []
    assert await post.story() == [
        ("opened", f"it answered 503; {GIVEN_UP}"),
        ("opened", "arrived"),
        ("opened", f"nobody said how it went; {GIVEN_UP}"),
    ]


async def test_receivers_that_are_not_known_here_may_be_known_elsewhere(post: Post) -> None:
    await post.find(WARNING)
    post.names = ("email",)
    assert await post.take() == []
    assert await post.story() == [("opened", "waits")]
    assert await post.take(minutes=60 * 24) == []
    assert await post.story() == [("opened", f"there is no such receiver; {GIVEN_UP}")]


@pytest.mark.parametrize(
    ("event", "last", "told"),
    [
        ("opened", (None, None), "opened"),
        ("worse", (None, None), "opened"),
        ("reminder", (None, None), "opened"),
        ("over", (None, None), None),
        ("worse", ("1", "opened"), "worse"),
        ("reminder", ("1", "worse"), "reminder"),
        ("over", ("1", "reminder"), "over"),
        ("over", ("1", "over"), None),
        ("opened", ("0", "over"), "opened"),
        ("worse", ("0", "over"), "opened"),
        ("opened", ("0", "opened"), "opened instead of 0"),
        ("worse", ("0", "worse"), "opened instead of 0"),
        ("over", ("0", "opened"), "over instead of 0"),
    ],
)
def test_what_is_told_fits_what_was_told_last(
    event: str, last: tuple[str | None, str | None], told: str | None
) -> None:
    fits = fitting(notice(event=event), *last)  # type: ignore[arg-type] # one of them
    assert (None if fits is None else _said(fits)) == told


def _said(fits: Notice) -> str:
    return f"{fits.event} instead of {fits.replaces}" if fits.replaces else fits.event
