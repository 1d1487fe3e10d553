"""A gateway as its users run it, for tests: `python -m gateway serve` on a free port, with a data directory of its own.

Knows how to start one, ask it, look at its processes and end it. What it is asked to do is the test's business.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client.parser import text_string_to_metric_families

from gateway import operator
from tests.source import ROOT
from tests.waiting import until

CLIENT_KEY = "sk-client-key-of-the-tests"
PROVIDER_KEY = "sk-provider-key-of-the-tests"

CONFIGURATION = """\
[usage]
segment_seconds = 0.1

[registry]
refresh_hours = 0
models_minutes = 0

[[client_keys]]
name = "tester"
key  = "{client_key}"

[[providers]]
id       = "mock"
format   = "openai_chat"
base_url = "{mock}/v1"

[[providers.credentials]]
name    = "first"
api_key = "{provider_key}"
"""

TAIL_CHARACTERS = 8000


def configuration(mock: str, more: str = "") -> str:
    """One client key, the mock as provider `mock`, and whatever else a test needs."""
    return CONFIGURATION.format(client_key=CLIENT_KEY, provider_key=PROVIDER_KEY, mock=mock) + more


class GatewayProcess:
    """A running gateway. `url` has no path; `key` is a client key of it; `log` is where its standard error goes."""

    def __init__(self, directory: Path, toml: str, *, workers: int = 1) -> None:
        self.key = CLIENT_KEY
        self.data_dir = directory / "data"
        self.config = directory / "sluicegate.toml"
        self.log = directory / "gateway.log"
        self.config.write_text(toml, encoding="utf-8")
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(self.config)]
        command += ["--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir), "--workers", str(workers)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment() | quiet(toml), stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            self.url = self._hear_url()
        except BaseException:
            self.kill()
            raise
        self.port = int(self.url.rpartition(":")[2])

    def complete(self) -> GatewayProcess:
        """Itself, once its control process answers too; requests are answered before that."""
        until(self._controlled, 15)
        return self

    # Its end

    def close(self) -> int:
        """End it as its user would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.kill()

    def kill(self) -> None:
        """Leave nothing of it, however it is doing."""
        children = self.pids()
        for pid in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        until(lambda: not any(map(is_alive, children)))

    # Its processes

    def pids(self, module: str = "gateway.") -> list[int]:
        """Its children that run this module."""
        return [pid for pid in children_of(self.process.pid) if module in command_of(pid)]

    def workers(self) -> list[int]:
        """Process ids of the relay workers."""
        return self.pids("gateway.worker")

    def control(self) -> int | None:
        """Process id of the control process, while there is one."""
        return next(iter(self.pids("gateway.control")), None)

    # What it says

    def said(self) -> str:
        """Everything on its standard error."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of it, for failure messages."""
        return self.said()[-TAIL_CHARACTERS:]

    def metrics(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Every series of `/metrics`: labels and value of each of its samples."""
        series: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(get(self.url + "/metrics").decode()):
            for sample in family.samples:
                series.setdefault(sample.name, []).append((sample.labels, sample.value))
        return series

    def total(self, name: str, **labels: str) -> float:
        """The sum of a series over all samples that have these labels."""
        samples = self.metrics().get(name, [])
        return sum(value for said, value in samples if labels.items() <= said.items())

    # What it remembers

    def usage(self, limit: int = 500) -> list[dict[str, Any]]:
        """The latest usage records, newest first."""
        answer = operator.ask(self.data_dir, "/api/usage", {"last": "1h", "limit": limit})
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    def record(self, tag: str, seconds: float = 10.0) -> dict[str, Any]:
        """The one usage record of the request with `tag` in its model's name or user agent, once it is there."""
        found = self.records(tag, seconds=seconds)
        assert len(found) == 1, f"{len(found)} records of one request: {found}"
        return found[0]

    def records(self, tag: str, count: int = 1, seconds: float = 10.0) -> list[dict[str, Any]]:
        """The usage records of requests with `tag` in their model's name or user agent, once there are `count`."""

        def found() -> list[dict[str, Any]]:
            with suppress(operator.NotAnswered):
                rows = [row for row in self.usage() if tag in f"{row['requested_model']} {row['user_agent']}"]
                return rows if len(rows) >= count else []
            return []

        return until(found, seconds, every=0.03)

    def stored(self, query: str) -> list[tuple[Any, ...]]:
        """What the analytics store says, once the gateway has ended."""
        with duckdb.connect(str(self.data_dir / "usage.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    # Its settings

    def reload(self, toml: str) -> None:
        """Have it read other settings; they hold when `until` something says so."""
        self.config.write_text(toml, encoding="utf-8")
        self.process.send_signal(signal.SIGHUP)

    def _controlled(self) -> bool:
        try:
            self.usage(1)
        except operator.NotAnswered:
            return False
        return True

    def _hear_url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://[^\s/]+", line):
                return found[0]
        raise AssertionError(f"it ended with {self.process.wait()} instead of answering: {self.tail()}")


@contextmanager
def running(directory: Path, toml: str, *, workers: int = 1) -> Iterator[GatewayProcess]:
    """A gateway that ends with the block, whatever happens in it."""
    gateway = GatewayProcess(directory, toml, workers=workers)
    try:
        yield gateway
    finally:
        gateway.kill()


def environment() -> dict[str, str]:
    """Ours, without what would configure a gateway or lead it through a proxy, and without libraries that only tools of
    the tests bring: the web framework and the logger would load them."""
    unwanted = re.compile(r"SLUICEGATE_|.*_PROXY$|.*_API_KEY$|SSL_CERT_FILE$", re.IGNORECASE)
    wanted = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), str(ROOT / "tests" / "absent"))))
    return wanted | {"PYTHONPATH": path}


QUIET = {
    "rests": {"ENABLED": "false"},
    "retries": {"PAUSE_SECONDS": "0.01", "LONGEST_WAIT_SECONDS": "0.1"},
    "registry": {"REFRESH_HOURS": "0", "MODELS_MINUTES": "0"},
}
"""By section: what keeps one test of a gateway out of the next one's way. Failures are forgotten at once, and nobody is
asked but by tests."""


def quiet(toml: str) -> dict[str, str]:
    """Variables for the sections that a configuration does not speak of itself."""
    return {
        f"SLUICEGATE_{section.upper()}__{name}": value
        for section, values in QUIET.items()
        if f"[{section}]" not in toml
        for name, value in values.items()
    }


def get(url: str) -> bytes:
    """The body of a GET, without any proxy. Raises OSError, HTTPError among them."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        body: bytes = response.read()
        return body


def children_of(pid: int) -> list[int]:
    """Process ids of the children; none when the process is gone."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> str:
    """How a process was called; empty when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that only waits to be buried does not."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def resident_bytes(pid: int) -> int:
    """Memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(pid: int) -> int:
    """How many file descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
