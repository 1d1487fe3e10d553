"""What a worker does without the tokenizer: it guesses, whatever is wrong with the control process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from gateway.formats.counting import Measured
from gateway.outbound.wire import Pool
from gateway.relay import estimator
from gateway.relay.estimator import Estimator
from gateway.settings.model import UpstreamSettings

PART = Measured(("hello", "wörld"), 7)
GUESS = 4
"""A third of eleven bytes."""

Serve = Callable[[bytes], Awaitable[bytes]]
"""What the control process answers to a request."""


@asynccontextmanager
async def asking(directory: Path, serve: Serve | None) -> AsyncIterator[Estimator]:
    """An estimator before a control process that does this; before none."""
    path = str(directory / "control.sock")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert serve is not None
        writer.write(await serve(head + await reader.readexactly(length)))
        writer.close()

    server = await asyncio.start_unix_server(connected, path) if serve else None
    pool = Pool(UpstreamSettings())
    try:
        yield Estimator(lambda: pool, path)
    finally:
        await pool.close()
        if server is not None:
            server.close()
            await server.wait_closed()


def saying(body: bytes, status: bytes = b"200 OK") -> Serve:
    async def serve(request: bytes) -> bytes:
        return b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)

    return serve


async def test_the_texts_are_sent_and_the_number_believed(tmp_path: Path) -> None:
    heard = []

    async def serve(request: bytes) -> bytes:
        heard.append(request)
        return await saying(b'{"tokens":42}')(request)

    async with asking(tmp_path, serve) as made:
        assert await made.count(PART) == 42
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /internal/count-tokens HTTP/1.1\r\n")
    assert b"x-sluicegate-forwarded" not in head
    assert orjson.loads(body) == list(PART.texts)


@pytest.mark.parametrize(
    "serve",
    [
        None,
        saying(b"{}", b"503 Service Unavailable"),
        saying(b"Not found", b"404 Not Found"),
        saying(b"x" * 10_000),
        saying(b"{}"),
        saying(b"not JSON"),
        saying(b'{"tokens":"many"}'),
    ],
)
async def test_a_control_process_that_cannot_tell_is_done_without(tmp_path: Path, serve: Serve | None) -> None:
    async with asking(tmp_path, serve) as made:
        assert await made.count(PART) == GUESS


async def test_one_that_is_slow_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "PATIENCE_SECONDS", 0.05)
    over = asyncio.Event()

    async def serve(request: bytes) -> bytes:
        await over.wait()
        return b""

    async with asking(tmp_path, serve) as made:
        assert await made.count(PART) == GUESS
        over.set()


async def test_more_than_any_model_takes_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "MOST_BYTES", 10)
    async with asking(tmp_path, saying(b'{"tokens":42}')) as made:
        assert await made.count(PART) == GUESS
        assert await made.count(Measured((), 7)) == 0
