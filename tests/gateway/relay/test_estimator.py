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
        return await saying(b'{"tokens":[40,2]}')(request)

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
        saying(b'{"tokens":[1]}'),
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
    async with asking(tmp_path, saying(b'{"tokens":[40,2]}')) as made:
        assert await made.count(PART) == GUESS
        assert await made.count(Measured((), 7)) == 0


async def test_an_answer_waits_for_its_count(tmp_path: Path) -> None:
    heard = []

    async def serve(request: bytes) -> bytes:
        heard.append(request)
        return await saying(b'{"tokens":[40,2]}')(request)

    async with asking(tmp_path, serve) as made:
        assert await made.count_soon(("hello", "")) == [40, 2]
        assert await made.count_soon(("", "")) == [0, 0]
        assert await made.count_soon(()) == []
    assert len(heard) == 1, "nothing is nothing, and nobody is asked"
    assert heard[0].startswith(b"POST /internal/count-tokens?soon=yes HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "serve", [saying(b"{}", b"503 Service Unavailable"), saying(b"{}"), saying(b'{"tokens":"many"}')]
)
async def test_a_number_that_is_not_to_be_had_now_is_asked_for_the_next_time(tmp_path: Path, serve: Serve) -> None:
    heard = []

    async def listening(request: bytes) -> bytes:
        heard.append(request)
        return await serve(request)

    async with asking(tmp_path, listening) as made:
        assert [await made.count_soon(PART.texts) for _ in range(3)] == [None] * 3
    assert len(heard) == 3


async def test_once_one_has_waited_in_vain_nobody_waits_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimator, "SOON_SECONDS", 0.05)
    over, heard = asyncio.Event(), []

    async def serve(request: bytes) -> bytes:
        heard.append(request)
        await over.wait()
        return await saying(b'{"tokens":[40,2]}')(request)

    async with asking(tmp_path, serve) as made:
        assert [await made.count_soon(PART.texts) for _ in range(3)] == [None] * 3
        assert len(heard) == 1
        over.set()
        assert await made.count(PART) == 42, "who asks for the count itself waits as ever"
        monkeypatch.setattr(made, "_rests_until", 0.0)
        assert await made.count_soon(PART.texts) == [40, 2], "the while is over"


async def test_no_more_answers_wait_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "AT_ONCE", 2)
    over = asyncio.Event()

    async def serve(request: bytes) -> bytes:
        await over.wait()
        return await saying(b'{"tokens":[40,2]}')(request)

    async with asking(tmp_path, serve) as made:
        waiting = [asyncio.ensure_future(made.count_soon(PART.texts)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await made.count_soon(PART.texts) is None
        over.set()
        assert await asyncio.gather(*waiting) == [[40, 2], [40, 2]]
        assert await made.count_soon(PART.texts) == [40, 2]
