"""What an answer that is whole waits for before its last bytes leave: hardly ever for anything."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.errors import UpstreamClosed
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Target, Tokens
from gateway.relay import ending
from gateway.relay.reckoning import NOT_COUNTED, Counts
from gateway.relay.transcript import Transcript
from tests.gateway.relay.endings import ASKED, OURS, Ended

CHAT = FORMATS["openai_chat"]
TARGET = Target("p", OURS)

STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"Good day"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def passing() -> PassThrough:
    return PassThrough(CHAT, PASSING["openai_chat"])


def taken_down() -> Transcript:
    made = Transcript(passing(), CHAT)
    made.feed(STREAM)
    return made


async def ended(of: Ended) -> Counts:
    """What was counted once it is over."""
    task = ending.finish(of.exchange, b"last")
    if task is not None:
        assert not of.finished, "the last bytes wait"
        await task
    assert of.finished == [b"last"]
    return of.counts


async def test_an_answer_whose_provider_told_its_tokens_ends_at_once() -> None:
    of = Ended(told=Tokens(7, 3), said=30)
    of.relay.silence.note(TARGET)
    assert ending.finish(of.exchange, b"last") is None
    assert (of.finished, of.tokens, of.counted) == ([b"last"], Tokens(7, 3), [])
    assert not of.relay.silence.targets, "nobody need listen any more"


async def test_else_prompt_and_answer_are_counted() -> None:
    of = Ended(said=30)
    assert await ended(of) == Counts(206, 100)
    assert of.counted == [["user", "Hello", "Good day"]]
    assert not of.relay.silence.targets, "a whole answer is at hand anyway"


@pytest.mark.parametrize(
    ("told", "counts", "counted"),
    [
        (Tokens(7, 0), Counts(None, 100), [["Good day"]]),
        (Tokens(0, 3), Counts(206, None), [["user", "Hello"]]),
    ],
)
async def test_only_the_side_that_nobody_told_is_counted(
    told: Tokens, counts: Counts, counted: list[list[str]]
) -> None:
    of = Ended(told, said=30)
    assert await ended(of) == counts
    assert of.counted == counted


async def test_a_stream_that_was_taken_down_is_counted() -> None:
    of = Ended(said=30, pipeline=taken_down())
    assert await ended(of) == Counts(206, 100)
    assert of.counted == [["user", "Hello", "Good day"]]


async def test_one_that_was_not_tells_that_the_next_one_should_be() -> None:
    of = Ended(said=30, pipeline=passing())
    assert ending.finish(of.exchange, b"last") is None
    assert (of.finished, of.counts) == ([b"last"], NOT_COUNTED)
    assert of.relay.silence.targets == {TARGET}


def answered(message: dict[str, Any]) -> bytes:
    return orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


NOT_COUNTABLE: list[dict[str, Any]] = [
    {"model": "llama-3.3-70b"},
    {"model": "llama-3.3-70b", "pipeline": passing()},
    {"model": "gpt-5.4"},
    {"request": orjson.dumps({**ASKED, "tools": [{"type": "function", "function": {"name": "f"}}]})},
    {"answer": answered({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]})},
    {"answer": b'{"error":{"message":"no"}}'},
    {"answer": b"[]"},
    {"answer": b'{"choices": nothing}'},
    {"error": UpstreamClosed("cut")},
    {"told": Tokens(7, 0), "said": 0},
    {"operation": "pass"},
]


@pytest.mark.parametrize("said", NOT_COUNTABLE)
async def test_what_cannot_be_counted_waits_for_nothing(said: dict[str, Any]) -> None:
    of = Ended(**{"said": 30, **said})
    assert ending.finish(of.exchange, b"last") is None
    assert (of.finished, of.counted) == ([b"last"], [])
    assert not of.relay.silence.targets, "nor is its stream worth listening to"


@pytest.mark.parametrize("large", ["request", "answer"])
async def test_what_is_large_is_not_read_once_more(monkeypatch: pytest.MonkeyPatch, large: str) -> None:
    most = max(len(Ended().request), len(Ended().answer))
    monkeypatch.setattr(ending, "MOST_BYTES", most)
    assert await ended(Ended(said=30)) == Counts(206, 100)
    padded = getattr(Ended(), large)[:-1] + b" " * most + b"}"
    assert await ended(Ended(said=30, **{large: padded})) == NOT_COUNTED


async def test_without_a_number_the_answer_ends_all_the_same() -> None:
    assert await ended(Ended(said=30, number=None)) == NOT_COUNTED


async def test_whatever_goes_wrong_the_client_gets_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(texts: list[str]) -> list[int]:
        raise RuntimeError("a mistake of ours")

    of = Ended(said=30)
    of.relay.count_soon = failing
    assert await ended(of) == NOT_COUNTED

    def mistaken(reply: object) -> None:
        raise RuntimeError("another one")

    monkeypatch.setattr(ending, "answer_of", mistaken)
    assert await ended(Ended(said=30)) == NOT_COUNTED


@pytest.mark.parametrize("left", [{"gone": True}, {"over": True}])
async def test_who_has_left_meanwhile_gets_nothing(left: dict[str, bool]) -> None:
    of, leaving = Ended(said=30), asyncio.Event()

    async def slow(texts: list[str]) -> list[int]:
        await leaving.wait()
        return [1] * len(texts)

    of.relay.count_soon = slow
    task = ending.finish(of.exchange, b"last")
    assert task is not None
    of.gone = left.get("gone", False)
    of.sink = SimpleNamespace(finish=of.finished.append, over=left.get("over", False))
    leaving.set()
    await task
    assert of.finished == []
