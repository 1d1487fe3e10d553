"""A capture is found by the id of its exchange, and what is wrong with one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.captures import reading
from gateway.captures.making import capture_of
from gateway.captures.places import place_of
from gateway.captures.redaction import Redactor
from gateway.captures.sealed import CaptureUnreadable, seal
from gateway.captures.writing import write_whole
from gateway.credentials.vault import Vault
from gateway.records.captures import Capture
from tests.gateway.captures.takes import KEY, taken

VAULT = Vault(KEY)


@pytest.fixture
def kept(tmp_path: Path) -> Capture:
    """A capture that is kept below `tmp_path`."""
    made = capture_of(taken(), Redactor(), 10_000)
    write_whole(place_of(tmp_path, made.id), seal(made, VAULT))
    return made


def test_it_is_found_by_its_id(tmp_path: Path, kept: Capture) -> None:
    assert reading.open_capture(tmp_path, kept.id, VAULT) == kept
    assert reading.is_kept(tmp_path, kept.id)


@pytest.mark.parametrize("capture_id", ["01a201cd-aa28-7977-8ca7-f6b69e9b7a76", "../state.sqlite3", ""])
def test_where_there_is_none_nothing_is_found(tmp_path: Path, kept: Capture, capture_id: str) -> None:
    assert reading.open_capture(tmp_path, capture_id, VAULT) is None
    assert not reading.is_kept(tmp_path, capture_id)
    assert not reading.forget(tmp_path, capture_id)
    assert reading.open_capture(tmp_path / "nowhere", kept.id, VAULT) is None


def test_a_file_in_the_place_of_a_directory_holds_none(tmp_path: Path, kept: Capture) -> None:
    (tmp_path / "file").touch()
    assert reading.open_capture(tmp_path / "file", kept.id, VAULT) is None
    assert not reading.forget(tmp_path / "file", kept.id)


def test_one_that_cannot_be_read_is_told_from_one_that_is_not_there(tmp_path: Path, kept: Capture) -> None:
    place = place_of(tmp_path, kept.id)
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(CaptureUnreadable, match="damaged"):
        reading.open_capture(tmp_path, kept.id, VAULT)
    place.unlink()
    place.mkdir()
    with pytest.raises(CaptureUnreadable, match="Is a directory"):
        reading.open_capture(tmp_path, kept.id, VAULT)


def test_what_is_forgotten_is_gone(tmp_path: Path, kept: Capture) -> None:
    assert reading.forget(tmp_path, kept.id)
    assert not reading.forget(tmp_path, kept.id)
    assert reading.open_capture(tmp_path, kept.id, VAULT) is None
    assert not list(tmp_path.rglob("*.cap"))
