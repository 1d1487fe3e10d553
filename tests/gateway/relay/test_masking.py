"""Whatever of our secrets a provider repeats, its client does not read it."""

from __future__ import annotations

import pytest

from gateway.records import Credential, Provider
from gateway.relay.masking import masked, secrets_of
from tests.google_token_server import key_file, pem


def who(secret: str, scheme: str = "bearer") -> tuple[Provider, Credential]:
    credential = Credential("p", "main", secret)
    return Provider("p", "openai_chat", "", (), "", (credential,), auth=scheme), credential


def body_of_the_key(between: str) -> str:
    return between.join(pem().strip().split("\n")[1:-1])


def test_a_secret_that_is_sent_as_it_is_is_all_there_is() -> None:
    assert secrets_of(*who("sk-secret"), b"authorization: Bearer other\r\n") == (b"sk-secret",)
    assert secrets_of(*who("")) == ()


def test_words_without_a_secret_stay() -> None:
    secrets = secrets_of(*who("sk-secret"))
    assert masked(b'{"error":"bad key sk-secret"}', secrets) == b'{"error":"bad key ***"}'
    assert masked(b"text", secrets) == masked(b"text", ()) == b"text"


GOOGLE, AWS = (key_file(), "google"), ("AKIDEXAMPLEEXAMPLE00:very+secret:session/token", "aws")

REPEATED: dict[str, tuple[tuple[str, str], bytes, str]] = {
    "the token": (GOOGLE, b"authorization: Bearer ya29.token\r\n", "ya29.token"),
    "the token in a head": (GOOGLE, b"POST / HTTP/1.1\r\nauthorization: Bearer ya29.token\r\n\r\n", "ya29.token"),
    "the key with its lines": (GOOGLE, b"", body_of_the_key("\n")),
    "the key in JSON": (GOOGLE, b"", body_of_the_key("\\n")),
    "the key on one line": (GOOGLE, b"", body_of_the_key("")),
    "the whole file": (GOOGLE, b"", key_file()),
    "a secret access key": (AWS, b"", "very+secret"),
    "a session token": (AWS, b"", "session/token"),
    "both keys": (AWS, b"", AWS[0]),
    "an API key": (("ABSK-key", "aws"), b"authorization: Bearer ABSK-key\r\n", "ABSK-key"),
    "what is no account": (("nonsense", "google"), b"", "nonsense"),
}


@pytest.mark.parametrize("name", REPEATED)
def test_parts_and_proofs_are_hidden(name: str) -> None:
    said, proof, repeated = REPEATED[name]
    out = masked(f"before {repeated} after".encode(), secrets_of(*who(*said), proof))
    assert out == b"before *** after"
