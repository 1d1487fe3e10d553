"""Streams: every byte as it was and as soon as it came, and signs of life while there is none."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import openai
import pytest

from tests.e2e.scripted import Script, playing
from tests.e2e.wire import CHAT, HELLO, ask, chat, comparable, content, dialled, events, from_the_mock, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

KEEPALIVE = b": keep-alive\n\n"
EVERY = 0.3
"""Seconds of silence after which a keep-alive is due here."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
SAID = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
FINISHED = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
LONG = SAID % (b"x" * 200_000)

SCRIPTS: dict[str, Script] = {
    "pause-in-event": (HEAD, SAID % b"a", (SAID % b"bc")[:40], 3 * EVERY, (SAID % b"bc")[40:], FINISHED, DONE),
    "pause-in-long-event": (HEAD, LONG[:150_000], 3 * EVERY, LONG[150_000:], SAID % b"y", FINISHED, DONE),
    "cut-in-event": (HEAD, SAID % b"a", (SAID % b"bc")[:40]),
    "cut-in-long-event": (HEAD, SAID % b"a", LONG[:150_000]),
    "no-mark": (HEAD, SAID % b"a", SAID % b"b"),
    "no-blank-line": (HEAD, SAID % b"a", FINISHED, DONE.rstrip()),
    "carriage-returns": (HEAD, ((SAID % b"a") + FINISHED + DONE).replace(b"\n", b"\r")),
    "plain-answer": (
        2.5 * EVERY,
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
        b'{"object":"chat.completion",\n"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}',
    ),
}

SETTINGS = f"""
[stream]
keepalive_seconds = {EVERY}

[[providers]]
id       = "scripted"
format   = "openai_chat"
base_url = "http://127.0.0.1:{{port}}/v1"

[[combos]]
name    = "slow-then-well"
targets = ["mock/gpt-4o-mini;first={3 * EVERY}s;status=503", "mock/gpt-4o-mini;chunks=3"]
"""


