"""Only what is named crosses to a provider, and only what is the client's business comes back."""

from __future__ import annotations

from gateway.records import Credential, Provider
from gateway.relay.compose import NAMES_LEARNT, Composer, Passing, masked, reply_headers

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
    assert COMPOSER.compose("/chat/completions", SECRET, client, 12) == (
        b"POST /base/v1/chat/completions HTTP/1.1\r\nhost: api.example.com\r\nuser-agent: sluicegate/1\r\n"
        b"accept-encoding: identity\r\nx-team: seven\r\nauthorization: Bearer sk-secret\r\n"
        b"content-type: application/json\r\nx-extra: kept\r\ntraceparent: 00-1\r\ncontent-length: 12\r\n\r\n"
    )


def test_a_server_without_keys_gets_none() -> None:
    head = COMPOSER.compose_get("/models", Credential("", "", ""))
    assert head.startswith(b"GET /base/v1/models HTTP/1.1\r\n")
    assert b"authorization" not in head


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
        (b"x-hop", b"named by connection"),
    ]
    assert [name for name, _ in reply_headers(answer, b"Close, X-Hop")] == [
        b"content-type",
        b"x-request-id",
        b"retry-after",
        b"x-ratelimit-remaining-requests",
    ]


def test_names_are_learnt_up_to_a_bound() -> None:
    passing = Passing()
    for number in range(NAMES_LEARNT + 50):
        assert passing[b"x-%d" % number]
    assert len(passing) == NAMES_LEARNT


def test_a_secret_in_a_provider_s_words_is_masked() -> None:
    assert masked(b'{"error":"bad key sk-secret"}', SECRET) == b'{"error":"bad key ***"}'
    assert masked(b"text", Credential("", "", "")) == b"text"
