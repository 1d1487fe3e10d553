from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.claims import Announcement, announce
from gateway.operator import NotAnswered, ask, tell


class Told(NamedTuple):
    """A change as it came."""

    method: str
    path: str
    version: str | None
    kind: str | None
    body: bytes


@contextmanager
def control(
    data_dir: Path, status: int, body: bytes, told: list[Told] | None = None
) -> Iterator[list[tuple[str, str | None]]]:
    """Something that answers on the control socket; the requests it got, and what changes they were to make."""
    asked: list[tuple[str, str | None]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["x-sluicegate-operator"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"] or 0))
            if told is not None:
                headers = self.headers
                told.append(Told(self.command, self.path, headers["if-match"], headers["content-type"], sent))
            self.do_GET()

        do_PATCH = do_DELETE = do_POST  # noqa: N815 # as the server calls them

        def log_message(self, *_: object) -> None:
            pass

    (data_dir / "run").mkdir(exist_ok=True)
    (data_dir / "run" / "operator.token").write_text("canary-token\n")
    with socketserver.UnixStreamServer(str(data_dir / "run" / "control.sock"), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_a_question_shows_the_token_and_its_answer_is_read(tmp_path: Path) -> None:
    with control(tmp_path, 200, b'{"rows":[1]}') as asked:
        assert ask(tmp_path, "/api/usage", {"last": "1h", "limit": 5}) == {"rows": [1]}
    assert asked == [("/api/usage?last=1h&limit=5", "canary-token")]


def test_a_change_says_what_and_whichever_version_it_changes(tmp_path: Path) -> None:
    told: list[Told] = []
    with control(tmp_path, 201, b'{"id":"k"}', told) as asked:
        assert tell(tmp_path, "POST", "/api/keys", {"name": "a"}) == {"id": "k"}
        assert tell(tmp_path, "PATCH", "/api/keys/k", {"paused": True}) == {"id": "k"}
        assert tell(tmp_path, "DELETE", "/api/keys/k") == {"id": "k"}
    assert told == [
        Told("POST", "/api/keys", None, "application/json", b'{"name":"a"}'),
        Told("PATCH", "/api/keys/k", "*", "application/json", b'{"paused":true}'),
        Told("DELETE", "/api/keys/k", "*", None, b""),
    ]
    assert {token for _, token in asked} == {"canary-token"}


def test_where_there_is_nothing_to_say_there_is_no_answer(tmp_path: Path) -> None:
    with control(tmp_path, 204, b""):
        assert tell(tmp_path, "DELETE", "/api/sessions/s") is None


PROBLEM = b'{"type":"/api/problems/x","title":"X","status":422,"detail":"Not so.","instance":"y","code":"x"%s}'

FAULTS = {
    "": "Not so.",
    ',"errors":[{"detail":"Not so.","pointer":"#/limits/rate"}]': "`limits.rate`: Not so.",
    ',"errors":[{"detail":"Not so.","parameter":"limit"}]': "`limit`: Not so.",
    ',"errors":[{"detail":"Not so.","header":"If-Match"}]': "Not so.",
}


@pytest.mark.parametrize("faults", FAULTS)
def test_a_problem_is_told_with_the_place_it_is_at(faults: str, tmp_path: Path) -> None:
    with control(tmp_path, 422, PROBLEM % faults.encode()), pytest.raises(NotAnswered) as caught:
        tell(tmp_path, "POST", "/api/keys", {})
    assert str(caught.value) == FAULTS[faults]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, b'{"error":{"message":"`last` is no time."}}', "`last` is no time."),
        (503, b"busy", "the control process answers with status 503"),
        (200, b"<html>", "the control process answers something that is not JSON"),
    ],
)
def test_a_complaint_is_passed_on_in_one_line(status: int, body: bytes, reason: str, tmp_path: Path) -> None:
    with control(tmp_path, status, body), pytest.raises(NotAnswered) as caught:
        ask(tmp_path, "/api/usage", {})
    assert str(caught.value) == reason


def test_without_a_gateway_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotAnswered, match=f"no gateway is running on {tmp_path}"):
        ask(tmp_path, "/api/usage", {})
    with pytest.raises(NotAnswered, match="there is no data directory"):
        ask(tmp_path / "none", "/api/usage", {})


def test_a_gateway_without_its_control_process_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    announce(tmp_path, Announcement(pid=os.getpid(), url="http://h", version="1", started_at="now"))
    with pytest.raises(NotAnswered, match="the control process of the gateway at http://h is not up"):
        ask(tmp_path, "/api/usage", {})


def test_a_data_directory_of_somebody_else_is_not_ours_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError

    # Tests may run as root, who may read everything.
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(NotAnswered, match="not permitted"):
        ask(tmp_path, "/api/usage", {})
