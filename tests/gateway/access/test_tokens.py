"""Secrets look like what they are, and nothing of them can be told from what is kept."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import tokens
from gateway.access.tokens import FORMS, TokenKind

KEY = bytes(32)


@pytest.mark.parametrize(("made", "length"), [(tokens.make_client_key, 39), (tokens.make_api_token, 51)])
def test_a_key_is_a_prefix_and_random_characters(made: object, length: int) -> None:
    assert callable(made)
    first, second = made(), made()
    assert len(first.secret) == length
    assert first.secret != second.secret
    assert first.secret.startswith(first.prefix)
    assert first.secret.endswith(first.last_four)
    assert first.secret not in repr(first)


def test_the_kept_prefix_has_the_promised_length() -> None:
    assert (len(tokens.make_client_key().prefix), len(tokens.make_api_token().prefix)) == (12, 13)


@pytest.mark.parametrize("kind", get_args(TokenKind))
def test_enough_bits_stay_secret_when_prefix_and_last_four_are_known(kind: TokenKind) -> None:
    made, form = tokens.make(kind), FORMS[kind]
    hidden = len(made.secret) - len(made.prefix) - len(made.last_four)
    assert form.random_bytes * 8 >= 192
    assert hidden * math.log2(64) >= 128


@pytest.mark.parametrize("kind", get_args(TokenKind))
def test_each_kind_is_recognised(kind: TokenKind) -> None:
    secret = tokens.make(kind).secret
    assert tokens.kind_of(secret) == kind
    assert tokens.kind_of(secret + "A") is tokens.kind_of(secret[:-1]) is tokens.kind_of(secret + "\n") is None


@given(st.text())
def test_other_texts_are_no_secret_of_ours(text: str) -> None:
    assert tokens.kind_of(text) is None


def test_links_and_sessions_are_their_kind() -> None:
    assert tokens.kind_of(tokens.make_link_token()) == "link"
    assert tokens.kind_of(tokens.make_session_token()) == "session"


def test_a_digest_depends_on_the_key_and_tells_nothing() -> None:
    secret = tokens.make_client_key().secret.encode()
    digest = tokens.digest(secret, KEY)
    assert len(digest) == 32
    assert digest == tokens.digest(secret, KEY) != tokens.digest(secret, bytes(31) + b"1")
    assert secret not in digest


@given(st.text(), st.text(), st.text())
def test_a_signature_is_for_one_purpose_and_one_text(purpose: str, text: str, other: str) -> None:
    signature = tokens.signature("a", text, KEY)
    assert len(signature) == 43
    assert (signature == tokens.signature("a", other, KEY)) == (text == other)
    assert signature != tokens.signature("b" + purpose, text, KEY)


@given(st.text(), st.text())
def test_only_equal_texts_are_the_same_and_empty_ones_never(one: str, other: str) -> None:
    assert tokens.is_same(one, other) == (one == other != "")
    assert tokens.is_same(one, one) == bool(one)
