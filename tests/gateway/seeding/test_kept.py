"""The file that a demo's clients have their keys from."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.seeding.kept import Furnished, keep, kept_in

FURNISHED = Furnished(until_us=7, secrets={"ci": "slg-secret"})


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def test_what_is_kept_comes_back_and_is_for_nobody_else(data_dir: Path) -> None:
    assert kept_in(data_dir) is None
    keep(data_dir, FURNISHED)
    assert kept_in(data_dir) == FURNISHED
    (path,) = (data_dir / "run").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"until_us":"x"}', b"\xff"])
def test_what_cannot_be_read_is_as_good_as_nothing(data_dir: Path, content: bytes) -> None:
    keep(data_dir, FURNISHED)
    (data_dir / "run" / "demo.json").write_bytes(content)
    assert kept_in(data_dir) is None
