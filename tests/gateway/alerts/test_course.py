"""What becomes of alerts: scripts of what is found, one look after the other."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.alerts.course import (
    LONGEST_TEXT,
    UNPROVEN,
    Alert,
    Moment,
    Step,
    edition_after,
    follow,
    level_after,
    noticed,
)
from gateway.alerts.rules import HOUR_US, MINUTE_US, Condition, Judged
from gateway.settings.alerting import ALERT_KINDS, AlertKind, AlertSettings
from tests.gateway.alerts.scenes import NOON, alert, condition, notice

USUAL = AlertSettings()
EVERY: frozenset[AlertKind] = frozenset(ALERT_KINDS)


def turns(alerts: list[Alert], found: list[Condition], *, minutes: float = 1, node: str = "", **more: Any) -> list[str]:
    """What becomes of them, so many minutes after noon."""
    judged = Judged(tuple(found), more.pop("known", EVERY), more.pop("off", frozenset()), more.pop("well", {}))
    moment = Moment(NOON + round(minutes * MINUTE_US), node)
    return [step.turn for step in follow(alerts, judged, structs.replace(USUAL, **more), moment)]


def test_what_is_new_is_opened_and_then_only_seen() -> None:
    assert turns([], [condition()]) == ["opened"]
    assert turns([alert()], [condition()]) == ["seen"]


def test_what_does_not_open_an_alert_keeps_one_open() -> None:
    fading = condition(opens=False, is_certain=False)
    assert turns([], [fading]) == []
    assert turns([alert()], [fading], minutes=60 * 48) == ["seen"]
    assert turns([alert(sent_at_us=None)], [fading]) == ["seen"]
    assert turns([alert()], [condition(opens=False, is_certain=False, level=100)]) == ["seen"]


def test_what_is_seen_to_go_on_is_told_even_where_it_would_open_none() -> None:
    some = condition(opens=False)
    assert turns([], [some]) == []
    assert turns([alert()], [some]) == ["seen"]
    assert turns([alert()], [some], minutes=60 * 24) == ["reminder"]
    assert turns([alert(sent_at_us=None)], [some]) == ["opened"]
    assert noticed(Step("seen", alert(), condition(opens=False, figure=91)), "1", "reminder", NOON).figure == 91


def test_what_grows_worse_is_told_again_and_at_once() -> None:
    assert turns([alert()], [condition(level=100)], minutes=0.1) == ["worse"]
    assert turns([alert(level=100)], [condition(level=80)]) == ["seen"]


@pytest.mark.parametrize(
    ("hours", "repeat", "turn"), [(23, 24, "seen"), (24, 24, "reminder"), (1, 1, "reminder"), (999, 0, "seen")]
)
def test_what_lasts_is_told_again_now_and_then(hours: float, repeat: float, turn: str) -> None:
    assert turns([alert()], [condition()], minutes=hours * 60, repeat_hours=repeat) == [turn]


def test_nobody_is_told_of_what_was_closed_by_hand_until_it_grows_worse() -> None:
    silent = alert(silenced_at_us=NOON)
    assert turns([silent], [condition()], minutes=60 * 48) == ["seen"]
    assert turns([silent], [condition(level=100)]) == ["worse"]


def test_what_nobody_was_told_of_is_told_as_soon_as_there_is_somebody() -> None:
    assert turns([alert(sent_at_us=None)], [condition()]) == ["opened"]


@pytest.mark.parametrize(("minutes", "turn"), [(4.9, []), (5, ["over"])])
def test_it_is_over_when_it_was_well_for_long_enough(minutes: float, turn: list[str]) -> None:
    assert turns([alert()], [], minutes=minutes) == turn
    assert turns([alert(seen_at_us=NOON - MINUTE_US)], [], minutes=minutes - 1) == turn


def test_where_several_machines_look_one_waits_for_the_other() -> None:
    assert turns([alert()], [], minutes=0.1, calm_minutes=0.0) == ["over"]
    assert turns([alert()], [], minutes=1.9, calm_minutes=0.0, node="a") == []
    assert turns([alert()], [], minutes=2, calm_minutes=0.0, node="a") == ["over"]


def test_of_what_nobody_can_tell_nothing_is_over() -> None:
    assert turns([alert()], [], minutes=600, known=EVERY - {"budget"}) == []
    assert turns([alert()], [], minutes=60 * 24, known=EVERY - {"budget"}) == ["lapsed"], (
        "after a day nobody believes it"
    )


def test_where_it_proves_nothing_that_something_was_not_found_it_is_over_once_it_is_known_to_be_well() -> None:
    failures = alert(fingerprint="errors/openai", kind="errors")
    for well, minutes, turn in (((), 600, []), (("errors/openai",), 600, ["over"]), (("errors/",), 600, [])):
        assert turns([failures], [], minutes=minutes, well={"errors": frozenset(well)}) == turn
    assert turns([failures], [], minutes=4, well={"errors": frozenset(["errors/openai"])}) == [], "not for long enough"
    assert turns([failures], [], minutes=60 * 24, well={"errors": frozenset()}) == ["lapsed"]
    assert turns([alert()], [], minutes=600, well={"errors": frozenset()}) == ["over"], "others go by not being found"


def test_what_is_counted_anew_is_another_alert_in_place_of_the_one_before() -> None:
    said: dict[str, Any] = {"minutes": 1}
    assert turns([alert(edition=5)], [condition(edition=6)], **said) == ["renewed", "opened"]
    assert turns([alert(edition=5, silenced_at_us=NOON)], [condition(edition=6)], **said) == ["renewed", "opened"]
    assert turns([alert(edition=5)], [condition(edition=5)], **said) == ["seen"]
    assert turns([alert(edition=6)], [condition(edition=5)], **said) == ["seen"], "somebody looked a moment too early"
    assert turns([alert(edition=None)], [condition(edition=6)], **said) == ["seen"], "nobody had written it down"
    assert turns([alert(edition=5)], [], minutes=5) == ["over"]


@pytest.mark.parametrize(("before", "now", "after"), [(None, 6, 6), (5, 6, 6), (6, 5, 6), (0, 0, 0)])
def test_which_edition_it_is_never_falls(before: int | None, now: int, after: int) -> None:
    assert edition_after(Step("seen", alert(edition=before), condition(edition=now))) == after
    assert edition_after(Step("opened", None, condition(edition=now))) == now


def test_what_nobody_wants_to_hear_of_is_dropped() -> None:
    said: dict[str, Any] = {"known": EVERY - {"budget"}, "off": frozenset({"budget"})}
    assert turns([alert()], [], minutes=1, **said) == []
    assert turns([alert()], [], minutes=5, **said) == ["dropped"]


def test_what_another_machine_has_found_is_for_that_one_to_end() -> None:
    theirs = alert(fingerprint="disk@b", kind="disk", node="b")
    assert turns([theirs], [], minutes=600, node="a") == []
    assert turns([theirs], [], minutes=600, node="b") == ["over"]
    assert turns([theirs], [], minutes=60 * 24, node="a") == ["lapsed"], "it is gone"


def test_each_goes_its_own_way() -> None:
    other = condition(fingerprint="errors/", kind="errors", level=0)
    third = alert(id="3", fingerprint="disk", kind="disk", level=90)
    assert turns([alert(), third], [condition(level=100), other], minutes=6) == ["worse", "opened", "over"]


@pytest.mark.parametrize(
    ("before", "now", "minutes", "after"),
    [(80, 100, 1, 100), (100, 80, 59, 100), (100, 80, 60, 80), (80, 80, 1, 80)],
)
def test_how_bad_it_is_falls_an_hour_after_it_was_told(before: int, now: int, minutes: int, after: int) -> None:
    step = Step("seen", alert(level=before), condition(level=now))
    assert level_after(step, NOON + minutes * MINUTE_US) == after


def test_how_bad_something_new_is_or_what_is_fading() -> None:
    assert level_after(Step("opened", None, condition(level=90)), NOON) == 90
    assert (
        level_after(Step("seen", alert(level=5), condition(level=0, opens=False, is_certain=False)), NOON + 9 * HOUR_US)
        == 5
    )


def test_what_is_told_is_what_was_found_and_since_when_it_is_known() -> None:
    new = noticed(Step("opened", None, condition()), "1", "opened", NOON)
    assert new == notice()
    later = condition(figure=91, since_us=NOON + HOUR_US, text="client key `app` has used 91 % of its budget")
    again = noticed(Step("reminder", alert(), later), "1", "reminder", NOON + 2 * HOUR_US)
    assert (again.event, again.figure, again.since_us, again.at_us) == ("reminder", 91, NOON, NOON + 2 * HOUR_US)


def test_what_is_over_or_fading_has_nothing_new_to_say() -> None:
    over = noticed(Step("over", alert(), None), "1", "over", NOON + HOUR_US)
    assert over == notice(event="over", at_us=NOON + HOUR_US)
    fading = noticed(Step("seen", alert(), condition(opens=False, is_certain=False, figure=0)), "1", "reminder", NOON)
    assert fading.figure == 83.1


def test_an_end_that_nobody_has_seen_says_so() -> None:
    lapsed = noticed(Step("lapsed", alert(), None), "1", "over", NOON + 24 * HOUR_US)
    assert lapsed == notice(event="over", at_us=NOON + 24 * HOUR_US, is_presumed=True, detail=UNPROVEN)
    assert "24 hours" in UNPROVEN


def test_what_clients_make_up_stays_on_its_line() -> None:
    told = noticed(
        Step("opened", None, condition(text="model `a\r\nBcc: b\x00\u2028c`", detail="x" * 5000)), "1", "opened", NOON
    )
    assert told.text == "model `a  Bcc: b  c`"
    assert len(told.detail) == LONGEST_TEXT + 1
