"""`POST /internal/count-tokens`: for the workers on the socket, and for nobody who comes through them."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping

import orjson
import pytest

from tests.gateway.control.process import FORWARDED, Answer, ControlProcess, running


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    with running(tmp_path_factory.mktemp("control")) as made:
        yield made


def ask(control: ControlProcess, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(str(control.uds))
    try:
        connection.request("POST", "/internal/count-tokens", body, {"host": "control", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def test_the_tokens_of_all_texts_are_told(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello world", "", "hello"]))
    assert (answer.status, answer.json()) == (200, {"tokens": 3})


def test_a_large_text_is_counted_and_others_are_answered_meanwhile(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello world " * 100_000]))
    assert 200_000 <= answer.json()["tokens"] <= 320_000
    assert control.as_operator("/api/health").status == 200


def test_whoever_comes_from_outside_finds_nothing(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello"]), {**FORWARDED, "x-sluicegate-key": "team"})
    assert (answer.status, answer.json()["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[", b'["\xff"]', b'"hello"', b"null"])
def test_anything_but_texts_is_refused(control: ControlProcess, body: bytes) -> None:
    assert ask(control, body).status == 400
