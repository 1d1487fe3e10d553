"""Logins at GitHub, which has no identity tokens: who somebody is, is asked of its REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.access.github import api_of
from gateway.access.oidc import Identity
from gateway.access.oidc.login import Login
from gateway.errors import LoginFailed
from gateway.settings.model import LoginRoleSettings
from tests.gateway.access import forgery
from tests.gateway.access.forgery import REDIRECT, json_of, provider_at
from tests.gateway.access.octocat import EMAILS, TEAM, USER, Octocat

ROLES = (LoginRoleSettings(group="corp/*", role="admin"),)


@pytest.fixture
async def octocat() -> AsyncIterator[Octocat]:
    made = Octocat()
    async with forgery.serving(made):
        yield made


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    async with forgery.logging_in() as made:
        yield made


async def log_in(login: Login, octocat: Octocat, **more: Any) -> Identity:
    provider = provider_at(octocat, kind="github", **more)
    flow = await login.begin(provider, REDIRECT)
    return await login.finish(provider, flow, octocat.browse(flow.url))


async def test_somebody_is_known_by_number_and_by_the_primary_address(login: Login, octocat: Octocat) -> None:
    identity = await log_in(login, octocat)
    assert (identity.subject, identity.name) == ("583231", "The Octocat")
    assert (identity.email, identity.email_verified) == ("Octocat@corp.example", True)
    assert identity.claims["preferred_username"] == "octocat"
    assert identity.groups == ()
    assert octocat.count("/api/v3/user/orgs") == 0


async def test_groups_are_organizations_and_teams(login: Login, octocat: Octocat) -> None:
    octocat.teams = [{**TEAM, "slug": f"team-{each}", "organization": {"login": "corp"}} for each in range(230)]
    identity = await log_in(login, octocat, roles=ROLES)
    assert identity.groups[:2] == ("corp", "corp/team-0")
    assert len(identity.groups) == 231
    assert octocat.count("/api/v3/user/teams") == 3


async def test_somebody_without_a_name_goes_by_the_login(login: Login, octocat: Octocat) -> None:
    octocat.user = {**USER, "name": None}
    assert (await log_in(login, octocat)).name == "octocat"


@pytest.mark.parametrize(
    ("change", "settings", "reason"),
    [
        ({"emails": [{**EMAILS[1], "verified": False}]}, {}, "is not verified"),
        ({"emails": [EMAILS[0]]}, {}, "does not tell the e-mail address"),
        ({"user": {**USER, "id": None}}, {}, "does not say whom"),
        ({"user": {**USER, "id": True}}, {}, "does not say whom"),
        ({}, {"client_secret": "wrong"}, "its secret is wrong"),
        ({}, {"allowed_domains": ("elsewhere.example",)}, "domain may not log in"),
        ({}, {"roles": ROLES, "scopes": ("user:email",)}, "did not give its organizations"),
    ],
)
async def test_who_may_not_come_in_is_told_why(
    login: Login, octocat: Octocat, change: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    for name, value in change.items():
        setattr(octocat, name, value)
    with pytest.raises(LoginFailed, match=reason):
        await log_in(login, octocat, **settings)


async def test_a_code_of_another_login_is_refused(login: Login, octocat: Octocat) -> None:
    provider = provider_at(octocat, kind="github")
    flow = await login.begin(provider, REDIRECT)
    query = octocat.browse(flow.url)
    with pytest.raises(LoginFailed, match="does not belong to a login that was begun here"):
        await login.finish(provider, flow, {**query, "state": "another"})
    octocat.challenge = "of another login"
    with pytest.raises(LoginFailed, match="does not take the code"):
        await login.finish(provider, flow, query)


async def test_a_login_that_was_cancelled_says_so(login: Login, octocat: Octocat) -> None:
    provider = provider_at(octocat, kind="github")
    flow = await login.begin(provider, REDIRECT)
    with pytest.raises(LoginFailed, match="was cancelled"):
        await login.finish(provider, flow, {"error": "access_denied", "state": flow.state})


async def test_a_list_that_is_none_is_refused(login: Login, octocat: Octocat) -> None:
    octocat.say("/api/v3/user/emails", json_of({"message": "odd"}))
    with pytest.raises(LoginFailed, match="something unreadable when asked for its e-mail addresses"):
        await log_in(login, octocat)


@pytest.mark.parametrize(
    ("server", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://corp.ghe.com", "https://api.corp.ghe.com"),
        ("https://github.corp.example", "https://github.corp.example/api/v3"),
    ],
)
def test_each_edition_has_its_api_elsewhere(server: str, api: str) -> None:
    assert api_of(server) == api


async def test_github_itself_needs_no_address(login: Login) -> None:
    provider = provider_at(Octocat(), kind="github")
    assert (await login.begin(provider, REDIRECT)).url.startswith("https://github.com/login/oauth/authorize?")
