"""Whoever watches what happens: the event stream, read as a program reads it, in a thread of its own. And clients to be
watched."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.gateway_process import CLIENT_KEY
from tests.waiting import until

PATIENCE_SECONDS = 15.0
"""How long something may take to be told: a worker that has lost the control process looks for it every two seconds."""

NOTHING: Mapping[str, str] = MappingProxyType({})


ENDPOINT = "/v1/chat/completions"


class Told(NamedTuple):
    """One event."""

    id: str
    event: str
    data: Any


class Watcher:
    """Somebody at `/api/live`, or right at the control process's socket. Reads on by itself; `close` leaves."""

    def __init__(self, url: str, headers: Mapping[str, str], query: str = "", uds: Path | None = None) -> None:
        place = urlsplit(url)
        self._connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        if uds is not None:
            self._connection.sock = socket.socket(socket.AF_UNIX)
            self._connection.sock.connect(str(uds))
        self._connection.request("GET", f"/api/live{'?' + query if query else ''}", headers=dict(headers))
        self._response = self._connection.getresponse()
        self._socket: socket.socket | None = self._connection.sock
        self.status, self.headers = self._response.status, self._response.headers
        self.told: list[Told] = []
        self.heartbeats = 0
        self.is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._thread.start()

    def problem(self) -> Any:
        """Why they may not."""
        return json.loads(self._response.read())

    def names(self) -> list[str]:
        """Of the events so far."""
        return [told.event for told in self.told]

    def wait_for(self, event: str, true: Callable[[Any], object] = bool) -> Told:
        """The first event of this name of whose data something is true."""
        found = until(lambda: [each for each in self.told if each.event == event and true(each.data)], PATIENCE_SECONDS)
        return found[0]

    def ended(self, request_id: str) -> list[dict[str, Any]]:
        """Whatever was told of one request that has ended."""
        told = (each for each in self.told if each.event == "finished")
        return [request for each in told for request in each.data["requests"] if request["id"] == request_id]

    def over(self, seconds: float = PATIENCE_SECONDS) -> list[Told]:
        """Everything that was told, once we are told no more."""
        until(lambda: self.is_over, seconds)
        return self.told

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(5)
        self._response.close()
        self._connection.close()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with suppress(OSError, ValueError, AttributeError):  # of a socket that we close ourselves
            while line := self._response.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if line == ": \n":
                    self.heartbeats += 1
                elif name:
                    fields[name] = value
                elif "event" in fields:
                    self.told.append(Told(fields["id"], fields["event"], json.loads(fields["data"])))
                    fields = {}
                else:
                    fields = {}
        self.is_over = True


@contextmanager
def watching(
    url: str, headers: Mapping[str, str] = NOTHING, query: str = "", *, uds: Path | None = None
) -> Iterator[Watcher]:
    """Somebody who watches until the end of the block."""
    watcher = Watcher(url, headers, query, uds)
    try:
        yield watcher
    finally:
        watcher.close()


class Client:
    """One request, sent and read in a thread of its own."""

    def __init__(self, port: int, script: str, *, key: str = CLIENT_KEY, stream: bool = True) -> None:
        self.model = f"mock/gpt-4o-mini;{script}"
        self._body = json.dumps(
            {"model": self.model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
        )
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.connect()
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def done(self) -> None:
        """Until the answer is there."""
        self._thread.join(30)
        assert not self._thread.is_alive()

    def leave(self) -> None:
        """Without waiting for the rest."""
        with suppress(OSError):  # it is over already
            self._socket.shutdown(socket.SHUT_RDWR)
        self.done()

    def _run(self) -> None:
        with suppress(OSError, HTTPException), closing(self._connection):  # what becomes of it is told elsewhere
            self._connection.request("POST", ENDPOINT, self._body, self._headers)
            with closing(self._connection.getresponse()) as response:
                response.read()


def of(client: Client, said: Any) -> list[dict[str, Any]]:
    """What an event tells of a client's request."""
    return [request for request in said["requests"] if request["requested_model"] == client.model]
