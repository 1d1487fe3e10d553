from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.access.oidc import Flow, Identity
from gateway.access.oidc.flow import new_flow
from gateway.errors import Conflict, LoginFailed, NotPermitted, NotSignedIn, TooManyAttempts, UnknownResource
from gateway.management import login, openid, people
from gateway.management.office import Actor, Office
from gateway.management.openid import Arrival, Departure, Return
from gateway.settings.model import LoginProviderSettings, LoginRoleSettings, LoginSettings
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
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR

ANYBODY = Actor(kind="anybody", name="anybody")

PLAIN = LoginProviderSettings(id="plain", client_id="us", issuer="https://plain.example", default_role="member")
GROUPED = LoginProviderSettings(
    id="grouped",
    client_id="us",
    issuer="https://grouped.example",
    roles=(LoginRoleSettings(group="staff", role="member"), LoginRoleSettings(group="ops", role="admin")),
)
ANN = Identity("plain", "1", "Ann@example.com", email_verified=True, name="Ann")


class Provider:
    """What speaks with providers, without speaking with any: says who comes back."""

    def __init__(self) -> None:
        self.identity = ANN
        self.finished: list[Flow] = []

    async def begin(self, provider: LoginProviderSettings, redirect_uri: str) -> Flow:
        flow = new_flow(provider.id, redirect_uri)
        return replace(flow, url=f"{provider.issuer}/authorize?state={flow.state}")

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        self.finished.append(flow)
        if "error" in query:
            raise LoginFailed("The login was cancelled.")
        return replace(self.identity, provider=provider.id)


