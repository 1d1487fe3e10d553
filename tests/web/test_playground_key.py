"""By which key the playground asks, who may have one made, and who sees the page at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.management import keys
from gateway.management.keys import KeyFilter, KeyWish
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.playing import HELLO, TOLD, press, whole
from tests.web.visiting import PASSWORD, House, Person, house_in


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        made.around.foresight.answer = TOLD
        made.around.playing.answer = whole()
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


@pytest.fixture
async def player(owner: Person) -> Person:
    """Olga, with a key that was made for her."""
    await owner.get("/playground")
    assert (await owner.submit("/playground/lend")).to == "/playground?said=key-lent"
    await owner.follow()
    return owner


async def test_without_a_key_it_says_how_to_come_by_one(owner: Person, house: House) -> None:
    page = await owner.get("/playground")
    assert_well_formed(page.text)
    assert "Show a client key" in page.text
    assert "Make one for an hour" in page.text
    answer = await owner.submit("/playground/send", **HELLO)
    assert answer.status == 422
    assert "Show a client key, or have one made" in answer.text
    assert house.around.playing.asked_for == []


async def test_a_key_that_is_shown_is_asked_by_and_never_shown_again(owner: Person, house: House) -> None:
    made = await keys.create_key(house.office, OPERATOR, KeyWish(name="ci"))
    await owner.get("/playground")
    answer = await owner.submit("/playground/key", key=made.secret)
    assert answer.to == "/playground?said=key-held"
    assert made.secret not in str(answer.headers)
    page = await owner.follow()
    assert_well_formed(page.text)
    assert "which you have shown" in page.text
    assert made.secret not in (await owner.submit("/playground/send", **HELLO)).text
    assert house.around.playing.asked_for[0].secret == made.secret
    await owner.get("/playground")
    assert (await owner.submit("/playground/give-back")).to == "/playground?said=key-forgotten"
    assert "Make one for an hour" in (await owner.follow()).text
    assert (await keys.get_key(house.office, OPERATOR, made.key.id)).status == "active"


async def test_a_wrong_key_is_refused_beside_its_field(owner: Person) -> None:
    await owner.get("/playground")
    for wrong in ("", "sk-slg-nobody", "x" * 2000):
        answer = await owner.submit("/playground/key", key=wrong)
        assert answer.status in (403, 422)
        assert 'aria-invalid="true"' in answer.text
        assert_well_formed(answer.text)


async def test_a_key_that_was_made_is_revoked_when_it_is_given_back(player: Person, house: House) -> None:
    (made,) = await keys.list_keys(house.office, OPERATOR, KeyFilter(), after_id=None, limit=9)
    assert made.status == "active"
    assert made.tags == ("playground",)
    assert made.expires_at
    assert (await player.submit("/playground/give-back")).to == "/playground?said=key-returned"
    assert (await keys.get_key(house.office, OPERATOR, made.id)).status == "revoked"


async def test_a_key_that_is_revoked_meanwhile_is_said_to_be_over(player: Person, house: House) -> None:
    (made,) = await keys.list_keys(house.office, OPERATOR, KeyFilter(), after_id=None, limit=9)
    await keys.revoke_key(house.office, OPERATOR, made.id, None)
    assert "is over, or it was changed" in (await player.get("/playground")).text
    assert "is over" in (await player.submit("/playground/send", **HELLO)).text
    assert house.around.playing.asked_for == []


async def test_a_viewer_may_show_a_key_and_is_made_none(house: House) -> None:
    await add(house.office, "vera", "viewer", password=PASSWORD)
    viewer = await house.signed_in("vera@example.com")
    page = await viewer.get("/playground")
    assert "Make one for an hour" not in page.text
    assert (await viewer.post("/playground/lend", page.form("/playground/key"))).status == 403
    made = await keys.create_key(house.office, OPERATOR, KeyWish(name="ci"))
    await viewer.get("/playground")
    assert (await viewer.submit("/playground/key", key=made.secret)).status == 303
    page = await viewer.follow()
    assert "/keys/key" not in page.text


async def test_a_member_is_told_what_would_become_of_it_with_their_key_only(house: House) -> None:
    await add(house.office, "mia", password=PASSWORD)
    member = await house.signed_in("mia@example.com")
    await member.get("/playground")
    assert (await press(member, "preview", **HELLO)).status == 422
    await member.get("/playground")
    await member.submit("/playground/lend")
    await member.follow()
    assert (await press(member, "preview", **HELLO)).status == 200
    (asked,) = house.around.foresight.asked
    assert asked.holds is not None
    assert asked.holds.tags == ("playground",)
    assert asked.bodies


async def test_who_waits_for_a_role_does_not_play(house: House) -> None:
    await add(house.office, "pia", "pending", password=PASSWORD)
    person = await house.signed_in("pia@example.com")
    assert (await person.get("/playground")).status == 403


async def test_keys_of_the_actor_are_theirs(player: Person, house: House) -> None:
    """What one browser keeps is of no use to somebody else."""
    await add(house.office, "max", "owner", password=PASSWORD)
    other = await house.signed_in("max@example.com")
    held = {name: value for name, value in player.cookies.items() if "held" in name}
    assert held
    other.cookies.update(held)
    assert "Make one for an hour" in (await other.get("/playground")).text
