"""A provider that answers with exactly the status, headers and body a test gives it: for what no mock would say."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple

JSON: Mapping[str, str] = MappingProxyType({"content-type": "application/json"})


class Answer(NamedTuple):
    """One answer; a length is added."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON


@contextmanager
def answering(answers: Mapping[str, Answer]) -> Iterator[str]:
    """The provider's address: below it each answer has a path of its own."""

    class Actor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave together

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answer = answers[self.path.split("/")[1]]
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name for it
            """Nothing: the gateway logs enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Actor) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
