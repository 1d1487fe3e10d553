"""The mock provider of a scenario and the requests that reach it. One stage serves all peers of a scenario."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import native
from benchmarks.dialects import DIALECTS, DialectName
from benchmarks.errors import BenchmarkError
from benchmarks.machine import Cores
from benchmarks.processes import Process, running, spawn
from benchmarks.scenarios import Scenario

MockName = Literal["native", "python"]

UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
"""What the mock accepts: every relay has to put it there."""
MODEL = "gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a peer needs to know to be started."""

    mock: Process
    mock_port: int
    cores: Cores
    directory: Path
    workers: int
    scenario: Scenario | None = None
    """What is measured on it, for peers that are started for one scenario alone."""

    @property
    def upstream(self) -> str:
        """Where the mock listens, HOST:PORT."""
        return f"127.0.0.1:{self.mock_port}"


def mock_command(name: MockName) -> list[str]:
    """How the C mock, or the repository's own, is started on any free port."""
    if name == "native":
        return [str(native.program("mock")), "--key", UPSTREAM_KEY]
    return [sys.executable, "-m", "gateway", "mock", "--listen", "127.0.0.1:0"]


@contextlib.contextmanager
def staged(
    name: MockName, *, cores: Cores, directory: Path, workers: int, scenario: Scenario | None = None
) -> Iterator[Stage]:
    """A running mock. Raises `BenchmarkError` when it does not say where it listens."""
    log = directory / "mock.log"
    process = spawn(mock_command(name), cores=cores.mock, output=subprocess.PIPE, log=log)
    with running(process):
        port = _announced_port(process, log)
        yield Stage(process, port, cores=cores, directory=directory, workers=workers, scenario=scenario)


def _announced_port(process: Process, log: Path) -> int:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    port = re.search(r"(\d+)\s*$", line)
    if port is None:
        raise BenchmarkError(f"the mock did not start: {log.read_text(errors='replace').strip()[-500:]}")
    return int(port[1])


def request_bytes(
    address: str, *, key: str, model: str, stream: bool, prompt_bytes: int, dialect: DialectName = "openai_chat"
) -> bytes:
    """One whole HTTP request as the load generator repeats it."""
    spoken = DIALECTS[dialect]
    document = spoken.body(model, _prompt(prompt_bytes))
    if stream and spoken.streams:
        document[spoken.streams] = True
    body = json.dumps(document).encode()
    path = (spoken.stream_path if stream else spoken.path).format(model=model)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\n{spoken.key_header}{key}\r\n"
        f"Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: benchmarks\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _prompt(size: int) -> str:
    sentence = "Tell me, in a few words, what the weather will be like. "
    return (sentence * (size // len(sentence) + 1))[:size]
