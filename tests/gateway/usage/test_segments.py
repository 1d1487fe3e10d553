from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from gateway.usage import segments


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_an_open_segment_with_an_owner_is_left_alone(tmp_path: Path) -> None:
    descriptor = segments.begin(tmp_path, "a")
    os.write(descriptor, b"one\n")
    assert segments.adopt(tmp_path) == 0
    assert names(tmp_path) == ["a.open"]
    os.close(descriptor)


def test_a_closed_segment_is_handed_over_under_its_new_name(tmp_path: Path) -> None:
    descriptor = segments.begin(tmp_path, "a")
    os.write(descriptor, b"one\n" + bytes(1000))
    assert segments.close(tmp_path, "a", descriptor, 4) == tmp_path / "a.seg"
    assert (tmp_path / "a.seg").read_bytes() == b"one\n"
    assert [segment.name for segment in segments.closed(tmp_path)] == ["a"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"one\ntw", b"one\n"),
        (b"one\n" + b"x" * 200_000, b"one\n"),
        (b"y" * 200_000 + b"\n" + b"x", b"y" * 200_000 + b"\n"),
        (b"one\n" + bytes(200_000), b"one\n"),
        (b"one\ntw" + bytes(200_000), b"one\n"),
        (b"one\ntw\0\n" + bytes(10), b"one\n"),
        (b"one\n" + b"x" * 100_000 + bytes(100_000) + b"x\n" + bytes(10), b"one\n"),
        (b"one\n\0wo\n", b"one\n"),
    ],
)
def test_an_abandoned_segment_is_adopted_without_its_torn_line(tmp_path: Path, written: bytes, kept: bytes) -> None:
    descriptor = segments.begin(tmp_path, "a")
    os.write(descriptor, written)
    os.close(descriptor)
    assert segments.adopt(tmp_path) == 1
    assert (tmp_path / "a.seg").read_bytes() == kept


@pytest.mark.parametrize("written", [b"", b"torn", bytes(70_000), b"torn" + bytes(70_000), b"\0orn\n"])
def test_an_abandoned_segment_without_a_whole_line_is_removed(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "a.open").write_bytes(written)
    assert segments.adopt(tmp_path) == 0
    assert names(tmp_path) == []


def test_a_segment_adopted_before_its_owner_could_lock_it_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        segments.adopt(tmp_path)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(FileNotFoundError):
        segments.begin(tmp_path, "a")
    os.close(segments.begin(tmp_path, "b"))


def test_the_oldest_segment_comes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("z", "m", "a")):
        path = tmp_path / f"{name}.seg"
        path.write_bytes(b"one\n")
        os.utime(path, ns=(age, age))
    assert [segment.name for segment in segments.closed(tmp_path)] == ["z", "m", "a"]


def test_open_and_closed_segments_weigh_but_those_set_aside_do_not(tmp_path: Path) -> None:
    (tmp_path / "a.open").write_bytes(b"12345\n")
    (tmp_path / "b.seg").write_bytes(b"123\n")
    (tmp_path / "c.seg").write_bytes(b"x" * 1000)
    segments.set_aside(tmp_path / "c.seg", segments.CLOSED)
    assert segments.weigh(tmp_path) == 10
    assert names(tmp_path / "bad") == ["c.seg"]


@pytest.mark.parametrize("lines", [0, 1, 99, 65_536])
def test_room_behind_the_lines_of_an_open_segment_weighs_nothing(tmp_path: Path, lines: int) -> None:
    (tmp_path / "a.open").write_bytes(b"x\n" * lines + bytes(65_536))
    assert segments.weigh(tmp_path) == 2 * lines


def test_a_directory_that_is_not_there_has_no_segments(tmp_path: Path) -> None:
    assert segments.closed(tmp_path / "gone") == []
    assert segments.weigh(tmp_path / "gone") == 0
    assert segments.adopt(tmp_path / "gone") == 0


@pytest.mark.parametrize(
    ("content", "count"), [(b"", 0), (b"a\n", 1), (b"a\nb\n", 2), (b"a\nb", 2), (b"x" * 3_000_000 + b"\n", 1)]
)
def test_a_torn_line_counts_as_a_line(tmp_path: Path, content: bytes, count: int) -> None:
    (tmp_path / "a.seg").write_bytes(content)
    assert segments.lines(tmp_path / "a.seg") == count


def test_only_what_grew_since_the_last_time_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fdatasync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", note)
    (tmp_path / "a.open").write_bytes(b"one\n" + bytes(1000))
    (tmp_path / "b.seg").write_bytes(b"one\n")
    seen = segments.sync(tmp_path, {})
    assert sorted(synced) == sorted(["a.open", "b.seg", tmp_path.name])
    synced.clear()
    seen = segments.sync(tmp_path, seen)
    assert synced == []
    with (tmp_path / "a.open").open("r+b") as file:
        file.seek(4)
        file.write(b"two\n")  # into the room there was: the file is not larger than before
    segments.sync(tmp_path, seen)
    assert synced == ["a.open", tmp_path.name]
