"""A gateway as its users run it: `python -m gateway serve` in a process of its own, told what to do by a file."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.source import ROOT

CLIENT_KEY = "sk-client-key-of-the-tests"

SETTINGS = """\
[server]
listen   = "127.0.0.1:0"
data_dir = "{data_dir}"

[[client_keys]]
name = "tester"
key  = "{key}"

[[providers]]
id       = "mock"
format   = "openai_chat"
base_url = "{mock}/v1"

[[providers.credentials]]
name    = "first"
api_key = "sk-provider-key-of-the-tests"
"""


class Served:
    """A running gateway; `url` is what it printed. `log` is what it says on standard error."""

    def __init__(self, command: Sequence[str], directory: Path, *, cwd: Path) -> None:
        self.log = directory / "gateway.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True)
        self.output: list[str] = []
        self.url = self._read_url()
        self.port = int(self.url.rpartition(":")[2])

    def close(self) -> int:
        """End it as its user would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self._stdout.close()

    def output_until(self, word: str) -> list[str]:
        """What it has printed, up to a line with this word."""
        while not any(word in line for line in self.output):
            line = self._stdout.readline()
            assert line, f"it never said {word!r}: {self.output}"
            self.output.append(line)
        return self.output

    @property
    def _stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _read_url(self) -> str:
        for line in self._stdout:
            self.output.append(line)
            if "http://" in line:
                return next(word for word in line.split() if word.startswith("http://")).rstrip("/")
        self.process.kill()
        self.process.wait()
        self._stdout.close()
        raise AssertionError(f"no URL: {self.output} {self.log.read_text(encoding='utf-8')}")


def serve(directory: Path, mock: str, *, more: str = "") -> Served:
    """A gateway with one client key and the mock as its provider; `more` is added to its settings."""
    settings = directory / "sluicegate.toml"
    text = SETTINGS.format(data_dir=directory / "data", key=CLIENT_KEY, mock=mock)
    settings.write_text(text + more, encoding="utf-8")
    return Served([sys.executable, "-m", "gateway", "serve", "--config", str(settings)], directory, cwd=ROOT)
