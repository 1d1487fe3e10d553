"""A gateway of test children as a process, and asking it: what tests of the supervisor stand on."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent


KEY = '[[client_keys]]\nname = "{name}"\nkey = "sk-canary-{name}"\n'


class Running:
    """A supervisor's process with a data directory of its own; `url` once it is ready."""

    def __init__(self, directory: Path, *arguments: str, environ: Mapping[str, str]) -> None:
        self.data_dir = directory / "data"
        self.out, self.err = directory / "out", directory / "err"
        own = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdout=out,
                stderr=err,
                cwd=ROOT,
                env={**own, **environ},
            )

    @property
    def url(self) -> str:
        return until(lambda: self._url() or self._over(), 10)

    def _url(self) -> str:
        lines = self.out.read_text().splitlines()
        return lines[0].split()[-1] if lines else ""

    def _over(self) -> str:
        assert self.process.poll() is None, self.err.read_text()
        return ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def events(self, event: str) -> list[dict[str, object]]:
        """Log lines that say `event`."""
        lines = [json.loads(line) for line in self.err.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def get(self, path: str = "/") -> tuple[int, str]:
        """Status and body of a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def worker(self) -> int:
        """Process id of the worker that answers."""
        return int(self.get()[1].split()[0])

    def names(self) -> str:
        """Names of the client keys that the worker goes by."""
        return self.get()[1].split(" ", 2)[2]

    def children(self) -> list[int]:
        """Process ids of the supervisor's children."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def running(
    directory: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    command: tuple[str, ...] = ("tests.children.supervise",),
) -> Iterator[Running]:
    """A gateway on a free port that is over when the test is; `command` is a module and what comes before options."""
    fixed = (*command, "--listen", "127.0.0.1:0", "--data-dir", str(directory / "data"))
    gateway = Running(directory, *fixed, *arguments, environ=environ or {})
    try:
        yield gateway
    finally:
        # Its children let go by themselves when it is gone, whatever state the test left it in.
        gateway.process.kill()
        gateway.process.wait()


def gone(pid: int) -> bool:
    """Whether a process is gone; one that nobody has buried counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def config(directory: Path, *names: str, head: str = "") -> Path:
    """A configuration with client keys of these names, behind `head`."""
    path = directory / "sluicegate.toml"
    path.write_text(head + "".join(KEY.format(name=name) for name in names))
    return path


def streamed(gateway: Running, seconds: float) -> tuple[threading.Thread, list[bytes]]:
    """A client in a thread that takes a stream; what it got, once the thread is over."""
    got: list[bytes] = []
    client = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    client.sendall(f"GET /slow?{seconds} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    assert b"200 OK" in client.recv(4096)

    def take() -> None:
        with client:
            while chunk := client.recv(4096):
                got.append(chunk)

    thread = threading.Thread(target=take)
    thread.start()
    return thread, got


def answers(gateway: Running) -> bool:
    """Whether a worker takes requests."""
    try:
        return gateway.get()[0] == 200
    except OSError:
        return False
