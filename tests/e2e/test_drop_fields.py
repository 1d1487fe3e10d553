"""Fields that a provider refuses though its format has them: left out for the operator's word, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.wire import CHAT, HELLO, ask, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

TOML = f"""
[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"

[[providers]]
id          = "picky"
format      = "openai_chat"
base_url    = "{{mock}}/v1"
drop_fields = ["user", "seed"]
"""

CLIENTS = {
    "the same format": (CHAT, {"messages": HELLO, "user": "u1", "seed": 7, "temperature": 0.5}, "user,seed"),
    "another format": (
        "/v1/messages",
        {"messages": HELLO, "max_tokens": 9, "metadata": {"user_id": "u1"}, "temperature": 0.5},
        "metadata.user_id",
    ),
}


@pytest.fixture(scope="module")
def picky(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("picky"), TOML.format(mock=mock.url)) as gateway:
        yield gateway
        assert gateway.close() == 0, gateway.tail()


@pytest.mark.parametrize("client", CLIENTS)
async def test_they_are_left_out_and_named(picky: GatewayProcess, mock: MockProcess, client: str) -> None:
    path, fields, dropped = CLIENTS[client]
    tag = f"dropped-{path[-8:]}"
    body = {"model": f"picky/gpt-4o-mini;tag={tag}", **fields}
    answer = await ask(picky.port, request("POST", path, json.dumps(body).encode()))
    assert answer.status == 200, answer.body
    assert answer.header("x-sluicegate-dropped") == dropped
    (sent,) = mock.requests(tag)
    assert not {"user", "seed"} & json.loads(sent["body"]).keys()
    assert json.loads(sent["body"])["temperature"] == 0.5


@pytest.mark.parametrize("client", CLIENTS)
async def test_who_wants_nothing_dropped_is_refused(picky: GatewayProcess, client: str) -> None:
    path, fields, dropped = CLIENTS[client]
    body = json.dumps({"model": "picky/gpt-4o-mini", **fields}).encode()
    answer = await ask(picky.port, request("POST", path, body, x_sluicegate_strict="1"))
    assert answer.status == 400
    assert f"{dropped.partition(',')[0]} is not supported".encode() in answer.body


async def test_a_request_without_them_is_not_touched(picky: GatewayProcess, mock: MockProcess) -> None:
    body = b'{ "model": "picky/gpt-4o-mini;tag=untouched",  "messages": [{"role":"user","content":"Hello"}] }'
    answer = await ask(picky.port, request("POST", CHAT, body))
    assert answer.header("x-sluicegate-dropped") is None
    assert mock.requests("untouched")[0]["body"] == body.decode().replace("picky/", "")
