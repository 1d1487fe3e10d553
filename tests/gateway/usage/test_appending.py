from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.usage import appending, segments
from gateway.usage.appending import STEP, Mapped, Written

Means = type[Mapped] | type[Written]


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    """Of an open segment, `a.open`."""
    descriptor = segments.begin(tmp_path, "a")
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def limited() -> Iterator[None]:
    """What a test does to the limit on the size of files is undone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def limit(size: int) -> None:
    """No file of this process grows beyond so many bytes: for whoever writes, the disk is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def content(directory: Path) -> bytes:
    return (directory / "a.open").read_bytes().rstrip(b"\0")


@pytest.mark.parametrize("means", [Mapped, Written])
def test_lines_of_any_length_stand_one_behind_another(tmp_path: Path, descriptor: int, means: Means) -> None:
    lengths = (1, 100, STEP - 102, 2, STEP, STEP + 1, 5 * STEP, 3, 1000)
    lines = [bytes([97 + number]) * (length - 1) + b"\n" for number, length in enumerate(lengths)]
    segment = means(descriptor)
    for number, line in enumerate(lines, 1):
        segment.append(line)
        assert content(tmp_path) == b"".join(lines[:number])
    assert segment.size == sum(lengths)
    segment.close()
    assert content(tmp_path) == b"".join(lines)


def test_room_is_made_in_steps(tmp_path: Path, descriptor: int) -> None:
    segment = Mapped(descriptor)
    assert os.fstat(descriptor).st_size == 0
    sizes = []
    for _ in range(5):
        segment.append(b"x" * (STEP // 2 - 1) + b"\n")
        sizes.append(os.fstat(descriptor).st_size)
    assert sizes == [STEP, STEP, 2 * STEP, 2 * STEP, 3 * STEP]
    assert os.fstat(descriptor).st_blocks * 512 >= 3 * STEP, "room that the disk has not set aside is no room"
    segment.close()


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("means", [Mapped, Written])
def test_where_there_is_no_room_nothing_of_the_line_is_left(tmp_path: Path, descriptor: int, means: Means) -> None:
    segment = means(descriptor)
    segment.append(b"one\n")
    limit(STEP + 2)
    large = b"x" * (STEP - 1) + b"\n"
    for _ in range(2):
        with pytest.raises(OSError, match=r"File too large|only a part"):
            segment.append(large)
        assert content(tmp_path) == b"one\n"
    segment.append(b"two\n")
    assert content(tmp_path) == b"one\ntwo\n"
    limit(4 * STEP)
    segment.append(large)
    assert content(tmp_path) == b"one\ntwo\n" + large
    segment.close()


@pytest.mark.usefixtures("limited")
def test_the_last_room_of_a_disk_is_used(tmp_path: Path, descriptor: int) -> None:
    segment = Mapped(descriptor)
    limit(STEP + 10)
    segment.append(b"x" * (STEP - 1) + b"\n")
    segment.append(b"123456789\n")
    with pytest.raises(OSError, match="File too large"):
        segment.append(b"\n")
    assert segment.size == STEP + 10
    segment.close()


def test_the_lock_is_held_until_memory_and_descriptor_are_let_go(tmp_path: Path) -> None:
    descriptor = segments.begin(tmp_path, "a")
    segment = Mapped(descriptor)
    segment.append(b"one\n")
    assert segments.adopt(tmp_path) == 0
    segment.append(b"two\n")
    segment.close()
    assert segments.adopt(tmp_path) == 0
    os.close(descriptor)
    assert segments.adopt(tmp_path) == 1
    assert (tmp_path / "a.seg").read_bytes() == b"one\ntwo\n"


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:30 /volume /var/lib/a\\040-\\040b rw master:1 - btrfs /dev/sdb rw
25 22 0:31 / /tmp rw - tmpfs none rw
"""


@pytest.mark.parametrize(
    ("device", "found"),
    [((8, 1), "ext4"), ((0, 30), "btrfs"), ((0, 31), "tmpfs"), ((0, 99), "")],
)
def test_the_file_system_is_that_of_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: tuple[int, int], found: str
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(appending, "MOUNTS", tmp_path / "mountinfo")
    assert appending.file_system.__wrapped__(os.makedev(*device)) == found


def test_where_the_file_system_cannot_be_told_there_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "MOUNTS", tmp_path / "nowhere")
    assert appending.file_system.__wrapped__(os.makedev(8, 1)) == ""


@pytest.mark.parametrize(
    ("name", "means"),
    [
        *(("ext4", Mapped), ("xfs", Mapped), ("tmpfs", Mapped)),
        *(("btrfs", Written), ("zfs", Written), ("nfs4", Written), ("overlay", Written), ("", Written)),
    ],
)
def test_memory_is_used_where_a_page_keeps_its_place(
    descriptor: int, monkeypatch: pytest.MonkeyPatch, name: str, means: Means
) -> None:
    monkeypatch.setattr(appending, "file_system", lambda device: name)
    assert type(appending.appender(descriptor)) is means


KILLED_PROGRAM = """
import os, signal, sys
from itertools import count
from pathlib import Path
from gateway.settings.model import UsageSettings
from gateway.usage import appending, segments, spool
from gateway.usage.spool import Spool

FILES = {module.__file__ for module in (appending, segments, spool)}
steps = 0

def trace(frame, event, argument):
    # Each line of code is a step; the end comes before the so-manieth.
    global steps
    if frame.f_code.co_filename not in FILES:
        return None
    steps -= event == "line"
    if not steps:
        os.kill(os.getpid(), signal.SIGKILL)
    return trace

def work(place, notes):
    spool.appender = appending.Mapped
    sys.settrace(trace)
    out = Spool(place, 0, UsageSettings(segment_bytes=4096))
    for number in range(5):
        out.append(b"%06d" % number + b"x" * 1500 + b"\\n")
        notes.write(b"%06d" % number)
    out.close()
    os._exit(0)

for number in count(1):
    place = Path(sys.argv[1]) / str(number)
    steps, child = number, os.fork()
    if not child:
        place.mkdir()
        work(place / "spool", (place / "notes").open("wb", buffering=0))
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_killed_between_any_two_steps_a_worker_leaves_whole_lines_and_all_that_it_promised(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_PROGRAM, str(tmp_path)], check=True, timeout=60)
    runs = sorted(tmp_path.iterdir(), key=lambda path: int(path.name))
    left = [left_by(run) for run in runs]
    assert len(runs) > 100
    assert left == sorted(left), "who dies later leaves no less"
    assert (left[0], left[-1]) == (0, 5)


def left_by(run: Path) -> int:
    """How many lines a worker has left, of which it had promised all, or all but one."""
    notes, spool = run / "notes", run / "spool"
    promised = notes.stat().st_size // 6 if notes.exists() else 0
    segments.adopt(spool)
    closed = sorted(spool.glob("*")) if spool.exists() else []
    assert all(path.suffix == segments.CLOSED for path in closed)
    lines = b"".join(path.read_bytes() for path in closed).splitlines(keepends=True)
    assert lines == [b"%06d" % number + b"x" * 1500 + b"\n" for number in range(len(lines))]
    assert len(lines) in (promised, promised + 1)
    return len(lines)
