"""What happens, over a WebSocket: with a client of somebody else's, directly and through nginx."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.nginx import Nginx
from tests.e2e.people import People, bearer, live
from tests.e2e.watching import PATIENCE_SECONDS, watching
from tests.e2e.wire import ask, chat
from tests.gateway_process import CLIENT_KEY
from tests.providers import MockProcess
from tests.waiting import until

PATH = "/api/live/ws"

SETTINGS = """
[live]
max_viewers = 12

[server]
trusted_proxies = ["127.0.0.1"]
"""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("sockets"), mock.url, SETTINGS) as made:
        with watching(made.gateway.url, made.who["owner"].headers) as first:
            first.wait_for("system", lambda said: len(said["workers"]) == 1)
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


Refusal = tuple[int, dict[str, str], Any]
"""Status, headers and body."""


@contextmanager
def opened(
    people: People, name: str, query: str = "", *, path: str = PATH, headers: Mapping[str, str] | None = None
) -> Iterator[ClientConnection]:
    """The socket of somebody, whose browser says where its page is from if they come by one."""
    url = f"ws://127.0.0.1:{people.gateway.port}{path}{'?' + query if query else ''}"
    said = {**people.who[name].headers, **(headers or {})}
    with connect(url, additional_headers=said, proxy=None, open_timeout=10) as client:
        yield client


def refused(people: People, name: str, query: str = "", **more: Any) -> Refusal:
    """What somebody hears in the place of a socket."""
    with pytest.raises(InvalidStatus) as error, opened(people, name, query, **more):
        pass
    response = error.value.response
    body = json.loads(response.body or b"null")
    return response.status_code, {name.lower(): value for name, value in response.headers.raw_items()}, body


def heard(client: ClientConnection, event: str) -> Any:
    """The next message that tells of this."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        message = json.loads(client.recv(timeout=max(0.1, deadline - time.monotonic())))
        if message["event"] == event:
            return message


