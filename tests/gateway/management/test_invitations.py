from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import Conflict, NotPermitted, NotSignedIn, Unacceptable, UnknownResource
from gateway.management import invitations, login, people
from gateway.management.invitations import ChosenPassword, FirstOwner
from gateway.management.links import LinkView, LinkWish, path_of
from gateway.management.office import Office
from gateway.management.people import NewUser, UserFilter
from gateway.store.state import Where
from tests.gateway.management.crowd import (
    PASSWORD,
    VISIT,
    Clock,
    actor_of,
    add,
    audit,
    begin,
    came_back,
    everything_kept,
    log_in,
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR

HOUR = 3600.0


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where) as office:
        yield office


async def setup_link(office: Office) -> LinkView:
    link = await invitations.make_setup_link(office, OPERATOR)
    assert link is not None
    return link


def first(link: LinkView, email: str = "ann@example.com", password: str = PASSWORD) -> FirstOwner:
    return FirstOwner(token=link.token, email=email, name="Ann", password=password)


async def owners(office: Office) -> list[str]:
    wanted = UserFilter(role="owner")
    return [user.email for user in await people.list_users(office, OPERATOR, wanted, after_id=None, limit=10)]


async def test_the_setup_link_makes_the_first_owner_who_is_logged_in(at: tuple[Office, Clock], where: Where) -> None:
    office, _ = at
    assert await invitations.needs_owner(office)
    link = await setup_link(office)
    assert path_of(link) == f"/setup?token={link.token}"
    shown = await invitations.look_at_link(office, "setup", link.token)
    assert (shown.email, shown.expires_at) == (None, link.expires_at)
    actor = await came_back(office, await invitations.make_first_owner(office, first(link), VISIT))
    assert "people:owner" in actor.permissions
    assert not await invitations.needs_owner(office)
    await log_in(office, "ann@example.com", PASSWORD)
    assert link.token.encode() not in everything_kept(where.path.parent)
    told = {(entry["actor_kind"], entry["actor_name"], entry["action"]) for entry in await audit(office)}
    assert told == {
        ("operator", "operator", "setup.link"),
        ("anybody", "setup link", "user.create"),
        ("anybody", "setup link", "login"),
        ("user", "ann@example.com", "login"),
    }


async def test_the_setup_link_works_once(at: tuple[Office, Clock]) -> None:
    office, _ = at
    link = await setup_link(office)
    tries = (invitations.make_first_owner(office, first(link, f"{name}@example.com"), VISIT) for name in "abc")
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["Started", "UnknownResource", "UnknownResource"]
    assert len(await owners(office)) == 1


async def test_a_setup_link_has_its_time_and_a_newer_one_voids_it(at: tuple[Office, Clock]) -> None:
    office, clock = at
    old, new = await setup_link(office), await setup_link(office)
    for void in (old.token, "slg-lnk-" + "A" * 43, "", "nonsense"):
        with pytest.raises(UnknownResource):
            await invitations.look_at_link(office, "setup", void)
    clock.pass_by(24 * HOUR - 60)
    await invitations.look_at_link(office, "setup", new.token)
    clock.pass_by(60)
    with pytest.raises(UnknownResource):
        await invitations.make_first_owner(office, first(new), VISIT)
    assert await owners(office) == []


async def test_there_is_no_setup_where_an_owner_can_log_in(at: tuple[Office, Clock]) -> None:
    office, _ = at
    link = await setup_link(office)
    await add(office, "bob", "owner")
    assert await invitations.make_setup_link(office, OPERATOR) is None
    with pytest.raises(Conflict, match="owner already"):
        await invitations.make_first_owner(office, first(link), VISIT)
    admin = await actor_of(office, await add(office, "cem", "admin"))
    with pytest.raises(NotPermitted):
        await invitations.make_setup_link(office, admin)


