"""What crosses the gateway and what never does: headers of either side, claims in our name, pages in browsers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.scripted import Script, playing
from tests.e2e.wire import CHAT, ask, chat, chat_body, dialled, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import until

PAGE = "https://app.example"

SETTINGS = f"""
[server]
cors_origins = ["{PAGE}"]

[[providers]]
id       = "odd"
format   = "openai_chat"
base_url = "http://127.0.0.1:{{port}}/v1"
forward_headers = ["X-Wanted"]
"""

ANSWER = b'{"choices":[]}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n%b\r\n" + ANSWER
HOP = (
    b"connection: keep-alive, x-hop\r\nkeep-alive: timeout=5\r\nx-hop: 1\r\nproxy-connection: close\r\n"
    b"te: trailers\r\ntrailer: x-t\r\nupgrade: h2c\r\nproxy-authenticate: Basic\r\n"
)
SITE = b"set-cookie: a=1\r\nserver: theirs\r\nvia: 1.1 x\r\nstrict-transport-security: max-age=1\r\nalt-svc: h3\r\n"
OURS = b"x-sluicegate-provider: evil\r\nx-sluicegate-request-id: evil\r\nX-Sluicegate-Made-Up: evil\r\n"
SCRIPTS: dict[str, Script] = {
    "hop": (REPLY % HOP,),
    "site": (REPLY % SITE,),
    "ours": (REPLY % OURS,),
    "kept": (REPLY % b"x-request-id: r1\r\nX-RateLimit-Remaining: 7\r\nretry-after: 1\r\nx-odd: \xe9\r\n",),
}


@pytest.fixture(scope="module")
def page(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that a page in a browser may call, with a provider that says odd things."""
    with playing(SCRIPTS) as provider:
        toml = configuration(mock.url, SETTINGS.format(port=provider.port))
        with running(tmp_path_factory.mktemp("page"), toml) as gateway:
            yield gateway
            assert gateway.close() == 0


# Pages in browsers


@pytest.mark.parametrize(("path", "methods"), [(CHAT, "POST, OPTIONS"), ("/v1/models", "GET, HEAD, OPTIONS")])
async def test_a_page_that_may_call_is_told_so(page: GatewayProcess, path: str, methods: str) -> None:
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-a, x-b"}
    answer = await ask(page.port, request("OPTIONS", path, key=None, headers=asked), method="OPTIONS")
    assert answer.status == 204
    assert answer.header("allow") == methods
    assert answer.header("access-control-allow-origin") == PAGE
    assert answer.header("access-control-allow-methods") == methods
    assert answer.header("access-control-allow-headers") == "x-a, x-b"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("POST", CHAT, chat_body("gpt"), origin=PAGE), 200),
        (request("POST", CHAT, chat_body("gpt", stream=True), origin=PAGE), 200),
        (request("POST", CHAT, chat_body("gpt;status=429"), origin=PAGE), 429),
        (request("POST", CHAT, chat_body("gpt"), key="sk-nobody", origin=PAGE), 401),
        (request("GET", CHAT, origin=PAGE), 405),
        (request("GET", "/v1/models", origin=PAGE), 200),
        (request("GET", "/v1/models", key=None, origin=PAGE), 401),
        (request("GET", "/v1/nothing", origin=PAGE), 404),
    ],
)
async def test_every_answer_can_be_read_by_that_page(page: GatewayProcess, data: bytes, status: int) -> None:
    answer = await ask(page.port, data)
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == PAGE
    assert "x-sluicegate-request-id" in (answer.header("access-control-expose-headers") or "")
    assert answer.header("vary") == "origin"


@pytest.mark.parametrize("path", [CHAT, "/v1/models"])
async def test_other_pages_are_not_told_anything(page: GatewayProcess, gateway: GatewayProcess, path: str) -> None:
    for port, origin in ((page.port, "https://evil.example"), (gateway.port, PAGE)):
        preflight = request("OPTIONS", path, key=None, origin=origin, access_control_request_method="POST")
        answer = await ask(port, preflight, method="OPTIONS")
        assert answer.status == 204
        assert not any(name.startswith("access-control") for name in answer.names)
        got = await ask(port, request("POST", CHAT, chat_body("gpt"), origin=origin))
        assert not any(name.startswith("access-control") for name in got.names)


# What crosses


