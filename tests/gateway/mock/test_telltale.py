from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.mock.answers import Reply
from gateway.mock.telltale import repeat_key
from tests.gateway.mock.dialects import CLASSIC, CONTENTS, HELLO, MESSAGES
from tests.gateway.mock.peer import CHAT, Answer, ask, request
from tests.providers import MockProcess

KEY = 'a "strange" key'
Asks = Callable[..., Awaitable[Answer]]


async def openai(mock: MockProcess, script: str, *, stream: bool = False) -> Answer:
    document = {"model": f"gpt-4o;{script}", "messages": HELLO, "stream": stream}
    return await post(mock, CHAT, document, f"authorization: Bearer {KEY}\r\n")


async def anthropic(mock: MockProcess, script: str, *, stream: bool = False) -> Answer:
    document = {"model": f"claude;{script}", "messages": HELLO, "max_tokens": 100, "stream": stream}
    return await post(mock, MESSAGES, document, f"{CLASSIC}x-api-key: {KEY}\r\n")


async def gemini(mock: MockProcess, script: str, *, stream: bool = False) -> Answer:
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    path = f"/v1beta/models/gemini-mock;{script}:{action}"
    return await post(mock, path, {"contents": CONTENTS}, f"x-goog-api-key: {KEY}\r\n")


async def post(mock: MockProcess, path: str, document: dict[str, Any], headers: str) -> Answer:
    return await ask(mock.port, request(json.dumps(document).encode(), path, headers=headers))


everybody = pytest.mark.parametrize("asked", [openai, anthropic, gemini])


@everybody
@pytest.mark.parametrize("script", ["status=500", "status=401", "quota", "toolong", "disguised"])
async def test_an_error_repeats_the_key_it_was_asked_with(mock: MockProcess, asked: Asks, script: str) -> None:
    silent = (await asked(mock, script)).json["error"]["message"]
    assert (await asked(mock, f"{script};tattle")).json["error"]["message"] == f"Key {KEY}: {silent}"
    assert KEY not in silent


@everybody
async def test_an_error_within_a_stream_does_too(mock: MockProcess, asked: Asks) -> None:
    said = await asked(mock, "errorevent=2;tattle", stream=True)
    assert said.events[-1]["error"]["message"].startswith(f"Key {KEY}: ")
    assert said.body.count(b"Key a ") == 1


@everybody
async def test_an_answer_that_is_good_tells_nothing(mock: MockProcess, asked: Asks) -> None:
    assert KEY not in (await asked(mock, "tattle")).body.decode()
    assert KEY not in (await asked(mock, "tattle", stream=True)).body.decode()


def test_who_has_no_key_is_told_none() -> None:
    told = repeat_key(Reply(b'{"error":{"message":"No."}}', 401), {})
    assert told == Reply(b'{"error":{"message":"Key : No."}}', 401)


@everybody
async def test_an_error_or_a_page_can_come_as_a_success(mock: MockProcess, asked: Asks) -> None:
    for script, expected in (("disguised", "status=500"), ("disguised;status=429", "status=429")):
        hidden, plain = await asked(mock, script), await asked(mock, expected)
        assert (hidden.status, hidden.json["error"]["message"]) == (200, plain.json["error"]["message"])
    page = await asked(mock, "html;disguised")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for script in ("quota;disguised", "toolong;disguised"):
        assert (await asked(mock, script)).status == 200


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (openai, "maximum context length"),
        (anthropic, "prompt is too long"),
        (gemini, "exceeds the maximum number of tokens"),
    ],
)
async def test_a_prompt_that_is_too_long_is_refused_in_the_words_clients_know(
    mock: MockProcess, asked: Asks, words: str
) -> None:
    refused = await asked(mock, "toolong")
    assert refused.status == 400
    assert words in refused.json["error"]["message"]
