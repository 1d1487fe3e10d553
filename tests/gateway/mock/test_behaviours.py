"""Each behaviour of a script, as a client sees it on its socket."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import h11
import pytest

from gateway.mock.script import BEHAVIOURS
from tests.gateway.mock.peer import CHAT, Answer, Peer, ask, chat, connect, request
from tests.providers import MockProcess


async def stream(mock: MockProcess, script: str, **more: Any) -> Answer:
    return await ask(mock.port, request(chat(f"gpt-4o;{script}", stream=True, **more)))


async def plain(mock: MockProcess, script: str, **more: Any) -> Answer:
    return await ask(mock.port, request(chat(f"gpt-4o;{script}", **more)))


def usages(answer: Answer) -> list[object]:
    return [event["usage"] for event in answer.events if event != "[DONE]" and event.get("usage") is not None]


async def test_chunks_have_their_number_and_size(mock: MockProcess) -> None:
    answer = await stream(mock, "chunks=5;size=12")
    said = [event["choices"][0]["delta"].get("content") for event in answer.events if event != "[DONE]"]
    assert [len(piece) for piece in said if piece] == [12] * 5


@pytest.mark.parametrize(
    "script", ["chunks=40", "chunks=9;size=33;utf8", "text=na%C3%AFve%20%F0%9F%98%80", "huge=70000"]
)
async def test_a_stream_and_a_plain_answer_say_the_same(mock: MockProcess, script: str) -> None:
    streamed, whole = await stream(mock, script), await plain(mock, script)
    assert streamed.content == whole.content != ""


async def test_the_header_wins_over_the_model(mock: MockProcess) -> None:
    data = request(chat("gpt-4o;chunks=9;size=2"), headers="x-mock: chunks=3\r\n")
    assert len((await ask(mock.port, data)).content) == 6


async def test_a_stamp_is_the_time_of_sending(mock: MockProcess) -> None:
    before = time.monotonic_ns()
    stamps = [int(part) for part in (await stream(mock, "stamp;chunks=3;pace=20ms;size=24")).content.split()]
    assert before < stamps[0] < stamps[1] < stamps[2] < time.monotonic_ns()
    assert stamps[2] - before > 35_000_000


async def test_a_script_that_nobody_can_play_is_refused_by_name(mock: MockProcess) -> None:
    answer = await plain(mock, "chunk=3")
    assert answer.status == 400
    assert "'chunk'" in answer.json["error"]["message"]


async def test_usage_comes_only_when_asked_for(mock: MockProcess) -> None:
    silent = await stream(mock, "chunks=2")
    assert not usages(silent)
    assert all("usage" not in event for event in silent.events if event != "[DONE]")
    asked = await stream(mock, "chunks=2", stream_options={"include_usage": True})
    assert [event["usage"] for event in asked.events[:-2]] == [None] * 4
    assert asked.events[-2]["choices"] == []
    assert asked.events[-2]["usage"]["completion_tokens"] == 2
    assert asked.events[-1] == "[DONE]"


async def test_usage_can_be_forced_withheld_and_placed_elsewhere(mock: MockProcess) -> None:
    options = {"include_usage": True}
    assert len(usages(await stream(mock, "usage=on"))) == 1
    assert not usages(await stream(mock, "usage=off", stream_options=options))
    assert "usage" not in (await plain(mock, "usage=off")).json
    last = await stream(mock, "usage=last", stream_options=options)
    assert last.events[-2]["choices"][0]["finish_reason"] == "stop"
    assert last.events[-2]["usage"]["completion_tokens"] == 12


async def test_late_usage_is_late(mock: MockProcess) -> None:
    begin = time.monotonic()
    answer = await stream(mock, "usage=late;chunks=1")
    assert len(usages(answer)) == 1
    assert time.monotonic() - begin >= 0.2


async def test_usage_says_what_the_script_says(mock: MockProcess) -> None:
    usage = (await plain(mock, "usage=cached;input=100;output=40")).json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (100, 40, 140)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 50
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 10


async def test_pace_is_kept_over_the_whole_stream(mock: MockProcess) -> None:
    begin = time.monotonic()
    await stream(mock, "chunks=20;pace=10ms")
    assert 0.2 <= time.monotonic() - begin < 20


async def test_first_delays_even_the_status_line(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;first=150ms")))
        begin = time.monotonic()
        assert (await peer.read()).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begin >= 0.14


@pytest.mark.parametrize("streamed", [True, False])
async def test_think_comes_between_head_and_body(mock: MockProcess, streamed: bool) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;think=150ms", stream=streamed)))
        head = await peer.read()
        begin = time.monotonic()
        assert head.endswith(b"\r\n\r\n")
        assert b"Hello" in await peer.read()
        assert time.monotonic() - begin >= 0.1


async def test_a_burst_comes_in_few_pieces(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;chunks=50;size=12", stream=True)))
        assert (await peer.read()).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def broken(mock: MockProcess, script: str, *, streamed: bool = True) -> bytes:
    """Everything that arrives before the connection ends."""
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat(f"gpt-4o;{script}", stream=streamed)))
        return await peer.read_all()


async def test_a_cut_stream_ends_in_order_but_too_early(mock: MockProcess) -> None:
    data = await broken(mock, "chunks=9;cut=3;size=4")
    assert data.count(b"data: ") == 4
    assert not data.endswith(b"0\r\n\r\n")
    assert (await broken(mock, "cut=0")).endswith(b"\r\n\r\n")


async def test_a_cut_plain_answer_is_shorter_than_promised(mock: MockProcess) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        await plain(mock, "cut=1")
    assert (await broken(mock, "cut=0", streamed=False)).endswith(b"\r\n\r\n")


async def test_a_reset_is_a_reset(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;reset=0")))
        with pytest.raises(ConnectionResetError):
            await peer.read()
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;reset=2", stream=True)))
        assert (await peer.read()).count(b"data: ") == 3
        with pytest.raises(ConnectionResetError):
            await peer.read()


async def test_a_stalled_stream_is_silent_and_open(mock: MockProcess) -> None:
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;stall=2;tag=stall", stream=True)))
        assert (await peer.read()).count(b"data: ") == 3
        with pytest.raises(TimeoutError):
            await peer.read(0.2)
        assert mock.requests("stall")[0]["outcome"] == "stalled"


async def test_an_error_event_ends_the_stream_without_a_marker(mock: MockProcess) -> None:
    answer = await stream(mock, "errorevent=2")
    assert answer.events[-1]["error"]["type"] == "server_error"
    assert len(answer.events) == 4


async def test_without_a_marker_the_rest_is_there(mock: MockProcess) -> None:
    assert (await stream(mock, "nodone")).events[-1]["choices"][0]["finish_reason"] == "stop"


async def test_close_is_announced_and_drop_is_not(mock: MockProcess) -> None:
    for script, announced in (("close", True), ("drop=1ms", False)):
        async with connect(mock.port) as peer:
            answer = await peer.ask(request(chat(f"gpt-4o;{script}")))
            assert (answer.headers.get("connection") == "close") is announced
            assert await peer.read() == b""


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 418, 302])
async def test_any_status_can_be_had(mock: MockProcess, status: int) -> None:
    answer = await stream(mock, f"status={status};retry=1.5")
    assert answer.status == status
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["retry-after-ms"] == "1500"


async def test_a_used_up_quota_is_told_from_a_rate(mock: MockProcess) -> None:
    assert (await plain(mock, "quota")).json["error"]["code"] == "insufficient_quota"
    assert (await plain(mock, "status=429")).json["error"]["code"] == "rate_limit_exceeded"


async def test_html_empty_and_garbage(mock: MockProcess) -> None:
    page = await plain(mock, "html")
    assert (page.status, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
    empty = await stream(mock, "empty")
    assert (empty.status, empty.body) == (200, b"")
    with pytest.raises(h11.RemoteProtocolError):
        await plain(mock, "garbage")


async def test_interim_answers_come_first(mock: MockProcess) -> None:
    answer = await plain(mock, "interim")
    assert (answer.status, answer.informational) == (200, [100, 103])


async def test_a_script_can_hold_for_the_first_requests_of_a_tag(mock: MockProcess) -> None:
    script = "status=500;times=2;tag=twice"
    assert [(await plain(mock, script)).status for _ in range(4)] == [500, 500, 200, 200]


async def test_a_head_can_be_big(mock: MockProcess) -> None:
    assert len((await plain(mock, "bighead=50000")).headers["x-mock-big"]) == 50000


@pytest.mark.parametrize("script", ["split", "byte", "crlf", "comments", "multi", "chunkext", "trailers", "eof",
                                    "close", "split;crlf;multi;comments;chunkext", "interim", "byte;gzip"])  # fmt: skip
async def test_however_it_is_sent_the_content_is_the_same(mock: MockProcess, script: str) -> None:
    script = f"chunks=3;size=20;utf8;{script}"
    for answer in (await stream(mock, script), await plain(mock, script)):
        if answer.headers.get("content-encoding") == "gzip":
            answer.body = gzip.decompress(answer.body)
        assert answer.content == (await plain(mock, "chunks=3;size=20;utf8")).content


async def test_torn_bytes_arrive_in_many_pieces(mock: MockProcess) -> None:
    """A busy machine puts some of them together again, but not those of forty characters."""
    async with connect(mock.port) as peer:
        peer.writer.write(request(chat("gpt-4o;split;chunks=40;utf8", stream=True)))
        pieces = await read_until(peer, b"0\r\n\r\n")
        assert len(pieces) > 8
        assert any(not is_utf8(piece) for piece in pieces)


async def test_dressed_events_look_as_asked(mock: MockProcess) -> None:
    assert b"\r\n\r\ndata: " in (await stream(mock, "crlf")).body
    assert (await stream(mock, "comments;chunks=2")).body.count(b": keep-alive\n\n") == 5
    assert b"data: {\ndata: " in (await stream(mock, "multi")).body


async def test_gzip_comes_unasked_and_is_complete(mock: MockProcess) -> None:
    streamed, whole = await stream(mock, "gzip;pace=1ms"), await plain(mock, "gzip")
    assert streamed.headers["content-encoding"] == whole.headers["content-encoding"] == "gzip"
    assert gzip.decompress(streamed.body).endswith(b"[DONE]\n\n")
    assert gzip.decompress(whole.body).startswith(b"{")


async def test_framing_is_as_asked(mock: MockProcess) -> None:
    assert (await stream(mock, "trailers")).trailers["x-mock-trailer"] == "last"
    assert (await plain(mock, "trailers")).trailers["x-mock-trailer"] == "last"
    assert (await plain(mock, "chunked")).headers["transfer-encoding"] == "chunked"
    ended = await plain(mock, "eof")
    assert not {"content-length", "transfer-encoding"} & set(ended.headers)


async def test_every_behaviour_leaves_the_mock_alive(mock: MockProcess) -> None:
    """One of each, asked and abandoned after a moment, in one go."""
    values = {"retry": "1", "usage": "on", "text": "a", "tag": "alive", "status": "500"}
    scripts = [each.name for each in BEHAVIOURS] + [f"{each.name}={values.get(each.name, '1')}" for each in BEHAVIOURS]

    async def abandon(script: str, streamed: bool) -> None:
        async with connect(mock.port) as peer:
            peer.writer.write(request(chat(f"gpt-4o;{script}", stream=streamed)))
            try:
                await peer.read(0.2)
            except (TimeoutError, ConnectionResetError):
                return

    await asyncio.gather(*(abandon(script, streamed) for script in scripts for streamed in (True, False)))
    assert (await plain(mock, "")).status == 200


async def test_the_old_version_gets_no_chunks(mock: MockProcess) -> None:
    body = chat("gpt-4o;chunks=2", stream=True)
    async with connect(mock.port) as peer:
        peer.writer.write(b"POST %b HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body))
        data = await peer.read_all()
    assert b"transfer-encoding" not in data
    assert data.endswith(b"data: [DONE]\n\n")


async def read_until(peer: Peer, end: bytes) -> list[bytes]:
    pieces = [await peer.read()]
    while not b"".join(pieces).endswith(end):
        pieces.append(await peer.read())
    return pieces


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
