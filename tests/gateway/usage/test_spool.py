from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest
import structlog

from gateway.records import UsageRecord
from gateway.settings.model import UsageSettings
from gateway.usage import segments, spool
from gateway.usage.appending import Mapped, Written
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.records import EXAMPLE, usage_record


@pytest.fixture(autouse=True)
def said() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged goes here: a test that fills the disk would fill it for its own output, too."""
    with structlog.testing.capture_logs() as events:
        yield events


@pytest.fixture(autouse=True, params=["mapped", "written"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By which means lines get into segments: all that is said here holds for both."""
    monkeypatch.setattr(spool, "appender", MEANS[request.param])
    return str(request.param)


MEANS = {"mapped": Mapped, "written": Written}


def written(directory: Path) -> list[bytes]:
    """Every line in the spool, open segments included, in order; without the room behind the lines of open ones."""
    files = sorted(directory.glob("*"), key=lambda path: path.name)
    return [line for path in files if path.is_file() for line in lines_of(path)]


def lines_of(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return (content.rstrip(b"\0") if path.suffix == segments.OPEN else content).splitlines(keepends=True)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond `limit` bytes: writes are short or fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def settings(**changes: float) -> UsageSettings:
    return UsageSettings(**changes)  # type: ignore[arg-type] # numbers of either kind, by name


def test_a_line_holds_every_field_of_the_record() -> None:
    line = encode(EXAMPLE)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert set(orjson.loads(line)) == set(UsageRecord.__struct_fields__)


def test_what_json_cannot_hold_is_mended_and_the_rest_kept() -> None:
    line = orjson.loads(encode(usage_record(requested_model="a\ud800b", request_bytes=2**70, key="team")))
    assert line["requested_model"] == "a?b"
    assert line["request_bytes"] == 2**63 - 1
    assert line["key"] == "team"
    assert line["stream"] is True


def test_a_line_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    out = Spool(tmp_path, 3, settings())
    out.append(b"one\n")
    (path,) = tmp_path.glob("w3-*.open")
    assert lines_of(path) == [b"one\n"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_idle_worker_makes_no_segments(tmp_path: Path) -> None:
    out = Spool(tmp_path, 0, settings())
    out.tick()
    out.close()
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_closed_when_it_is_old_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(spool, "time", SimpleNamespace(monotonic=lambda: now[0]))
    out = Spool(tmp_path, 0, settings(segment_seconds=0.5))
    out.append(b"one\n")
    now[0] += 0.4
    out.tick()
    assert not segments.closed(tmp_path)
    now[0] += 0.2
    out.tick()
    assert [segment.size for segment in segments.closed(tmp_path)] == [4]


def test_a_segment_is_closed_when_it_is_large_enough(tmp_path: Path) -> None:
    out = Spool(tmp_path, 0, settings(segment_bytes=4096))
    for _ in range(10):
        out.append(b"x" * 1023 + b"\n")
    assert [segment.size for segment in segments.closed(tmp_path)] == [4096, 4096]
    assert len(list(tmp_path.glob("*.open"))) == 1


def test_closing_hands_over_what_is_open(tmp_path: Path) -> None:
    out = Spool(tmp_path, 0, settings())
    out.append(b"one\n")
    out.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".seg"]


def test_two_spools_of_one_worker_number_never_share_a_name(tmp_path: Path) -> None:
    for _ in range(2):
        out = Spool(tmp_path, 0, settings())
        out.append(b"one\n")
        out.close()
    assert len(segments.closed(tmp_path)) == 2


def test_beyond_its_limit_the_spool_drops_and_counts_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "FULL_SECONDS", 0.0)
    out = Spool(tmp_path, 0, settings(segment_bytes=4096, spool_max_bytes=1024 * 1024))
    (tmp_path / "other.seg").write_bytes(b"x" * 1024 * 1024)
    out.append(b"one\n")
    out.append(b"two\n")
    assert out.dropped == 2
    (tmp_path / "other.seg").unlink()
    out.append(b"three\n")
    assert out.dropped == 2
    assert written(tmp_path) == [b"three\n"]


def test_a_full_spool_is_not_weighed_for_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[Path] = []

    def weigh(directory: Path) -> int:
        weighed.append(directory)
        return 2**40

    monkeypatch.setattr(segments, "weigh", weigh)
    out = Spool(tmp_path, 0, settings())
    for _ in range(100):
        out.append(b"one\n")
    assert (len(weighed), out.dropped) == (1, 100)


