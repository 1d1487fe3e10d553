"""Only what is named crosses to a provider, and only what is the client's business comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.records import Credential, Provider
from gateway.relay.compose import (
    NAMES_LEARNT,
    STARTS_KEPT,
    Composer,
    Passing,
    reply_headers,
    with_access,
)

SECRET = Credential("p", "first", "sk-secret")
PROVIDER = Provider(
    "p",
    "openai_chat",
    "https://api.example.com/base/v1/",
    ("*",),
    "round_robin",
    (SECRET,),
    headers=(("x-team", "seven"),),
    forward_headers=("x-extra", "authorization"),
)
COMPOSER = Composer(PROVIDER, b"api.example.com", b"sluicegate/1")

KEYS = {
    "openai_chat": ("bearer", b"authorization: Bearer sk-secret"),
    "openai_responses": ("bearer", b"authorization: Bearer sk-secret"),
    "anthropic": ("x-api-key", b"x-api-key: sk-secret"),
    "gemini": ("x-goog-api-key", b"x-goog-api-key: sk-secret"),
}
"""How each vendor wants to be shown a key."""

OF_DIALECTS = {
    "openai_chat": [b"openai-beta: b"],
    "openai_responses": [b"openai-beta: b"],
    "anthropic": [b"anthropic-version: 2026-10-21", b"anthropic-beta: b"],
    "gemini": [],
}
"""What of `SPOKEN` is for each dialect."""

SPOKEN = [
    (b"openai-beta", b"b"),
    (b"openai-organization", b"the client's own"),
    (b"openai-project", b"the client's own"),
    (b"anthropic-version", b"2026-10-21"),
    (b"anthropic-beta", b"b"),
    (b"anthropic-dangerous-direct-browser-access", b"true"),
    (b"x-goog-api-client", b"gl-python"),
    (b"x-goog-api-key", b"the client's own"),
    (b"x-api-key", b"the client's own"),
    (b"x-stainless-lang", b"python"),
]
"""What the SDKs of all vendors add."""


def composer(dialect: str) -> Composer:
    """Of a provider that speaks this dialect."""
    provider = replace(PROVIDER, format=dialect, auth=KEYS[dialect][0], headers=())
    return Composer(provider, b"api.example.com", b"sluicegate/1")


def lines(head: bytes) -> list[bytes]:
    """The header lines of a request that every provider does not get anyway."""
    assert head.endswith(b"\r\n\r\n")
    always = (b"host: api.example.com", b"user-agent: sluicegate/1", b"accept-encoding: identity")
    _, *found = head[:-4].split(b"\r\n")
    assert [line for line in always if line in found] == [*always]
    return [line for line in found if line not in always]


def test_a_request_has_our_credential_and_only_named_headers() -> None:
    client = [
        (b"authorization", b"Bearer client"),
        (b"content-type", b"application/json"),
        (b"cookie", b"a=b"),
        (b"x-extra", b"kept"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-sluicegate-anything", b"no"),
        (b"traceparent", b"00-1"),
    ]
    assert COMPOSER.compose("/chat/completions", SECRET, client, 12, "openai_chat") == (
        b"POST /base/v1/chat/completions HTTP/1.1\r\nhost: api.example.com\r\nuser-agent: sluicegate/1\r\n"
        b"accept-encoding: identity\r\nx-team: seven\r\nauthorization: Bearer sk-secret\r\n"
        b"content-type: application/json\r\nx-extra: kept\r\ntraceparent: 00-1\r\ncontent-length: 12\r\n\r\n"
    )


@pytest.mark.parametrize("dialect", KEYS)
def test_baggage_crosses_only_where_it_is_named_and_not_kept_back(dialect: str) -> None:
    """It says whom a request is for, and most providers are somebody else."""
    client = [(b"baggage", b"user.id=7"), (b"traceparent", b"00-1")]
    trusted = replace(PROVIDER, format=dialect, forward_headers=("baggage",))

    def sent(provider: Provider, *kept_back: bytes) -> list[bool]:
        one = Composer(provider, b"api.example.com", b"sluicegate/1", frozenset(kept_back))
        both = one.compose("/x", SECRET, client, 2, dialect), one.compose_translated("/x", SECRET, client, 2)
        assert all(b"traceparent: 00-1" in head for head in both)
        return [b"baggage: user.id=7\r\n" in head for head in both]

    assert sent(replace(PROVIDER, format=dialect)) == [False, False]
    assert sent(trusted) == [True, True]
    assert sent(trusted, b"baggage") == [False, False]


@pytest.mark.parametrize("dialect", KEYS)
def test_a_request_in_the_provider_s_own_dialect_keeps_that_dialect_s_headers_and_no_other(dialect: str) -> None:
    head = composer(dialect).compose("/x", SECRET, SPOKEN, 2, dialect)
    assert sorted(lines(head)) == sorted([KEYS[dialect][1], *OF_DIALECTS[dialect], b"content-length: 2"])


def test_anthropic_is_told_a_version_though_the_client_names_none() -> None:
    head = composer("anthropic").compose("/messages", SECRET, [(b"anthropic-beta", b"b")], 2, "anthropic")
    assert lines(head) == [
        b"x-api-key: sk-secret",
        b"anthropic-beta: b",
        b"anthropic-version: 2023-06-01",
        b"content-length: 2",
    ]


@pytest.mark.parametrize("dialect", KEYS)
def test_a_translated_request_says_nothing_of_the_client_s_dialect(dialect: str) -> None:
    """Its version and its betas are about another API; what belongs to none, such as a trace, goes along."""
    client = [
        *SPOKEN,
        (b"content-type", b"application/json; charset=utf-16"),
        (b"accept", b"text/event-stream"),
        (b"traceparent", b"00-1"),
        (b"x-extra", b"kept"),
    ]
    head = composer(dialect).compose_translated("/x", SECRET, client, 2)
    version = [b"anthropic-version: 2023-06-01"] if dialect == "anthropic" else []
    assert lines(head) == [
        KEYS[dialect][1],
        b"content-type: application/json",
        *version,
        b"traceparent: 00-1",
        b"x-extra: kept",
        b"content-length: 2",
    ]


@pytest.mark.parametrize("dialect", KEYS)
def test_a_request_without_a_body_says_what_its_dialect_asks_for(dialect: str) -> None:
    head = composer(dialect).compose_plain("GET", "/models?pageSize=1000", SECRET)
    assert head.startswith(b"GET /base/v1/models?pageSize=1000 HTTP/1.1\r\n")
    version = [b"anthropic-version: 2023-06-01"] if dialect == "anthropic" else []
    assert lines(head) == [KEYS[dialect][1], *version, b"accept: application/json"]


@pytest.mark.parametrize(("method", "told"), [("GET", False), ("DELETE", False), ("POST", True)])
def test_a_post_without_a_body_says_so(method: str, told: bool) -> None:
    """Servers wait for one, or answer 411, where neither a length nor chunks are announced."""
    head = COMPOSER.compose_plain(method, "/responses/r/cancel", SECRET)
    assert head.startswith(method.encode() + b" /base/v1/responses/r/cancel HTTP/1.1\r\n")
    assert (b"content-length: 0\r\n" in head) is told


def test_a_server_without_keys_gets_none() -> None:
    nobody = Credential("", "", "")
    for head in (
        COMPOSER.compose_plain("GET", "/models", nobody),
        COMPOSER.compose("/x", nobody, [], 2, "openai_chat"),
        COMPOSER.compose_translated("/x", nobody, [], 2),
    ):
        assert b"authorization" not in head


def heads(one: Composer, credential: Credential) -> list[bytes]:
    """One of each kind."""
    return [
        one.compose_plain("GET", "/models", credential),
        one.compose("/x", credential, [], 2, "openai_chat"),
        one.compose_translated("/x", credential, [], 2),
    ]


def test_a_credential_s_headers_go_over_those_of_its_provider() -> None:
    own = replace(SECRET, name="own", headers=(("x-team", "eight"), ("x-tier", "gold")))
    provider = replace(PROVIDER, headers=(("x-team", "seven"), ("x-site", "a")), credentials=(SECRET, own))
    one = Composer(provider, b"api.example.com", b"sluicegate/1")
    for head in heads(one, own):
        assert b"\r\nx-team: eight\r\nx-site: a\r\nx-tier: gold\r\nauthorization: Bearer sk-secret\r\n" in head
        assert b"seven" not in head
    for head in heads(one, SECRET):
        assert b"\r\nx-team: seven\r\nx-site: a\r\nauthorization: Bearer sk-secret\r\n" in head
    for head in heads(one, Credential("", "", "")):
        assert b"\r\nx-team: seven\r\nx-site: a\r\n" in head
        assert b"sk-secret" not in head


def test_azure_is_shown_a_key_in_its_own_header_and_no_client_s() -> None:
    one = Composer(
        replace(PROVIDER, auth="api-key", forward_headers=("api-key", "x-amz-date", "x-amz-security-token")),
        b"api.example.com",
        b"sluicegate/1",
    )
    client = [(b"api-key", b"the client's own"), (b"x-amz-date", b"a"), (b"x-amz-security-token", b"b")]
    head = one.compose("/x", SECRET, client, 2, "openai_chat")
    assert lines(head) == [b"x-team: seven", b"api-key: sk-secret", b"content-length: 2"]


@pytest.mark.parametrize("scheme", ["google", "aws", "none"])
def test_a_secret_that_is_not_sent_itself_is_in_no_head(scheme: str) -> None:
    one = Composer(replace(PROVIDER, auth=scheme), b"api.example.com", b"sluicegate/1")
    for head in heads(one, SECRET):
        assert b"sk-secret" not in head
        assert b"authorization" not in head


def test_what_was_made_for_one_request_alone_stands_at_its_end() -> None:
    one = Composer(replace(PROVIDER, auth="aws"), b"api.example.com", b"sluicegate/1")
    access = b"x-amz-date: 20261121T000000Z\r\nauthorization: AWS4-HMAC-SHA256 x\r\n"
    for head in heads(one, SECRET):
        assert with_access(head, access) == head[:-2] + access + b"\r\n"
        assert with_access(head, access).count(b"\r\n\r\n") == 1


def test_paths_that_clients_make_up_are_not_remembered_for_ever() -> None:
    """Gemini's paths name the model."""
    one = composer("gemini")
    for number in range(STARTS_KEPT + 50):
        path = f"/models/m{number}:generateContent"
        assert one.compose(path, SECRET, [], 2, "gemini").startswith(b"POST /base/v1" + path.encode() + b" HTTP/1.1")
    assert len(one._starts) <= STARTS_KEPT


def test_of_an_answer_the_client_gets_what_is_its_business() -> None:
    answer = [
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"set-cookie", b"a"),
        (b"transfer-encoding", b"chunked"),
        (b"x-sluicegate-provider", b"forged"),
        (b"x-request-id", b"r"),
        (b"retry-after", b"3"),
        (b"x-ratelimit-remaining-requests", b"9"),
        (b"anthropic-ratelimit-tokens-remaining", b"9"),
        (b"x-hop", b"named by connection"),
    ]
    assert [name for name, _ in reply_headers(answer, b"Close, X-Hop")] == [
        b"content-type",
        b"x-request-id",
        b"retry-after",
    ]


def test_names_are_learnt_up_to_a_bound() -> None:
    passing = Passing()
    for number in range(NAMES_LEARNT + 50):
        assert passing[b"x-%d" % number]
    assert len(passing) == NAMES_LEARNT
