from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.settings.watch import Watch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.toml"
    path.write_text("one")
    return path


def settled(watch: Watch) -> bool:
    """Whether a change is told at the second look at the latest."""
    return watch.changed() or watch.changed()


def test_files_that_stay_as_they_are_have_not_changed(file: Path) -> None:
    watch = Watch([file, file.parent / "none"])
    assert not any(watch.changed() for _ in range(4))


def test_a_change_is_told_once_it_is_the_same_at_two_looks(file: Path) -> None:
    watch = Watch([file])
    file.write_text("half")
    assert not watch.changed()
    file.write_text("whole!")
    assert not watch.changed()
    assert watch.changed()
    assert watch.changed()  # Until somebody reads it.
    watch.mark()
    assert not settled(watch)


def test_every_way_of_changing_a_file_is_seen(file: Path) -> None:
    watch = Watch([file])
    other = file.with_suffix(".new")
    other.write_text("two")
    for change in (
        lambda: file.write_text("three"),
        lambda: other.replace(file),
        lambda: file.chmod(0o400),
        file.unlink,
        lambda: file.write_text("two"),
    ):
        change()
        assert settled(watch), change
        watch.mark()


def test_a_directory_swapped_behind_a_link_is_seen(tmp_path: Path) -> None:
    """As Kubernetes does it: `a.toml -> ..data/a.toml`, `..data -> ..2030`."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.toml").write_text("the same")
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "a.toml").symlink_to("..data/a.toml")
    watch = Watch([tmp_path / "a.toml"])
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(tmp_path / "..data")
    assert settled(watch)


def test_files_are_added_and_left_out_while_a_change_of_another_is_pending(file: Path) -> None:
    secret, gone = file.with_suffix(".key"), file.with_suffix(".old")
    secret.write_text("a")
    watch = Watch([file, gone])
    file.write_text("changed")
    watch.follow([file, secret])
    gone.write_text("nobody looks")
    assert settled(watch)
    watch.mark()
    secret.write_text("b")
    assert settled(watch)
    watch.mark()
    assert not settled(watch)


def test_a_time_that_is_put_back_hides_nothing(file: Path) -> None:
    watch, before = Watch([file]), file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert settled(watch)
