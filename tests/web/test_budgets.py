"""Budgets and quotas: how far they are, what was left of them over time, how long they last, and who sees which."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.management import keys
from gateway.management.keys import KeyWish
from gateway.records import Tokens, Whom
from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from gateway.usage import reach
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, Person, house_in
from web import budgets
from web.burning import MORE_COUNTED, MORE_RECORDED, MOST_POINTS, Point, Ration, burns_of, course_of, exhausted_at

NOW = time.time_ns() // 1000
TODAY = NOW // DAY * DAY
DOLLAR = 1_000_000_000
KEY = Whom("key", "key:1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def money(used: int, most: int, began_us: int, resets_at_us: int = 0, *, whom: Whom = KEY) -> Ration:
    return Ration("client key `app`", "budget_nano_usd", used, most, began_us, resets_at_us, whom=whom)


async def rows_of(person: Person, table: str, path: str = "/spend") -> list[dict[str, str]]:
    answer = await person.get(f"{path}?format=csv&table={table}")
    return list(csv.DictReader(io.StringIO(answer.text)))


# How far they are


async def test_they_say_how_far_they_are(house: House, owner: Person) -> None:
    house.around.budgets = [
        Ration("key app", "budget_nano_usd", 9 * DOLLAR, 10 * DOLLAR, NOW - 9 * DAY, NOW + 20 * DAY, held=DOLLAR),
        Ration("team b", "requests_per_month", 5, 5, NOW - DAY, NOW + DAY),
        Ration("team c", "tokens_per_month", 1, 1_000_000, NOW - DAY, NOW + DAY),
    ]
    text = html.unescape((await owner.get("/spend")).text)
    assert_well_formed(text)
    assert re.findall(r'<td class="name" title="((?:key|team) .)', text) == ["team b", "key a", "team c"]
    for shown in ("$9.00", "+ $1.00", "$10.00", "used up", "not before it begins anew"):
        assert shown in text, shown


def test_a_budget_lasts_as_long_as_its_pace_lets_it() -> None:
    begun = NOW - 10 * DAY
    assert exhausted_at(money(50, 100, begun, NOW + 30 * DAY), NOW) == NOW + 10 * DAY
    assert exhausted_at(money(50, 100, begun, NOW + 5 * DAY), NOW) is None
    assert exhausted_at(money(0, 100, begun), NOW) is None
    assert exhausted_at(money(100, 100, begun), NOW) is None
    assert exhausted_at(money(5, 100, 0), NOW) is None
    assert exhausted_at(money(5, 100, NOW - 1), NOW) is None
    reset = money(50, 100, begun)._replace(reset_at_us=NOW - DAY)
    assert exhausted_at(reset, NOW) == NOW + DAY, "its pace is that since it was counted from nothing"


def test_those_used_up_most_come_first() -> None:
    rations = [money(number, 100, 0)._replace(subject=str(number)) for number in range(100)]
    assert [burn.subject for burn in burns_of(rations, NOW)][:3] == ["99", "98", "97"]
    assert [burn.meaning for burn in burns_of([money(80, 100, 0), money(7, 7, 0), money(10, 100, 0)], NOW)] == [
        "bad",
        "warning",
        "good",
    ]


# What was left of them


def test_a_course_begins_with_all_of_it_and_ends_where_the_limit_is() -> None:
    began = TODAY - 3 * DAY
    now = TODAY + 12 * HOUR
    spent = {began: 10, began + 2 * DAY: 30}
    course = course_of(money(42, 100, began, began + 7 * DAY), spent, began, now)
    assert course.points[:5] == (
        Point(began, 0, 100),
        Point(began + DAY, 10, 90),
        Point(began + 2 * DAY, 0, 90),
        Point(TODAY, 30, 60),
        Point(now, 0, 58),
    )
    assert course.recorded == 40
    assert course.line.split()[0] == "0.0,0.0"
    assert course.line.split()[-1] == f"{course.now_x},16.8"


def test_a_course_goes_on_at_its_pace_until_it_is_used_up_or_begins_anew() -> None:
    began, now = TODAY - 4 * DAY, TODAY
    lasting = course_of(money(40, 100, began, TODAY + 4 * DAY), {}, began, now)
    assert lasting.points[-1] == Point(TODAY + 4 * DAY, 40, 20, is_ahead=True)
    assert (lasting.ahead.split()[-1], lasting.spent_x) == ("200.0,32.0", None)
    ending = course_of(money(80, 100, began, TODAY + 4 * DAY), {}, began, now)
    assert ending.points[-1] == Point(TODAY + DAY, 20, 0, is_ahead=True)
    assert (ending.ahead, ending.spent_x) == ("100.0,32.0 125.0,40.0", 125.0)
    over = course_of(money(120, 100, began, TODAY + 4 * DAY), {}, began, now)
    assert (over.ahead, over.points[-1].left, over.line.split()[-1]) == ("", -20, "100.0,40.0")


def test_a_long_course_has_few_points_and_loses_nothing() -> None:
    began = TODAY - 700 * DAY
    spent = {began + number * DAY: 1 for number in range(700)}
    course = course_of(money(700, 1000, 0), spent, began, TODAY)
    assert len(course.points) <= MOST_POINTS + 2
    assert sum(point.spent for point in course.points if not point.is_ahead) == course.recorded == 700


def test_what_is_counted_and_not_recorded_is_explained() -> None:
    began = TODAY - 2 * DAY
    assert course_of(money(100, 1000, began), {began: 95}, began, NOW).note == "", "within a hundredth"
    assert course_of(money(100, 1000, began), {began: 50}, began, NOW).note.endswith(MORE_COUNTED)
    assert course_of(money(100, 1000, began), {began: 150}, began, NOW).note.endswith(MORE_RECORDED)


def fill(store: Store) -> None:
    """Two keys of two users, over three days; and what no limit counts."""
    one = {"key_id": "key:1", "key": "ci-one", "user_id": "u1", "team_id": "t", "tokens": Tokens(input=5, output=2)}
    two = {**one, "key_id": "key:2", "key": "other", "user_id": "u2"}
    yesterday = TODAY - 12 * HOUR
    store.add(
        {**one, "started_at_us": TODAY - 3 * DAY, "cost_nano_usd": 7 * DOLLAR},
        {**one, "started_at_us": yesterday, "cost_nano_usd": DOLLAR, "provider": "p", "model": "m/n"},
        {**one, "started_at_us": TODAY + 1, "cost_nano_usd": 2 * DOLLAR},
        {**two, "started_at_us": yesterday, "cost_nano_usd": 4 * DOLLAR, "provider": "p", "model": "m/n"},
        {"started_at_us": yesterday, "cost_nano_usd": 9 * DOLLAR, "key": None, "key_id": None},
    )


@pytest.mark.parametrize("rolled", [False, True])
@pytest.mark.parametrize(
    ("whom", "recorded"),
    [
        (Whom("key", "key:1"), 3),
        (Whom("key", "key:2"), 4),
        (Whom("user", "u2", "users"), 4),
        (Whom("team", "t", "teams"), 7),
        (Whom("team", "u", "teams"), 0),
        (Whom("model", "p/m/n", "models"), 5),
        (Whom("everybody", "", "all"), 7),
        (Whom("key", "", "ci", "ci-*"), 3),
        (Whom("key", "", "ci", "ci_*"), 0),
        (Whom("model", "", "all", "p/*"), 5),
        (Whom("user", "", "all", "*"), 7),
    ],
)
async def test_a_course_is_of_those_alone_whom_the_limit_counts(
    house: House, owner: Person, store: Store, whom: Whom, recorded: int, rolled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    if rolled:
        monkeypatch.setattr(reach, "MANY", 1)
        for ago in range(1, 5):
            day = datetime.fromtimestamp((TODAY - ago * DAY) / 1e6, UTC).date()
            rolling.catch_up(store.connection, day, Beginnings(), NOW)
        store.run("update requests set cost_nano_usd = 0 where ts < make_timestamp($today)", {"today": TODAY})
        house.around.rolled_until_us = TODAY
    house.around.budgets = [money(recorded * DOLLAR, 100 * DOLLAR, TODAY - DAY, TODAY + 6 * DAY, whom=whom)]
    (row,) = await rows_of(owner, "budgets")
    assert row["recorded"] == str(recorded * DOLLAR)
    steps = await rows_of(owner, "budgets-over-time")
    assert sum(int(step["spent"]) for step in steps if step["expected"] == "false") == recorded * DOLLAR
    text = (await owner.get("/spend")).text
    assert_well_formed(text)
    assert "of it recorded" not in text


async def test_quotas_have_courses_of_tokens_and_requests(house: House, owner: Person, store: Store) -> None:
    fill(store)
    house.around.budgets = [
        Ration("app", field, used, 100, TODAY - DAY, TODAY + DAY, whom=KEY)
        for field, used in (("tokens_per_month", 14), ("requests_per_month", 2))
    ]
    found = {row["limit"]: row["recorded"] for row in await rows_of(owner, "budgets")}
    assert found == {"tokens_per_month": "14", "requests_per_month": "2"}


async def test_a_budget_of_a_day_is_told_by_the_hour(house: House, owner: Person, store: Store) -> None:
    fill(store)
    house.around.budgets = [money(2 * DOLLAR, 5 * DOLLAR, TODAY, TODAY + DAY)]
    steps = [row for row in await rows_of(owner, "budgets-over-time") if row["expected"] == "false"]
    assert [int(step["spent"]) for step in steps if int(step["spent"])] == [2 * DOLLAR]
    assert len(steps) == (NOW - TODAY) // HOUR + 2
    assert "spend/course_by_piece" in store.asked
    assert "spend/course_by_day" not in store.asked


async def test_a_key_that_was_counted_from_nothing_is_told_from_there(
    house: House, owner: Person, store: Store
) -> None:
    fill(store)
    house.around.budgets = [money(2 * DOLLAR, 9 * DOLLAR, TODAY - 9 * DAY)._replace(reset_at_us=TODAY)]
    assert [row["recorded"] for row in await rows_of(owner, "budgets")] == [str(2 * DOLLAR)]


async def test_a_budget_that_never_begins_anew_is_told_from_the_first_record(
    house: House, owner: Person, store: Store
) -> None:
    house.around.budgets = [money(0, 50 * DOLLAR, 0)]
    assert "Left over its period" in (await owner.get("/spend")).text, "where there is none yet as well"
    fill(store)
    house.around.budgets = [money(10 * DOLLAR, 50 * DOLLAR, 0)]
    (row,) = await rows_of(owner, "budgets")
    assert (row["recorded"], row["began_at"]) == (str(10 * DOLLAR), "")


async def test_many_are_told_by_few_statements(house: House, owner: Person, store: Store) -> None:
    every = [Whom("key", f"key:{number}") for number in range(50)] + [Whom("team", f"t{n}") for n in range(50)]
    house.around.budgets = [money(1, 100, TODAY - DAY, TODAY + DAY, whom=whom) for whom in every]
    await owner.get("/spend?budgets=all")
    assert store.asked.count("spend/course_by_day") == 2


# Where they lead, and who sees which


async def test_each_leads_to_what_it_is_of_and_to_its_spend(house: House, owner: Person) -> None:
    since = TODAY - DAY
    places = {
        Whom("key", "key:1"): ("/keys/key:1", "key=key%3A1"),
        Whom("user", "u/1", "r"): ("/people/u%2F1", "user=u%2F1"),
        Whom("team", "t", "r"): ("/people/teams/t", "team=t"),
        Whom("model", "p/m/n", "r"): ("/models?search=p%2Fm%2Fn", "provider=p&model=m%2Fn&by=key"),
        Whom("everybody", "", "r"): ("/configuration/objects?search=r", ""),
    }
    for whom, (link, filtered) in places.items():
        house.around.budgets = [money(1, 100, since, TODAY + DAY, whom=whom)]
        text = html.unescape((await owner.get("/spend")).text)
        section = text[text.index('id="burns"') :]
        assert f'<a class="row" href="{link}">' in section
        (spend,) = re.findall(r'href="(/spend\?from=[^"]+)"', section)
        assert spend.partition("&")[2] == filtered
        assert (await owner.get(spend)).status == 200
    house.around.budgets = [money(1, 100, since, TODAY + DAY, whom=Whom("key", "", "ci", "ci-*"))]
    assert "/spend?from=" not in (await owner.get("/spend")).text, "no filter means all that a pattern fits"


async def test_more_than_fit_are_one_click_away(house: House, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MOST", 12)
    whose = [Whom("key", f"key:{number}") for number in range(15)]
    house.around.budgets = [money(1, 100, TODAY - DAY, TODAY + DAY, whom=whom) for whom in whose]
    text = html.unescape((await owner.get("/spend?range=7d")).text)
    assert text.count('<svg class="burn') == budgets.SHOWN
    (link,) = re.findall(r'<a href="([^"]+)#burns">and 7 more</a>', text)
    assert link == "/spend?range=7d&budgets=all"
    every = (await owner.get(link)).text
    assert every.count('<svg class="burn') == 12
    assert "and 3 more, which the file has" in every
    assert len(await rows_of(owner, "budgets")) == 15


async def test_the_page_of_a_key_has_those_that_its_requests_count_against(
    house: House, owner: Person, store: Store
) -> None:
    fill(store)
    made = await keys.create_key(house.office, OPERATOR, KeyWish(name="ci-one", budget_usd=20.0))
    own, shared = Whom("key", f"key:{made.key.id}"), Whom("team", "t", "teams")
    house.around.bears = lambda ration, key_ids: key_ids == (own.of,)
    house.around.budgets = [
        money(7 * DOLLAR, 20 * DOLLAR, TODAY - DAY, TODAY + DAY, whom=whom) for whom in (own, shared)
    ]
    path = f"/keys/{own.of}"
    text = (await owner.get(path)).text
    assert_well_formed(text)
    assert text.count('<svg class="burn') == 2, "the owner may see what others did"
    assert f'<a class="row" href="{path}">' not in text, "it is this page"
    assert [row["recorded"] for row in await rows_of(owner, "budgets", path)] == ["0", str(7 * DOLLAR)]
    assert await rows_of(owner, "budgets-over-time", path)


async def test_members_see_what_bears_upon_their_own_and_nobody_else_s(house: House, store: Store) -> None:
    fill(store)
    mia = await add(house.office, "mia", "member", password=PASSWORD)
    since = TODAY - DAY
    own, strangers = Whom("user", mia.id, "users"), Whom("key", "key:2")
    shared = Whom("everybody", "", "all")
    house.around.bears = lambda ration, key_ids: ration.whom in (own, shared)
    house.around.budgets = [
        money(1, 100, since, TODAY + DAY, whom=own)._replace(subject="user mia"),
        money(5, 100, since, TODAY + DAY, whom=shared)._replace(subject="everybody"),
        money(9, 100, since, TODAY + DAY, whom=strangers)._replace(subject="a stranger"),
    ]
    person = await house.signed_in("mia@example.com")
    text = html.unescape((await person.get("/spend")).text)
    assert "a stranger" not in text
    assert "everybody" in text
    assert text.count('<svg class="burn') == 1, "that of what others use as well would tell of their requests"
    assert "shared with others" in text
    assert [row["recorded"] for row in await rows_of(person, "budgets")] == ["", "0"]
    assert {row["subject"] for row in await rows_of(person, "budgets-over-time")} == {"user Mia (rule users)"}
