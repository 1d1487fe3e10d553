"""The gateway as its own client: where it is asked, by which key, and that whoever leaves is gone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import claims
from gateway.claims import Announcement
from gateway.errors import ControlUnavailable, UpstreamError
from gateway.playing import Playing
from gateway.records.captures import SLIP
from tests.gateway.outbound.peers import HELLO, OK, Peer, answering, provider

SECRET = "sk-slg-of-somebody"


def announce(directory: Path, port: int) -> None:
    (directory / "run").mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    claims.announce(directory, Announcement(pid=os.getpid(), url=url, version="1", started_at="2026-11-22T09:00:00Z"))


async def test_it_asks_where_the_gateway_answers_by_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with provider(answering(HELLO)) as there:
        announce(tmp_path, there.port)
        async with Playing(tmp_path).asked("/v1/messages?a=b", b"{}", SECRET) as answer:
            assert (answer.status, answer.headers["CONTENT-LENGTH"]) == (200, "5")
            assert b"".join([part async for part in answer.parts]) == b"hello"
        (request,) = there.requests
        assert request.startswith(b"POST /v1/messages?a=b HTTP/1.1")
        lines = request.lower()
        for line in (b"authorization: bearer sk-slg-of-somebody", b"x-sluicegate-tags: playground"):
            assert line in lines
        assert request.endswith(b"\r\n\r\n{}")


async def test_what_is_to_be_shown_goes_with_a_slip_that_is_good_for_as_long_as_it_takes(tmp_path: Path) -> None:
    async with provider(answering(HELLO)) as there:
        announce(tmp_path, there.port)
        async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET, shown=True):
            (slip,) = (tmp_path / "run" / "slips").iterdir()
        assert f"{SLIP}: {slip.name}".encode() in there.requests[0]
        assert not slip.exists()
    async with provider(answering(HELLO)) as there:
        announce(tmp_path, there.port)
        async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET):
            pass
        assert SLIP.encode() not in there.requests[0]


async def test_without_a_slip_it_is_asked_all_the_same(tmp_path: Path) -> None:
    async with provider(answering(HELLO)) as there:
        announce(tmp_path, there.port)
        (tmp_path / "run" / "slips").touch()
        with capture_logs() as lines:
            async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET, shown=True) as answer:
                assert answer.status == 200
        assert [line["event"] for line in lines] == ["what is said in a request from the playground is not kept"]
        assert SLIP.encode() not in there.requests[0]


async def test_where_no_gateway_answers_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailable):
        async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET):
            pass
    async with provider(answering(HELLO)) as there:
        announce(tmp_path, there.port)
    with pytest.raises(UpstreamError):
        async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET):
            pass


async def test_an_answer_that_breaks_off_is_an_error_of_ours(tmp_path: Path) -> None:
    async with provider(answering(OK + b"Content-Length: 99\r\n\r\nhello", then_close=True)) as there:
        announce(tmp_path, there.port)
        heard = bytearray()
        with pytest.raises(UpstreamError):
            await read(tmp_path, heard)
        assert heard == b"hello"


async def read(directory: Path, heard: bytearray) -> None:
    async with Playing(directory).asked("/v1/messages", b"{}", SECRET) as answer:
        async for part in answer.parts:
            heard += part


async def test_whoever_leaves_closes_the_connection(tmp_path: Path) -> None:
    is_closed = asyncio.Event()

    async def half(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(OK + b"Content-Length: 99\r\n\r\nhello")
        assert await peer.reader.read() == b""
        is_closed.set()

    async with provider(half) as there:
        announce(tmp_path, there.port)
        async with Playing(tmp_path).asked("/v1/messages", b"{}", SECRET) as answer:
            assert await anext(answer.parts) == b"hello"
            assert not is_closed.is_set()
        async with asyncio.timeout(5):
            await is_closed.wait()
