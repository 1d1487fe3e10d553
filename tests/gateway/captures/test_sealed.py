"""A capture is sealed for its id, and read again as it was; whatever else is in its file is told apart."""

from __future__ import annotations

import zlib

import pytest
from msgspec import msgpack

from gateway.captures.making import capture_of
from gateway.captures.redaction import Redactor
from gateway.captures.sealed import CaptureUnreadable, seal, unseal
from gateway.credentials.vault import Vault
from gateway.records.captures import Body, Capture, CapturedAnswer, CapturedAttempt, CapturedRequest
from tests.gateway.captures.takes import KEY, flow, taken, tried

VAULT = Vault(KEY)

CAPTURE = Capture(
    "01a201cd-aa28-7977-8ca7-f6b69e9b7a76",
    1,
    CapturedRequest("POST", "/v1/messages", (("accept", "*/*"),), Body(b"\xff\x00not text", 400, cut=True)),
    (
        CapturedAttempt("p", "m", "c", error="upstream_timeout"),
        CapturedAttempt("p", "m", "c", CapturedRequest("POST", "https://x/"), CapturedAnswer(500)),
    ),
    CapturedAnswer(200, (), Body(size=3, same_as="attempts.1.answer")),
)


def test_it_comes_out_as_it_was() -> None:
    assert unseal(seal(CAPTURE, VAULT), CAPTURE.id, VAULT) == CAPTURE


def test_nothing_of_it_stands_in_the_file() -> None:
    made = capture_of(taken(body=flow(b"the prompt" * 100), tries=[tried()]), Redactor(), 10_000)
    sealed = seal(made, VAULT)
    for said in (b"the prompt", b"anthropic", b"chat/completions", zlib.compress(b"the prompt" * 100, 1)[2:20]):
        assert said not in sealed
    assert len(sealed) < 1000, "it is compressed"


@pytest.mark.parametrize("at", [0, 1, 9, 40, -1])
def test_a_damaged_file_is_not_read(at: int) -> None:
    sealed = bytearray(seal(CAPTURE, VAULT))
    sealed[at] ^= 1
    with pytest.raises(CaptureUnreadable):
        unseal(bytes(sealed), CAPTURE.id, VAULT)


def test_half_a_file_is_not_read() -> None:
    sealed = seal(CAPTURE, VAULT)
    for size in range(0, len(sealed), 7):
        with pytest.raises(CaptureUnreadable):
            unseal(sealed[:size], CAPTURE.id, VAULT)


def test_the_file_of_another_exchange_is_not_read() -> None:
    with pytest.raises(CaptureUnreadable, match="belongs to something else"):
        unseal(seal(CAPTURE, VAULT), "01a201cd-aa28-7977-8ca7-f6b69e9b7a77", VAULT)


def test_another_key_is_told_from_damage() -> None:
    with pytest.raises(CaptureUnreadable, match="sealed with another key"):
        unseal(seal(CAPTURE, VAULT), CAPTURE.id, Vault(bytes(32)))


@pytest.mark.parametrize("content", [b"not compressed", zlib.compress(b"not packed"), zlib.compress(msgpack.encode(1))])
def test_what_is_sealed_and_no_capture_is_told(content: bytes) -> None:
    sealed = VAULT.seal(content, f"capture/{CAPTURE.id}")
    with pytest.raises(CaptureUnreadable, match="unknown shape"):
        unseal(sealed, CAPTURE.id, VAULT)