class Scene:
    """An office, a provider and a browser."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self.office, self.clock, self.provider = office, clock, Provider()

    async def leave(self, provider: str = "plain", actor: Actor = ANYBODY, **more: Any) -> str:
        """The state with which the browser left."""
        departure = Departure(provider=provider, redirect_uri="https://us/login/x/callback", browser="one", **more)
        url = await openid.begin(self.office, self.provider, actor, departure)
        return url.partition("state=")[2]

    async def come_back(self, state: str, browser: str = "one", **query: str) -> Arrival:
        back = Return(query={"state": state, "code": "c", **query}, browser=browser, visit=VISIT)
        return await openid.finish(self.office, self.provider, back)

    async def log_in(self, identity: Identity = ANN, provider: str = "plain") -> Actor:
        """Who is logged in once this identity has come back."""
        self.provider.identity = identity
        arrival = await self.come_back(await self.leave(provider))
        assert arrival.started is not None
        return await came_back(self.office, arrival.started)


@pytest.fixture
async def scene(where: Where) -> AsyncIterator[Scene]:
    async with office_at(where, LoginSettings(providers=(PLAIN, GROUPED))) as (office, clock):
        yield Scene(office, clock)


async def test_somebody_new_becomes_a_user_who_is_found_again(scene: Scene) -> None:
    actor = await scene.log_in()
    user = await people.find_user(scene.office, OPERATOR, "ann@example.com")
    assert (actor.user_id, user.role, user.name, user.has_password) == (user.id, "member", "Ann", False)
    moved = replace(ANN, email="anna@elsewhere.example", name="Anna")
    assert (await scene.log_in(moved)).user_id == user.id
    (identity,) = await openid.list_identities(scene.office, OPERATOR, user.id)
    assert (identity.provider, identity.subject, identity.email) == ("plain", "1", "anna@elsewhere.example")
    told = sorted(entry["action"] for entry in await audit(scene.office))
    assert told == ["login", "login", "user.connect", "user.create"]
    assert (await audit(scene.office, "login"))[0]["after"] == {"method": "plain"}


async def test_the_page_to_return_to_is_ours(scene: Scene) -> None:
    for page, shown in (("/keys?a=1", "/keys?a=1"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("x", "/")):
        arrival = await scene.come_back(await scene.leave(return_to=page))
        assert arrival.return_to == shown
    assert openid.own_page("/a\nb") == "/"


async def test_a_login_is_finished_once_in_the_same_browser_and_in_time(scene: Scene, where: Where) -> None:
    state = await scene.leave()
    await scene.come_back(state)
    for wrong in (state, "nonsense", ""):
        with pytest.raises(LoginFailed, match="Log in again"):
            await scene.come_back(wrong)
    for browser in ("two", ""):
        with pytest.raises(LoginFailed, match="not begun in this browser"):
            await scene.come_back(await scene.leave(), browser)
    late = await scene.leave()
    scene.clock.pass_by(600)
    with pytest.raises(LoginFailed, match="took too long"):
        await scene.come_back(late)
    assert len(scene.provider.finished) == 1
    flow = scene.provider.finished[0]
    kept = everything_kept(where.path.parent)
    assert all(secret.encode() not in kept for secret in (flow.state, flow.nonce, flow.verifier))


async def test_a_login_comes_back_to_the_address_of_its_own_provider(scene: Scene) -> None:
    for provider in ("grouped", "plain"):
        back = Return(query={"state": await scene.leave()}, browser="one", visit=VISIT, provider=provider)
        if provider == "plain":
            await openid.finish(scene.office, scene.provider, back)
        else:
            with pytest.raises(LoginFailed):
                await openid.finish(scene.office, scene.provider, back)


async def test_what_the_provider_refuses_fails_and_makes_nobody(scene: Scene) -> None:
    with pytest.raises(LoginFailed, match="cancelled"):
        await scene.come_back(await scene.leave(), error="access_denied")
    assert await audit(scene.office) == []
    with pytest.raises(UnknownResource):
        await scene.leave("nobody")


async def test_a_provider_that_was_removed_meanwhile_logs_nobody_in(scene: Scene) -> None:
    state = await scene.leave()
    scene.office.settings = structs.replace(scene.office.settings, login=LoginSettings())
    with pytest.raises(UnknownResource):
        await scene.come_back(state)


async def test_who_was_invited_and_has_no_way_in_yet_is_found_by_the_address(scene: Scene) -> None:
    user = await add(scene.office, "ann", "admin")
    actor = await scene.log_in()
    assert (actor.user_id, "people:write" in actor.permissions) == (user.id, True)


@pytest.mark.parametrize("way", ["password", "login"])
async def test_nobody_takes_over_a_user_who_has_another_way_in(scene: Scene, way: str) -> None:
    office = scene.office
    if way == "password":
        user = await add(office, "ann", password=PASSWORD)
    else:
        user = await people.get_user(office, OPERATOR, str((await scene.log_in()).user_id))
    for stranger, provider in ((replace(ANN, subject="2"), "plain"), (ANN, "grouped")):
        with pytest.raises(LoginFailed, match="logs in in another way"):
            await scene.log_in(stranger, provider)
    assert len(await openid.list_identities(office, OPERATOR, user.id)) == (way == "login")
    refused = await audit(office, "login.failed")
    assert [(entry["target_name"], entry["after"]["method"]) for entry in refused] == [
        ("ann@example.com", "plain"),
        ("ann@example.com", "grouped"),
    ]


@pytest.mark.parametrize(
    "identity", [replace(ANN, email_verified=False), replace(ANN, email=""), replace(ANN, email="änn@example.com")]
)
async def test_an_address_that_proves_nothing_leads_to_nobody(scene: Scene, identity: Identity) -> None:
    await add(scene.office, "ann")
    with pytest.raises(LoginFailed):
        await scene.log_in(identity)


async def test_refusals_are_written_down_only_while_they_are_few(scene: Scene) -> None:
    await add(scene.office, "ann", password=PASSWORD)
    for _ in range(60):
        with pytest.raises(LoginFailed):
            await scene.log_in()
    assert len(await audit(scene.office, "login.failed")) == 50


async def test_a_disabled_user_is_refused(scene: Scene) -> None:
    actor = await scene.log_in()
    user = await people.get_user(scene.office, OPERATOR, str(actor.user_id))
    await people.change_user(scene.office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    with pytest.raises(LoginFailed, match="disabled"):
        await scene.log_in()


async def test_groups_give_a_role_anew_at_each_login(scene: Scene) -> None:
    def roles(actor: Actor) -> bool:
        return "people:write" in actor.permissions

    await scene.log_in(replace(ANN, groups=("ops",)), "grouped")
    first = await scene.log_in(replace(ANN, groups=("ops",)), "grouped")
    assert roles(first)
    assert not roles(await scene.log_in(replace(ANN, groups=("staff",)), "grouped"))
    with pytest.raises(NotSignedIn):
        await sessions_of(scene, first)
    waiting = await scene.log_in(replace(ANN, groups=("guests",)), "grouped")
    assert waiting.permissions == {"sessions:own"}, "no group, so the default of the provider"
    changes = [(entry["before"]["role"], entry["after"]["role"]) for entry in await audit(scene.office, "user.change")]
    assert changes == [("admin", "member"), ("member", "pending")]


async def sessions_of(scene: Scene, actor: Actor) -> None:
    """Raises NotSignedIn unless the session is still there."""
    row = await scene.office.read(lambda session: session.row("sessions/found", {"id": actor.session_id}))
    if row is None:
        raise NotSignedIn("it is over")


async def test_groups_take_nothing_from_an_owner(scene: Scene) -> None:
    await add(scene.office, "ann", "owner")
    actor = await scene.log_in(replace(ANN, groups=("staff",)), "grouped")
    assert "people:owner" in actor.permissions


async def test_without_groups_a_role_given_by_hand_stays(scene: Scene) -> None:
    actor = await scene.log_in()
    user = await people.get_user(scene.office, OPERATOR, str(actor.user_id))
    await people.change_user(scene.office, OPERATOR, user.id, wish_of(user, role="viewer"), None)
    assert "keys:own" not in (await scene.log_in()).permissions


async def test_who_is_logged_in_connects_and_disconnects_a_login(scene: Scene) -> None:
    office = scene.office
    user = await add(office, "bob", password=PASSWORD)
    actor = await came_back(office, await begin(office, user))
    arrival = await scene.come_back(await scene.leave(actor=actor, connect=True, return_to="/me"))
    assert arrival == Arrival("/me", None)
    assert (await scene.log_in()).user_id == user.id
    await scene.come_back(await scene.leave(actor=actor, connect=True))
    other = await actor_of(office, await add(office, "cem"))
    with pytest.raises(LoginFailed, match="another user"):
        await scene.come_back(await scene.leave(actor=other, connect=True))
    with pytest.raises(NotPermitted):
        await openid.disconnect(office, other, user.id, "plain", "1")
    with pytest.raises(NotPermitted):
        await openid.list_identities(office, other, user.id)
    assert len(await openid.list_identities(office, actor, user.id)) == 1
    await openid.disconnect(office, actor, user.id, "plain", "1")
    with pytest.raises(UnknownResource):
        await openid.disconnect(office, actor, user.id, "plain", "1")
    assert (await scene.log_in()).user_id != user.id


async def test_nobody_connects_a_login_without_being_logged_in_or_once_disabled(scene: Scene) -> None:
    for actor in (ANYBODY, OPERATOR):
        with pytest.raises(NotPermitted):
            await scene.leave(actor=actor, connect=True)
    user = await add(scene.office, "bob")
    state = await scene.leave(actor=await actor_of(scene.office, user), connect=True)
    await people.change_user(scene.office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    with pytest.raises(LoginFailed, match="disabled"):
        await scene.come_back(state)


async def test_nobody_cuts_off_their_only_way_in(scene: Scene) -> None:
    actor = await scene.log_in()
    with pytest.raises(Conflict, match="only way"):
        await openid.disconnect(scene.office, actor, str(actor.user_id), "plain", "1")
    await openid.disconnect(scene.office, OPERATOR, str(actor.user_id), "plain", "1")


async def test_logins_on_their_way_cannot_fill_the_database(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "MOST_FLOWS", 2)
    await scene.leave()
    await scene.leave()
    with pytest.raises(TooManyAttempts):
        await scene.leave()
    scene.clock.pass_by(600)
    await scene.leave()
    scene.clock.pass_by(600)
    await login.forget_old(scene.office)
    left = await scene.office.read(lambda session: session.row("openid/flows"))
    assert left == {"flows": 0}
