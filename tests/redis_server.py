"""A real Redis (or Valkey) for tests, started by the run that needs it, on a Unix socket in a directory of its own.

`redis` is the server of the whole run, emptied for each test; `own_redis` is one to stop, freeze and start again.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis as library
from redis.exceptions import RedisError

from tests.programs import find
from tests.waiting import until

PASSWORD = "canary-of-the-counters"

needs_redis = pytest.mark.needs("redis-server")


@dataclass
class RedisServer:
    """A server that keeps nothing on disk."""

    directory: Path
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.directory / "redis.sock"

    def url(self, *, password: str = PASSWORD) -> str:
        """How to get in."""
        return f"unix://:{password}@{self.socket}"

    def client(self) -> Any:
        """A connection of the library's own, to look into it."""
        return library.Redis.from_url(self.url(), decode_responses=True)

    def start(self) -> None:
        """Serve, with nothing in it."""
        command = [str(find("redis-server")), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        command += ["--appendonly", "no", "--dir", str(self.directory), "--requirepass", PASSWORD, *self.options]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        until(self._answers, 20.0)

    def kill(self) -> None:
        """End it as the power would."""
        self._send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=20)
            self._process = None

    def freeze(self) -> None:
        """Have it answer nobody, with its connections open."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        with suppress(RedisError), self.client() as client:
            return bool(client.ping())
        return False


@contextmanager
def serving(*options: str) -> Iterator[RedisServer]:
    """A server of one's own."""
    directory = Path(tempfile.mkdtemp(prefix="sluicegate-redis-", dir="/tmp"))
    server = RedisServer(directory, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def _redis_of_the_run() -> Iterator[RedisServer]:
    with serving() as server:
        yield server


@pytest.fixture
def redis(_redis_of_the_run: RedisServer) -> RedisServer:
    with _redis_of_the_run.client() as client:
        client.flushall()
        client.script_flush()
    return _redis_of_the_run


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with serving() as server:
        yield server
