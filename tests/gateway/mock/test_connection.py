"""Keep-alive, order, back-pressure, clients that leave, and clients that are hostile."""

from __future__ import annotations

import asyncio
import random
import socket
import time

import pytest

from gateway.mock.server import MockServer
from tests.gateway.mock.peer import ask, chat, connect, request
from tests.providers import MockProcess
from tests.waiting import auntil


async def test_many_requests_share_a_connection(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        for number in range(20):
            answer = await peer.ask(request(chat("gpt-4o;chunks=2;tag=shared", stream=bool(number % 2))))
            assert answer.status == 200
    assert len({entry["connection"] for entry in mock.requests("shared")}) == 1


async def test_pipelined_requests_are_answered_in_their_order(mock: MockProcess) -> None:
    models = [f"gpt-4o;text={number};pace={number % 3}ms" for number in range(200)]
    async with connect(mock.port) as peer:
        peer.writer.write(b"".join(request(chat(model, stream=bool(index % 2))) for index, model in enumerate(models)))
        said = [(await peer.answer()).content for _ in models]
    assert said == [str(number) for number in range(200)]


async def test_a_request_may_arrive_in_any_pieces(mock: MockProcess) -> None:
    data = request(chat("gpt-4o;chunks=1")) * 3
    cuts = sorted(random.Random(7).sample(range(len(data)), 20))
    async with connect(mock.port) as peer:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            peer.writer.write(data[start:end])
            await peer.writer.drain()
            await asyncio.sleep(0)
        assert [(await peer.answer()).status for _ in range(3)] == [200] * 3


async def test_ids_are_never_given_twice(mock: MockProcess) -> None:
    data = request(chat("gpt-4o"))
    async with connect(mock.port) as peer:
        answers = [await peer.ask(data) for _ in range(5)]
    assert len({answer.json["id"] for answer in answers}) == 5
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5


async def test_the_same_bytes_with_another_script_get_another_answer(mock: MockProcess) -> None:
    body = chat("gpt-4o")
    for header, status in (("", 200), ("x-mock: status=500\r\n", 500), ("", 200), ("x-mock: status=500\r\n", 500)):
        assert (await ask(mock.port, request(body, headers=header))).status == status


async def test_a_client_that_waits_for_100_gets_it(mock: MockProcess) -> None:
    data = request(chat("gpt-4o"), headers="expect: 100-continue\r\n")
    head, body = data.split(b"\r\n\r\n")
    async with connect(mock.port) as peer:
        peer.writer.write(head + b"\r\n\r\n")
        assert await peer.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await peer.ask(body)).status == 200


async def test_head_is_answered_without_a_body(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        answer = await peer.ask(request(b"", "/v1/models", method="HEAD"), method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["content-length"]) > 100
        assert (await peer.ask(request(b"", "/v1/models", method="GET"), method="GET")).status == 200


PATIENT = ("first=60s", "think=60s", "stall=3", "stall=0")


@pytest.mark.parametrize(
    ("script", "streamed"),
    [(script, streamed) for script in PATIENT for streamed in (True, False)] + [("chunks=100000;pace=5ms", True)],
)
async def test_a_client_that_leaves_is_noticed_at_once(mock: MockProcess, script: str, streamed: bool) -> None:
    tag = f"leaves-{script.partition('=')[0]}-{script[-2:]}-{streamed}"
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat(f"gpt-4o;{script};tag={tag}", stream=streamed)))
        await auntil(lambda: mock.requests(tag))
        left = time.monotonic()
    await auntil(lambda: mock.disconnects(tag))
    assert 0 <= mock.disconnects(tag)[0]["at_ms"] - left * 1000 < 50
    assert mock.requests(tag)[0]["outcome"] == "disconnected"