@pytest.fixture(scope="module")
def lively(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that shows life often."""
    with playing(SCRIPTS) as provider:
        toml = configuration(mock.url, SETTINGS.format(port=provider.port))
        with running(tmp_path_factory.mktemp("lively"), toml) as gateway:
            yield gateway
            assert gateway.close() == 0


# At once


async def test_each_chunk_arrives_before_the_next_is_sent(lively: GatewayProcess) -> None:
    times: list[tuple[int, int]] = []
    async with dialled(lively.port) as wire:
        wire.send(chat("gpt-4o-mini;chunks=5;pace=200ms;stamp", stream=True))
        async for piece in wire.pieces(await wire.head()):
            times.extend((int(said), time.monotonic_ns()) for said in re.findall(rb'"content":"(\d{6,})', piece))
    assert len(times) == 5
    assert all(arrived < sent for (_, arrived), (sent, _) in pairwise(times))


async def test_sound_flows_too(lively: GatewayProcess) -> None:
    body = {"model": "mock/tts-1;chunks=4;size=1000;pace=200ms", "input": "x", "voice": "alloy"}
    async with dialled(lively.port) as wire:
        wire.send(request("POST", "/v1/audio/speech", json.dumps(body).encode()))
        times = [time.monotonic() async for _ in wire.pieces(await wire.head())]
    assert len(times) == 4
    assert all(later - earlier > 0.1 for earlier, later in pairwise(times))


# Unharmed

WAYS = (
    "chunks=30",
    "utf8;chunks=30;split",
    "utf8;chunks=10;byte",
    "utf8;chunks=30;crlf",
    "utf8;chunks=30;crlf;split",
    "chunks=5;crlf;byte",
    "utf8;chunks=30;comments",
    "utf8;chunks=30;comments;split",
    "utf8;chunks=30;multi",
    "chunks=5;multi;byte",
    "chunks=10;multi;crlf;comments;split",
    "utf8;chunks=30;gzip",
    "utf8;chunks=30;gzip;split",
    "chunks=30;eof",
    "chunks=30;chunkext;trailers",
    "chunks=30;interim;close",
    "chunks=30;pace=1ms",
    "chunks=3;usage=late",
    "chunks=3;usage=off",
    "chunks=2000;size=200",
    "huge=1MiB",
)


@pytest.mark.parametrize("script", WAYS)
@pytest.mark.parametrize("asked", [True, False], ids=["usage", "no-usage"])
async def test_every_byte_is_as_the_provider_wrote_it(
    lively: GatewayProcess, mock: MockProcess, tag: str, script: str, asked: bool
) -> None:
    """But for the name of the model, which is what the client asked for. Without usage, where the client does not want
    it: as if the provider had not been asked for it."""
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if asked else {}
    name = f"mock/gpt;{script};tag={tag}"
    ours = await ask(lively.port, chat(name, stream=True, **more))
    assert ours.status == 200
    assert comparable(ours.body) == comparable(await from_the_mock(mock.port, script, name, **more))
    assert ours.header("content-encoding") is None
    if not asked:
        record = lively.record(tag)
        assert (record["error"], record["response_bytes"]) == (None, len(ours.body))
        assert record["usage_source"] == ("estimated" if "usage=off" in script else "reported")


async def test_usage_in_the_last_chunk_itself_stays_there(lively: GatewayProcess, mock: MockProcess, tag: str) -> None:
    """Some providers put it beside the finish reason: hiding it would hide that too."""
    name = f"mock/gpt;chunks=3;usage=last;tag={tag}"
    answer = await ask(lively.port, chat(name, stream=True))
    assert comparable(answer.body) == comparable(await from_the_mock(mock.port, "chunks=3;usage=last", name))
    assert lively.record(tag)["output_tokens"] == 3


async def test_a_missing_end_mark_is_added_to_a_finished_stream(lively: GatewayProcess, tag: str) -> None:
    answer = await ask(lively.port, chat(f"gpt;chunks=3;nodone;tag={tag}", stream=True))
    assert answer.body.endswith(DONE)
    assert answer.body.count(DONE) == 1
    assert lively.record(tag)["error"] is None


@pytest.mark.parametrize("model", ["no-blank-line", "carriage-returns"])
async def test_line_ends_may_be_odd(lively: GatewayProcess, model: str) -> None:
    answer = await ask(lively.port, chat(f"scripted/{model}", stream=True))
    text = answer.body.replace(b"\r", b"\n")
    assert content(text) == "a"
    assert text.count(b"[DONE]") == 1
    assert b'"error"' not in text


@pytest.mark.parametrize("model", ["cut-in-event", "cut-in-long-event", "no-mark"])
async def test_a_stream_cut_inside_an_event_ends_with_one_that_can_be_read(lively: GatewayProcess, model: str) -> None:
    answer = await ask(lively.port, chat(f"scripted/{model}", stream=True))
    assert json.loads(events(answer.body)[-1])["error"]["code"] == "upstream_closed"
    assert b"[DONE]" not in answer.body
    assert b'"content":"a"' in answer.body


# Signs of life


async def test_a_silent_provider_is_bridged_before_it_answers(lively: GatewayProcess, tag: str) -> None:
    async with dialled(lively.port) as wire:
        asked = time.monotonic()
        wire.send(chat(f"gpt;first={4.5 * EVERY}s;chunks=3;tag={tag}", stream=True))
        head = await wire.head()
        waited = time.monotonic() - asked
        pieces = [piece async for piece in wire.pieces(head)]
    assert EVERY * 0.9 < waited < 2.5 * EVERY
    assert head.status == 200
    assert head.header("content-type") == "text/event-stream; charset=utf-8"
    assert head.header("x-sluicegate-provider") == "mock"
    body = b"".join(pieces)
    assert 3 <= body.count(KEEPALIVE) <= 4
    assert body.startswith(KEEPALIVE)
    assert content(body) == "Hello from the "
    record = lively.record(tag)
    assert (record["status"], record["error"]) == (200, None)
    assert record["first_byte_us"] > 4 * EVERY * 1e6


@pytest.mark.parametrize("script", ["think=1s;chunks=3", "chunks=3;pace=700ms"])
async def test_a_silent_provider_is_bridged_within_its_answer(lively: GatewayProcess, script: str) -> None:
    answer = await ask(lively.port, chat(f"gpt;{script}", stream=True))
    assert answer.body.count(KEEPALIVE) >= 2
    rest = answer.body.replace(KEEPALIVE, b"")
    assert content(rest) == "Hello from the "
    assert rest.endswith(DONE)
    assert b":" not in {line[:1] for line in rest.split(b"\n")}


async def test_a_stream_that_flows_needs_no_sign_of_life(lively: GatewayProcess) -> None:
    answer = await ask(lively.port, chat("gpt;chunks=20;pace=50ms", stream=True))
    assert KEEPALIVE not in answer.body


@pytest.mark.parametrize("model", ["pause-in-event", "pause-in-long-event"])
async def test_a_sign_of_life_never_lands_inside_an_event(lively: GatewayProcess, model: str) -> None:
    answer = await ask(lively.port, chat(f"scripted/{model}", stream=True))
    expected = b"".join(step for step in SCRIPTS[model][1:] if isinstance(step, bytes))
    assert answer.body.replace(KEEPALIVE, b"") == expected
    assert all(b": keep-alive" not in data for data in events(answer.body))
    assert all(json.loads(data) for data in events(answer.body)[:-1])


async def test_a_plain_answer_gets_none(lively: GatewayProcess) -> None:
    answer = await ask(lively.port, chat(f"gpt;first={3 * EVERY}s"))
    assert answer.json()["choices"]


async def test_what_fails_before_a_sign_of_life_has_a_status(lively: GatewayProcess) -> None:
    answer = await ask(lively.port, chat(f"gpt;first={EVERY / 2}s;status=503;retry=3", stream=True))
    assert (answer.status, answer.header("retry-after")) == (503, "3")
    assert answer.error["type"] == "server_error"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("status=503", "upstream_status_503"),
        ("status=401", "upstream_rejected_credential"),
        ("html", "upstream_status_502"),
        ("reset=0", "upstream_closed"),
        ("empty", "upstream_malformed"),
    ],
)
async def test_what_fails_after_a_sign_of_life_is_one_event(
    lively: GatewayProcess, tag: str, script: str, kind: str
) -> None:
    answer = await ask(lively.port, chat(f"gpt;first={2.5 * EVERY}s;{script};tag={tag}", stream=True))
    assert answer.status == 200
    (only,) = events(answer.body)
    assert set(json.loads(only)["error"]) == {"message", "type", "param", "code"}
    assert b"[DONE]" not in answer.body
    record = lively.record(tag)
    assert (record["status"], record["error"]) == (200, kind)


async def test_after_a_sign_of_life_another_provider_may_still_answer(lively: GatewayProcess) -> None:
    body = json.dumps({"model": "slow-then-well", "messages": HELLO, "stream": True}).encode()
    answer = await ask(lively.port, request("POST", CHAT, body))
    assert KEEPALIVE in answer.body
    assert content(answer.body) == "Hello from the "
    assert b'"error"' not in answer.body


async def test_a_plain_answer_after_a_sign_of_life_becomes_the_stream_that_was_asked_for(
    lively: GatewayProcess,
) -> None:
    answer = await ask(lively.port, chat("scripted/plain-answer", stream=True))
    assert KEEPALIVE in answer.body
    *chunks, done = events(answer.body)
    assert done == b"[DONE]"
    said = [json.loads(data) for data in chunks]
    assert {(chunk["object"], chunk["model"]) for chunk in said} == {("chat.completion.chunk", "scripted/plain-answer")}
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in said) == "a"
    assert [chunk["choices"][0]["finish_reason"] for chunk in said if chunk["choices"][0]["finish_reason"]] == ["stop"]


def test_the_official_client_takes_no_notice(lively: GatewayProcess) -> None:
    with openai.OpenAI(base_url=f"{lively.url}/v1", api_key=lively.key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="mock/gpt;first=700ms;chunks=2;pace=700ms", messages=[{"role": "user", "content": "x"}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello from "


async def test_a_connection_carries_one_stream_after_another(lively: GatewayProcess) -> None:
    async with dialled(lively.port) as wire:
        for script in ("chunks=3", "chunks=3;pace=5ms", "errorevent=1", "chunks=3;gzip", "cut=1", "chunks=3"):
            answer = await wire.ask(chat(f"gpt;{script}", stream=True))
            assert answer.status == 200
        assert content(answer.body) == "Hello from the "
