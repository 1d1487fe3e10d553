"""Signatures as AWS computes them itself, and secrets as people have them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from gateway.credentials.aws import AwsKeys, Signable, Signer, canonical_request, read_keys
from gateway.formats.bedrock import invoke_path
from tests import bedrock_server
from tests.bedrock_server import KEY_ID, REGION, SECRET, Asked, refusal_of

TIME = "20150830T123600Z"
NOW_US = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()) * 1_000_000
EXAMPLE = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
HOST_AND_DATE = (("host", "example.amazonaws.com"), ("x-amz-date", TIME))

SUITE: list[tuple[str, str, str, bytes, str]] = [
    ("get-vanilla", "GET", "/", b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("post-vanilla", "POST", "/", b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        "/?Param2=value2&Param1=value1",
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
]
"""From the test suite that AWS publishes for this: https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4."""


@pytest.mark.parametrize(("name", "method", "target", "body", "signature"), SUITE)
def test_signatures_are_those_of_the_vendors_own_suite(
    name: str, method: str, target: str, body: bytes, signature: str
) -> None:
    request = Signable(method, "example.amazonaws.com", target, body)
    canonical = canonical_request(request, HOST_AND_DATE, sha256(body).hexdigest())
    said = Signer(EXAMPLE, "us-east-1", "service").authorization(canonical, HOST_AND_DATE, TIME)
    assert said == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_the_canonical_form_of_a_request() -> None:
    canonical = canonical_request(Signable("GET", "example.amazonaws.com", "/"), HOST_AND_DATE, "hash")
    assert canonical == (f"GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:{TIME}\n\nhost;x-amz-date\nhash")


def test_a_path_is_encoded_once_on_its_way_and_once_more_where_it_is_signed() -> None:
    path = invoke_path("arn:aws:x/a b:0", stream=False)
    assert path == "/model/arn%3Aaws%3Ax%2Fa%20b%3A0/invoke"
    canonical = canonical_request(Signable("POST", "h", path), HOST_AND_DATE, "")
    assert canonical.split("\n")[1] == "/model/arn%253Aaws%253Ax%252Fa%2520b%253A0/invoke"


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("/?b=2&a=1", "a=1&b=2"),
        ("/?a=b&a=a", "a=a&a=b"),
        ("/?a", "a="),
        ("/?a=%20%2F~_-.", "a=%20%2F~_-."),
        ("/?a+b=c%2b", "a%20b=c%2B"),
        ("/?%E1%88%B4=bar", "%E1%88%B4=bar"),
    ],
)
def test_a_query_is_in_order_and_encoded_in_one_way(target: str, query: str) -> None:
    assert canonical_request(Signable("GET", "h", target), HOST_AND_DATE, "").split("\n")[2] == query


def asked(request: Signable, lines: bytes) -> Asked:
    """What a server would see."""
    headers = dict(line.split(": ", 1) for line in lines.decode().removesuffix("\r\n").split("\r\n"))
    return Asked(request.method, request.target, {"host": request.host, **headers}, request.body)


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEJr//session+token=="])
@pytest.mark.parametrize("model", ["anthropic.claude-3-5-sonnet-20241022-v2:0", "arn:aws:b:1:inference-profile/us.x ü"])
def test_another_implementation_accepts_what_is_signed(model: str, token: str) -> None:
    signer = Signer(AwsKeys(KEY_ID, SECRET, token), REGION)
    request = Signable("POST", "bedrock-runtime.us-east-1.amazonaws.com", invoke_path(model, stream=True), b'{"a":1}')
    seen = asked(request, signer.sign(request, NOW_US))
    assert refusal_of(seen) == ""
    assert seen.headers.get("x-amz-security-token", "") == token
    assert ("x-amz-security-token" in seen.headers["authorization"]) == bool(token)


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "/model/other/invoke"},
        {"body": b"{}"},
        {"method": "GET"},
        {"headers": {"host": "elsewhere"}},
        {"headers": {"x-amz-date": "20150830T123601Z"}},
        {"headers": {"x-amz-security-token": "other"}},
    ],
)
def test_and_nothing_that_was_changed_afterwards(changed: dict[str, object]) -> None:
    request = Signable("POST", "there", "/model/m/invoke", b"body")
    seen = asked(request, Signer(AwsKeys(KEY_ID, SECRET, "token"), REGION).sign(request, NOW_US))
    for name, value in changed.items():
        setattr(seen, name, {**seen.headers, **value} if isinstance(value, dict) else value)
    assert refusal_of(seen)


def test_the_key_of_a_day_is_made_once_and_not_used_on_the_next() -> None:
    signer = Signer(AwsKeys(KEY_ID, SECRET), REGION)
    request = Signable("POST", "there", "/", b"")
    first = signer.sign(request, NOW_US)
    key = signer._key
    assert signer.sign(request, NOW_US) == first
    signer.sign(request, NOW_US + 1_000_000)
    assert signer._key is key
    tomorrow = asked(request, signer.sign(request, NOW_US + 86_400_000_000))
    assert refusal_of(tomorrow) == ""
    assert signer._key != key


PLAIN = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PASSING = AwsKeys("ASIAIOSFODNN7EXAMPLE", "secret/+", "token==")
PRINTED = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "secret/+", "SessionToken": "token=="}


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", PLAIN),
        (" AKIAIOSFODNN7EXAMPLE : wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n", PLAIN),
        ("ASIAIOSFODNN7EXAMPLE:secret/+:token==", PASSING),
        (json.dumps({"Version": 1, "Expiration": "2026-01-01T00:00:00Z", **PRINTED}), PASSING),
        (json.dumps({"Credentials": PRINTED}, indent=4), PASSING),
        (
            json.dumps(
                {"AccessKey": {"AccessKeyId": PLAIN.key_id, "SecretAccessKey": PLAIN.secret, "Status": "Active"}}
            ),
            PLAIN,
        ),
        (f" {bedrock_server.BEARER} ", bedrock_server.BEARER),
        ("bedrock-api-key-YmVkcm9jaw==", "bedrock-api-key-YmVkcm9jaw=="),
    ],
)
def test_secrets_as_people_have_them(secret: str, found: AwsKeys | str) -> None:
    assert read_keys(secret) == found


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "empty"),
        ("two words", "spaces"),
        ("ABSKé", "characters"),
        ("AKIAIOSFODNN7EXAMPLE:hidden:token:more", "more than three"),
        ("AKIA:hidden", "access key id"),
        ("AKIA/OSFODNN7EXAMPLE:hidden", "access key id"),
        ("AKIAIOSFODNN7EXAMPLE:", "secret access key"),
        ("AKIAIOSFODNN7EXAMPLE:hid den", "secret access key"),
        ("AKIAIOSFODNN7EXAMPLE:hidden:to\r\nken", "session token"),
        ("{", "is none"),
        ('{"AccessKeyId":"hidden"}', "`SecretAccessKey`"),
        ('{"Credentials":{"SecretAccessKey":"hidden"}}', "`AccessKeyId`"),
        ('{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":7}', "`SecretAccessKey`"),
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_keys(secret)
    assert "hidden" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_keys_are_not_shown() -> None:
    assert repr(PASSING) == "AwsKeys(key_id='ASIAIOSFODNN7EXAMPLE')"
