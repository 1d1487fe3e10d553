"""Nobody reads a secret in a capture: not in headers, addresses or bodies, however they are cut."""

from __future__ import annotations

import time

import pytest

from gateway.access.tokens import make_client_key
from gateway.captures.redaction import MOST_FOUND, REDACTED, Redactor
from gateway.records.captures import MARGIN, Body, Flow
from tests.gateway.captures.takes import flow

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

SECRETS = {
    "ours": make_client_key().secret,
    "OpenAI": "sk-proj-0123456789abcdefABCDEF_-x",
    "Anthropic": "sk-ant-api03-0123456789abcdef",
    "Google": "AIzaSyA0123456789abcdefghijklmnopqrstu",
    "Google's access token": "ya29.a0AfH6SMBx0123456789",
    "Google's refresh token": "1//0g0123456789abcdefghijklmnopqrstuv",
    "Google's client secret": "GOCSPX-0123456789abcdefghijklmn",
    "JWT": JWT,
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "AWS, for a while": "ASIAIOSFODNN7EXAMPLE",
    "Groq": "gsk_0123456789abcdefghijklmn",
    "xAI": "xai-0123456789abcdefghijklmn",
    "Hugging Face": "hf_0123456789abcdefghijklmn",
    "GitHub": "ghp_0123456789abcdefghijklmnopqrst",
    "Slack": "xoxb-0123456789-abcdefghijklmn",
    "a session of ours": "slg-ses-0123456789abcdefghijkl",
}


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(["(?i)patient \\d+", "é+"])


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("around", ["%s", "a %s b", '{"key":"%s"}', "%s%%3D&x", "Bearer %s", "\\n%s\\n", "(%s)."])
def test_what_looks_like_a_secret_is_replaced(redactor: Redactor, name: str, around: str) -> None:
    said = (around % SECRETS[name]).encode()
    found = redactor.text(said, ())
    assert SECRETS[name].encode() not in found
    assert REDACTED in found
    assert found.startswith(said.partition(SECRETS[name].encode())[0].removesuffix(b"Bearer "))


def test_an_aws_secret_is_known_by_its_name(redactor: Redactor) -> None:
    secret = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for said in (b'"aws_secret_access_key": "%b"', b"AWS_SECRET_ACCESS_KEY=%b", b'{"AwsSecretAccessKey":"%b"}'):
        assert secret not in redactor.text(said % secret, ())


@pytest.mark.parametrize("line", ["\n", "\\n"])
def test_a_private_key_is_replaced_whole(redactor: Redactor, line: str) -> None:
    key = line.join(
        ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA+/", "x" * 64, "-----END RSA PRIVATE KEY-----"]
    )
    assert redactor.text(f"a {key} b".encode(), ()) == b"a [redacted] b"
    assert redactor.text(f"a {key[:60]}".encode(), ()) == b"a [redacted]", "and where its end is missing"


@pytest.mark.parametrize(
    "said",
    ["sk-short", "task-0123456789", "eyJust a word", "AKIA", "Bearer of news", "a basic idea", "slg-api", "0123456789"],
)
def test_words_stay(redactor: Redactor, said: str) -> None:
    assert redactor.text(said.encode(), ()) == said.encode()


def test_what_an_operator_names_is_replaced_too(redactor: Redactor) -> None:
    said = "Patient 4711 and patient 12, passé".encode()
    assert redactor.text(said, ()) == b"[redacted] and [redacted], pass[redacted]"


def test_secrets_that_were_sent_are_looked_for_whatever_they_look_like(redactor: Redactor) -> None:
    known = frozenset((b"correct horse", b"correct horse battery"))
    said = b"correct horse battery, correct horse, correct"
    assert redactor.text(said, known) == b"[redacted], [redacted], correct"
    assert redactor.text(b"horse", {b"horse"}) == b"[redacted]"


def test_what_is_found_twice_is_replaced_once(redactor: Redactor) -> None:
    """The half of one secret is the beginning of another."""
    assert redactor.text(b"a-bcde-f", {b"bcd", b"cde", b"d"}) == b"a-[redacted]-f"


def test_an_expression_that_matches_everything_leaves_nothing() -> None:
    redactor = Redactor(["."])
    assert redactor.text(b"x" * (2 * MOST_FOUND), ()) == REDACTED
    assert redactor.text(b"xy", ()) == REDACTED * 2


def test_bytes_that_are_no_text_stay_as_they_are(redactor: Redactor) -> None:
    said = bytes(range(256)) * 3
    assert redactor.text(said, ()) == said


