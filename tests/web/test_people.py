"""Users and teams: who sees and changes whom, links that are shown once, what is typed before something is deleted."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from gateway.management import keys, people, teams
from gateway.management.keys import KeyWish
from gateway.management.people import NewUser, UserFilter, UserView
from gateway.management.teams import MemberWish, TeamFilter, TeamView, TeamWish
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import OTHER_PASSWORD, PASSWORD, Answer, House, Person

LINK = re.compile(r"https://gate\.example(/password\?token=slg-lnk-[A-Za-z0-9_-]{43})")


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def make_team(house: House, name: str, *members: tuple[UserView, Any]) -> TeamView:
    team = await teams.create_team(house.office, OPERATOR, TeamWish(name=name))
    for user, role in members:
        await teams.put_member(house.office, OPERATOR, team.id, MemberWish(user_id=user.id, role=role))
    return team


def actions_in(answer: Answer) -> set[str]:
    return {action for action, _ in answer.forms} - {"/logout"}


def emails_in(text: str) -> list[str]:
    return re.findall(r'<a class="row" href="/people/[0-9a-f-]+">([^<]+)</a>', text)


async def test_it_is_well_formed_empty_and_full(house: House, owner: Person) -> None:
    page = await owner.get("/people")
    assert_well_formed(page.text)
    assert "There is no team yet." in page.text
    ada = await add(house.office, "ada", "pending")
    await make_team(house, "Research", (ada, "member"))
    page = await owner.get("/people")
    assert_well_formed(page.text)
    assert emails_in(page.text) == ["ada@example.com", "olga@example.com"]
    assert "waiting" in page.text
    assert page.text.count("Research") >= 2


async def test_users_are_found_by_role_status_and_name(house: House, owner: Person) -> None:
    await add(house.office, "ada", "viewer")
    bob = await add(house.office, "bob")
    await owner.get(f"/people/{bob.id}")
    await owner.submit(f"/people/{bob.id}/disable")
    for query, found in (
        ("role=viewer", ["ada@example.com"]),
        ("status=disabled", ["bob@example.com"]),
        ("search=olg", ["olga@example.com"]),
        ("search=nobody", []),
    ):
        page = await owner.get(f"/people?{query}")
        assert emails_in(page.text) == found
        assert 'class="chip"' in page.text
    assert len(emails_in((await owner.get("/people?role=emperor&status=odd")).text)) == 3


async def test_a_page_holds_fifty_and_leads_to_older_ones(house: House, owner: Person) -> None:
    for number in range(51):
        await add(house.office, f"u{number:02}")
    first = await owner.get("/people?search=u")
    assert len(emails_in(first.text)) == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    assert emails_in((await owner.get(html.unescape(older[1]))).text) == ["u00@example.com"]


async def test_somebody_is_invited_and_chooses_a_password(house: House, owner: Person) -> None:
    await owner.get("/people")
    done = await owner.submit("/people", email="Ada@Example.com", name="Ada", role="viewer")
    assert done.status == 200
    assert done.headers["cache-control"] == "no-store, no-transform"
    assert_well_formed(done.text)
    (link,) = set(LINK.findall(done.text))
    assert not LINK.search((await owner.get("/people")).text)
    ada = house.person()
    await ada.get(link)
    await ada.follow()
    assert (await ada.submit("/password", password=OTHER_PASSWORD, again=OTHER_PASSWORD)).status == 303
    (user,) = await people.list_users(house.office, OPERATOR, UserFilter(search="ada"), after_id=None, limit=5)
    assert (user.email, user.role) == ("ada@example.com", "viewer")


@pytest.mark.parametrize(
    ("typed", "status", "place"),
    [
        ({"email": "nobody"}, 422, 'id="people-email-wrong"'),
        ({"email": "olga@example.com"}, 409, 'id="people-email-wrong"'),
        ({"role": "emperor"}, 422, 'role="alert"'),
        ({"name": "x" * 201}, 422, 'id="people-name-wrong"'),
    ],
)
async def test_what_is_wrong_with_an_invitation_is_said(
    owner: Person, typed: dict[str, str], status: int, place: str
) -> None:
    await owner.get("/people")
    answer = await owner.submit("/people", **{"email": "ada@example.com", "role": "member", **typed})
    assert (answer.status, place in answer.text) == (status, True)
    assert_well_formed(answer.text)


async def test_a_user_is_changed_and_nobody_s_change_is_lost(house: House, owner: Person) -> None:
    ada = await add(house.office, "ada")
    page = await owner.get(f"/people/{ada.id}")
    assert_well_formed(page.text)
    fields = page.form(f"/people/{ada.id}/change")
    done = await owner.post(f"/people/{ada.id}/change", {**fields, "role": "viewer", "name": "Ada L."})
    assert done.to == f"/people/{ada.id}?said=user-changed"
    now = await people.get_user(house.office, OPERATOR, ada.id)
    assert (now.role, now.name, now.email) == ("viewer", "Ada L.", "ada@example.com")
    stale = await owner.post(f"/people/{ada.id}/change", {**fields, "role": "member"})
    assert stale.status == 412
    wrong = await owner.submit(f"/people/{ada.id}/change", email="nobody", role="viewer")
    assert 'id="people-{id}-change-email-wrong"' in wrong.text
    assert_well_formed(wrong.text)


async def test_a_user_is_disabled_and_enabled(house: House, owner: Person) -> None:
    await add(house.office, "ada", password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    user = await people.find_user(house.office, OPERATOR, "ada@example.com")
    await owner.get(f"/people/{user.id}")
    assert (await owner.submit(f"/people/{user.id}/disable")).to.endswith("?said=user-disabled")
    assert (await ada.get("/account")).status == 303
    page = await owner.follow()
    assert actions_in(page) >= {f"/people/{user.id}/enable"}
    assert f"/people/{user.id}/link" not in actions_in(page)
    await owner.submit(f"/people/{user.id}/enable")
    assert (await ada.log_in("ada@example.com")).status == 303


async def test_the_last_owner_stays_one(house: House, owner: Person) -> None:
    olga = await people.find_user(house.office, OPERATOR, "olga@example.com")
    await owner.get(f"/people/{olga.id}")
    for action, typed in (("disable", {}), ("change", {"role": "member"}), ("delete", {"email": olga.email})):
        answer = await owner.submit(f"/people/{olga.id}/{action}", **typed)
        assert (answer.status, "last owner" in answer.text) == (409, True), action


async def test_a_link_for_a_password_is_shown_once(house: House, owner: Person) -> None:
    ada = await add(house.office, "ada")
    await owner.get(f"/people/{ada.id}")
    done = await owner.submit(f"/people/{ada.id}/link")
    assert len(set(LINK.findall(done.text))) == 1
    assert_well_formed(done.text)
    assert not LINK.search((await owner.get(f"/people/{ada.id}")).text)


async def test_a_user_is_deleted_by_typing_the_address(house: House, owner: Person) -> None:
    ada = await add(house.office, "ada")
    await owner.get(f"/people/{ada.id}")
    wrong = await owner.submit(f"/people/{ada.id}/delete", email="ade@example.com")
    assert (wrong.status, 'id="people-{id}-delete-email-wrong"' in wrong.text) == (422, True)
    assert (await owner.submit(f"/people/{ada.id}/delete", email="Ada@example.com")).to == "/people?said=user-deleted"
    assert (await owner.get(f"/people/{ada.id}")).status == 404
    bob = await add(house.office, "bob")
    await keys.create_key(house.office, OPERATOR, KeyWish(name="bobs", user_id=bob.id))
    page = await owner.get(f"/people/{bob.id}")
    assert f'href="/keys?user={bob.id}"' in page.text
    kept = await owner.submit(f"/people/{bob.id}/delete", email="bob@example.com")
    assert (kept.status, "has client keys" in kept.text) == (409, True)


async def test_an_admin_changes_nobody_who_may_do_more(house: House) -> None:
    olga = await add(house.office, "olga", "owner")
    ada = await add(house.office, "ada")
    await add(house.office, "adam", "admin", password=PASSWORD)
    adam = await house.signed_in("adam@example.com")
    page = await adam.get("/people")
    assert (
        '<option value="owner">owner</option>'
        not in page.text.partition('id="invite-role"')[2].partition("</select>")[0]
    )
    assert (await adam.submit("/people", email="x@example.com", role="owner")).status == 403
    assert actions_in(await adam.get(f"/people/{olga.id}")) == set()
    csrf = adam.last.form("/logout")["csrf"]  # type: ignore[union-attr] # it was just answered
    for action in ("change", "disable", "link", "delete"):
        sent = {"csrf": csrf, "email": olga.email, "role": "member", "name": ""}
        assert (await adam.post(f"/people/{olga.id}/{action}", sent)).status == 403, action
    assert len(actions_in(await adam.get(f"/people/{ada.id}"))) == 4


async def test_a_team_is_made_filled_changed_and_deleted(house: House, owner: Person) -> None:
    ada = await add(house.office, "ada")
    await owner.get("/people")
    done = await owner.submit("/people/new-team", name="Research", description="Tries things")
    (team,) = await teams.list_teams(house.office, OPERATOR, TeamFilter(), after_id=None, limit=5)
    there = f"/people/teams/{team.id}"
    assert done.to == f"{there}?said=team-made"
    page = await owner.follow()
    assert_well_formed(page.text)
    assert "Nobody belongs to this team yet." in page.text
    assert (await owner.submit(f"{there}/members", email="ada@example.com", role="member")).status == 303
    page = await owner.follow()
    assert_well_formed(page.text)
    assert await roles_in(house, team) == {ada.id: "member"}
    assert (await owner.submit(f"{there}/members", user_id=ada.id, role="admin", email="")).status == 303
    assert await roles_in(house, team) == {ada.id: "admin"}
    fields = (await owner.get(there)).form(f"{there}/change")
    assert (await owner.post(f"{there}/change", {**fields, "name": "Lab"})).status == 303
    assert (await owner.post(f"{there}/change", {**fields, "name": "Den"})).status == 412
    await owner.get(there)
    assert (await owner.submit(f"{there}/remove", user_id=ada.id)).status == 303
    assert await roles_in(house, team) == {}
    await owner.get(there)
    assert (await owner.submit(f"{there}/delete", name="Research")).status == 422
    assert (await owner.submit(f"{there}/delete", name="Lab")).to == "/people?said=team-deleted"
    assert (await owner.get(there)).status == 404


async def roles_in(house: House, team: TeamView) -> dict[str, str]:
    found = await teams.list_members(house.office, OPERATOR, team.id, after_id=None, limit=50)
    return {each.user_id: each.role for each in found}


async def test_what_is_wrong_with_a_team_stands_beside_the_field(house: House, owner: Person) -> None:
    team = await make_team(house, "Research")
    await owner.get("/people")
    for name, status in (("", 422), ("Research", 409), ("x" * 101, 422)):
        answer = await owner.submit("/people/new-team", name=name)
        assert (answer.status, 'id="people-new-team-name-wrong"' in answer.text) == (status, True)
    there = f"/people/teams/{team.id}"
    await owner.get(there)
    for typed in ({"email": "nobody@example.com"}, {"email": "odd"}, {"email": ""}):
        answer = await owner.submit(f"{there}/members", role="member", **typed)
        assert (answer.status, 'id="people-teams-{id}-members-email-wrong"' in answer.text) == (422, True)
    assert (await owner.submit(f"{there}/members", email="olga@example.com", role="king")).status == 422
    assert_well_formed(answer.text)


async def test_members_see_their_teams_and_admins_of_a_team_lead_it(house: House) -> None:
    mia, lea = [await add(house.office, name, password=PASSWORD) for name in ("mia", "lea")]
    theirs = await make_team(house, "Theirs", (mia, "member"), (lea, "admin"))
    other = await make_team(house, "Other")
    member, leader = [await house.signed_in(f"{name}@example.com") for name in ("mia", "lea")]
    for person in (member, leader):
        page = await person.get("/people")
        assert actions_in(page) == set()
        assert "Theirs" in page.text
        assert "Other" not in page.text
        assert "olga" not in page.text
        assert (await person.get(f"/people/{mia.id}")).status == 403
        assert (await person.get(f"/people/teams/{other.id}")).status == 404
    there = f"/people/teams/{theirs.id}"
    page = await member.get(there)
    assert_well_formed(page.text)
    assert actions_in(page) == {f"{there}/remove"}
    csrf = page.form("/logout")["csrf"]
    for action in ("change", "members", "delete"):
        sent = {"csrf": csrf, "name": "Theirs", "email": "mia@example.com", "role": "admin"}
        assert (await member.post(f"{there}/{action}", sent)).status == 403, action
    page = await leader.get(there)
    assert actions_in(page) == {f"{there}/{each}" for each in ("members", "remove", "change")}
    assert (await leader.submit(f"{there}/change", description="Ours")).status == 303
    assert (await teams.get_team(house.office, OPERATOR, theirs.id)).description == "Ours"
    await member.get(there)
    assert (await member.submit(f"{there}/remove", user_id=mia.id)).to == "/people?said=member-removed"
    assert "You belong to no team." in (await member.follow()).text


async def test_a_viewer_sees_no_people(house: House) -> None:
    await add(house.office, "vera", "viewer", password=PASSWORD)
    assert (await (await house.signed_in("vera@example.com")).get("/people")).status == 403


async def test_members_of_a_large_team_come_fifty_at_a_time(house: House, owner: Person) -> None:
    crowd = [await add(house.office, f"u{number:02}") for number in range(51)]
    team = await make_team(house, "Large", *((user, "member") for user in crowd))
    first = await owner.get(f"/people/teams/{team.id}")
    assert len(emails_in(first.text)) == 50
    more = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert more is not None
    assert emails_in((await owner.get(html.unescape(more[1]))).text) == ["u50@example.com"]


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_say_is_text(house: House, owner: Person, text: str) -> None:
    wish = NewUser(email="ada@example.com", name=text, role="member", invite=False)
    ada = (await people.create_user(house.office, OPERATOR, wish)).user
    team = await teams.create_team(house.office, OPERATOR, TeamWish(name=text, description=text))
    await teams.put_member(house.office, OPERATOR, team.id, MemberWish(user_id=ada.id))
    for path in ("/people", f"/people/{ada.id}", f"/people/teams/{team.id}"):
        assert_harmless((await owner.get(path)).text)
    await owner.get("/people")
    for action in ("/people", "/people/new-team"):
        assert_harmless((await owner.submit(action, email=text, name=text, role=text, description=text)).text)
