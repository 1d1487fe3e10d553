"""HTTP at the public port: what is refused and how, how much is taken in, and how connections are kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.e2e.wire import CHAT, Answer, ask, chat, chat_body, connect, dialled, read_until, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, configuration, running
from tests.providers import MockProcess

LIMIT = 64 * 1024

SETTINGS = f"""
[server]
max_body_bytes         = {LIMIT}
body_timeout_seconds   = 0.5
header_timeout_seconds = 1.0
"""


@pytest.fixture(scope="module")
def small(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with little room and patience."""
    with running(tmp_path_factory.mktemp("small"), configuration(mock.url, SETTINGS)) as gateway:
        yield gateway
        assert gateway.close() == 0


def check_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.error["code"]) == (status, code), answer
    assert answer.header("content-type") == "application/json"
    assert answer.error["message"]


# What is not there


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/chat/completions/", "/v1/chat", "/v1/./models", "/v1/responses/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_not_found(gateway: GatewayProcess, method: str, path: str) -> None:
    check_refused(await ask(gateway.port, request(method, path)), 404, "unknown_url")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1beta/x", {"error": {"code": 404, "status": "NOT_FOUND"}}),
        ("/v1/messages/x", {"type": "error", "error": {"type": "not_found_error"}}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_told_in_the_dialect_it_seems_to_be_of(
    gateway: GatewayProcess, method: str, path: str, shape: dict[str, Any]
) -> None:
    answer = await ask(gateway.port, request(method, path))
    assert (answer.status, answer.header("content-type")) == (404, "application/json")
    fields = answer.json()
    assert path in fields["error"].pop("message")
    assert fields == shape


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "BREW"])
async def test_another_method_on_an_endpoint_is_not_allowed(gateway: GatewayProcess, method: str) -> None:
    answer = await ask(gateway.port, request(method, CHAT))
    check_refused(answer, 405, "method_not_allowed")
    assert answer.header("allow") == "POST, OPTIONS"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/models", "/v1/models/x"])
async def test_our_own_pages_are_only_read(gateway: GatewayProcess, path: str) -> None:
    answer = await ask(gateway.port, request("POST", path, b"{}"))
    check_refused(answer, 405, "method_not_allowed")
    assert answer.header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models", "/v1/models/fast"])
async def test_head_is_get_without_the_body(gateway: GatewayProcess, path: str) -> None:
    async with dialled(gateway.port) as wire:
        got = await wire.ask(request("GET", path))
        headed = await wire.ask(request("HEAD", path), method="HEAD")
        assert (await wire.ask(request("GET", "/healthz"))).status == 200
    assert (headed.status, headed.header("content-length")) == (got.status, str(len(got.body)))


@pytest.mark.parametrize(("path", "status"), [(CHAT, 405), ("/v1/nothing", 404)])
async def test_head_of_what_is_refused_has_no_body(gateway: GatewayProcess, path: str, status: int) -> None:
    async with dialled(gateway.port) as wire:
        assert (await wire.ask(request("HEAD", path), method="HEAD")).status == status
        assert (await wire.ask(request("GET", "/healthz"))).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_another_content_type_is_refused(gateway: GatewayProcess, kind: str) -> None:
    answer = await ask(gateway.port, request("POST", CHAT, chat_body("gpt"), content_type=kind))
    check_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])
async def test_json_may_be_called_by_other_names(gateway: GatewayProcess, kind: str) -> None:
    assert (await ask(gateway.port, request("POST", CHAT, chat_body("gpt"), content_type=kind))).status == 200


async def test_a_compressed_request_is_refused(gateway: GatewayProcess) -> None:
    answer = await ask(gateway.port, request("POST", CHAT, chat_body("gpt"), content_encoding="gzip"))
    check_refused(answer, 415, "unsupported_media_type")


async def test_json_where_a_form_is_due_is_refused(gateway: GatewayProcess) -> None:
    answer = await ask(gateway.port, request("POST", "/v1/audio/transcriptions", b"{}"))
    check_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"model":7}', b'{"model":""}', b"\xff\xfe{}"])
