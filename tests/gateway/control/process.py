"""A real control process for tests, held on a leash as the supervisor holds it, and asked over its socket."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson

from gateway.leash import LEASH_VARIABLE, Drain, Reload, Start
from gateway.settings.model import RegistrySettings, ServerSettings, Settings, UsageSettings
from gateway.shared.memory import prepare
from gateway.store.generations import shared_file
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.records import usage_record
from tests.waiting import until

FORWARDED = {"x-sluicegate-forwarded": "1"}


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return orjson.loads(self.body)


class ControlProcess:
    """The process of a data directory, from its start to its end."""

    def __init__(self, directory: Path, settings: Settings | None = None, *, demo: bool = False) -> None:
        self.directory = directory
        self.uds = directory / "run" / "control.sock"
        self.uds.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = settings or settings_in(directory)
        prepare(shared_file(directory), self.settings.server.workers or 1)
        ours, theirs = socket.socketpair()
        environment = {**os.environ, LEASH_VARIABLE: str(theirs.fileno())}
        command = [sys.executable, "-m", "gateway.control"]
        self.process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()
        self._leash, self._words = ours, ours.makefile("rb")
        now_us = time.time_ns() // 1000
        self.say(Start(settings=self.settings, demo=demo, uds=str(self.uds), started_at_us=now_us))

    def say(self, word: Start | Reload | Drain) -> None:
        self._leash.sendall(msgspec.json.encode(word) + b"\n")

    def hear(self, seconds: float = 30.0) -> dict[str, Any]:
        """The next word of the child; empty when it is gone."""
        self._leash.settimeout(seconds)
        line = self._words.readline()
        heard: dict[str, Any] = orjson.loads(line) if line else {}
        return heard

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
    ) -> Answer:
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(str(self.uds))
        try:
            connection.request(method, path, body or None, {"host": "gate.example:8080", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def as_operator(self, path: str) -> Answer:
        return self.ask(path, self.operator)

    def make(self, path: str, what: Mapping[str, Any]) -> Any:
        """Have the operator make something; what was made."""
        said = {**self.operator, "content-type": "application/json"}
        answer = self.ask(path, said, method="POST", body=orjson.dumps(what))
        assert answer.status in (200, 201), answer.text
        return answer.json()

    @property
    def operator(self) -> dict[str, str]:
        """What the operator shows."""
        return {"x-sluicegate-operator": (self.directory / "run" / "operator.token").read_text().strip()}

    def drain(self) -> int:
        """End it as the supervisor does; its exit code."""
        self.say(Drain())
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        """Drop the leash: the process ends by itself."""
        self._words.close()
        self._leash.close()
        try:
            self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()


def settings_in(directory: Path, **changes: Any) -> Settings:
    """Settings of a gateway that keeps everything in `directory`."""
    quiet = {"usage": UsageSettings(segment_seconds=0.5), "registry": RegistrySettings(refresh_hours=0)}
    fields = {**quiet, **changes}
    return Settings(server=ServerSettings(data_dir=str(directory)), **fields)


@contextmanager
def running(directory: Path, settings: Settings | None = None, *, demo: bool = False) -> Iterator[ControlProcess]:
    """A control process that is ready."""
    control = ControlProcess(directory, settings, demo=demo)
    try:
        assert control.hear()["is"] == "ready"
        yield control
    finally:
        control.close()


def spool_of(directory: Path) -> Spool:
    """The spool of a worker beside it."""
    return Spool(directory / "spool", 0, UsageSettings(segment_seconds=0.5))


def record(control: ControlProcess, *changes: Mapping[str, Any]) -> None:
    """Have these requests in the store."""
    before = control.as_operator("/api/health").json()["requests"]
    spool = spool_of(control.directory)
    for change in changes:
        spool.append(encode(usage_record(**change)))
    spool.close()
    until(lambda: control.as_operator("/api/health").json()["requests"] == before + len(changes))
