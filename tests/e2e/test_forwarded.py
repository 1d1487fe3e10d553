"""Behind proxies: whose word counts about who asks and how, through a real nginx and without."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection

import pytest

from tests.e2e.nginx import Nginx
from tests.e2e.wire import CHAT, ask, chat_body, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import until

CLIENT = "203.0.113.7"

TRUSTING = """
[server]
trusted_proxies = ["127.0.0.1"]
"""

FORWARDED = {
    "x-forwarded-for": f"10.0.0.9, {CLIENT}",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "outside.example",
    "forwarded": "for=192.0.2.1;proto=http;host=evil.example",
    "x-sluicegate-client": "192.0.2.2",
    "x-sluicegate-scheme": "https",
    "x-sluicegate-host": "evil.example",
}


@pytest.fixture(scope="module")
def trusting(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("trusting"), configuration(mock.url, TRUSTING)) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0


def client_of(gateway: GatewayProcess, tag: str) -> str:
    """Whose request the access log says it was."""

    def found() -> str | None:
        line = re.search(rf'^.*"user_agent":"{tag}".*$', gateway.said(), re.MULTILINE)
        return json.loads(line[0])["client"] if line else None

    said = until(found)
    assert said is not None
    return said


async def test_a_trusted_proxy_says_who_asks(trusting: GatewayProcess, tag: str) -> None:
    data = request("POST", CHAT, chat_body("gpt"), headers=FORWARDED, user_agent=tag)
    assert (await ask(trusting.port, data)).status == 200
    assert client_of(trusting, tag) == CLIENT


async def test_nobody_else_does(gateway: GatewayProcess, tag: str) -> None:
    data = request("POST", CHAT, chat_body("gpt"), headers=FORWARDED, user_agent=tag)
    assert (await ask(gateway.port, data)).status == 200
    assert client_of(gateway, tag) == "127.0.0.1"


async def test_what_a_client_says_behind_a_proxy_is_left_of_what_the_proxy_says(
    trusting: GatewayProcess, tag: str
) -> None:
    for said, address in (
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"{CLIENT}, 127.0.0.1", CLIENT),
        ("nonsense", "127.0.0.1"),
    ):
        name = f"{tag}-{address}-{len(said)}"
        data = request("POST", CHAT, chat_body("gpt"), x_forwarded_for=said, user_agent=name)
        assert (await ask(trusting.port, data)).status == 200
        assert client_of(trusting, name) == address


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/v1/nothing", "/api/health", "/nothing"])
async def test_tls_in_front_is_told_to_browsers_by_a_trusted_proxy_alone(
    trusting: GatewayProcess, gateway: GatewayProcess, path: str
) -> None:
    data = request("GET", path, key=None, headers=FORWARDED)
    believed, plain = await ask(trusting.port, data), await ask(gateway.port, data)
    assert believed.header("strict-transport-security") == "max-age=31536000"
    assert plain.header("strict-transport-security") is None
    assert believed.status == plain.status


@pytest.mark.needs("nginx")
def test_through_nginx_the_client_is_who_nginx_saw(
    trusting: GatewayProcess, tmp_path_factory: pytest.TempPathFactory, tag: str
) -> None:
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), trusting.port)
    try:
        answer = through(nginx, tag)
    finally:
        nginx.close()
    assert answer == (200, None)
    assert client_of(trusting, tag) == "127.0.0.1"


def through(nginx: Nginx, tag: str) -> tuple[int, str | None]:
    """Status and `Strict-Transport-Security` of a chat request through nginx that claims to be somebody else's."""
    headers = {**FORWARDED, "authorization": f"Bearer {CLIENT_KEY}", "user-agent": tag}
    context: ssl.SSLContext = nginx.trust
    with closing(HTTPSConnection("localhost", nginx.port, timeout=10, context=context)) as connection:
        connection.request("POST", CHAT, chat_body("gpt"), {**headers, "content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("strict-transport-security")
