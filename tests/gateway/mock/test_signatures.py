from __future__ import annotations

import base64

import pytest

from gateway.mock.signatures import is_sealed, is_signed, seal, sign


def test_what_was_signed_is_recognised_for_its_model_alone() -> None:
    signature = sign("claude", "thought")
    assert is_signed(signature, "claude", "thought")
    assert not is_signed(signature, "claude", "other")
    assert not is_signed(signature, "opus", "thought")


def test_what_was_sealed_is_recognised_without_its_text() -> None:
    sealed = seal("gemini", "thought")
    assert is_sealed(sealed, "gemini")
    assert not is_sealed(sealed, "other")
    assert sealed != seal("gemini", "other")


@pytest.mark.parametrize("foreign", ["", "?", "é", "\ud800", "aGk=", base64.b64encode(b"x" * 90).decode()])
def test_what_is_foreign_is_not_recognised(foreign: str) -> None:
    assert not is_signed(foreign, "claude", "thought")
    assert not is_sealed(foreign, "claude")
