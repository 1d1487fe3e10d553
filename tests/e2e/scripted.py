"""A provider that writes exactly what a test says, when it says: for what the mock is too well-behaved to do."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

Script = Sequence[bytes | float]
"""Bytes to write, seconds to wait. The connection is closed at the end."""


class Scripted(socketserver.ThreadingTCPServer):
    """Plays the script that the model of a request names."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        super().__init__(("127.0.0.1", 0), Actor)
        self.scripts = scripts
        self.port = self.server_address[1]


class Actor(socketserver.StreamRequestHandler):
    """One connection: one request, one script."""

    server: Scripted

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            return
        model = json.loads(self.rfile.read(length))["model"]
        for step in self.server.scripts[model]:
            if isinstance(step, bytes):
                self.wfile.write(step)
            else:
                time.sleep(step)


@contextmanager
def playing(scripts: Mapping[str, Script]) -> Iterator[Scripted]:
    """A scripted provider, in threads of its own."""
    with Scripted(scripts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
