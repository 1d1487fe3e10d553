from __future__ import annotations

import time

import orjson
import pytest

from gateway.mock.answers import Reply
from gateway.mock.ledger import Exchange, Ledger
from gateway.mock.provider import Provider
from gateway.mock.requests import Incoming
from tests.gateway.mock.peer import CHAT, chat


def play(provider: Provider, number: int, body: bytes, **headers: str) -> Reply:
    lookup = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    request = Incoming("POST", CHAT, list(lookup.items()), lookup, bytes(bytearray(body)), True, "1.1")
    answer = provider.play(Exchange(number, 1, request)).answer
    assert isinstance(answer, Reply)
    return answer


def test_a_reply_from_a_draft_differs_in_its_number_alone() -> None:
    provider, body = Provider(Ledger()), chat("gpt-4o")
    replies = [orjson.loads(play(provider, number, body).body) for number in (1, 2, 3)]
    assert [reply.pop("id") for reply in replies] == [f"chatcmpl-{number:024x}" for number in (1, 2, 3)]
    for reply in replies:
        assert abs(reply.pop("created") - time.time()) < 10
    assert replies[0] == replies[1] == replies[2]


def test_bodies_of_one_length_do_not_share_a_draft() -> None:
    provider = Provider(Ledger())
    for _ in range(3):
        for model in ("aaaa", "bbbb"):
            assert orjson.loads(play(provider, 1, chat(model)).body)["model"] == model


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer sk-wrong"}, {"x_mock": "status=401"}, {"x_mock": "chunks=0;status=401"}]
)
def test_headers_that_matter_get_their_own_answer(headers: dict[str, str]) -> None:
    provider, body = Provider(Ledger()), chat("gpt-4o")
    statuses = [(play(provider, 1, body).status, play(provider, 2, body, **headers).status) for _ in range(3)]
    assert statuses == [(200, 401)] * 3


def test_a_tagged_request_is_filed_each_time() -> None:
    ledger = Ledger()
    provider = Provider(ledger)
    for number in range(3):
        play(provider, number, chat("gpt-4o;tag=filed"))
        play(provider, number, chat("gpt-4o"), x_mock_tag="filed")
    assert len(ledger.show("filed")["last_requests"]) == 6


def test_a_stamp_is_never_drafted() -> None:
    clock = iter(range(1000, 2000))
    provider, body = Provider(Ledger(), clock=lambda: next(clock)), chat("gpt-4o;stamp;chunks=1")
    said = [orjson.loads(play(provider, 1, body).body)["choices"][0]["message"]["content"] for _ in range(3)]
    assert [text.strip() for text in said] == ["1000", "1001", "1002"]
