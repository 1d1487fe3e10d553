"""HTTP/2 to nginx, HTTP/1.1 from there to a gateway: what is one header there never becomes two requests here (T29)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamEnded, StreamReset

from tests.e2e.nginx import Nginx
from tests.e2e.wire import CHAT, chat, chat_body
from tests.gateway_process import CLIENT_KEY, configuration, running
from tests.providers import MockProcess

pytestmark = pytest.mark.needs("nginx")

Fields = list[tuple[bytes, bytes]]

FRAMING = b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"

INJECTED: dict[str, Fields] = {
    "line break in a value": [(b"x-a", b"b\r\n" + FRAMING)],
    "bare line feed in a value": [(b"x-a", b"b\ntransfer-encoding: chunked\n\n0\n\n")],
    "bare return in a value": [(b"x-a", b"b\rtransfer-encoding: chunked\r\r0\r\r")],
    "NUL in a value": [(b"x-a", b"b\0c")],
    "line break in a name": [(b"x-a: b\r\n" + FRAMING + b"x-b", b"c")],
    "colon in a name": [(b"transfer-encoding: chunked", b"x")],
    "space in a name": [(b"transfer-encoding ", b"chunked")],
    "capitals in a name": [(b"Transfer-Encoding", b"chunked")],
    "coding": [(b"transfer-encoding", b"chunked")],
    "length of less": [(b"content-length", b"1")],
    "length of more": [(b"content-length", b"99999")],
    "two lengths": [(b"content-length", b"1"), (b"content-length", b"2")],
    "connection": [(b"connection", b"close, content-length")],
    "host beside the authority": [(b"host", b"evil.example")],
    "line break in the path": [(b":path", CHAT.encode() + b" HTTP/1.1\r\nhost: x\r\n" + FRAMING)],
    "space in the path": [(b":path", CHAT.encode() + b" HTTP/1.1")],
    "line break in the method": [(b":method", b"POST / HTTP/1.1\r\nhost: x\r\n\r\nPOST")],
    "line break in the authority": [(b":authority", b"localhost\r\n" + FRAMING)],
    "line break in the scheme": [(b":scheme", b"https\r\n" + FRAMING)],
}


@pytest.fixture(scope="module")
def nginx(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running(tmp_path_factory.mktemp("gateway"), configuration(mock.url)) as gateway:
        made = Nginx(tmp_path_factory.mktemp("nginx"), gateway.port)
        yield made
        made.close()


def ask(nginx: Nginx, extra: Fields, body: bytes) -> int | None:
    """The status of a request with these fields, in place of those of the same name; None when it was cut off."""
    context = nginx.trust
    context.set_alpn_protocols(["h2"])
    config = H2Configuration(header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False)
    connection = H2Connection(config)
    named = {
        b":method": b"POST",
        b":scheme": b"https",
        b":authority": b"localhost",
        b":path": CHAT.encode(),
    }
    pseudo = named | {name: value for name, value in extra if name in named}
    fields = [*pseudo.items(), (b"authorization", f"Bearer {CLIENT_KEY}".encode())]
    fields += [(b"content-type", b"application/json"), *((n, v) for n, v in extra if n not in named)]
    raw = socket.create_connection(("127.0.0.1", nginx.port), timeout=5)
    with closing(context.wrap_socket(raw, server_hostname="localhost")) as sock:
        connection.initiate_connection()
        connection.send_headers(1, fields)
        connection.send_data(1, body, end_stream=True)
        sock.sendall(connection.data_to_send())
        return _status(connection, sock)


def _status(connection: H2Connection, sock: ssl.SSLSocket) -> int | None:
    status = None
    while data := _received(sock):
        for event in connection.receive_data(data):
            if isinstance(event, ResponseReceived):
                status = int(dict(event.headers)[b":status"])
            if isinstance(event, StreamEnded | StreamReset | ConnectionTerminated):
                return status
        sock.sendall(connection.data_to_send())
    return status


def _received(sock: ssl.SSLSocket) -> bytes:
    try:
        return sock.recv(65536)
    except OSError:
        return b""


def test_an_ordinary_request_passes(nginx: Nginx, mock: MockProcess, tag: str) -> None:
    assert ask(nginx, [], chat_body(f"gpt;tag={tag}")) == 200
    assert len(mock.requests(tag)) == 1


@pytest.mark.parametrize("name", INJECTED)
def test_no_field_becomes_a_request(nginx: Nginx, mock: MockProcess, tag: str, name: str) -> None:
    """The body is a whole request: who takes the head for two would answer it."""
    hidden = chat(f"gpt;tag={tag}")
    status = ask(nginx, INJECTED[name], hidden)
    assert status is None or 400 <= status < 600, status
    assert ask(nginx, [], chat_body(f"gpt;tag={tag}-after")) == 200
    assert len(mock.requests(f"{tag}-after")) == 1
    assert not mock.requests(tag)
