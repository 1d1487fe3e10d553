"""The mock providers for tests: a process of their own for a whole session, or one inside the test's loop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.mock.server import MockServer, start


class MockProcess:
    """A running mock. `url` has no path; `state(tag)` is what `/mock/state` says of the requests with this tag."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "gateway.mock", "--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "http://" in line, f"the mock said {line!r}"
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])
        self.pid = self._process.pid

    def state(self, tag: str | None = None) -> dict[str, Any]:
        """All of `/mock/state`, or what belongs to `tag`."""
        return self._ask("/mock/state" + (f"?tag={tag}" if tag is not None else ""))

    def requests(self, tag: str) -> list[dict[str, Any]]:
        """The requests with this tag, oldest first."""
        found: list[dict[str, Any]] = self.state(tag)["last_requests"]
        return found

    def disconnects(self, tag: str) -> list[dict[str, Any]]:
        """The clients with this tag that left early, oldest first."""
        found: list[dict[str, Any]] = self.state(tag)["disconnects"]
        return found

    def reset(self) -> None:
        """Forgets all requests; for tests that count, when nobody else uses this mock."""
        self._ask("/mock/reset", method="POST")

    def close(self) -> int:
        """Ends the process as its user would; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(5)
        finally:
            self._process.kill()
            assert self._process.stdout is not None
            self._process.stdout.close()
        return code

    def _ask(self, path: str, *, method: str = "GET") -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, method=method)
        # Straight to it, whatever proxies the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


@pytest.fixture(scope="session")
def mock() -> Iterator[MockProcess]:
    """One mock process for the whole session: tell requests apart by tag."""
    process = MockProcess()
    yield process
    process.close()


@pytest_asyncio.fixture
async def mock_here() -> AsyncIterator[MockServer]:
    """A mock in the test's own loop, its ledger at hand: `mock_here.shared.ledger`."""
    server = await start("127.0.0.1", 0)
    yield server
    await server.close()
