"""Answers of token endpoints: a token, or why there is none, in words that show no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.credentials.grants import AccessToken, NotGranted, read_token

NOW_US = 1_000_000_000_000


def answer(**fields: Any) -> bytes:
    return json.dumps({"access_token": "ya29.a.b...", "token_type": "Bearer", "expires_in": 3599, **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 3599),
        ({"expires_in": "3599"}, 3599),
        ({"expires_in": 60.9}, 60),
        ({"expires_in": None}, 3600),
        ({"token_type": "bearer"}, 3599),
        ({"scope": "x", "id_token": "y"}, 3599),
    ],
)
def test_a_token_and_its_end(fields: dict[str, Any], seconds: int) -> None:
    assert read_token(200, answer(**fields), NOW_US) == AccessToken("ya29.a.b...", NOW_US + seconds * 1_000_000)


WRONG: list[tuple[int, bytes, bool, str]] = [
    (200, b"", True, "no access token"),
    (200, b"<html>", True, "no access token"),
    (200, b"[]", True, "no access token"),
    (200, b"{}", True, "no access token"),
    (200, answer(access_token=None), True, "no access token"),
    (200, answer(access_token=""), True, "no access token"),
    (200, answer(access_token="a b"), True, "no access token"),
    (200, answer(access_token="a\r\nx-evil: 1"), True, "no access token"),
    (200, answer(access_token="a" * 20_000), True, "no access token"),
    (200, answer(token_type="mac"), False, "kind that cannot be used"),
    (200, answer(token_type=7), False, "kind that cannot be used"),
    (200, answer(expires_in=0), True, "has expired"),
    (200, answer(expires_in=-5), True, "has expired"),
    (200, answer(expires_in=True), True, "has expired"),
    (200, answer(expires_in="soon"), True, "has expired"),
    (200, b'{"access_token":"a","expires_in":1e300}', True, "has expired"),
    (400, b'{"error":"invalid_grant","error_description":"Bad."}', False, r"^invalid_grant: Bad\.$"),
    (401, b'{"error":"invalid_client"}', False, "^invalid_client$"),
    (403, b"<html>", False, "^the token endpoint answered 403$"),
    (301, b"", False, "^the token endpoint answered 301$"),
    (400, b'{"error":{"status":"INVALID","message":"No."}}', False, r"^INVALID: No\.$"),
    (400, b'{"error":7,"error_description":[]}', False, "^the token endpoint answered 400$"),
    (429, b"", True, "^the token endpoint answered 429$"),
    (500, b'{"error":"internal_failure"}', True, "^internal_failure$"),
    (503, b"", True, "^the token endpoint answered 503$"),
]


@pytest.mark.parametrize(("status", "body", "passing", "why"), WRONG)
def test_an_answer_without_a_token(status: int, body: bytes, passing: bool, why: str) -> None:
    with pytest.raises(NotGranted, match=why) as refused:
        read_token(status, body, NOW_US)
    assert refused.value.passing == passing


def test_what_an_endpoint_repeats_of_the_assertion_is_not_told_on() -> None:
    said = "bad eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnYXRld2F5In0.c2lnbmF0dXJlLW9mLWl0 \x1b[31m\r\nhere" + "x" * 1000
    with pytest.raises(NotGranted) as refused:
        read_token(400, json.dumps({"error": "invalid_grant", "error_description": said}).encode(), NOW_US)
    told = str(refused.value)
    assert told.startswith("invalid_grant: bad *** [31m here")
    assert len(told) <= 300
