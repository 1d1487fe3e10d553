"""Whoever hands over a capture never waits; what is kept is whole, and what is not is counted."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.captures import writing
from gateway.captures.places import place_of
from gateway.captures.reading import open_capture
from gateway.captures.retention import weight
from gateway.captures.sealed import CaptureUnreadable, unseal
from gateway.captures.writing import CaptureWriter, Waiting, Ways, write_whole
from gateway.credentials.vault import Vault
from gateway.records.captures import Capture
from gateway.settings.model import CaptureSettings
from tests.gateway.captures.takes import KEY, flow, id_at, taken
from tests.waiting import until

VAULT = Vault(KEY)

KILLS = 5


def ways(**said: Any) -> Ways:
    return Ways.of(CaptureSettings(mode="all", **said), KEY)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    made = CaptureWriter(tmp_path / "captures", ways(redact=["word"], max_bytes=1024))
    yield made
    made.close()


def soon(folder: Path, capture_id: str) -> Capture:
    """The capture of an exchange, once it is there."""
    capture = until(lambda: open_capture(folder, capture_id, VAULT))
    assert capture is not None
    return capture


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.cap"))


def test_what_is_handed_over_can_be_read_soon_after(writer: CaptureWriter, tmp_path: Path) -> None:
    folder, one = tmp_path / "captures", taken(body=flow(b"a word and " + b"x" * 2000))
    assert writer.keep(one)
    capture = soon(folder, one.id)
    assert capture.request.body.kept == b"a [redacted] and ".ljust(1024, b"x")
    assert capture.request.body.cut
    (file,) = files(folder)
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(each.stat().st_mode & 0o777 == 0o700 for each in (folder, file.parent, file.parent.parent))
    assert weight(folder) == 4096
    assert writer.dropped == 0


def test_other_ways_hold_from_the_next_one_on(writer: CaptureWriter, tmp_path: Path) -> None:
    writer.ways = ways()
    one = taken(body=flow(b"a word"))
    assert writer.keep(one)
    capture = soon(tmp_path / "captures", one.id)
    assert capture.request.body.kept == b"a word"


def test_the_end_waits_for_what_waits(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path, ways())
    for _ in range(200):
        assert writer.keep(taken())
    writer.close()
    assert len(files(tmp_path)) == 200
    assert writer.dropped == 0


class SlowDisk:
    """Takes nothing until it is told to go on."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.written: list[Path] = []

    def write(self, path: Path, content: bytes) -> None:
        assert content
        self.may_go_on.wait(10)
        self.written.append(path)


def test_a_slow_disk_costs_captures_and_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_WAITING", 5)
    disk = SlowDisk()
    writer = CaptureWriter(tmp_path, ways(), write=disk.write)
    begun = time.monotonic()
    kept = [writer.keep(taken()) for _ in range(20)]
    assert time.monotonic() - begun < 8
    assert kept == [True] * 5 + [False] * 15
    assert writer.dropped == writer.refused == 15
    disk.may_go_on.set()
    until(lambda: len(disk.written) == 5)
    until(lambda: writer.keep(taken()))
    writer.close()
    assert len(disk.written) == 6


def test_what_waits_is_bounded_in_bytes_too() -> None:
    waiting = Waiting()
    assert waiting.has_room(writing.MOST_WAITING_BYTES)
    waiting.given, waiting.given_bytes = 1, writing.MOST_WAITING_BYTES
    assert not waiting.has_room(1)
    waiting.done, waiting.done_bytes = 1, writing.MOST_WAITING_BYTES
    assert waiting.has_room(1)


def test_what_a_slow_disk_has_not_taken_at_the_end_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CLOSE_SECONDS", 0.05)
    disk = SlowDisk()
    writer = CaptureWriter(tmp_path, ways(), write=disk.write)
    for _ in range(3):
        assert writer.keep(taken())
    with capture_logs() as lines:
        writer.close()
    assert writer.dropped == 3
    assert [line["dropped"] for line in lines] == [3]
    disk.may_go_on.set()


def test_a_disk_that_refuses_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "captures").touch()
    writer = CaptureWriter(tmp_path / "captures", ways())
    with capture_logs() as lines:
        for _ in range(3):
            assert writer.keep(taken())
        writer.close()
    assert writer.dropped == writer.lost == 3
    (line,) = lines
    assert "Not a directory" in line["reason"]


def test_one_that_cannot_be_made_does_not_keep_others_from_it(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path, ways())
    broken, one = taken(), taken()
    broken.tries[0].head = b"nonsense"
    with capture_logs() as lines:
        assert writer.keep(broken)
        assert writer.keep(one)
        writer.close()
    assert [path.stem for path in files(tmp_path)] == [one.id]
    assert [(line["event"], line["id"]) for line in lines] == [("an exchange is not captured", broken.id)]
    assert writer.dropped == 1


def test_room_is_made_while_it_is_written(tmp_path: Path) -> None:
    most = 1024 * 1024
    writer = CaptureWriter(tmp_path, ways(max_total_bytes=most))
    long_ago = id_at(datetime.now(UTC) - timedelta(days=8))
    write_whole(place_of(tmp_path, long_ago), b"x")
    body = flow(random.Random(1).randbytes(60_000))
    for _ in range(100):
        until(lambda: writer.keep(taken(body=body)))
    writer.close()
    assert writer.dropped == 0
    assert most // 2 < sum(path.stat().st_size for path in files(tmp_path)) < most * 1.1
    assert not place_of(tmp_path, long_ago).exists()


def test_old_ones_that_cannot_be_deleted_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gateway.captures.retention.tidy", refuse)
    monkeypatch.setattr(writing, "SHARE", 2**40)
    writer = CaptureWriter(tmp_path, ways())
    with capture_logs() as lines:
        assert writer.keep(taken())
        writer.close()
    assert (writer.dropped, len(files(tmp_path))) == (0, 1)
    assert [line["event"] for line in lines] == ["old captures cannot be deleted"]


def test_a_file_that_cannot_be_finished_leaves_no_draft(tmp_path: Path) -> None:
    place = place_of(tmp_path, taken().id)
    place.mkdir(parents=True)
    (place / "in the way").touch()
    with pytest.raises(OSError, match="directory"):
        write_whole(place, b"x")
    assert [path.name for path in place.parent.iterdir() if path.name.endswith(".part")] == []


def test_whenever_it_is_killed_every_file_is_whole(tmp_path: Path) -> None:
    chance, command = random.Random(7), [sys.executable, "-m", "tests.gateway.captures.writing_process", str(tmp_path)]
    for _ in range(KILLS):
        before = len(files(tmp_path))
        process = subprocess.Popen(command)
        try:
            until(lambda before=before: len(files(tmp_path)) > before, 15)  # type: ignore[misc]
            time.sleep(chance.random() / 20)
        finally:
            process.kill()
            process.wait()
    there = files(tmp_path)
    assert len(there) >= KILLS
    for path in there:
        assert unseal(path.read_bytes(), path.stem, VAULT).request.body.kept.startswith(b"prompt")
    for draft in tmp_path.rglob("*.part"):
        with pytest.raises(CaptureUnreadable):
            unseal(draft.read_bytes()[:-1], draft.stem, VAULT)
