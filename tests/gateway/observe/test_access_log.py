from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from select import PIPE_BUF

import orjson
import pytest

from gateway.observe.access_log import BATCH_BYTES, AccessLog
from tests.gateway.observe.samples import ORDINARY, exchange, refused
from tests.source import ROOT


class Pipe:
    """Standard error as a log collector holds it: the writing end is ours and inherited, the reading end its own."""

    def __init__(self) -> None:
        self._reader, self.descriptor = os.pipe()
        os.set_blocking(self._reader, False)

    def read(self) -> bytes:
        read = b""
        while chunk := self._some():
            read += chunk
        return read

    def lines(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.read().splitlines()]

    def _some(self) -> bytes:
        try:
            return os.read(self._reader, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        os.close(self._reader)
        os.close(self.descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def line_of(pipe: Pipe, **changes: object) -> dict[str, object]:
    log = AccessLog(pipe.descriptor)
    log.write(exchange(**changes), "POST", "10.0.0.1")
    log.flush()
    (line,) = pipe.lines()
    return line


def test_an_exchange_leaves_one_line_of_facts(pipe: Pipe) -> None:
    assert line_of(pipe) == {
        "time": "2025-06-15T15:06:40.812Z",
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "level": "info",
        "event": "exchange",
        "key": "team",
        "method": "POST",
        "endpoint": "/v1/chat/completions",
        "requested_model": "mock/gpt",
        "provider": "mock",
        "model": "gpt",
        "credential": "first",
        "status": 200,
        "error": None,
        "stream": True,
        "user_agent": "OpenAI/Python 3.0",
        "client": "10.0.0.1",
        "ttfb_ms": 30.0,
        "total_ms": 812.345,
        "upstream_ms": 811.0,
        "overhead_ms": 0.4,
        "tokens_in": 120,
        "tokens_out": 34,
        "attempts": 1,
        "bytes_in": 1000,
        "bytes_out": 5000,
        "worker": 0,
    }


def test_a_line_names_the_trace_where_there_is_one(pipe: Pipe) -> None:
    assert line_of(pipe, trace_id="0af7651916cd43dd8448eb211c80319c")["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert "trace_id" not in line_of(pipe)


def test_a_refused_request_leaves_its_line_too(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    log.write(refused(first_byte_us=None), "BREW", None)
    log.close()
    (line,) = pipe.lines()
    assert (line["status"], line["error"], line["provider"], line["ttfb_ms"]) == (401, "invalid_key", None, None)
    assert (line["method"], line["client"], line["attempts"]) == ("BREW", None, 0)


def test_the_same_words_with_other_numbers_make_another_line(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    log.write(ORDINARY, "POST", "10.0.0.1")
    log.write(exchange(id="other", total_us=2_000_000, started_at_us=0), "POST", "10.0.0.2")
    log.flush()
    first, second = pipe.lines()
    assert first["client"] == "10.0.0.1"
    assert (second["id"], second["total_ms"], second["time"]) == ("other", 2000.0, "1970-01-01T00:00:02.000Z")
    assert second["client"] == "10.0.0.2"


@pytest.mark.parametrize("field", ["requested_model", "model", "user_agent", "endpoint"])
def test_what_a_client_invents_is_cut_and_stays_in_its_field(pipe: Pipe, field: str) -> None:
    forged = 'x"\n{"event":"exchange","key":"admin"}\x1b[2J\u2028\u202e' + "y" * 10_000
    written = line_of(pipe, **{field: forged})[field]
    assert isinstance(written, str)
    assert len(written) == 200
    assert written.startswith('x"\\u000a{"event"')
    assert written.isprintable()


@pytest.mark.parametrize(
    "secret", ["sk-proj-abcdefghij", "AIzaSyA-1234567890", "Bearer abcdefgh", "eyJhbGciOi.eyJzdWI.c2ln"]
)
def test_a_secret_in_a_field_is_not_written(pipe: Pipe, secret: str) -> None:
    for field in ("requested_model", "user_agent"):
        assert secret not in str(line_of(pipe, **{field: f"a {secret} b"}))


def test_no_line_is_longer_than_a_pipe_takes_in_one_piece(pipe: Pipe) -> None:
    wide = "\U0001f9ea" * 300
    log = AccessLog(pipe.descriptor)
    everything = {"requested_model": wide, "model": wide, "user_agent": wide, "endpoint": wide, "error": wide}
    log.write(exchange(**everything), wide, wide)
    log.close()
    text = pipe.read()
    assert len(text) <= PIPE_BUF
    assert orjson.loads(text)["status"] == 200


def test_half_a_surrogate_pair_is_written_as_what_it_is(pipe: Pipe) -> None:
    assert line_of(pipe, requested_model="half \ud83d")["requested_model"] == "half \\ud83d"


def test_lines_gather_until_a_flush_or_until_they_are_many(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    log.write(ORDINARY, "POST", None)
    assert pipe.read() == b""
    log.flush()
    length = len(pipe.read())
    assert length > 0
    for _ in range(BATCH_BYTES // length + 1):
        log.write(ORDINARY, "POST", None)
    assert len(pipe.read()) >= BATCH_BYTES


def test_nothing_is_written_when_switched_off(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor, enabled=False)
    log.write(ORDINARY, "POST", None)
    log.configure(enabled=True, style="json")
    log.write(exchange(id="seen"), "POST", None)
    log.close()
    assert [line["id"] for line in pipe.lines()] == ["seen"]


def test_the_console_line_is_for_eyes(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor, style="console")
    log.write(ORDINARY, "POST", "10.0.0.1")
    log.write(refused(requested_model="no\nsuch"), "POST", None)
    log.close()
    first, second = pipe.read().decode().splitlines()
    assert first.startswith("2025-06-15T15:06:40.812Z info    POST /v1/chat/completions 200 mock/gpt key=team error=- ")
    assert "812.3ms tokens=120/34 attempts=1 client=10.0.0.1 id=0189" in first
    assert "401 no\\u000asuch key=- error=invalid_key" in second


def test_a_reader_that_stops_never_holds_the_worker(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    began = time.monotonic()
    for index in range(10_000):
        log.write(exchange(id=str(index)), "POST", None)
    assert time.monotonic() - began < 5
    assert log.dropped > 0
    seen = [int(str(line["id"])) for line in pipe.lines()]
    for _ in range(100):
        log.flush()
        seen += [int(str(line["id"])) for line in pipe.lines()]
    assert seen == list(range(len(seen)))
    assert len(seen) + log.dropped == 10_000


def test_the_inherited_descriptor_keeps_its_flags(pipe: Pipe) -> None:
    before = fcntl.fcntl(pipe.descriptor, fcntl.F_GETFL)
    log = AccessLog(pipe.descriptor)
    log.write(ORDINARY, "POST", None)
    log.flush()
    assert fcntl.fcntl(pipe.descriptor, fcntl.F_GETFL) == before
    log.close()


def test_closing_waits_half_a_second_for_a_reader_that_does_not_come(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    for _ in range(1000):
        log.write(ORDINARY, "POST", None)
    began = time.monotonic()
    log.close()
    assert 0.4 < time.monotonic() - began < 3
    assert log.dropped == 1000 - len(pipe.lines())


def test_a_reader_that_is_gone_is_no_failure(pipe: Pipe) -> None:
    reader, writer = os.pipe()
    log = AccessLog(writer)
    os.close(reader)
    log.write(ORDINARY, "POST", None)
    log.close()
    assert log.dropped == 1
    os.close(writer)


def test_several_workers_on_one_pipe_never_mingle_their_lines(tmp_path: Path) -> None:
    program = (
        "import sys; from gateway.observe.access_log import AccessLog;"
        "from tests.gateway.observe.samples import exchange; log = AccessLog(2)\n"
        "for n in range(1000):\n"
        "    log.write(exchange(id=str(n), user_agent=sys.argv[1] * 150), 'POST', None)\n"
        "log._writer.close(seconds=60)"
    )
    reader, writer = os.pipe()
    names = ("a", "b", "c")
    started = [subprocess.Popen([sys.executable, "-c", program, name], cwd=ROOT, stderr=writer) for name in names]
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        lines = [orjson.loads(line) for line in stream]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert {line["user_agent"] for line in lines} <= {name * 150 for name in names}
    for name in names:
        ids = [int(line["id"]) for line in lines if line["user_agent"][0] == name]
        assert ids == list(range(1000))


def test_what_is_remembered_is_bounded(pipe: Pipe) -> None:
    log = AccessLog(pipe.descriptor)
    for index in range(5000):
        log.write(exchange(user_agent=f"agent {index}", requested_model="m" * 100_000), "POST", str(index))
    assert len(log._words) <= 1024
    assert len(log._tidy) <= 1024
    assert all(len(text) <= 500 for text in log._tidy)
    log.close()
