"""The page of whoever has a client key: it names the key for an hour, says what it did, and ends with the key."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.management import keys, own_keys
from gateway.management.keys import KeyWish, MadeKey
from gateway.records import Whom
from gateway.settings.objects import ClientKeySettings
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import Clock
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import Answer, House, Person, house_in
from web.burning import Ration

NOW = time.time_ns() // 1000
COOKIE = "__Host-sluicegate-own"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


async def make(house: House, name: str = "app", **more: Any) -> MadeKey:
    return await keys.create_key(house.office, OPERATOR, KeyWish(name=name, **more))


async def shows(person: Person, secret: str) -> Answer:
    await person.get("/own")
    return await person.submit("/own", key=secret)


async def seen(house: House, secret: str) -> Person:
    """Somebody who has shown this key."""
    person = house.person()
    assert (await shows(person, secret)).to == "/own"
    return person


def says_more(answer: Answer) -> bool:
    return "How to use it" in answer.text


async def test_it_asks_for_a_key_and_tells_nothing_before(house: House) -> None:
    page = await house.person().get("/own")
    assert page.status == 200
    assert_well_formed(page.text)
    assert not says_more(page)


async def test_whoever_has_a_key_sees_what_it_may_do_and_did(house: House, store: Store) -> None:
    made = await make(house, models=("openai/x",), budget_usd=5.0, requests_per_minute=30)
    store.add(
        {"started_at_us": NOW - HOUR, "key": "app", "key_id": f"key:{made.key.id}", "cost_nano_usd": 10**9},
        {"started_at_us": NOW - HOUR, "key": "other", "model": "not-theirs"},
    )
    house.around.oversight.used["budget_nano_usd"] = 10**9
    person = await seen(house, made.secret)
    page = await person.follow()
    assert_well_formed(page.text)
    for shown in ("app", "openai/x", "$1.00 of $5.00 used", "30 requests/min", "Spend by model", "SLUICEGATE_KEY"):
        assert shown in page.text
    assert "not-theirs" not in page.text
    assert "/requests/" not in page.text
    own, shared = (Whom("key", f"key:{made.key.id}"), Whom("everybody", "", "all"))
    house.around.bears = lambda ration, key_ids: key_ids == (own.of,)
    house.around.budgets = [
        Ration(name, "budget_nano_usd", 10**9, 5 * 10**9, NOW - DAY, NOW + DAY, whom=whom)
        for name, whom in (("the key", own), ("everybody", shared))
    ]
    page = await person.get("/own")
    assert_well_formed(page.text)
    assert page.text.count('<svg class="burn') == 1, "what others used and when is not told"
    section = page.text[page.text.index('id="burns"') : page.text.index('id="rules"')]
    assert "href=" not in section, "neither pages nor files are for whoever is not signed in"
    assert {action for action, _ in page.forms} == {"/own/forget"}
    assert (await person.get("/own?range=1h")).status == 200


async def test_the_secret_is_in_no_page_address_or_cookie(house: House) -> None:
    made = await make(house)
    person = house.person()
    answer = await shows(person, made.secret)
    cookie = answer.cookie(COOKIE)
    assert "HttpOnly" in cookie
    assert f"Max-Age={own_keys.LIFE_SECONDS}" in cookie
    page = await person.follow()
    for text in (answer.text, answer.to, cookie, page.text):
        assert made.secret not in text
    wrong = await shows(house.person(), f"{made.secret}x")
    assert made.secret not in wrong.text


async def test_it_lets_nobody_see_more_than_the_key_does(house: House) -> None:
    person = await seen(house, (await make(house)).secret)
    for path in ("/", "/keys", "/requests", "/account"):
        assert (await person.get(path)).status == 303


async def test_a_key_of_the_configuration_file_is_shown_too_and_ends_with_it(house: House) -> None:
    said = ClientKeySettings(name="said", key="sk-of-the-file")
    house.office.settings = structs.replace(house.office.settings, client_keys=(said,))
    person = await seen(house, "sk-of-the-file")
    assert says_more(await person.follow())
    for later in (structs.replace(said, paused=True), structs.replace(said, key="sk-another"), None):
        house.office.settings = structs.replace(house.office.settings, client_keys=(later,) if later else ())
        assert not says_more(await person.get("/own"))


@pytest.mark.parametrize("secret", ["", "   ", "sk-wrong", "x" * 1001, "\u2028", "sk-slg-" + "a" * 32])
async def test_a_key_that_nobody_has_is_refused_beside_the_field(house: House, secret: str) -> None:
    answer = await shows(house.person(), secret)
    assert answer.status in (403, 422)
    assert 'id="own-key-wrong"' in answer.text
    assert answer.cookie(COOKIE) == ""
    assert_well_formed(answer.text)


async def test_a_key_that_may_not_be_used_is_not_shown(house: House) -> None:
    for more, words in (({"paused": True}, "paused"), ({"expires_at": "2020-01-01"}, "expired")):
        answer = await shows(house.person(), (await make(house, words, **more)).secret)
        assert (answer.status, words in answer.text) == (403, True)
    revoked = await make(house, "revoked")
    await keys.revoke_key(house.office, OPERATOR, revoked.key.id, None)
    answer = await shows(house.person(), revoked.secret)
    assert (answer.status, "no key of this gateway" in answer.text) == (403, True)


async def test_it_ends_at_once_with_the_key(house: House) -> None:
    async def pause(made: MadeKey) -> None:
        await keys.change_key(house.office, OPERATOR, made.key.id, KeyWish(name=made.key.name, paused=True), None)

    async def rotate(made: MadeKey) -> None:
        await keys.rotate_key(house.office, OPERATOR, made.key.id, None)

    async def revoke(made: MadeKey) -> None:
        await keys.revoke_key(house.office, OPERATOR, made.key.id, None)

    for name, end in (("a", pause), ("b", rotate), ("c", revoke)):
        made = await make(house, name)
        person = await seen(house, made.secret)
        assert says_more(await person.get("/own"))
        await end(made)
        page = await person.get("/own")
        assert not says_more(page)
        assert 'class="banner warning"' in page.text


async def test_it_ends_after_an_hour(house: House) -> None:
    clock = Clock(NOW)
    house.office._clock = clock
    person = await seen(house, (await make(house)).secret)
    clock.pass_by(own_keys.LIFE_SECONDS - 5)
    assert says_more(await person.get("/own"))
    clock.pass_by(6)
    assert not says_more(await person.get("/own"))


async def test_it_ends_when_somebody_says_so(house: House) -> None:
    person = await seen(house, (await make(house)).secret)
    await person.get("/own")
    done = await person.submit("/own/forget")
    assert done.to == "/own?said=key-forgotten"
    assert COOKIE not in person.cookies
    assert "no longer knows the key" in (await person.follow()).text


async def test_a_cookie_that_is_not_ours_opens_nothing(house: House) -> None:
    mine, other = await make(house, "mine"), await make(house, "other")
    value = (await seen(house, mine.secret)).cookies[COOKIE]
    theirs = (await seen(house, other.secret)).cookies[COOKIE]
    said, until, signed = value.split(".")
    person = house.person()
    for forged in (
        f"{theirs.split('.')[0]}.{until}.{signed}",
        f"{said}.{int(until) + 1}.{signed}",
        f"{said}.{until}.{'A' * 43}",
        f"{said}A.{until}.{signed}",
        f"{said[:-1]}.{until}.{signed}",
        f"ff.{until}.{signed}",
        "nonsense",
        value[:-1],
    ):
        person.cookies[COOKIE] = forged
        page = await person.get("/own")
        assert (page.status, says_more(page)) == (200, False), forged


async def test_whoever_guesses_must_wait(house: House) -> None:
    made, person = await make(house), house.person()
    await person.get("/own")
    form = person.last.form("/own")  # type: ignore[union-attr] # it was just answered
    statuses = [(await person.post("/own", {**form, "key": f"sk-{number}"})).status for number in range(52)]
    assert statuses[:50] == [403] * 50
    assert statuses[-1] == 429
    answer = await person.post("/own", {**form, "key": made.secret})
    assert (answer.status, "retry-after" in answer.headers) == (429, True)
    assert (await shows(house.person(address="198.51.100.9"), made.secret)).status == 303


async def test_whoever_shows_the_right_one_is_not_counted(house: House) -> None:
    made, person = await make(house), house.person()
    for _ in range(60):
        assert (await shows(person, made.secret)).status == 303
        await person.get("/own")
        await person.submit("/own/forget")


async def test_a_page_of_somebody_else_cannot_show_a_key(house: House) -> None:
    made, person = await make(house), house.person()
    await person.get("/own")
    answer = await person.post("/own", {"key": made.secret}, **{"sec-fetch-site": "cross-site"})
    assert (answer.status, answer.cookie(COOKIE)) == (403, "")


async def test_over_plain_http_no_key_is_asked_for(house: House) -> None:
    page = await house.person(origin="http://gate.example").get("/own")
    assert (page.status, "Not over plain HTTP" in page.text) == (403, True)


async def test_it_says_so_while_nobody_counts(house: House) -> None:
    person = await seen(house, (await make(house, budget_usd=1.0)).secret)
    house.around.oversight.is_away = True
    assert "cannot be looked up at the moment" in (await person.get("/own")).text


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_say_is_text(house: House, store: Store, text: str) -> None:
    made = await make(house, models=(text,), endpoints=(text,))
    store.add({"started_at_us": NOW - HOUR, "key": "app", "key_id": f"key:{made.key.id}", "model": text, "error": text})
    assert_harmless((await (await seen(house, made.secret)).follow()).text)
    assert_harmless((await shows(house.person(), text)).text)
