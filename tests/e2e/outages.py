"""A PostgreSQL that can be taken away and given back: ended as by a crash, or frozen, so that it neither answers nor
refuses. On a server of its own, for nobody else shall notice."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.gateway_process import children_of
from tests.postgres import Server, answers, serve, start
from tests.waiting import until

SURE = {"synchronous_commit": "on"}
"""What was committed is there after a crash of the server, though not of the machine."""


class Outage:
    """The server in `directory`, with one database at `url`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = start(directory, **SURE)
        until(self._answers, 30)
        self.url = self._server.fresh()

    def crash(self) -> None:
        """End it, whoever is connected: from now on connections are refused."""
        self._end()

    def freeze(self) -> None:
        """Stop every process of it where it is: the kernel still takes connections and bytes for it."""
        self._signal(signal.SIGSTOP)

    def end(self) -> None:
        """Have it back, whichever way it was taken, with everything that was committed."""
        if self._process.poll() is None:
            self._signal(signal.SIGCONT)
        else:
            self._process = serve(self._directory, **SURE)
        until(self._answers, 30)

    def close(self) -> None:
        """End it for good."""
        if self._process.poll() is None:
            self._signal(signal.SIGCONT)
            self._end()

    @property
    def _server(self) -> Server:
        return Server(self._directory, self._process)

    def _answers(self) -> bool:
        return answers(self._server)

    def _end(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=20)

    def _signal(self, number: signal.Signals) -> None:
        for pid in (self._process.pid, *children_of(self._process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def breakable() -> Iterator[Outage]:
    """Such a server, until the end of the block."""
    # Short, for the path of a socket has few characters.
    directory = Path(tempfile.mkdtemp(prefix="sluicegate-outage-", dir="/tmp"))
    try:
        outage = Outage(directory)
        try:
            yield outage
        finally:
            outage.close()
    finally:
        shutil.rmtree(directory)