async def test_nothing_of_the_client_s_connection_reaches_the_provider(
    gateway: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    sent = {
        "connection": "keep-alive, x-hop",
        "x-hop": "1",
        "keep-alive": "timeout=5",
        "te": "trailers",
        "trailer": "x-t",
        "upgrade": "h2c",
        "proxy-authorization": "Basic eDp5",
        "cookie": "session=1",
        "x-forwarded-for": "10.0.0.1",
        "x-real-ip": "10.0.0.1",
        "forwarded": "for=10.0.0.1",
        "x-api-key": CLIENT_KEY,
        "x-goog-api-key": CLIENT_KEY,
        "x-sluicegate-key": "someone",
        "x-sluicegate-operator": "someone",
        "x-made-up": "1",
        "accept-encoding": "gzip, br",
        "user-agent": "client/1",
        "referer": "https://secret.example",
    }
    kept = {
        "accept": "application/json",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "openai-beta": "assistants=v2",
        "idempotency-key": "i-1",
    }
    data = request("POST", CHAT, chat_body(f"gpt;tag={tag}"), headers=sent | kept)
    assert (await ask(gateway.port, data)).status == 200
    (seen,) = mock.requests(tag)
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert len(headers) == len(seen["headers"]), "a header twice"
    assert set(headers) == {*kept, "host", "user-agent", "accept-encoding", "authorization", "content-type",
                            "content-length"}  # fmt: skip
    assert {name: headers[name] for name in kept} == kept
    assert headers["host"] == mock.url.removeprefix("http://")
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("sluicegate/")
    assert CLIENT_KEY not in json.dumps(seen)


@pytest.mark.parametrize("model", ["hop", "site", "ours"])
async def test_nothing_of_the_provider_s_connection_reaches_the_client(page: GatewayProcess, model: str) -> None:
    async with dialled(page.port) as wire:
        answer = await wire.ask(chat(f"odd/{model}"))
        assert (await wire.ask(request("GET", "/healthz"))).status == 200
    assert answer.body == ANSWER
    ours = {f"x-sluicegate-{name}" for name in ("request-id", "provider", "model", "attempts", "overhead-us")}
    assert answer.names == {"content-type", "content-length", "date", "server", *ours}
    assert answer.header("server") != "theirs"
    assert answer.header("x-sluicegate-provider") == "odd"
    assert "evil" not in str(answer.headers)


async def test_headers_of_the_provider_that_matter_reach_the_client(page: GatewayProcess) -> None:
    answer = await ask(page.port, chat("odd/kept"))
    assert answer.header("x-request-id") == "r1"
    assert answer.header("x-ratelimit-remaining") is None, "the limits of our credential (RL-1)"
    assert answer.header("retry-after") == "1"
    assert answer.header("x-odd") == "é"


@pytest.mark.parametrize("name", ["gpt\r\nx-evil: 1", "gpt\nx-evil: 1", "gpt\0", "größe 😀", "x" * 5000])
async def test_a_model_s_name_cannot_break_out_of_a_header(gateway: GatewayProcess, name: str) -> None:
    answer = await ask(gateway.port, request("POST", CHAT, chat_body(f"mock/{name}")))
    assert answer.status in (200, 400, 404)
    assert "x-evil" not in answer.names
    assert (answer.header("x-sluicegate-model") or "").isprintable()


async def test_who_we_vouch_for_cannot_be_claimed(gateway: GatewayProcess) -> None:
    """The control process trusts `x-sluicegate-*`: workers set them, clients cannot."""
    token = (gateway.data_dir / "run" / "operator.token").read_text().strip()
    for claim in ({"x-sluicegate-key": "tester"}, {"x-sluicegate-operator": token}, {"X-Sluicegate-Key": "tester"}):
        answer = await ask(gateway.port, request("GET", "/api/usage", key=None, headers=claim))
        assert answer.status == 401
    answer = await ask(gateway.port, request("GET", "/api/usage", x_sluicegate_key="narrow"))
    assert answer.status == 200
    assert {row["key"] for row in answer.json()["rows"]} <= {"tester"}


# Without the control process


async def test_without_the_control_process_pages_wait_and_inference_goes_on(page: GatewayProcess, tag: str) -> None:
    page.complete()
    refused = await ask(page.port, request("GET", "/"))
    for _ in range(5):
        if refused.status == 503:
            break
        control = until(page.control, 10)
        assert control
        os.kill(control, signal.SIGKILL)
        refused = await ask(page.port, request("GET", "/"))
    assert (refused.status, refused.error["code"]) == (503, "control_unavailable")
    assert refused.header("retry-after") == "2"
    for path in ("/healthz", "/readyz", "/metrics", "/v1/models"):
        assert (await ask(page.port, request("GET", path))).status == 200
    assert (await ask(page.port, chat(f"gpt;tag={tag}"))).status == 200
    assert page.complete().record(tag)["status"] == 200
    assert (await ask(page.port, request("GET", "/"))).status == 200
