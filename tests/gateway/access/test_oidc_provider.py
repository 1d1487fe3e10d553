"""Logins at a real OpenID provider, a process of its own: what the library of somebody else says is right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.access.oidc import open_login, role_of
from gateway.access.oidc.login import Login
from gateway.errors import LoginFailed
from gateway.outbound.client import Fetcher
from gateway.outbound.guard import may_reach
from gateway.outbound.wire import Pool
from gateway.settings.model import LoginProviderSettings, LoginRoleSettings, UpstreamSettings
from tests.openid_provider import CALLBACK, NOBODY, OpenIdProcess, query_of
from tests.openid_provider import openid_provider as openid_provider  # noqa: PLC0414 # a fixture
from tests.openid_provider import scripts as scripts  # noqa: PLC0414 # a fixture

REDIRECT = f"http://127.0.0.1:49152{CALLBACK}"
ROLES = (LoginRoleSettings(group="op*", role="admin"), LoginRoleSettings(group="staff", role="viewer"))

KEYS: dict[str, Callable[[], Any]] = {
    "RS256": RSAKey.generate_key,
    "PS256": RSAKey.generate_key,
    "ES256": ECKey.generate_key,
    "EdDSA": OKPKey.generate_key,
}

pytestmark = pytest.mark.needs("node", "npm")


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    pool = Pool(UpstreamSettings())
    yield open_login(Fetcher(pool))
    await pool.close()


@pytest.fixture(scope="module")
def full_tokens(scripts: Path) -> Iterator[OpenIdProcess]:
    """A provider whose identity tokens say everything, and which wants clients to prove themselves in the body."""
    process = OpenIdProcess(scripts, full_tokens=True, client={"token_endpoint_auth_method": "client_secret_post"})
    yield process
    process.close()


def provider_at(process: OpenIdProcess, **more: Any) -> LoginProviderSettings:
    known = {"client_id": process.client_id, "client_secret": process.client_secret, "issuer": process.issuer}
    return LoginProviderSettings(id="corp", **{**known, **more})


async def come_back(login: Login, process: OpenIdProcess, provider: LoginProviderSettings, account: str) -> Any:
    flow = await login.begin(provider, REDIRECT)
    return await login.finish(provider, flow, query_of(process.log_in(flow.url, account)))


async def test_somebody_logs_in(login: Login, openid_provider: OpenIdProcess) -> None:
    identity = await come_back(login, openid_provider, provider_at(openid_provider), "ada")
    assert (identity.provider, identity.subject) == ("corp", "ada")
    assert (identity.email, identity.email_verified, identity.name) == ("ada@corp.example", True, "Ada Lovelace")
    assert identity.claims["iss"] == openid_provider.issuer


async def test_groups_give_roles(login: Login, openid_provider: OpenIdProcess) -> None:
    provider = provider_at(openid_provider, roles=ROLES, default_role="member")
    ada = await come_back(login, openid_provider, provider, "ada")
    assert (ada.groups, role_of(provider, ada.groups)) == (("staff", "ops"), "admin")
    bob = await come_back(login, openid_provider, provider, "bob")
    assert (bob.groups, role_of(provider, bob.groups)) == ((), "member")


async def test_what_the_token_says_is_not_asked_for_again(login: Login, full_tokens: OpenIdProcess) -> None:
    provider = provider_at(full_tokens, roles=ROLES)
    identity = await come_back(login, full_tokens, provider, "ada")
    assert (identity.email, identity.groups) == ("ada@corp.example", ("staff", "ops"))


@pytest.mark.parametrize("algorithm", KEYS)
async def test_every_way_to_sign_is_understood(login: Login, scripts: Path, algorithm: str) -> None:
    key = KEYS[algorithm]().as_dict(private=True, alg=algorithm, use="sig")
    process = OpenIdProcess(scripts, keys=[key], client={"id_token_signed_response_alg": algorithm})
    try:
        assert (await come_back(login, process, provider_at(process), "bob")).email == "bob@corp.example"
    finally:
        process.close()


@pytest.mark.parametrize(
    ("account", "more", "reason"),
    [
        ("eve", {}, "is not verified at the provider"),
        ("sam", {}, "does not tell the e-mail address"),
        ("mia", {"allowed_domains": ("corp.example",)}, "Accounts of this domain may not log in"),
        (NOBODY, {}, "The login was cancelled"),
        ("ada", {"client_secret": "wrong"}, "its secret is wrong"),
    ],
)
async def test_who_may_not_come_in_is_told_why(
    login: Login, openid_provider: OpenIdProcess, account: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LoginFailed, match=reason):
        await come_back(login, openid_provider, provider_at(openid_provider, **more), account)


async def test_a_code_is_good_for_one_login(login: Login, openid_provider: OpenIdProcess) -> None:
    provider = provider_at(openid_provider)
    flow = await login.begin(provider, REDIRECT)
    query = query_of(openid_provider.log_in(flow.url, "ada"))
    await login.finish(provider, flow, query)
    with pytest.raises(LoginFailed, match="does not take the code"):
        await login.finish(provider, flow, query)


async def test_a_stolen_code_is_worthless_without_its_verifier(login: Login, openid_provider: OpenIdProcess) -> None:
    provider = provider_at(openid_provider)
    flow = await login.begin(provider, REDIRECT)
    query = query_of(openid_provider.log_in(flow.url, "ada"))
    mine = await login.begin(provider, REDIRECT)
    with pytest.raises(LoginFailed, match="does not take the code"):
        await login.finish(provider, replace(mine, state=flow.state), query)


async def test_the_answer_names_its_issuer(login: Login, openid_provider: OpenIdProcess) -> None:
    provider = provider_at(openid_provider)
    flow = await login.begin(provider, REDIRECT)
    query = query_of(openid_provider.log_in(flow.url, "ada"))
    assert query["iss"] == openid_provider.issuer
    with pytest.raises(LoginFailed, match="does not say which provider"):
        await login.finish(provider, flow, {name: value for name, value in query.items() if name != "iss"})


async def test_a_guarded_connection_does_not_lead_to_this_machine(openid_provider: OpenIdProcess) -> None:
    pool = Pool(UpstreamSettings(), permit=may_reach)
    try:
        with pytest.raises(LoginFailed, match="could not be asked for its discovery document") as failed:
            await open_login(Fetcher(pool, guarded=True)).begin(provider_at(openid_provider), REDIRECT)
        assert "is not public" in failed.value.details
    finally:
        await pool.close()
