from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gateway.credentials.keyfile import KeyUnusable, key_file, make_file, read_file, read_key, write_key


def test_a_key_made_is_the_key_read_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    made = make_file(path)
    assert read_file(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_two_keys_are_alike_and_none_is_made_twice_in_one_place(tmp_path: Path) -> None:
    assert make_file(tmp_path / "one") != make_file(tmp_path / "other")
    with pytest.raises(KeyUnusable, match="cannot be made: File exists"):
        make_file(tmp_path / "one")


def test_where_there_is_no_file_there_is_no_key(tmp_path: Path) -> None:
    assert read_file(key_file(tmp_path)) is None


def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    make_file(path)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match=f"can be read by others: chmod 600 {path}"):
        read_file(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds 0 bytes"),
        ("not base64!", "does not hold base64"),
        (base64.b64encode(bytes(16)).decode(), "holds 16 bytes; a vault key has 32"),
        (base64.b64encode(bytes(33)).decode(), "holds 33 bytes"),
        ("\N{BUTTERFLY}", "does not hold base64"),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(text: str, reason: str) -> None:
    with pytest.raises(KeyUnusable, match=reason) as refused:
        read_key(text, "vault.key")
    assert str(refused.value).startswith("vault.key")
    assert len(text) < 3 or text not in str(refused.value)


def test_spaces_and_line_ends_around_a_key_do_not_matter() -> None:
    key = bytes(range(32))
    assert read_key(f"  {write_key(key)}\r\n", "x") == key