def test_an_expression_that_other_engines_choke_on_takes_no_time() -> None:
    redactor = Redactor(["(a+)+$", "(x*)*y", r"[\w.+-]+@[\w-]+\.[\w.]+"])
    begun = time.process_time()
    assert redactor.text(b"a" * 100_000 + b"!" + b"x" * 100_000, ())
    assert time.process_time() - begun < 2


# Headers and addresses


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-goog-api-key", "api-key"),
        *(
            "x-amz-security-token",
            "x-auth-token",
            "x-my-secret",
            "x-hub-signature",
            "x-session",
            "x_auth",
            "x-password",
        ),
    ],
)
def test_headers_that_let_somebody_in_have_no_value(redactor: Redactor, name: str) -> None:
    said = [(b"accept", b"*/*"), (name.encode(), b"short"), (b"te", b"")]
    assert redactor.headers(said, ()) == (("accept", "*/*"), (name, "[redacted]"), ("te", ""))


@pytest.mark.parametrize(
    "name",
    [
        *("accept", "x-ratelimit-remaining-tokens", "idempotency-key", "x-request-id", "anthropic-version"),
        *("x-sluicegate-credential", "x-sluicegate-token-count", "traceparent", "x-monkey"),
    ],
)
def test_other_headers_stay(redactor: Redactor, name: str) -> None:
    assert redactor.headers([(name.encode(), b"short")], ()) == ((name, "short"),)


def test_values_of_other_headers_are_looked_through(redactor: Redactor) -> None:
    openai = SECRETS["OpenAI"].encode()
    said = [(b"user-agent", b"curl " + openai), (b"x-team", b"blue"), (b"x-note", b"a correct horse\xe9")]
    heard = redactor.headers(said, {b"correct horse"}, {b"x-team"})
    assert heard == (("user-agent", "curl [redacted]"), ("x-team", "[redacted]"), ("x-note", "a [redacted]\xe9"))


def test_what_reaches_from_one_header_into_the_next_takes_neither_away() -> None:
    redactor = Redactor(["(?s)a.b", "c+"])
    said = [(b"x", b"1a"), (b"y", b"b2"), (b"z", b"cc")]
    assert redactor.headers(said, ()) == (("x", "1a"), ("y", "b2"), ("z", "[redacted]"))
    assert redactor.headers([], ()) == ()


def test_addresses_keep_what_is_no_secret(redactor: Redactor) -> None:
    said = "https://x.example/v1?key=short&alt=sse&X-Amz-Signature=0a&monkey=b&api-version=2024&access_token=t#end"
    kept = "https://x.example/v1?key=[redacted]&alt=sse&X-Amz-Signature=[redacted]&monkey=b&api-version=2024"
    assert redactor.url(said, ()) == f"{kept}&access_token=[redacted]#end"
    assert redactor.url("https://x.example/a/horse-battery", {b"horse-battery"}) == "https://x.example/a/[redacted]"


# Bodies that are cut


def test_a_body_is_kept_whole_where_there_is_room(redactor: Redactor) -> None:
    assert redactor.body(flow(b"12345"), (), 5) == Body(b"12345", 5)
    assert redactor.body(flow(b"12345"), (), 4) == Body(b"1234", 5, cut=True)
    assert redactor.body(Flow(10), (), 4) == Body()


@pytest.mark.parametrize("before", range(0, 60, 3))
def test_no_half_of_a_secret_is_left_where_a_body_is_cut(redactor: Redactor, before: int) -> None:
    secret, most = SECRETS["Anthropic"].encode(), 100
    text = b"." * (most - before) + secret + b"." * 20_000
    kept = redactor.body(flow(text, most + MARGIN), (), most)
    assert kept.cut
    assert len(kept.kept) <= most
    assert b"sk-" not in kept.kept
    assert kept.kept.startswith(b"." * (most - before))


@pytest.mark.parametrize("before", range(0, 40, 3))
def test_nor_where_what_was_taken_of_it_ends(redactor: Redactor, before: int) -> None:
    """Where much is replaced by little, what is kept reaches far into what was taken."""
    secret, most = SECRETS["Anthropic"].encode(), 1000
    jwts = (JWT.encode() + b" ") * 60
    text = jwts + b"." * (most + MARGIN - len(jwts) - before) + secret + b"." * 20_000
    kept = redactor.body(flow(text, most + MARGIN), (), most)
    assert kept.cut
    assert b"sk-" not in kept.kept
    assert kept.kept.startswith(b"[redacted] [redacted] ")
