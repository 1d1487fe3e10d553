"""Thought signatures, Google's own and those that carry other vendors' state."""

from __future__ import annotations

import base64

import pytest

from gateway.errors import InvalidRequest
from gateway.formats.gemini.state import read_signature, write_signature
from gateway.formats.neutral import State

STATES = [
    State("anthropic", "SG=="),
    State("anthropic-redacted", "???>>>"),
    State("openai", "rs_3~ENC"),
    State("gemini", "U0lH"),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.origin)
def test_state_comes_back_as_it_went_out(state: State) -> None:
    assert read_signature(write_signature(state), "x") == state


def test_other_state_is_wrapped_and_put_into_base64() -> None:
    assert write_signature(State("anthropic", "SG==")) == "Z3cxLmFudGhyb3BpYy5TRz09"


@pytest.mark.parametrize("state", STATES[:3], ids=lambda state: state.origin)
def test_a_client_may_write_it_back_in_the_base64_of_urls(state: State) -> None:
    urls = base64.urlsafe_b64encode(base64.b64decode(write_signature(state))).decode().rstrip("=")
    assert read_signature(urls, "x") == state


@pytest.mark.parametrize("text", ["Z3cx", "Z3cxü", "Z3cxLm5vYm9keS54", "ü", "Z3cxLmFudGhyb3BpYy4"])
def test_what_we_did_not_wrap_is_google_s(text: str) -> None:
    found = read_signature(text, "x")
    assert found is None or found.payload == text


def test_reasoning_without_state_has_none() -> None:
    assert read_signature(base64.b64encode(b"gw1.none.").decode(), "x") is None
    assert read_signature(None, "x") is None
    assert read_signature("", "x") is None


def test_a_signature_is_a_string() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_signature(1, "contents[0].parts[0].thoughtSignature")
    assert refused.value.param == "contents[0].parts[0].thoughtSignature"
