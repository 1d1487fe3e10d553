"""A provider that answers as the cases of `tests/cases` say, in whichever dialect, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

from tests.vectors import Case

PIXEL = bytes.fromhex("89504e470d0a1a0a")
STREAMED = ("stream", "streamGenerateContent")


@dataclass
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Replaying:
    """The provider: `heard[case id]` are the requests, oldest first."""

    url: str
    heard: dict[str, list[Heard]] = field(default_factory=dict)


@contextmanager
def replaying(cases: tuple[Case, ...]) -> Iterator[Replaying]:
    """Serve every case under a path of its own, in threads."""
    by_id = {case.id: case for case in cases}

    class Actor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            case = by_id[self.path.split("/")[1]]
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            provider.heard.setdefault(case.id, []).append(Heard(self.path, headers, body))
            if body.get("stream") or "streamGenerateContent" in self.path:
                self._stream(case)
            else:
                self._whole(case)

        def _whole(self, case: Case) -> None:
            answer = case.get("upstream_response") or {"status": 500, "body": {}}
            self._say(answer["status"], json.dumps(answer["body"]).encode(), answer.get("headers") or {})

        def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, case: Case) -> None:
            stream = case.get("upstream_stream") or {"sse": ""}
            data = stream["sse"].encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            places = [0, *sorted(stream.get("split") or ()), len(data)]
            for start, stop in pairwise(places):
                self.wfile.write(data[start:stop])
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name for it
            """Nothing: the gateway logs enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Actor) as server:
        server.daemon_threads = True
        provider = Replaying(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
