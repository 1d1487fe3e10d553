"""Each behaviour of a script in Anthropic's dialect."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import h11
import pytest

from gateway.mock.script import BEHAVIOURS
from tests.gateway.mock.dialects import CLASSIC, HELLO, MESSAGES, claude, names, said
from tests.gateway.mock.peer import Answer, connect, request
from tests.providers import MockProcess


async def stream(mock: MockProcess, script: str, **more: Any) -> Answer:
    return await claude(mock, f"claude-opus-4-8;{script}", stream=True, **more)


def body(script: str, *, streamed: bool = True) -> bytes:
    document = {"model": f"claude-opus-4-8;{script}", "max_tokens": 1000, "messages": HELLO, "stream": streamed}
    return request(json.dumps(document).encode(), MESSAGES, headers=CLASSIC)


async def broken(mock: MockProcess, script: str) -> bytes:
    """Everything that arrives before the connection ends."""
    async with connect(mock.port) as peer:
        peer.writer.write(body(script))
        return await peer.read_all()


@pytest.mark.parametrize(
    "script", ["chunks=40", "chunks=9;size=33;utf8", "text=na%C3%AFve%20%F0%9F%98%80", "huge=70000"]
)
async def test_a_stream_and_a_plain_answer_say_the_same(mock: MockProcess, script: str) -> None:
    streamed, whole = await stream(mock, script), await claude(mock, f"claude-opus-4-8;{script}")
    assert said(streamed) == said(whole) != ""


@pytest.mark.parametrize("script", ["split", "byte", "crlf", "comments", "multi", "chunkext", "trailers", "eof",
                                    "split;crlf;multi;comments;chunkext", "interim", "byte;gzip"])  # fmt: skip
async def test_however_it_is_sent_the_content_is_the_same(mock: MockProcess, script: str) -> None:
    script = f"chunks=3;size=20;utf8;thinking;{script}"
    answer = await stream(mock, script)
    if answer.headers.get("content-encoding") == "gzip":
        answer.body = gzip.decompress(answer.body)
    assert said(answer) == said(await stream(mock, "chunks=3;size=20;utf8"))
    assert names(answer)[-1] == "message_stop"


async def test_thoughts_are_chunks_and_come_first(mock: MockProcess) -> None:
    answer = await stream(mock, "thinking=2;chunks=1;pings")
    assert names(answer).count("ping") == 4
    deltas = [event["delta"]["type"] for event in answer.events if event["type"] == "content_block_delta"]
    assert deltas == ["thinking_delta", "thinking_delta", "signature_delta", "text_delta"]
    cut = await broken(mock, "thinking=2;cut=1")
    assert cut.count(b"thinking_delta") == 1
    assert b"text_delta" not in cut


async def test_ends_before_the_end(mock: MockProcess) -> None:
    cut = await broken(mock, "chunks=9;cut=3;size=4")
    assert cut.count(b'"text_delta"') == 3
    assert b"content_block_stop" not in cut
    async with connect(mock.port) as peer:
        peer.writer.write(body("reset=2"))
        assert (await peer.read()).count(b'"text_delta"') == 2
        with pytest.raises(ConnectionResetError):
            await peer.read()
    async with connect(mock.port) as peer:
        peer.writer.write(body("stall=2;tag=claude-stall"))
        assert (await peer.read()).count(b'"text_delta"') == 2
        with pytest.raises(TimeoutError):
            await peer.read(0.2)
        assert mock.requests("claude-stall")[0]["outcome"] == "stalled"
    with pytest.raises(h11.RemoteProtocolError):
        await claude(mock, "claude;cut=1")


async def test_without_an_end_mark_the_message_is_never_finished(mock: MockProcess) -> None:
    assert names(await stream(mock, "nodone"))[-1] == "content_block_stop"
    assert names(await stream(mock, "nodone;usage=late"))[-1] == "content_block_stop"


async def test_an_error_event_is_the_last(mock: MockProcess) -> None:
    answer = await stream(mock, "errorevent=2")
    assert names(answer)[-2:] == ["content_block_delta", "error"]
    assert answer.events[-1]["error"] == {"type": "api_error", "message": "Internal server error"}
    assert answer.events[-1]["request_id"] == answer.headers["request-id"]
    overloaded = await stream(mock, "errorevent=0;overloaded")
    assert overloaded.status == 200
    assert overloaded.events[0]["error"]["type"] == "overloaded_error"


async def test_usage_can_be_withheld_and_placed_elsewhere(mock: MockProcess) -> None:
    silent = await stream(mock, "usage=off")
    assert "usage" not in silent.events[0]["message"]
    assert "usage" not in silent.events[-2]
    assert "usage" not in (await claude(mock, "claude;usage=off")).json
    last = await stream(mock, "usage=last;input=9;output=5")
    assert last.events[0]["message"]["usage"]["input_tokens"] == 0
    assert last.events[-2]["usage"]["input_tokens"] == 9
    assert last.events[-2]["usage"]["output_tokens"] == 5
    begin = time.monotonic()
    late = await stream(mock, "usage=late;chunks=1")
    assert names(late)[-2:] == ["message_delta", "message_stop"]
    assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"),
        (403, "permission_error"), (404, "not_found_error"), (413, "request_too_large"), (418, "invalid_request_error"),
        (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)  # fmt: skip
async def test_any_status_can_be_had(mock: MockProcess, status: int, kind: str) -> None:
    answer = await stream(mock, f"status={status};retry=1.5")
    assert (answer.status, answer.json["error"]["type"]) == (status, kind)
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("2", "1500")


async def test_the_overloaded_and_the_unpaid(mock: MockProcess) -> None:
    overloaded = await stream(mock, "overloaded")
    assert (overloaded.status, overloaded.json["error"]["type"]) == (529, "overloaded_error")
    unpaid = await claude(mock, "claude;quota")
    assert (unpaid.status, unpaid.json["error"]["type"]) == (402, "billing_error")
    page = await claude(mock, "claude;html")
    assert (page.status, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert (await claude(mock, "claude;empty")).body == b""


async def test_a_script_can_hold_for_the_first_requests_of_a_tag(mock: MockProcess) -> None:
    script = "claude;overloaded;times=2;tag=claude-twice"
    assert [(await claude(mock, script)).status for _ in range(3)] == [529, 529, 200]


async def test_a_reply_asked_for_again_differs_in_its_number_alone(mock: MockProcess) -> None:
    first, second = [(await claude(mock, "claude-mock;chunks=4")).json for _ in range(2)]
    assert first.pop("id") != second.pop("id")
    assert first == second
    refused = [await claude(mock, "claude-mock;chunks=4", headers=f"{CLASSIC}x-api-key: {key}\r\n")
               for key in ("sk-wrong", "sk-good", "sk-wrong")]  # fmt: skip
    assert [answer.status for answer in refused] == [401, 200, 401]
    assert refused[0].json["request_id"] == refused[0].headers["request-id"] != refused[2].json["request_id"]


async def test_every_behaviour_leaves_the_mock_alive(mock: MockProcess) -> None:
    values = {"retry": "1", "usage": "on", "text": "a", "tag": "claude-alive", "status": "500"}
    for each in BEHAVIOURS:
        for streamed in (True, False):
            async with connect(mock.port) as peer:
                peer.writer.write(body(f"{each.name}={values.get(each.name, '1')}", streamed=streamed))
                try:
                    await peer.read(0.1)
                except (TimeoutError, ConnectionResetError):
                    continue
    assert (await claude(mock)).status == 200