async def test_a_disconnect_tells_how_much_was_sent(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;stall=3;tag=sent", stream=True)))
        received = await peer.read()
    await auntil(lambda: mock.disconnects("sent"))
    assert mock.disconnects("sent")[0]["after_chunks"] == 3
    assert mock.disconnects("sent")[0]["bytes_written"] == len(received)


async def test_a_client_that_resets_is_a_disconnect_too(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;stall=1;tag=resets", stream=True)))
        await peer.read()
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.writer.transport.abort()
    await auntil(lambda: mock.disconnects("resets"))


async def test_who_leaves_after_the_answer_is_no_disconnect(mock_here: MockServer) -> None:
    await ask(mock_here.port, request(chat("gpt-4o", stream=True)))
    ledger = mock_here.shared.ledger
    await auntil(lambda: not ledger.open_connections)
    assert not ledger.disconnects
    assert ledger.latest[0].outcome == "done"
    assert ledger.streams_open == 0


async def test_who_leaves_while_sending_is_counted(mock_here: MockServer) -> None:
    async with connect(mock_here.port) as peer:
        peer.writer.write(request(chat("gpt-4o"))[:-1])
        await auntil(lambda: mock_here.shared.ledger.open_connections)
    await auntil(lambda: mock_here.shared.ledger.requests_unfinished == 1)
    assert mock_here.shared.ledger.requests_total == 0


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_does_not_read_stops_the_answer(mock: MockProcess, streamed: bool) -> None:
    tag = f"blocked-{streamed}"
    script = "chunks=1000000;size=1000" if streamed else "huge=32MiB"
    async with connect(mock.port, window=65536) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio's typing hides that it reads too
        peer.writer.write(request(chat(f"gpt-4o;{script};tag={tag}", stream=streamed)))
        await auntil(lambda: mock.requests(tag) and mock.requests(tag)[0]["blocked_bytes"])
        written, again = mock.requests(tag)[0], mock.requests(tag)[0]
        assert written["bytes_written"] == again["bytes_written"] < (16 << 20 if streamed else 40 << 20)
        assert written["kernel_bytes"] > 0
        assert written["outcome"] == "running"


async def test_a_slow_client_gets_everything(mock: MockProcess) -> None:
    async with connect(mock.port, window=65536) as peer:
        peer.writer.write(request(chat("gpt-4o;chunks=4000;size=2000;tag=slow", stream=True)))
        await auntil(lambda: mock.requests("slow") and mock.requests("slow")[0]["blocked_bytes"])
        answer = await peer.answer()
    assert len(answer.content) == 8_000_000


async def test_many_streams_keep_their_pace_together(mock: MockProcess) -> None:
    begin = time.monotonic()
    asked = (ask(mock.port, request(chat("gpt-4o;chunks=10;pace=20ms", stream=True))) for _ in range(200))
    answers = await asyncio.gather(*asked)
    assert {len(answer.events) for answer in answers} == {13}
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000, 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 67108865\r\n\r\n" + b"x" * 100_000, 413),
    ],
)
async def test_a_hostile_client_is_told_and_sent_away(mock: MockProcess, data: bytes, status: int) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(data)
        answer = await peer.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert await peer.read() == b""
    assert (await ask(mock.port, request(chat("gpt-4o")))).status == 200


async def test_a_good_request_before_a_bad_one_is_answered(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o")) + b"nonsense\r\n\r\n")
        assert [(await peer.answer()).status, (await peer.answer()).status] == [200, 400]


async def test_an_offer_to_upgrade_is_not_taken_up(mock: MockProcess) -> None:
    data = request(b"", "/v1/models", method="GET", headers="upgrade: h2c\r\nconnection: upgrade\r\n")
    async with connect(mock.port) as peer:
        peer.writer.write(data * 2 + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert [(await peer.answer("GET")).status for _ in range(3)] == [200, 200, 400]


@pytest.mark.parametrize("seed", range(5))
async def test_random_bytes_end_in_an_answer_or_a_close(mock: MockProcess, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(request(chat("gpt-4o")) * 2)
    for _ in range(10):
        data[chance.randrange(len(data))] = chance.randrange(256)
    async with connect(mock.port) as peer:
        peer.writer.write(bytes(data))
        peer.writer.write_eof()
        await peer.read_all()
    assert (await ask(mock.port, request(chat("gpt-4o")))).status == 200


async def test_the_ledger_forgets_on_request(mock_here: MockServer) -> None:
    await ask(mock_here.port, request(chat("gpt-4o;tag=a")))
    assert (await ask(mock_here.port, request(b"", "/mock/reset"))).status == 200
    state = (await ask(mock_here.port, request(b"", "/mock/state?tag=a", method="GET"), method="GET")).json
    assert state["last_requests"] == []
    assert state["requests_total"] == 0


async def test_the_ledger_shows_the_request_as_it_came(mock: MockProcess) -> None:
    body = chat("gpt-4o", user="ü")
    await ask(mock.port, request(body, headers="X-Mock-Tag: shown\r\nX-Odd: a  b\r\n"))
    (shown,) = mock.requests("shown")
    assert shown["body"] == body.decode()
    assert ["X-Odd", "a  b"] in shown["headers"]
    assert (shown["method"], shown["path"]) == ("POST", "/v1/chat/completions")
