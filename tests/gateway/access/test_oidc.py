"""What there is to a login beside the provider's mistakes: addresses, kinds, domains, groups, roles, what is kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from gateway.access.oidc import Flow, Identity, check_provider, role_of
from gateway.access.oidc.identity import check_identity, read_identity
from gateway.access.oidc.kinds import scopes_of
from gateway.access.oidc.login import Login
from gateway.access.oidc.shelf import MOST_KEPT, Shelf
from gateway.errors import LoginFailed
from gateway.settings.model import LoginProviderSettings, LoginRoleSettings
from tests.gateway.access import forgery
from tests.gateway.access.forgery import REDIRECT, Forger, answer_to, provider_at
from tests.openid_provider import query_of
from tests.source import ROOT

WELL_KNOWN = "/.well-known/openid-configuration"
TENANT = "8c7de9a1-21a9-4f3f-8e62-6d7c8b6c9f10"
MICROSOFT = f"https://login.microsoftonline.com/{TENANT}/v2.0"
ADA = {"sub": "ada", "email": "ada@corp.example", "email_verified": True}


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    made = Forger()
    async with forgery.serving(made):
        yield made


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    async with forgery.logging_in() as made:
        yield made


def provider(**more: Any) -> LoginProviderSettings:
    return LoginProviderSettings(id="corp", client_id="us", **{"issuer": "https://login.corp.example", **more})


def roles(**by_group: str) -> tuple[LoginRoleSettings, ...]:
    return msgspec.convert(
        [{"group": group, "role": role} for group, role in by_group.items()], tuple[LoginRoleSettings, ...]
    )


async def test_the_browser_is_sent_off_with_a_challenge_and_secrets_of_its_own(login: Login, forger: Forger) -> None:
    first, second = [await login.begin(provider_at(forger), REDIRECT) for _ in range(2)]
    query = query_of(first.url)
    assert first.url.startswith(f"{forger.url}/authorize?already=there&")
    assert (query["response_type"], query["client_id"], query["redirect_uri"]) == ("code", forgery.CLIENT, REDIRECT)
    assert (query["scope"], query["state"], query["nonce"]) == ("openid email profile", first.state, first.nonce)
    assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
    assert first.verifier not in first.url
    assert not {first.state, first.nonce, first.verifier} & {second.state, second.nonce, second.verifier}
    assert forgery.SECRET not in first.url


async def test_a_flow_can_be_kept_as_json_and_shows_no_secrets(login: Login, forger: Forger) -> None:
    flow = await login.begin(provider_at(forger), REDIRECT)
    assert msgspec.json.decode(msgspec.json.encode(flow), type=Flow) == flow
    assert not any(secret in repr(flow) for secret in (flow.state, flow.nonce, flow.verifier))


async def test_what_a_provider_publishes_is_fetched_once_an_hour(forger: Forger) -> None:
    now = 0.0
    async with forgery.logging_in(clock=lambda: now) as login:
        await asyncio.gather(*(login.begin(provider_at(forger), REDIRECT) for _ in range(20)))
        now = 3599.0
        await login.begin(provider_at(forger), REDIRECT)
        assert forger.count(WELL_KNOWN) == 1
        now = 3601.0
        await login.begin(provider_at(forger), REDIRECT)
        assert forger.count(WELL_KNOWN) == 2


async def test_a_provider_that_was_away_is_asked_again(login: Login, forger: Forger) -> None:
    right = forger.answers.pop(WELL_KNOWN)
    for _ in range(2):
        with pytest.raises(LoginFailed, match="did not give its discovery document"):
            await login.begin(provider_at(forger), REDIRECT)
    forger.answers[WELL_KNOWN] = right
    assert (await login.begin(provider_at(forger), REDIRECT)).url


async def test_a_shelf_has_room_for_so_many_things() -> None:
    shelf: Shelf[str] = Shelf(3600.0, lambda: 0.0)
    fetched: list[str] = []

    async def get(address: str) -> None:
        async def fetch() -> str:
            fetched.append(address)
            return address

        assert await shelf.get(address, fetch) == address

    for number in range(MOST_KEPT + 1):
        await get(str(number))
    for address in ("1", "0"):
        await get(address)
    assert fetched[MOST_KEPT + 1 :] == ["0"]


async def test_whoever_gives_up_does_not_take_the_answer_away_from_others(login: Login, forger: Forger) -> None:
    impatient = asyncio.create_task(login.begin(provider_at(forger), REDIRECT))
    patient = asyncio.create_task(login.begin(provider_at(forger), REDIRECT))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).url
    assert forger.count(WELL_KNOWN) == 1


async def test_cookies_of_one_login_do_not_reach_the_next(login: Login, forger: Forger) -> None:
    status, headers, body = forger.answers[WELL_KNOWN](forgery.Asked("GET", WELL_KNOWN, {}, {}, b""))
    forger.say(WELL_KNOWN, (status, {**headers, "set-cookie": "who=ada"}, body))
    flow = await login.begin(provider_at(forger), REDIRECT)
    forger.nonce = flow.nonce
    await login.finish(provider_at(forger), flow, answer_to(flow))
    assert len(forger.asked) == 3
    assert not any("cookie" in each.headers for each in forger.asked)


async def test_a_client_without_a_secret_says_only_who_it_is(login: Login, forger: Forger) -> None:
    public = provider_at(forger, client_secret="")
    flow = await login.begin(public, REDIRECT)
    forger.nonce = flow.nonce
    await login.finish(public, flow, answer_to(flow))
    asked = next(each for each in forger.asked if each.path == "/token")
    assert asked.form["client_id"] == forgery.CLIENT
    assert "authorization" not in asked.headers


async def test_a_provider_that_is_not_set_up_right_is_not_asked(login: Login) -> None:
    with pytest.raises(LoginFailed, match="not set up right") as failed:
        await login.begin(provider(kind="microsoft", issuer=""), REDIRECT)
    assert "must name a tenant" in failed.value.details


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": "google", "issuer": ""},
        {"kind": "github", "issuer": ""},
        {"kind": "microsoft", "issuer": MICROSOFT},
        {"issuer": "http://127.0.0.1:9000/realms/corp"},
        {"issuer": "http://localhost:9000"},
        {"issuer": "http://[::1]:9000"},
        {"issuer": "http://10.1.2.3"},
    ],
)
def test_a_provider_that_can_work_is_accepted(settings: dict[str, Any]) -> None:
    check_provider(provider(**settings), [ip_network("10.1.0.0/16")])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"issuer": ""}, "an issuer must be given"),
        ({"kind": "microsoft", "issuer": ""}, "must name a tenant"),
        ({"kind": "microsoft", "issuer": "https://login.microsoftonline.com/common/v2.0"}, "must name a tenant"),
        ({"kind": "microsoft", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}, "must name a tenant"),
        ({"kind": "microsoft", "issuer": "https://login.microsoftonline.com/Organizations"}, "must name a tenant"),
        ({"issuer": "http://login.corp.example"}, "must be an https:// address"),
        ({"issuer": "http://10.2.0.1"}, "must be an https:// address"),
        ({"issuer": "https://login.corp.example/?a=b"}, "must be an https:// address"),
        ({"issuer": "https://ada:secret@login.corp.example"}, "must be an https:// address"),
        ({"issuer": "login.corp.example"}, "must be an https:// address"),
        ({"issuer": "https://[login"}, "must be an https:// address"),
    ],
)
def test_a_provider_that_cannot_work_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_provider(provider(**settings), [ip_network("10.1.0.0/16")])


@pytest.mark.parametrize(
    ("settings", "scopes"),
    [
        ({}, "openid email profile"),
        ({"roles": roles(a="member")}, "openid email profile groups"),
        ({"kind": "google", "roles": roles(a="member")}, "openid email profile"),
        ({"kind": "github"}, "user:email"),
        ({"kind": "github", "roles": roles(a="member")}, "user:email read:org"),
        ({"scopes": ("email",), "roles": roles(a="member")}, "openid email"),
        ({"scopes": ("email", "openid")}, "email openid"),
    ],
)
def test_scopes_are_those_usual_with_the_kind(settings: dict[str, Any], scopes: str) -> None:
    assert " ".join(scopes_of(provider(**settings), ["openid", "groups"])) == scopes


def test_groups_are_not_asked_for_where_nobody_knows_them() -> None:
    assert "groups" not in scopes_of(provider(roles=roles(a="member")), ["openid"])


async def test_google_is_told_the_domain_that_may_log_in(login: Login, forger: Forger) -> None:
    google = provider_at(forger, kind="google", allowed_domains=("corp.example",))
    assert query_of((await login.begin(google, REDIRECT)).url)["hd"] == "corp.example"


@pytest.mark.parametrize(
    ("kind", "email", "hd", "welcome"),
    [
        ("oidc", "ada@corp.example", None, True),
        ("oidc", "ada@CORP.example", None, True),
        ("oidc", "ada@sub.corp.example", None, False),
        ("oidc", "ada@notcorp.example", None, False),
        ("google", "ada@corp.example", "corp.example", True),
        ("google", "ada@corp.example", None, False),
        ("google", "ada@corp.example", "other.example", False),
        ("google", "ada@gmail.com", None, True),
        ("google", "ada@googlemail.com", None, False),
    ],
)
def test_a_domain_must_be_allowed_and_its_own(kind: str, email: str, hd: str | None, welcome: bool) -> None:
    there = provider(kind=kind, allowed_domains=("Corp.example", "gmail.com"))
    identity = read_identity(there, {**ADA, "email": email} | ({"hd": hd} if hd else {}))
    if welcome:
        check_identity(there, identity)
    else:
        with pytest.raises(LoginFailed, match="domain may not log in"):
            check_identity(there, identity)


@pytest.mark.parametrize(
    ("claims", "verified"),
    [({}, True), ({"xms_edov": True}, True), ({"xms_edov": "1"}, True), ({"xms_edov": False}, False),
     ({"xms_edov": "0"}, False), ({"email_verified": False}, False), ({"email_verified": True}, True)],
)  # fmt: skip
def test_a_tenant_of_microsoft_stands_for_its_addresses(claims: dict[str, Any], verified: bool) -> None:
    there = provider(kind="microsoft", issuer=MICROSOFT)
    identity = read_identity(there, {"sub": "ada", "email": "ada@corp.example", **claims})
    assert identity.email_verified is verified


@pytest.mark.parametrize(
    ("path", "claims", "groups"),
    [
        ("groups", {"groups": ["a", "b", "a", 7, None, ""]}, ("a", "b")),
        ("groups", {"groups": "a"}, ("a",)),
        ("groups", {"groups": {"a": 1}}, ()),
        ("groups", {}, ()),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ("a",)),
        ("realm_access.roles", {"realm_access": ["roles"]}, ()),
        ("https://corp.example/groups", {"https://corp.example/groups": ["a"]}, ("a",)),
    ],
)
def test_groups_are_what_the_claim_lists(path: str, claims: dict[str, Any], groups: tuple[str, ...]) -> None:
    there = provider(groups_claim=path, roles=roles(a="member"))
    assert read_identity(there, {**ADA, **claims}).groups == groups


def test_groups_that_give_no_roles_are_not_read() -> None:
    assert read_identity(provider(), {**ADA, "groups": ["a"]}).groups == ()


@pytest.mark.parametrize("claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_groups_that_microsoft_leaves_out_are_not_taken_for_none(claims: dict[str, Any]) -> None:
    there = provider(kind="microsoft", issuer=MICROSOFT, roles=roles(a="member"))
    with pytest.raises(LoginFailed, match="more groups than the provider tells"):
        read_identity(there, {**ADA, **claims})


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["ops", "boss"], "admin"),
        (["boss"], "owner"),
        (["team-a/ops"], "viewer"),
        (["team-"], "viewer"),
        (["steam-a"], "pending"),
        (["OPS"], "pending"),
        (["axb"], "pending"),
        (["a.b"], "member"),
        ([], "pending"),
    ],
)
def test_the_first_group_that_matches_gives_the_role(groups: list[str], role: str) -> None:
    by_group = roles(**{"ops": "admin", "boss": "owner", "team-*": "viewer", "a.b": "member"})
    assert role_of(provider(roles=by_group), groups) == role


def test_without_roles_no_role_depends_on_the_provider() -> None:
    assert role_of(provider(default_role="viewer"), ["ops"]) is None


def test_an_identity_has_a_name_and_few_claims() -> None:
    said = {**ADA, "name": "Ada\n\x1b[31m", "hd": "corp.example", "picture": "https://elsewhere.example", "iss": "x"}
    expected = Identity("corp", "ada", "ada@corp.example", True, "Ada[31m", (), {"iss": "x", "hd": "corp.example"})
    assert read_identity(provider(), said) == expected
    assert read_identity(provider(), ADA).name == "ada"


WITHOUT = """
import sys
sys.modules["authlib"] = sys.modules["joserfc"] = None
from gateway.access.oidc import open_login, role_of
from gateway.errors import SettingsError
try:
    open_login(None)
except SettingsError as error:
    sys.stdout.write(str(error))
"""


def test_without_the_libraries_one_line_says_which_extra_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert "install `sluicegate[oidc]`" in done.stdout
    assert "\n" not in done.stdout