async def test_a_refused_first_owner_leaves_the_link_as_it_was(at: tuple[Office, Clock]) -> None:
    office, _ = at
    link = await setup_link(office)
    await add(office, "bob")
    with pytest.raises(Unacceptable):
        await invitations.make_first_owner(office, first(link, password="short"), VISIT)
    with pytest.raises(Conflict):
        await invitations.make_first_owner(office, first(link, email="bob@example.com"), VISIT)
    await invitations.make_first_owner(office, first(link), VISIT)


async def test_an_invited_user_chooses_a_password_and_is_logged_in(at: tuple[Office, Clock]) -> None:
    office, clock = at
    made = await people.create_user(office, OPERATOR, NewUser(email="ann@example.com", role="viewer"))
    assert made.link is not None
    clock.pass_by(71 * HOUR)
    shown = await invitations.look_at_link(office, "password", made.link.token)
    assert shown.email == "ann@example.com"
    wish = ChosenPassword(token=made.link.token, password=PASSWORD)
    assert made.link.token not in repr(wish)
    assert PASSWORD not in repr(wish)
    actor = await came_back(office, await invitations.choose_password(office, wish, VISIT))
    assert actor.user_id == made.user.id
    await log_in(office, "ann@example.com", PASSWORD)
    with pytest.raises(UnknownResource):
        await invitations.choose_password(office, wish, VISIT)


async def test_a_new_password_by_link_ends_the_sessions_there_were(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    started = await begin(office, user)
    link = await people.make_password_link(office, OPERATOR, user.id, LinkWish())
    with pytest.raises(Unacceptable):
        await invitations.choose_password(office, ChosenPassword(token=link.token, password="password"), VISIT)
    await invitations.choose_password(office, ChosenPassword(token=link.token, password=PASSWORD), VISIT)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    entry = (await audit(office, "user.password"))[0]
    assert (entry["actor_id"], entry["before"], entry["after"]) == (user.id, None, None)


@pytest.mark.parametrize("change", ["email", "role", "disabled", "link", "password", "time"])
async def test_a_password_link_is_void(at: tuple[Office, Clock], change: str) -> None:
    """Once the user is another, has a newer link or a new password, or the hour is over."""
    office, clock = at
    user = await add(office, "ann")
    link = await people.make_password_link(office, OPERATOR, user.id, LinkWish(hours=1.0))
    if change == "time":
        clock.pass_by(HOUR)
    elif change == "link":
        await people.make_password_link(office, OPERATOR, user.id, LinkWish())
    elif change == "password":
        await people.set_password(office, OPERATOR, user.id, PASSWORD)
    else:
        changed = {"email": "anna@example.com", "role": "viewer", "disabled": True}[change]
        await people.change_user(office, OPERATOR, user.id, wish_of(user, **{change: changed}), None)
    with pytest.raises(UnknownResource):
        await invitations.choose_password(office, ChosenPassword(token=link.token, password=PASSWORD), VISIT)


async def test_a_link_does_nothing_but_what_it_is_for(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    setup = await setup_link(office)
    password = await people.make_password_link(office, OPERATOR, user.id, LinkWish())
    with pytest.raises(UnknownResource):
        await invitations.make_first_owner(office, first(password, "x@example.com"), VISIT)
    with pytest.raises(UnknownResource):
        await invitations.choose_password(office, ChosenPassword(token=setup.token, password=PASSWORD), VISIT)


async def test_nobody_makes_a_link_for_a_disabled_user(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    with pytest.raises(Conflict, match="disabled"):
        await people.make_password_link(office, OPERATOR, user.id, LinkWish())


async def test_links_that_have_had_their_time_are_deleted(at: tuple[Office, Clock]) -> None:
    office, clock = at
    user = await add(office, "ann")
    link = await people.make_password_link(office, OPERATOR, user.id, LinkWish())
    clock.pass_by(2 * HOUR)
    await login.forget_old(office)
    clock.pass_by(-2 * HOUR)
    with pytest.raises(UnknownResource):
        await invitations.look_at_link(office, "password", link.token)
