"""Service accounts of Google: key files as people have them, and assertions as Google's endpoint verifies them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.credentials.google import (
    GRANT_TYPE,
    TOKEN_URL,
    GoogleAccount,
    assertion,
    read_account,
    token_request,
)
from gateway.credentials.grants import NotGranted
from tests.google_token_server import EMAIL, KEY_ID, claims_in, key_file, pem

NOW_US = 1_767_225_600_000_000


def test_an_assertion_says_who_asks_for_what_and_until_when() -> None:
    header, claims = claims_in(assertion(read_account(key_file()), NOW_US))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    assert claims == {
        "iss": EMAIL,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": TOKEN_URL,
        "iat": NOW_US // 1_000_000 - 10,
        "exp": NOW_US // 1_000_000 + 3590,
    }


def test_a_token_is_asked_for_with_a_form() -> None:
    url, form = token_request(read_account(key_file()), NOW_US)
    assert url == TOKEN_URL
    assert form.keys() == {"grant_type", "assertion"}
    assert form["grant_type"] == GRANT_TYPE
    assert claims_in(form["assertion"])


def test_a_file_without_the_id_of_its_key_will_do() -> None:
    header, _ = claims_in(assertion(read_account(key_file(private_key_id=None, type=None, token_uri=None)), NOW_US))
    assert header == {"alg": "RS256", "typ": "JWT"}


LINES = pem()
ONE_LINE = LINES.strip().replace("\n", "\\n")

KEYS: dict[str, str] = {
    "PKCS#8": LINES,
    "PKCS#1": pem(pkcs1=True),
    "newlines escaped twice": ONE_LINE,
    "carriage returns": LINES.replace("\n", "\r\n"),
    "carriage returns escaped twice": LINES.replace("\n", "\\r\\n"),
    "spaces for newlines": LINES.replace("\n", " "),
    "no newlines": LINES.replace("\n", ""),
}


@pytest.mark.parametrize("shape", KEYS)
def test_a_key_is_read_whatever_became_of_its_lines(shape: str) -> None:
    claims_in(assertion(read_account(key_file(private_key=KEYS[shape])), NOW_US))


def test_a_file_whose_escaped_newlines_became_real_ones_is_read() -> None:
    secret = key_file().replace("\\n", "\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(secret)
    assert claims_in(assertion(read_account(secret), NOW_US))


WRONG: list[tuple[str, str]] = [
    ("", "not JSON"),
    ("-----BEGIN PRIVATE KEY-----", "not JSON"),
    ("[]", "not a JSON object"),
    (key_file(client_email=None), "no `client_email`"),
    (key_file(client_email=""), "no `client_email`"),
    (key_file(private_key=None), "no `private_key`"),
    (key_file(private_key=7), "no `private_key`"),
    (key_file(type="authorized_user"), "'authorized_user': only the key file of a service account"),
    (key_file(private_key="MIIE" * 20), "does not begin and end"),
    (key_file(private_key=LINES.replace("PRIVATE", "PUBLIC")), "does not begin and end"),
    (key_file(private_key=LINES[:100]), "does not begin and end"),
    (key_file(private_key="-----BEGIN PRIVATE KEY-----\nMI&IE\n-----END PRIVATE KEY-----"), "not base64"),
    (key_file(token_uri="file:///etc/passwd"), "`token_uri` is not an address"),
    (key_file(token_uri="ftp://example.com/"), "does not begin with https"),
    (key_file(token_uri="http://example.com/token"), "does not begin with https"),
    (key_file(token_uri="https://user:word@example.com/"), "`token_uri` is not an address"),
    (key_file(token_uri="https://[::1"), "`token_uri` is not an address"),
    (key_file(token_uri="https://host:port/"), "`token_uri` is not an address"),
]


@pytest.mark.parametrize(("secret", "why"), WRONG)
def test_what_is_missing_is_named_and_the_key_is_not_shown(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_account(secret)
    _check_says_nothing_of_the_key(refused.value)


ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)

UNFIT: dict[str, str] = {
    "of another kind": ELLIPTIC.decode(),
    "cut short": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----",
    "named for what it is not": LINES.replace("PRIVATE KEY", "RSA PRIVATE KEY").replace("MII", "MIJ", 1),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_key_that_cannot_sign_is_refused_without_being_shown(what: str) -> None:
    account = read_account(key_file(private_key=UNFIT[what]))
    with pytest.raises(ValueError, match="no RSA key that can be read") as refused:
        assertion(account, NOW_US)
    _check_says_nothing_of_the_key(refused.value)
    with pytest.raises(NotGranted, match="no RSA key") as not_granted:
        account.request(NOW_US)
    assert not not_granted.value.passing


def test_without_joserfc_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    for name in ("gateway.credentials.signing", "joserfc.jwt", "joserfc.errors", "joserfc.jwk"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ValueError, match=r"install `sluicegate\[vertex\]`"):
        assertion(read_account(key_file()), NOW_US)


def test_an_account_does_not_show_its_key() -> None:
    account = read_account(key_file(token_uri="https://tokens.example.com/t"))
    assert "PRIVATE" not in repr(account)
    assert account.token_url == "https://tokens.example.com/t"
    assert account.project == "a-project"
    assert isinstance(account, GoogleAccount)


def _check_says_nothing_of_the_key(error: Any) -> None:
    said = str(error)
    assert error.__cause__ is None
    assert not any(line in said for line in LINES.splitlines()[1:-1])
    assert "MII" not in said
