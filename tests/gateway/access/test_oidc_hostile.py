"""A provider that does one thing wrong: the login is refused, with the reason, and nothing secret is in the words."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from gateway.access.oidc import Identity
from gateway.access.oidc.login import Login
from gateway.errors import LoginFailed
from gateway.settings.model import LoginRoleSettings
from tests.gateway.access import forgery
from tests.gateway.access.forgery import KEY, NEXT_KEY, REDIRECT, Forger, answer_to, json_of, provider_at, sign_with

WELL_KNOWN = "/.well-known/openid-configuration"
ROLES = (LoginRoleSettings(group="ops", role="admin"),)


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    made = Forger()
    async with forgery.serving(made):
        yield made


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    async with forgery.logging_in() as made:
        yield made


async def log_in(login: Login, forger: Forger, **more: Any) -> Identity:
    provider = provider_at(forger, **more)
    flow = await login.begin(provider, REDIRECT)
    forger.nonce = flow.nonce
    return await login.finish(provider, flow, answer_to(flow))


async def refusal(login: Login, forger: Forger, **more: Any) -> str:
    """Why the login is refused; what is said aloud and what goes to the log hold no secret."""
    with pytest.raises(LoginFailed) as failed:
        await log_in(login, forger, **more)
    error = failed.value
    for secret in (forgery.CODE, forgery.ACCESS_TOKEN, forgery.SECRET, forger.nonce or "none yet"):
        assert secret not in f"{error!r} {error.message} {error.details}"
    return error.message


async def test_left_alone_it_is_a_proper_provider(login: Login, forger: Forger) -> None:
    identity = await log_in(login, forger)
    assert (identity.subject, identity.email, identity.name) == ("ada", "ada@corp.example", "Ada")
    assert forger.count("/userinfo") == 0
    asked = next(each for each in forger.asked if each.path == "/token")
    assert asked.form["code"] == forgery.CODE
    assert asked.form["redirect_uri"] == REDIRECT


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "comes from another issuer"),
        ({"iss": None}, "lacks something"),
        ({"aud": "another client"}, "meant for another application"),
        ({"aud": None}, "lacks something"),
        ({"aud": [forgery.CLIENT, "another client"]}, "lacks something"),
        ({"azp": "another client"}, "meant for another application"),
        ({"aud": [forgery.CLIENT, "another client"], "azp": "another client"}, "meant for another application"),
        ({"exp": forgery.FromNow(-120)}, "has expired"),
        ({"exp": None}, "lacks something"),
        ({"exp": float("nan")}, "makes no sense"),
        ({"iat": forgery.FromNow(3600)}, "is from the future"),
        ({"iat": None}, "lacks something"),
        ({"nbf": forgery.FromNow(3600)}, "is not valid yet"),
        ({"nonce": "another nonce"}, "belongs to another login"),
        ({"nonce": None}, "lacks something"),
        ({"sub": None}, "lacks something"),
        ({"sub": ""}, "does not say whom"),
        ({"sub": 7}, "does not say whom"),
        ({"sub": "a" * 256}, "does not say whom"),
        ({"at_hash": forgery.half_hash("another token")}, "does not belong to its identity token"),
        ({"at_hash": ["a", "list"]}, "cannot be read"),
    ],
)
async def test_a_wrong_claim_is_refused(login: Login, forger: Forger, claims: dict[str, Any], reason: str) -> None:
    forger.claims = claims
    assert reason in await refusal(login, forger)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": forgery.FromNow(-20)},
        {"iat": forgery.FromNow(20)},
        {"azp": forgery.CLIENT},
        {"aud": [forgery.CLIENT, "another client"], "azp": forgery.CLIENT},
        {"at_hash": forgery.half_hash(forgery.ACCESS_TOKEN)},
        {"email_verified": "true"},
    ],
)
async def test_a_claim_that_is_only_unusual_is_not(login: Login, forger: Forger, claims: dict[str, Any]) -> None:
    forger.claims = claims
    assert (await log_in(login, forger)).subject == "ada"


def mac(key: bytes) -> Callable[[dict[str, Any]], str]:
    """Signs with what everybody knows, as if it were a secret."""

    def sign(claims: dict[str, Any]) -> str:
        signed = forgery.unsigned({"alg": "HS256", "kid": "first"}, claims).rpartition(".")[0]
        return f"{signed}.{forgery.encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"

    return sign


def unsecured(name: str, **header: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: forgery.unsigned({"alg": name, "kid": "first", **header}, claims)


PROVES_NOTHING = "signed in a way that proves nothing"
UNKNOWN_KEY = "signed with a key that the provider does not publish"
SHORT = rsa.generate_private_key(65537, 1024)
SHORT_KEY = RSAKey(SHORT, SHORT, {"kid": "short", "use": "sig"})


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (unsecured("none"), PROVES_NOTHING),
        (unsecured("None"), PROVES_NOTHING),
        (mac(KEY.as_pem(private=False)), PROVES_NOTHING),
        (mac(forgery.SECRET.encode()), PROVES_NOTHING),
        (sign_with(NEXT_KEY), UNKNOWN_KEY),
        (sign_with(NEXT_KEY, kid="first"), "signature of the provider's identity token is wrong"),
        (sign_with(SHORT_KEY), UNKNOWN_KEY),
        (unsecured("RS256", crit=["exp"], exp=1), "cannot be read"),
        (lambda claims: sign_with(KEY)(claims)[:-6] + "AAAAAA", "signature of the provider's identity token is wrong"),
        (lambda _: "no token", "cannot be read"),
        (lambda _: "a.b.c.d.e", "cannot be read"),
        (lambda _: forgery.encoded(b"[" * 3000) + ".e30.", "cannot be read"),
    ],
)
async def test_a_signature_that_proves_nothing_is_refused(
    login: Login, forger: Forger, sign: Callable[[dict[str, Any]], str], reason: str
) -> None:
    forger.sign = sign
    forger.keys.append(SHORT_KEY.as_dict(private=False))
    assert reason in await refusal(login, forger)


async def test_a_key_for_something_else_signs_nothing(login: Login, forger: Forger) -> None:
    forger.keys = [KEY.as_dict(private=False, use="enc")]
    assert UNKNOWN_KEY in await refusal(login, forger)


async def test_broken_keys_do_not_spoil_the_good_one(login: Login, forger: Forger) -> None:
    broken: list[Any] = [None, {}, {"kty": "AKP", "kid": "new"}, {"kty": "EC", "crv": "P-256", "x": "?"}, {"kty": 1}]
    forger.keys = [*broken, {"kty": "oct", "k": "AAAA", "kid": "first"}, *forger.keys]
    assert (await log_in(login, forger)).subject == "ada"


async def test_a_lone_key_needs_no_name(login: Login, forger: Forger) -> None:
    forger.sign = sign_with(KEY, kid=None)
    assert (await log_in(login, forger)).subject == "ada"


async def test_a_new_key_is_fetched_once(login: Login, forger: Forger) -> None:
    await log_in(login, forger)
    forger.keys, forger.sign = [NEXT_KEY.as_dict(private=False)], sign_with(NEXT_KEY)
    await log_in(login, forger)
    await log_in(login, forger)
    assert forger.count("/keys") == 2
    forger.sign = sign_with(KEY)
    assert UNKNOWN_KEY in await refusal(login, forger)
    assert forger.count("/keys") == 3


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://elsewhere.example"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no https:// address as its authorization_endpoint"),
        ({"authorization_endpoint": None}, "no https:// address as its authorization_endpoint"),
        ({"token_endpoint": "http://login.example/token"}, "no https:// address as its token_endpoint"),
        ({"token_endpoint": "http://127.0.0.1@login.example/"}, "no https:// address as its token_endpoint"),
        ({"jwks_uri": ["https://login.example"]}, "no https:// address as its jwks_uri"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "no https:// address as its jwks_uri"),
        ({"userinfo_endpoint": "https://[/"}, "no https:// address as its userinfo_endpoint"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "prove itself with a secret"),
    ],
)
async def test_a_wrong_document_is_refused(login: Login, forger: Forger, document: dict[str, Any], reason: str) -> None:
    forger.document = document
    assert reason in await refusal(login, forger)


REDIRECTED = (302, {"location": "http://169.254.169.254/"}, b"")


@pytest.mark.parametrize(
    ("path", "said", "reason"),
    [
        (WELL_KNOWN, REDIRECTED, "redirects are not followed"),
        (WELL_KNOWN, (404, {}, b"{}"), "did not give its discovery document"),
        (WELL_KNOWN, (200, {}, b"<html>"), "something unreadable when asked for its discovery document"),
        (WELL_KNOWN, (200, {}, b"[" * 100_000), "something unreadable"),
        (WELL_KNOWN, json_of([]), "something unreadable"),
        (WELL_KNOWN, (200, {}, b" " * 300_000), "could not be asked for its discovery document"),
        (WELL_KNOWN, (200, {"content-encoding": "gzip"}, b"x"), "could not be asked for its discovery document"),
        ("/keys", REDIRECTED, "redirects are not followed"),
        ("/keys", json_of({}), "has no keys"),
        ("/keys", json_of({"keys": []}), UNKNOWN_KEY),
        ("/token", REDIRECTED, "redirects are not followed"),
        ("/token", (503, {}, b"busy"), "did not give its tokens"),
        ("/token", (200, {}, b"access_token=a"), "something unreadable when asked for its tokens"),
        ("/token", json_of({"error": "invalid_grant"}, 400), "does not take the code"),
        ("/token", json_of({"error": "odd", "error_description": "\x1b[31m"}, 400), "did not give tokens for the code"),
        ("/token", json_of({"error": ["odd"]}, 400), "did not give tokens for the code"),
        ("/token", json_of({"access_token": "a", "token_type": "mac"}), "did not give tokens for the code"),
        ("/token", json_of({"access_token": "a", "token_type": "bearer"}), "gave no identity token"),
    ],
)
async def test_an_odd_answer_is_refused(login: Login, forger: Forger, path: str, said: Any, reason: str) -> None:
    forger.say(path, said)
    assert reason in await refusal(login, forger)


async def test_a_provider_that_does_not_answer_is_given_up(forger: Forger) -> None:
    async with forgery.logging_in(seconds=0.1) as login:
        forger.answers[WELL_KNOWN] = lambda _: (200, {"content-length": "9"}, b"")
        assert "could not be asked" in await refusal(login, forger)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "another state"}, "does not belong to a login that was begun here"),
        ({"state": "ü"}, "does not belong to a login that was begun here"),
        ({"state": ""}, "does not belong to a login that was begun here"),
        ({"iss": "https://elsewhere.example"}, "comes from another provider"),
        ({"code": ""}, "is incomplete"),
        ({"error": "access_denied", "error_description": "no"}, "was cancelled"),
        ({"error": "temporarily_unavailable"}, "try again later"),
        ({"error": "<script>"}, "The provider refused the login."),
        ({"error": ""}, "The provider refused the login."),
    ],
)
async def test_an_answer_to_something_else_is_refused(
    login: Login, forger: Forger, change: dict[str, str], reason: str
) -> None:
    flow = await login.begin(provider_at(forger), REDIRECT)
    with pytest.raises(LoginFailed, match=reason):
        await login.finish(provider_at(forger), flow, {**answer_to(flow), **change})
    assert forger.count("/token") == 0


async def test_a_login_is_finished_at_the_provider_it_was_begun_at(login: Login, forger: Forger) -> None:
    flow = await login.begin(provider_at(forger), REDIRECT)
    with pytest.raises(LoginFailed, match="does not belong to a login"):
        await login.finish(provider_at(forger), replace(flow, provider="other"), answer_to(flow))
    assert forger.count("/token") == 0


async def test_a_provider_that_announces_to_name_itself_must(login: Login, forger: Forger) -> None:
    forger.document = {"authorization_response_iss_parameter_supported": True}
    assert "does not say which provider" in await refusal(login, forger)
    flow = await login.begin(provider_at(forger), REDIRECT)
    forger.nonce = flow.nonce
    identity = await login.finish(provider_at(forger), flow, answer_to(flow, iss=forger.url))
    assert identity.subject == "ada"


async def test_account_details_fill_in_what_the_token_leaves_unsaid(login: Login, forger: Forger) -> None:
    forger.claims = {"email": None, "email_verified": None, "name": None}
    forger.userinfo |= {"name": "Countess", "groups": ["ops"]}
    identity = await log_in(login, forger, roles=ROLES)
    assert (identity.email, identity.name, identity.groups) == ("ada@corp.example", "Countess", ("ops",))
    asked = next(each for each in forger.asked if each.path == "/userinfo")
    assert asked.headers["authorization"] == f"Bearer {forgery.ACCESS_TOKEN}"


@pytest.mark.parametrize(
    ("userinfo", "reason"),
    [
        ({"sub": "eve"}, "are those of somebody else"),
        ({"sub": None}, "are those of somebody else"),
        ({"email": None}, "does not tell the e-mail address"),
        ({"email": "ada at corp"}, "does not tell the e-mail address"),
        ({"email": "ada@evil.example@corp.example"}, "does not tell the e-mail address"),
        ({"email_verified": False}, "is not verified"),
        ({"email_verified": None}, "is not verified"),
        ({"email_verified": "yes"}, "is not verified"),
        ({"email_verified": 1}, "is not verified"),
    ],
)
async def test_wrong_account_details_are_refused(
    login: Login, forger: Forger, userinfo: dict[str, Any], reason: str
) -> None:
    forger.claims = {"email": None, "email_verified": None}
    forger.userinfo |= userinfo
    assert reason in await refusal(login, forger)


async def test_account_details_that_are_signed_are_not_read(login: Login, forger: Forger) -> None:
    forger.claims = {"email": None}
    forger.say("/userinfo", (200, {"content-type": "application/jwt"}, b"a.b.c"))
    assert "something unreadable when asked for its account details" in await refusal(login, forger)


async def test_a_provider_without_account_details_is_not_asked_for_them(login: Login, forger: Forger) -> None:
    forger.document, forger.claims = {"userinfo_endpoint": None}, {"email": None}
    assert "does not tell the e-mail address" in await refusal(login, forger)
