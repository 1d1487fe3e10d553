from __future__ import annotations

import json

import pytest

from gateway.settings.credential_text import is_fit, one_line
from gateway.settings.objects import CredentialSettings
from gateway.settings.shape import Wrong
from gateway.settings.stored import StoredObject, read_secret, read_table

DOCUMENT = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN X-----\\nä\\n"\n}'


@pytest.mark.parametrize("text", ["sk-1", "AKIA:s/+:t", "ya29.x", "{", "{not json}", '{"a":'])
def test_what_is_no_document_is_kept_as_it_is(text: str) -> None:
    assert one_line(f" {text}\n") == text


def test_a_document_is_kept_on_one_line_and_says_the_same() -> None:
    kept = one_line(DOCUMENT)
    assert is_fit(kept)
    assert kept.isascii()
    assert "\n" not in kept
    assert json.loads(kept) == json.loads(DOCUMENT)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ä", "{a\n}", "{a\r\nx: y}", "{ä}", "{a} {", "x{a b}"])
def test_what_could_end_a_header_line_fits_nowhere(text: str) -> None:
    assert not is_fit(text)


def test_a_credential_of_the_database_may_be_a_document_too() -> None:
    table = read_table(StoredObject("credential", "vertex/one", {}, {"api_key": DOCUMENT}))
    assert isinstance(table, CredentialSettings)
    assert is_fit(table.api_key)
    assert json.loads(table.api_key) == json.loads(DOCUMENT)


@pytest.mark.parametrize("secret", ["", "a b", "{a\n}", " sk-1"])
def test_what_no_header_can_carry_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Wrong) as caught:
        read_secret(secret, ("api_key",))
    assert not secret or secret not in str(caught.value)
