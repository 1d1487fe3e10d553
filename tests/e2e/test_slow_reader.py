"""A client that stops reading makes its provider wait: it costs a bounded piece of memory, and nobody else notices."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.e2e.wire import ask, chat, comparable, connect, from_the_mock, leave, read_until
from tests.gateway_process import GatewayProcess, configuration, resident_bytes, running
from tests.providers import MockProcess
from tests.waiting import until

CLIENTS = 20
PER_CLIENT = 384 * 1024
"""Most bytes of memory that one of them may cost: the window of 256 KiB, and what a request costs anyway."""

ALLOWANCE = 2 * 2**20
"""What memory allocators hold back, whatever happens."""

STREAM = "chunks=20000;size=1000"
"""About 25 MB: more than all the socket buffers on the way hold."""

SOUND = "huge=32MiB"


@pytest.fixture(scope="module")
def patient(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that waits for slow clients."""
    with running(tmp_path_factory.mktemp("patient"), configuration(mock.url)) as gateway:
        yield gateway
        assert gateway.close() == 0


@pytest.fixture(scope="module")
def strict(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that does not."""
    toml = configuration(mock.url, "[stream]\nclient_stall_seconds = 0.6\n")
    with running(tmp_path_factory.mktemp("strict"), toml) as gateway:
        yield gateway
        assert gateway.close() == 0


def stall(port: int, tag: str) -> socket.socket:
    """A client that asks for much, reads the beginning and stops."""
    sock = connect(port, receive_buffer=8192)
    sock.sendall(chat(f"gpt;{STREAM};tag={tag}", stream=True))
    read_until(sock, b"\r\n\r\n")
    return sock


def read_to_the_end(sock: socket.socket, begun: bytes = b"", *, pause_every: int = 0) -> bytes:
    """Everything that still comes, up to the end of a chunked body; with a short rest after so many bytes."""
    pieces, tail, taken = [begun], begun[-7:], 0
    while tail != b"\r\n0\r\n\r\n":
        piece = sock.recv(65536)
        assert piece, "closed before the end"
        pieces.append(piece)
        tail = (tail + piece)[-7:]
        taken += len(piece)
        if pause_every and taken > pause_every:
            taken = 0
            time.sleep(0.1)  # The rests are what this is about.
    return b"".join(pieces)


def unchunked(body: bytes) -> bytes:
    """The content of a chunked body that begins with the rest of its head."""
    at = body.index(b"\r\n\r\n") + 4
    parts: list[bytes] = []
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


def wait_until_blocked(mock: MockProcess, tag: str, clients: int = 1) -> None:
    """Until so many requests wait for their reader, and nothing moves any more."""
    before: list[tuple[int, int]] = []

    def still() -> bool:
        nonlocal before
        now = [(each["bytes_written"], each["kernel_bytes"]) for each in mock.requests(tag) if each["blocked_bytes"]]
        same, before = now == before, now
        return same and len(now) == clients

    until(still, 15, every=0.1)


async def test_clients_that_stop_reading_cost_little_and_disturb_nobody(
    patient: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    (worker,) = patient.workers()
    for _ in range(3):
        assert (await ask(patient.port, chat("gpt;chunks=2000;size=1000", stream=True))).status == 200
    before = resident_bytes(worker)
    stalled = [stall(patient.port, tag) for _ in range(CLIENTS)]
    try:
        wait_until_blocked(mock, tag, CLIENTS)
        grown = resident_bytes(worker) - before
        assert grown < CLIENTS * PER_CLIENT + ALLOWANCE, f"{grown / CLIENTS / 1024:.0f} KiB a client"
        assert patient.total("sluicegate_streams_open") == CLIENTS

        asked = time.monotonic()
        for _ in range(20):
            assert (await ask(patient.port, chat("gpt;chunks=5;pace=1ms", stream=True))).status == 200
        assert time.monotonic() - asked < 10
        wait_until_blocked(mock, tag, CLIENTS)
        assert resident_bytes(worker) - before < CLIENTS * PER_CLIENT + ALLOWANCE

        left = [leave(sock, "reset") for sock in stalled[1:]]
        until(lambda: len(mock.disconnects(tag)) == CLIENTS - 1)
        assert max(each["at_ms"] for each in mock.disconnects(tag)) - left[-1] < 1000
        whole = read_to_the_end(stalled[0])
    finally:
        for sock in stalled:
            sock.close()
    records = patient.records(tag, CLIENTS)
    assert sorted(record["error"] or "" for record in records) == ["", *["client_disconnected"] * (CLIENTS - 1)]
    assert len(whole) > 20_000_000


async def test_who_reads_on_misses_nothing(patient: GatewayProcess, mock: MockProcess, tag: str) -> None:
    name = f"mock/gpt;{STREAM};tag={tag}"
    with connect(patient.port, receive_buffer=8192) as sock:
        sock.sendall(chat(name, stream=True))
        begun = read_until(sock, b"\r\n\r\n")
        wait_until_blocked(mock, tag)
        for _ in range(20):  # A little, and another rest.
            begun += sock.recv(50_000)
        wait_until_blocked(mock, tag)
        body = unchunked(read_to_the_end(sock, begun))
    assert comparable(body) == comparable(await from_the_mock(mock.port, STREAM, name))
    record = patient.record(tag)
    assert (record["error"], record["output_tokens"], record["response_bytes"]) == (None, 20_000, len(body))


def test_who_never_reads_on_is_dropped(strict: GatewayProcess, mock: MockProcess, tag: str) -> None:
    with stall(strict.port, tag) as sock:
        wait_until_blocked(mock, tag)
        until(lambda: mock.disconnects(tag))
        record = strict.record(tag)
        assert (record["status"], record["error"]) == (200, "client_stalled")
        with pytest.raises((AssertionError, ConnectionResetError)):
            read_to_the_end(sock)
    assert strict.total("sluicegate_requests_in_flight") == 0


def test_who_reads_in_fits_and_starts_is_not_dropped(strict: GatewayProcess, mock: MockProcess, tag: str) -> None:
    """It is silence that counts, not slowness."""
    with stall(strict.port, tag) as sock:
        wait_until_blocked(mock, tag)
        assert len(read_to_the_end(sock, pause_every=1_500_000)) > 20_000_000
    assert strict.record(tag)["error"] is None