def test_a_line_written_in_part_is_taken_back_and_written_whole_later(tmp_path: Path) -> None:
    out = Spool(tmp_path, 0, settings())
    lines = [b"%03d" % number + b"x" * 96 + b"\n" for number in range(30)]
    with full_disk(1050):  # room for ten lines and a half
        for line in lines:
            out.append(line)
        assert written(tmp_path) == lines[:10]
        out.tick()
        assert written(tmp_path) == lines[:10]
        assert (out.backlog, out.dropped) == (20, 0)
    out.tick()
    assert written(tmp_path) == lines
    assert (out.backlog, out.dropped) == (0, 0)


def test_memory_is_bounded_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BACKLOG_BYTES", 1000)
    out = Spool(tmp_path, 0, settings())
    with full_disk(0):
        for _ in range(15):
            out.append(b"x" * 99 + b"\n")
        assert (out.backlog, out.dropped) == (10, 5)
    out.close()
    assert len(written(tmp_path)) == 10
    assert out.dropped == 5


def test_what_the_disk_refuses_to_the_end_is_counted(tmp_path: Path) -> None:
    out = Spool(tmp_path, 0, settings())
    with full_disk(0):
        out.append(b"one\n")
        out.close()
    assert (out.backlog, out.dropped) == (0, 1)


def test_a_segment_that_cannot_even_be_cut_is_left_for_adoption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "appender", Written)  # a copy cannot end half-way
    out = Spool(tmp_path, 0, settings())
    out.append(b"one\n")

    def broken(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, "broken")

    with full_disk(6), monkeypatch.context() as patched:
        patched.setattr(os, "ftruncate", broken)
        out.append(b"second\n")
    assert segments.adopt(tmp_path) == 1
    out.tick()
    out.close()
    assert sorted(written(tmp_path)) == [b"one\n", b"second\n"]


def test_a_vanished_directory_makes_lines_wait_in_memory(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    out = Spool(place, 0, settings())
    place.rmdir()
    out.append(b"one\n")
    assert out.backlog == 1
    place.mkdir()
    out.tick()
    assert written(place) == [b"one\n"]


def test_segments_grow_older_when_nobody_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CROWD", 3)
    out = Spool(tmp_path, 0, settings(segment_seconds=0.000_001))

    def append_and_tick() -> int:
        out.append(b"one\n")
        time.sleep(0.00001)  # older than a millionth of a second, whatever the clock's steps
        out.tick()
        return len(segments.closed(tmp_path))

    assert [append_and_tick() for _ in range(6)] == [1, 2, 3, 3, 3, 3]
    segments.closed(tmp_path)[0].path.unlink()
    assert append_and_tick() == 3


FULL_DISK_PROGRAM = """
import os, resource, sys
from pathlib import Path
from gateway.settings.model import UsageSettings
from gateway.usage import appending, spool
from gateway.usage.spool import Spool

spool.appender = getattr(appending, sys.argv[3])
place, filler = Path(sys.argv[1]), Path(sys.argv[1]) / "filler"
out = Spool(place / "spool", 0, UsageSettings(segment_bytes=64 * 1024))

def fill():
    if sys.argv[2] == "limited":
        out._settings = UsageSettings()
        return resource.setrlimit(resource.RLIMIT_FSIZE, (100_050, resource.RLIM_INFINITY))
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    os.truncate(filler, filler.stat().st_size - 100_000)

def make_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    filler.unlink(missing_ok=True)

fill()
for number in range(3000):
    out.append(b"%06d" % number + b"x" * 93 + b"\\n")
backlog, dropped = out.backlog, out.dropped
make_room()
out.tick()
assert out.backlog == backlog - 1000
out.close()
print("full", 1000 < backlog < 3000, dropped, "after", out.backlog, out.dropped)
"""


def test_a_full_disk_loses_nothing_that_memory_can_hold(tmp_path: Path, means: str) -> None:
    """On a file system of one megabyte where we may mount one, else under the kernel's limit on the size of files."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "sluicegate-test", str(tmp_path)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        place = [str(tmp_path), "mounted" if mounted else "limited"]
        program = [sys.executable, "-c", FULL_DISK_PROGRAM, *place, MEANS[means].__name__]
        done = subprocess.run(program, capture_output=True, text=True, timeout=20, check=False)
        lines = written(tmp_path / "spool")
    finally:
        if mounted:
            subprocess.run(["umount", tmp_path], check=True)
    assert done.stdout.splitlines()[-1:] == ["full True 0 after 0 0"], done.stderr
    assert [int(line[:6]) for line in lines] == list(range(3000))
