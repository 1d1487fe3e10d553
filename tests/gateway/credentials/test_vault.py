from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.vault import KEY_BYTES, MARK_BYTES, Vault, VaultError, fingerprint

KEY = bytes(range(KEY_BYTES))
OTHER = bytes(reversed(KEY))
SECRET = b"sk-canary-of-the-vault"


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_what_is_sealed_is_opened_again(plain: bytes, context: str) -> None:
    vault = Vault(KEY)
    assert vault.open(vault.seal(plain, context), context) == plain


def test_nothing_of_a_secret_shows_in_what_is_sealed_and_no_two_are_alike() -> None:
    vault = Vault(KEY)
    first, second = (vault.seal(SECRET, "server/keys") for _ in range(2))
    assert SECRET not in first
    assert first != second


def test_another_key_does_not_open_it_and_says_so() -> None:
    sealed = Vault(KEY).seal(SECRET, "server/keys")
    assert not Vault(OTHER).sealed(sealed)
    with pytest.raises(VaultError, match=r"^the sealed value of server/keys was sealed with another key$"):
        Vault(OTHER).open(sealed, "server/keys")


def test_a_value_put_in_the_place_of_another_is_not_opened() -> None:
    vault = Vault(KEY)
    sealed = vault.seal(SECRET, "configuration/credential/openai/cheap")
    with pytest.raises(VaultError, match="belongs to something else"):
        vault.open(sealed, "configuration/credential/openai/dear")


@pytest.mark.parametrize("position", range(0, 1 + MARK_BYTES + 24 + 16 + 16 + len(SECRET), 5))
def test_a_changed_byte_anywhere_is_found_out(position: int) -> None:
    vault = Vault(KEY)
    sealed = bytearray(vault.seal(SECRET, "server/keys"))
    sealed[position] ^= 1
    with pytest.raises(VaultError):
        vault.open(bytes(sealed), "server/keys")


@given(st.binary(max_size=200))
def test_rubbish_is_refused_in_one_line(rubbish: bytes) -> None:
    with pytest.raises(VaultError) as refused:
        Vault(KEY).open(rubbish, "server/keys")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_has_thirty_two_bytes(length: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        Vault(bytes(length))


def test_neither_repr_nor_fingerprint_shows_a_secret() -> None:
    assert KEY.hex() not in repr(Vault(KEY))
    shown = fingerprint("sk-canary", KEY)
    assert shown == fingerprint("sk-canary", KEY)
    assert shown != fingerprint("sk-canary", OTHER)
    assert shown != fingerprint("sk-canaries", KEY)
    assert "canary" not in shown