async def test_a_body_without_sense_is_refused(gateway: GatewayProcess, body: bytes) -> None:
    check_refused(await ask(gateway.port, request("POST", CHAT, body)), 400, "invalid_request")


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {CLIENT_KEY}"},
        {"authorization": f"bearer   {CLIENT_KEY}"},
        {"x-api-key": CLIENT_KEY},
    ],
)
async def test_a_key_may_come_in_either_header(gateway: GatewayProcess, headers: dict[str, str]) -> None:
    assert (await ask(gateway.port, request("POST", CHAT, chat_body("gpt"), key=None, headers=headers))).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": CLIENT_KEY},
        {"authorization": f"Basic {CLIENT_KEY}"},
        {"authorization": f"Bearer {CLIENT_KEY}x"},
        {"x-api-key": "sk-nobody"},
        {"x-sluicegate-key": "tester"},
        {"cookie": f"key={CLIENT_KEY}"},
    ],
)
async def test_without_a_key_nothing_is_answered(gateway: GatewayProcess, headers: dict[str, str]) -> None:
    for path in (CHAT, f"{CHAT}?key={CLIENT_KEY}"):
        data = request("POST", path, chat_body("gpt"), key=None, headers=headers)
        check_refused(await ask(gateway.port, data), 401, "invalid_api_key")


async def test_a_query_is_no_part_of_the_path(gateway: GatewayProcess) -> None:
    assert (await ask(gateway.port, request("POST", f"{CHAT}?api-version=1", chat_body("gpt")))).status == 200


# Sizes


async def test_a_declared_body_over_the_limit_is_refused_unread(small: GatewayProcess) -> None:
    async with dialled(small.port) as wire:
        answer = await wire.ask(request("POST", CHAT, content_length=str(10**12)))
        check_refused(answer, 413, "request_too_large")
        assert answer.header("connection") == "close"
        assert await wire.ended()


async def test_a_body_over_the_limit_without_a_length_is_refused_in_the_middle(small: GatewayProcess, tag: str) -> None:
    head = request("POST", CHAT, content_length="", transfer_encoding="chunked", user_agent=tag)
    async with dialled(small.port) as wire:
        wire.send(head + b"".join(b"8000\r\n%b\r\n" % (b"x" * 0x8000) for _ in range(3)))
        answer = await wire.answer()
        check_refused(answer, 413, "request_too_large")
        assert await wire.ended()
    record = small.record(tag)
    assert (record["status"], record["error"], record["attempts"]) == (413, "request_too_large", [])


def test_who_sends_too_much_without_listening_still_hears_why(small: GatewayProcess) -> None:
    body = b"x" * 4 * 2**20
    with connect(small.port) as sock:
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(request("POST", CHAT, body))
        assert b" 413 " in sock.recv(65536)


@pytest.mark.parametrize("extra", [0, 1])
async def test_the_limit_is_exact(small: GatewayProcess, tag: str, extra: int) -> None:
    for chunked in (False, True):
        body = chat_body(f"gpt;tag={tag}")
        body += b" " * (LIMIT + extra - len(body))
        data = request("POST", CHAT, body)
        if chunked:
            head = request("POST", CHAT, content_length="", transfer_encoding="chunked")
            data = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        answer = await ask(small.port, data)
        assert answer.status == (413 if extra else 200)


@pytest.mark.parametrize("size", [2**20, 31 * 2**20, 32 * 2**20])
async def test_a_long_prompt_passes(gateway: GatewayProcess, mock: MockProcess, tag: str, size: int) -> None:
    body = chat_body(f"gpt;tag={tag}")
    body = body.replace(b'"Hello"', b'"' + b"x" * (size - len(body) + 5) + b'"')
    assert len(body) == size
    answer = await ask(gateway.port, request("POST", CHAT, body))
    assert answer.status == 200
    (seen,) = mock.requests(tag)
    assert seen["body_bytes"] == size - len("mock/")
    assert gateway.record(tag)["request_bytes"] == size


