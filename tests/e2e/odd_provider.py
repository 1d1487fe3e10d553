"""A provider of the Responses API that keeps its responses and answers questions about them as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple


class Told(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


EMPTY = Told(200, b"{}")


@dataclass
class OddProvider:
    """`answer` is what it says to everything but a POST that makes a response."""

    url: str
    answer: Told = EMPTY
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of those questions."""
    may_end: threading.Event = field(default_factory=threading.Event)
    """A stream ends, after its last event, when this is set."""


def response(name: str, status: str = "completed") -> dict[str, Any]:
    """A Response object that says nothing."""
    return {
        "id": name,
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "odd-1",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _events(name: str) -> bytes:
    part = {"type": "response.output_text.delta", "delta": "Hi", "item_id": "m", "output_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(name, "in_progress")},
        {**part, "content_index": 0, "logprobs": []},
        {"type": "response.completed", "response": response(name)},
    ]
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in numbered)


@contextmanager
def odd_provider() -> Iterator[OddProvider]:
    """Such a provider, in threads."""
    numbers = count(1)

    class Actor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"] or 0)) or b"{}")
            name = f"resp_odd{next(numbers)}"
            if not self.path.endswith("/responses"):
                self._tell(provider.answer)
            elif body.get("stream"):
                self._stream(name)
            else:
                self._tell(Told(200, json.dumps(response(name)).encode()))

        def do_GET(self) -> None:
            provider.asked.append((self.command, self.path))
            self._tell(provider.answer)

        def do_DELETE(self) -> None:
            self.do_GET()

        def _tell(self, told: Told) -> None:
            self.send_response(told.status)
            for name, value in (("content-type", told.kind), *told.headers):
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def _stream(self, name: str) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(_events(name))
            self.wfile.flush()
            provider.may_end.wait(10)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name for it
            """Nothing: the gateway logs enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Actor) as server:
        server.daemon_threads = True
        provider = OddProvider(f"http://127.0.0.1:{server.server_address[1]}/v1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.may_end.set()
            server.shutdown()
            thread.join()