def goodbye(client: ClientConnection) -> tuple[int, str]:
    """Why it is closed, once everything that comes before has been heard."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(timeout=PATIENCE_SECONDS)
    code, reason = client.protocol.close_code, client.protocol.close_reason
    assert code is not None
    assert reason is not None
    return code, reason


def viewers(people: People) -> int:
    """How many watch, this one included."""
    with watching(people.gateway.url, people.who["owner"].headers, "events=system") as watcher:
        return int(watcher.wait_for("system").data["viewers"])


async def test_a_socket_tells_what_the_stream_tells(everybody: People, tag: str) -> None:
    with (
        opened(everybody, "owner", "events=running,finished") as client,
        watching(everybody.gateway.url, everybody.who["owner"].headers) as watcher,
    ):
        assert heard(client, "hello")["data"]["kinds"] == ["running", "finished"]
        watcher.wait_for("hello")
        assert (await ask(everybody.gateway.port, chat(f"gpt;chunks=2;tag={tag}"))).status == 200
        message = heard(client, "finished")
        told = watcher.wait_for("finished")
        assert (message["id"], message["data"]) == (told.id, told.data)


async def test_whoever_comes_back_says_where_they_were(everybody: People, tag: str) -> None:
    with opened(everybody, "owner") as client:
        assert (await ask(everybody.gateway.port, chat(f"gpt;tag={tag}-1"))).status == 200
        last = heard(client, "finished")["id"]
        assert (await ask(everybody.gateway.port, chat(f"gpt;tag={tag}-2"))).status == 200
        missed = heard(client, "finished")
    with opened(everybody, "owner", f"after={last}") as again:
        assert heard(again, "finished")["data"] == missed["data"]


def test_a_key_and_a_token_open_one_from_anywhere(everybody: People) -> None:
    made = everybody.make("owner", "/api/tokens", {"name": "socket", "scopes": ["usage:read"]})
    for headers in (bearer(made["secret"]), bearer(everybody.who["key"].secret)):
        with opened(everybody, "anonymous", headers={**headers, "origin": "https://elsewhere.example"}) as client:
            heard(client, "hello")


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("anonymous", "", 401),
        ("pending", "", 403),
        ("token", "", 403),
        ("member", "events=system", 403),
        ("owner", "unknown=1", 400),
        ("owner", f"api_key={CLIENT_KEY}", 400),
    ],
)
def test_who_may_not_watch_hears_why_in_the_place_of_a_socket(
    everybody: People, name: str, query: str, status: int
) -> None:
    said, headers, problem = refused(everybody, name, query)
    assert (said, problem["status"], headers["content-type"]) == (status, status, "application/problem+json")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
def test_a_page_of_somebody_else_opens_none(everybody: People, origin: str) -> None:
    """A browser sends the cookie with whatever a page opens, and lets the page read it (ASVS 4.4.2)."""
    status, _, problem = refused(everybody, "owner", headers={"origin": origin})
    assert (status, problem["code"]) == (403, "not_permitted")


def test_whoever_has_a_cookie_says_where_they_come_from(everybody: People) -> None:
    session = {"cookie": everybody.who["owner"].headers["cookie"]}
    assert refused(everybody, "anonymous", headers=session)[0] == 403
    with opened(everybody, "anonymous", headers={**session, "origin": everybody.gateway.url}) as client:
        heard(client, "hello")


def test_what_a_client_claims_in_our_name_counts_for_nothing(everybody: People) -> None:
    claims = {"x-sluicegate-forwarded": "0", "x-sluicegate-key-id": "tester", "x-sluicegate-operator": "x"}
    assert refused(everybody, "anonymous", headers=claims)[0] == 401
    host = {"x-sluicegate-host": "evil.example", "origin": "http://evil.example"}
    assert refused(everybody, "owner", headers=host)[0] == 403


@pytest.mark.parametrize(
    "path", ["/", "/api/live", "/api/live/ws/", "/v1/chat/completions", "/v1/realtime", "/healthz", "/api/live/%77s/x"]
)
def test_there_is_no_other_socket(everybody: People, path: str) -> None:
    status, _, body = refused(everybody, "owner", path=path)
    assert status == 404
    assert body.keys() == ({"error"} if path.startswith("/v1") else body.keys())


def test_without_a_socket_the_address_says_what_it_is_for(everybody: People) -> None:
    answer = everybody.ask("owner", "GET", PATH)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert everybody.ask("anonymous", "GET", PATH).status_code == 401


def test_pings_are_answered_and_words_are_not(everybody: People) -> None:
    with opened(everybody, "owner") as client:
        heard(client, "hello")
        assert client.ping(b"there?").wait(5)
        client.send("hello?")
        assert goodbye(client) == (1008, "This socket tells, and takes nothing.")


def test_whoever_leaves_is_gone_at_once_however_they_leave(everybody: People) -> None:
    with opened(everybody, "owner") as polite:
        heard(polite, "hello")
    rude = handshake(everybody)
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.close()
    until(lambda: viewers(everybody) == 1)


def handshake(people: People, lines: str = "", method: str = "GET") -> socket.socket:
    """A socket that is open, for whoever writes its bytes."""
    key = base64.b64encode(os.urandom(16)).decode()
    said = "".join(f"{name}: {value}\r\n" for name, value in people.who["owner"].headers.items())
    made = socket.create_connection(("127.0.0.1", people.gateway.port), timeout=10)
    made.sendall(
        f"{method} {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{people.gateway.port}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{said}{lines}\r\n".encode()
    )
    return made


async def test_one_who_does_not_read_disturbs_nobody(everybody: People, tag: str) -> None:
    with handshake(everybody) as stalled, opened(everybody, "owner") as client:
        assert stalled.recv(12) == b"HTTP/1.1 101"
        for number in range(3):
            assert (await ask(everybody.gateway.port, chat(f"gpt;tag={tag}-{number}"))).status == 200
            heard(client, "finished")


@pytest.mark.parametrize("lines", ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_handshake_with_a_body_is_refused(everybody: People, lines: str) -> None:
    with handshake(everybody, lines) as client:
        client.sendall(b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in lines else b"hello")
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"connection: upgrade, close" in answer.lower() or b"connection: close" in answer.lower()
        with suppress(ConnectionResetError):  # by what was sent and not read
            while client.recv(4096):
                pass


def test_a_session_that_is_over_closes_it(everybody: People) -> None:
    session = everybody.sign_in("viewer")
    with opened(everybody, "anonymous", headers=session.headers) as client:
        heard(client, "hello")
        assert everybody.ask("owner", "DELETE", f"/api/users/{session.id}/sessions").status_code == 204
        assert heard(client, "end")["data"] == {"why": "signed_out"}
        assert goodbye(client)[0] == 4401
    everybody.who["viewer"] = everybody.sign_in("viewer")


def test_more_than_may_are_told_to_come_back(everybody: People) -> None:
    with ExitStack() as stack:
        for _ in range(12):
            heard(stack.enter_context(opened(everybody, "owner")), "hello")
        status, headers, _ = refused(everybody, "owner")
        assert (status, headers["retry-after"]) == (503, "10")
    until(lambda: viewers(everybody) == 1)


@pytest.mark.needs("nginx")
async def test_through_nginx_a_browser_gets_one_from_its_own_page(
    everybody: People, tmp_path_factory: pytest.TempPathFactory, tag: str
) -> None:
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), everybody.gateway.port)
    url, cookie = f"wss://localhost:{nginx.port}{PATH}", everybody.who["owner"].headers["cookie"]

    def through(origin: str) -> ClientConnection:
        said = {"cookie": cookie, "origin": origin}
        return connect(url, additional_headers=said, ssl=nginx.trust, proxy=None, open_timeout=10)

    try:
        with through("https://localhost") as client:
            heard(client, "hello")
            assert (await ask(everybody.gateway.port, chat(f"gpt;tag={tag}"))).status == 200
            heard(client, "finished")
            assert client.ping().wait(5)
        for origin in ("http://localhost", "https://evil.example"):
            with pytest.raises(InvalidStatus) as error, through(origin):
                pass
            assert error.value.response.status_code == 403
        assert not nginx.errors()
    finally:
        nginx.close()
    until(lambda: viewers(everybody) == 1)


def test_a_control_process_that_is_gone_will_be_back(everybody: People) -> None:
    gateway = everybody.gateway
    with opened(everybody, "owner") as client:
        heard(client, "hello")
        control = gateway.control()
        assert control is not None
        os.kill(control, signal.SIGKILL)
        assert goodbye(client)[0] == 1012
    status, headers, problem = refused(everybody, "owner")
    if status != 403:  # it is back already, and then somebody else's answer comes
        assert (status, headers["retry-after"], problem["code"]) == (503, "2", "control_unavailable")
    until(lambda: gateway.control() not in (None, control), PATIENCE_SECONDS)
    gateway.complete()


def test_a_gateway_that_stops_says_so_and_does_not_wait(mock: MockProcess, tmp_path: Path) -> None:
    with (
        live(tmp_path, mock.url) as people,
        opened(people, "owner") as client,
        watching(people.gateway.url, people.who["owner"].headers) as watcher,
    ):
        heard(client, "hello")
        watcher.wait_for("hello")
        began = time.monotonic()
        assert people.gateway.close() == 0
        assert time.monotonic() - began < 15, "half of what requests under way are given"
        assert goodbye(client)[0] == 1001