async def test_a_longer_one_does_not(gateway: GatewayProcess) -> None:
    answer = await ask(gateway.port, request("POST", CHAT, content_length=str(32 * 2**20 + 1)))
    check_refused(answer, 413, "request_too_large")


async def test_a_body_that_stops_coming_is_not_waited_for(small: GatewayProcess, tag: str) -> None:
    data = request("POST", CHAT, chat_body("gpt"), user_agent=tag)
    async with dialled(small.port) as wire:
        wire.send(data[:-5])
        check_refused(await wire.answer(), 408, "request_timeout")
        assert await wire.ended()
    assert small.record(tag)["error"] == "request_timeout"


async def test_headers_that_stop_coming_are_not_waited_for(small: GatewayProcess) -> None:
    async with dialled(small.port) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        await wire.reader.read()
        assert wire.reader.at_eof()


# Connections


async def test_close_means_close(gateway: GatewayProcess) -> None:
    async with dialled(gateway.port) as wire:
        data = request("POST", CHAT, chat_body("gpt;chunks=3", stream=True), connection="close")
        answer = await wire.ask(data)
        assert answer.status == 200
        assert answer.body.endswith(b"[DONE]\n\n")
        assert await wire.ended()


async def test_http_1_0_is_answered_and_closed(gateway: GatewayProcess) -> None:
    async with dialled(gateway.port) as wire:
        wire.send(chat("gpt;chunks=3", stream=True).replace(b"HTTP/1.1", b"HTTP/1.0"))
        whole = await wire.reader.read()
    assert whole.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
    assert b"transfer-encoding" not in whole.partition(b"\r\n\r\n")[0]
    assert whole.endswith(b"[DONE]\n\n")


async def test_who_waits_for_leave_to_send_gets_it(gateway: GatewayProcess, tag: str) -> None:
    head, _, body = request("POST", CHAT, chat_body(f"gpt;tag={tag}"), expect="100-continue").partition(b"\r\n\r\n")
    async with dialled(gateway.port) as wire:
        wire.send(head + b"\r\n\r\n")
        assert (await wire.head()).status == 100
        assert (await wire.ask(body)).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": str(2**30)}, 413),
        ({"authorization": "Bearer sk-nobody"}, 401),
        ({"content-type": "text/plain"}, 415),
    ],
)
async def test_who_waits_for_leave_to_send_is_refused_before_it(
    gateway: GatewayProcess, headers: dict[str, str], status: int
) -> None:
    head = request("POST", CHAT, headers={"content-length": "100", "expect": "100-continue", **headers})
    assert (await ask(gateway.port, head)).status == status


async def test_requests_sent_together_are_answered_in_order(gateway: GatewayProcess) -> None:
    scripts = ("chunks=1;first=100ms", "chunks=2", "status=404", "chunks=3")
    async with dialled(gateway.port) as wire:
        wire.send(b"".join(chat(f"gpt;{script}") for script in scripts) + request("GET", "/healthz"))
        answers = [await wire.answer() for _ in range(5)]
    said = [a.json()["choices"][0]["message"]["content"] if a.status == 200 else "" for a in answers[:4]]
    assert said == ["Hello ", "Hello from ", "", "Hello from the "]
    assert answers[4].json()["status"] == "ok"


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["words", "no-colon", "two-lengths", "negative", "bad-chunk", "long-target", "long-header", "tls"],
)
def test_what_is_not_http_is_refused_and_harms_nobody(gateway: GatewayProcess, data: bytes) -> None:
    with connect(gateway.port) as sock:
        said = b""
        with suppress(OSError):  # It may have hung up before we have said it all.
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            said = sock.recv(65536)
        assert not said or 400 <= int(said.split()[1]) < 500
    with connect(gateway.port) as sock:
        sock.sendall(request("GET", "/healthz"))
        assert read_until(sock, b"ok")
