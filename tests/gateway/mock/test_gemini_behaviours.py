"""Each behaviour of a script in Google's dialect."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any
from urllib.parse import quote

import h11
import pytest

from gateway.mock.script import BEHAVIOURS
from tests.gateway.mock.dialects import CONTENTS, gemini, parts, spoken
from tests.gateway.mock.peer import Answer, connect, request
from tests.providers import MockProcess


async def stream(mock: MockProcess, script: str, **more: Any) -> Answer:
    return await gemini(mock, f"gemini-mock;{script}", action="streamGenerateContent", **more)


def body(script: str, *, action: str = "streamGenerateContent?alt=sse") -> bytes:
    path = f"/v1beta/models/gemini-mock;{quote(script)}:{action}"
    return request(json.dumps({"contents": CONTENTS}).encode(), path)


async def broken(mock: MockProcess, script: str) -> bytes:
    """Everything that arrives before the connection ends."""
    async with connect(mock.port) as peer:
        peer.writer.write(body(script))
        return await peer.read_all()


@pytest.mark.parametrize(
    "script", ["chunks=40", "chunks=9;size=33;utf8", "text=na%C3%AFve%20%F0%9F%98%80", "huge=70000"]
)
async def test_a_stream_and_a_plain_answer_say_the_same(mock: MockProcess, script: str) -> None:
    streamed, whole = await stream(mock, script), await gemini(mock, f"gemini-mock;{script}")
    assert spoken(streamed) == spoken(whole) != ""


@pytest.mark.parametrize("script", ["split", "byte", "crlf", "comments", "multi", "chunkext", "trailers", "eof",
                                    "split;crlf;multi;comments;chunkext", "interim", "byte;gzip"])  # fmt: skip
async def test_however_it_is_sent_the_content_is_the_same(mock: MockProcess, script: str) -> None:
    script = f"chunks=3;size=20;utf8;thinking;{script}"
    answer = await stream(mock, script)
    if answer.headers.get("content-encoding") == "gzip":
        answer.body = gzip.decompress(answer.body)
    assert spoken(answer) == spoken(await stream(mock, "chunks=3;size=20;utf8"))


async def test_ends_before_the_end(mock: MockProcess) -> None:
    cut = await broken(mock, "chunks=9;cut=3;size=4;thinking=1")
    assert cut.count(b"data: ") == 3
    assert b"finishReason" not in cut
    async with connect(mock.port) as peer:
        peer.writer.write(body("reset=2"))
        assert (await peer.read()).count(b"data: ") == 2
        with pytest.raises(ConnectionResetError):
            await peer.read()
    async with connect(mock.port) as peer:
        peer.writer.write(body("stall=2;tag=gemini-stall"))
        assert (await peer.read()).count(b"data: ") == 2
        with pytest.raises(TimeoutError):
            await peer.read(0.2)
        assert mock.requests("gemini-stall")[0]["outcome"] == "stalled"
    with pytest.raises(h11.RemoteProtocolError):
        await gemini(mock, "gemini-mock;cut=1")


async def test_without_an_end_mark_there_is_no_reason(mock: MockProcess) -> None:
    answer = await stream(mock, "nodone;chunks=2")
    assert [part["text"] for part in parts(answer)] == ["Hello ", "from ", ""]
    assert b"finishReason" not in answer.body


async def test_an_error_event_is_the_last(mock: MockProcess) -> None:
    answer = await stream(mock, "errorevent=2")
    assert len(answer.events) == 3
    assert answer.body.rstrip().rpartition(b"\n\n")[2].startswith(b'data: {"error":{')
    assert answer.events[-1]["error"]["status"] == "INTERNAL"
    assert (await stream(mock, "errorevent=0;overloaded")).events[0]["error"]["status"] == "UNAVAILABLE"


async def test_usage_can_be_withheld_and_placed_elsewhere(mock: MockProcess) -> None:
    def counted(answer: Answer) -> list[bool]:
        return ["usageMetadata" in event for event in answer.events]

    assert counted(await stream(mock, "chunks=2")) == [True, True, True]
    assert counted(await stream(mock, "chunks=2;usage=off")) == [False, False, False]
    assert "usageMetadata" not in (await gemini(mock, "gemini-mock;usage=off")).json
    last = await stream(mock, "chunks=2;usage=last;output=9")
    assert counted(last) == [False, False, True]
    assert last.events[-1]["usageMetadata"]["candidatesTokenCount"] == 9
    begin = time.monotonic()
    late = await stream(mock, "chunks=2;usage=late")
    assert counted(late) == [False, False, False, True]
    assert "candidates" not in late.events[-1]
    assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"),
        (418, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (502, "INTERNAL"),
        (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"),
    ],
)  # fmt: skip
async def test_any_status_can_be_had_and_the_body_says_when_to_retry(mock: MockProcess, status: int, said: str) -> None:
    answer = await stream(mock, f"status={status};retry=1.5")
    assert (answer.status, answer.json["error"]["code"], answer.json["error"]["status"]) == (status, status, said)
    assert answer.json["error"]["details"][-1]["retryDelay"] == "1.5s"
    assert "retry-after" not in answer.headers


async def test_the_overloaded_and_the_unpaid(mock: MockProcess) -> None:
    overloaded = await stream(mock, "overloaded")
    assert (overloaded.status, overloaded.json["error"]["status"]) == (503, "UNAVAILABLE")
    quotas = [(await gemini(mock, f"gemini-mock;{script}")).json["error"] for script in ("quota", "status=429")]
    assert [error["code"] for error in quotas] == [429, 429]
    ids = [error["details"][0]["violations"][0]["quotaId"] for error in quotas]
    assert ("PerDay" in ids[0], "PerMinute" in ids[1]) == (True, True)
    page = await gemini(mock, "gemini-mock;html;retry=1")
    assert (page.status, page.headers["retry-after"]) == (502, "1")
    assert (await gemini(mock, "gemini-mock;empty")).body == b""


async def test_a_reply_asked_for_again_differs_in_its_number_alone(mock: MockProcess) -> None:
    first, second = [(await gemini(mock, "gemini-mock;chunks=4")).json for _ in range(2)]
    assert first.pop("responseId") != second.pop("responseId")
    assert first == second
    statuses = [(await gemini(mock, "gemini-mock;chunks=4", headers=f"x-goog-api-key: {key}\r\n")).status
                for key in ("sk-wrong", "sk-good", "sk-wrong")]  # fmt: skip
    assert statuses == [400, 200, 400]


async def test_every_behaviour_leaves_the_mock_alive(mock: MockProcess) -> None:
    values = {"retry": "1", "usage": "on", "text": "a", "tag": "gemini-alive", "status": "500"}
    for each in BEHAVIOURS:
        for action in ("streamGenerateContent", "streamGenerateContent?alt=sse", "generateContent"):
            async with connect(mock.port) as peer:
                peer.writer.write(body(f"{each.name}={values.get(each.name, '1')}", action=action))
                try:
                    await peer.read(0.1)
                except (TimeoutError, ConnectionResetError):
                    continue
    assert (await gemini(mock)).status == 200
