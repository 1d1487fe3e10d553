"""`POST /internal/count-tokens`: for the workers on the socket, and for nobody who comes through them."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping

import orjson
import pytest

from tests.gateway.control.process import FORWARDED, Answer, ControlProcess, running
from tests.waiting import until


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    with running(tmp_path_factory.mktemp("control")) as made:
        yield made


def ask(control: ControlProcess, body: bytes, headers: Mapping[str, str] | None = None, *, query: str = "") -> Answer:
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(str(control.uds))
    try:
        connection.request("POST", f"/internal/count-tokens{query}", body, {"host": "control", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def test_the_tokens_of_each_text_are_told(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello world", "", "hello"]))
    assert (answer.status, answer.json()) == (200, {"tokens": [2, 0, 1]})


def test_who_needs_the_number_soon_has_it_or_hears_at_once_that_there_is_none(control: ControlProcess) -> None:
    texts = orjson.dumps(["hello world"])
    first = ask(control, texts, query="?soon=yes")
    assert first.status in (200, 503), "loaded already, or not yet"
    assert until(lambda: ask(control, texts, query="?soon=yes").status == 200)
    assert ask(control, texts, query="?soon=yes").json() == {"tokens": [2]}


def test_a_large_text_is_counted_and_others_are_answered_meanwhile(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello world " * 100_000]))
    assert 200_000 <= answer.json()["tokens"][0] <= 320_000
    assert control.as_operator("/api/health").status == 200


def test_whoever_comes_from_outside_finds_nothing(control: ControlProcess) -> None:
    answer = ask(control, orjson.dumps(["hello"]), {**FORWARDED, "x-sluicegate-key": "team"})
    assert (answer.status, answer.json()["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[", b'["\xff"]', b'"hello"', b"null"])
def test_anything_but_texts_is_refused(control: ControlProcess, body: bytes) -> None:
    assert ask(control, body).status == 400
