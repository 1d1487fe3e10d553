"""A provider whose accounts are told apart by their keys; each does as a test wants, until that wants otherwise.

Speaks OpenAI Chat and Anthropic Messages over real sockets, in a loop of its own. Notes who was asked, when, and when a
client left. What that should mean to anybody is the tests' business.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.waiting import auntil, until

Fields = dict[str, Any]

STEP = 0.002
"""Seconds between two looks at what a test wants."""

ENDLESS = 1_000_000
"""More chunks than anybody waits for."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mood:
    """How an account answers. Times are seconds."""

    status: int = 200
    code: str = "an_error"
    """Of an error: OpenAI's code, Anthropic's type."""
    message: str = "The account says no."
    headers: Headers = ()
    wait: float = 0.0
    """Before the head."""
    closes: bool = False
    """Closes the connection instead of answering."""
    chunks: int = 3
    """Of a stream."""
    pace: float = 0.0
    """Before each chunk but the first."""
    error_at: int | None = None
    """After so many chunks of a stream an error event with `code` and `message`, and the end."""
    until: float = 0.0
    """Monotonic time from which on all is well; 0 for never."""

    def now(self) -> Mood:
        """How it answers at this moment."""
        return WELL if self.until and time.monotonic() >= self.until else self


WELL = Mood()
SILENT = Mood(wait=3600.0)
ENDLESSLY = Mood(chunks=ENDLESS, pace=0.02)


def refusing(status: int, code: str, message: str = "The account says no.", **more: Any) -> Mood:
    """An error answer."""
    return Mood(status, code, message, **more)


def limited(retry_after: float | None = None, **more: Any) -> Mood:
    """429, with the time to come back at or without."""
    headers = () if retry_after is None else (("retry-after", f"{retry_after:g}"),)
    return refusing(429, "rate_limit_exceeded", "Rate limit reached.", headers=headers, **more)


@dataclass
class Asked:
    """One request. Times are monotonic seconds."""

    account: str
    model: str
    fields: Fields
    at: float
    left_at: float | None = None
    """When the client left without having been answered in full."""
    over: bool = False
    """Nothing more is done about it."""
    mood: Mood | None = None
    """How this very one is to be answered, once a test has said so."""


@dataclass
class Accounts:
    """The provider. `url` has no path; an account is whoever comes with the key `key_of` its name."""

    url: str = ""
    moods: dict[str, Mood] = field(default_factory=dict)
    """By account, or by `account/model`, which goes before."""
    asked: list[Asked] = field(default_factory=list)

    def __setitem__(self, name: str, mood: Mood) -> None:
        self.moods[name] = mood

    def of(self, account: str, model: str = "") -> list[Asked]:
        """The requests of an account, oldest first; of one model, where that is said."""
        return [each for each in self.asked if each.account == account and model in ("", each.model)]

    def counts(self) -> dict[str, int]:
        """How many requests each account had."""
        names = [each.account for each in self.asked]
        return {name: names.count(name) for name in sorted(set(names))}

    def forget(self) -> None:
        """All accounts are well and nobody was asked."""
        self.moods.clear()
        self.asked.clear()

    def under_way(self) -> int:
        """Requests that are being answered."""
        return sum(not each.over for each in self.asked)

    def left(self, account: str, seconds: float = 5.0) -> float:
        """When the last client of this account left; waits for that."""

        def found() -> float | None:
            asked = self.of(account)
            return asked[-1].left_at if asked else None

        moment = until(found, seconds, every=STEP)
        assert moment is not None  # else it would still wait
        return moment

    def mood(self, asked: Asked) -> Mood:
        """How this request is answered now."""
        name = f"{asked.account}/{asked.model}"
        return (asked.mood or self.moods.get(name) or self.moods.get(asked.account, WELL)).now()


def key_of(account: str) -> str:
    """The key of an account."""
    return f"sk-of-{account}"


@contextmanager
def accounts() -> Iterator[Accounts]:
    """Such a provider, until the end of the block."""
    provider, loop, ready = Accounts(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(lambda *pair: _talk(provider, *pair), "127.0.0.1", 0, backlog=1024)
        provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield provider
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


# One connection


async def _talk(provider: Accounts, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while await _exchange(provider, reader, writer):
            pass
    writer.transport.abort()


async def _exchange(provider: Accounts, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer; whether another one may follow."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    fields = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
    key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    asked = Asked(key.removeprefix("sk-of-"), fields.get("model", ""), fields, time.monotonic())
    provider.asked.append(asked)
    says = _messages if "/messages" in first else _chat
    answering = asyncio.ensure_future(_answer(provider, asked, writer, says))
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            asked.left_at = time.monotonic()
        return answering.done() and answering.result()
    finally:
        asked.over = True
        answering.cancel()
        leaving.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await leaving


async def _answer(provider: Accounts, asked: Asked, writer: asyncio.StreamWriter, says: Dialect) -> bool:
    """Whether the connection stays."""
    mood = await _mood_to_answer_in(provider, asked)
    if mood.closes:
        return False
    if mood.status >= 400:
        _whole(writer, mood, says.error(mood))
    elif not asked.fields.get("stream"):
        _whole(writer, mood, says.answer(asked))
    else:
        await _stream(writer, mood, says.events(asked, mood))
    await writer.drain()
    return True


async def _mood_to_answer_in(provider: Accounts, asked: Asked) -> Mood:
    """After the wait of each mood that comes over it meanwhile."""
    while (mood := provider.mood(asked)).wait:
        end = time.monotonic() + mood.wait
        is_over = partial(_is_over, provider, asked, mood, end)
        await auntil(is_over, mood.wait + 60, every=min(STEP, mood.wait))
        if time.monotonic() >= end:
            break
    return mood


def _is_over(provider: Accounts, asked: Asked, mood: Mood, end: float) -> bool:
    return time.monotonic() >= end or provider.mood(asked) is not mood


def _whole(writer: asyncio.StreamWriter, mood: Mood, fields: Fields) -> None:
    body = json.dumps(fields).encode()
    writer.write(_head(mood, "application/json", f"content-length: {len(body)}") + body)


async def _stream(writer: asyncio.StreamWriter, mood: Mood, events: Iterator[bytes]) -> None:
    writer.write(_head(mood, "text/event-stream", "transfer-encoding: chunked"))
    for number, event in enumerate(events):
        if number and mood.pace:
            await asyncio.sleep(mood.pace)
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


def _head(mood: Mood, kind: str, length: str) -> bytes:
    lines = [f"HTTP/1.1 {mood.status} X", f"content-type: {kind}", length]
    lines += [f"{name}: {value}" for name, value in mood.headers]
    return "\r\n".join([*lines, "", ""]).encode()


# What is said, in two dialects


@dataclass(frozen=True)
class Dialect:
    """How one vendor writes an error, an answer, and the events of a stream."""

    error: Callable[[Mood], Fields]
    answer: Callable[[Asked], Fields]
    events: Callable[[Asked, Mood], Iterator[bytes]]


TEXT = "Hello from "
USED = 7
"""Tokens of every prompt, and of every answer."""


def _chat_error(mood: Mood) -> Fields:
    return {"error": {"message": mood.message, "type": mood.code, "param": None, "code": mood.code}}


def _chat_answer(asked: Asked) -> Fields:
    message = {"role": "assistant", "content": TEXT + asked.account, "refusal": None}
    usage = {"prompt_tokens": USED, "completion_tokens": USED, "total_tokens": 2 * USED}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.model}
    return {**head, "choices": [choice], "usage": usage}


def _chat_events(asked: Asked, mood: Mood) -> Iterator[bytes]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model}

    def chunk(delta: Fields, finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return b"data: %s\n\n" % json.dumps({**head, "choices": [choice], **more}).encode()

    yield chunk({"role": "assistant", "content": ""})
    for number in range(mood.chunks):
        if number == mood.error_at:
            yield b"data: %s\n\n" % json.dumps(_chat_error(mood)).encode()
            return
        yield chunk({"content": TEXT + asked.account if not number else "."})
    usage = {"prompt_tokens": USED, "completion_tokens": USED, "total_tokens": 2 * USED}
    yield chunk({}, "stop", usage=usage) + b"data: [DONE]\n\n"


def _messages_error(mood: Mood) -> Fields:
    return {"type": "error", "error": {"type": mood.code, "message": mood.message}}


def _message(asked: Asked, content: list[Fields], reason: str | None, output: int) -> Fields:
    usage = {"input_tokens": USED, "output_tokens": output}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model}
    return {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def _messages_answer(asked: Asked) -> Fields:
    return _message(asked, [{"type": "text", "text": TEXT + asked.account}], "end_turn", USED)


def _messages_events(asked: Asked, mood: Mood) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **more}).encode())

    yield event("message_start", message=_message(asked, [], None, 1))
    if mood.error_at != 0:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for number in range(mood.chunks):
        if number == mood.error_at:
            yield event("error", error=_messages_error(mood)["error"])
            return
        text = TEXT + asked.account if not number else "."
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    yield event("content_block_stop", index=0)
    yield event(
        "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": USED}
    )
    yield event("message_stop")


_chat = Dialect(_chat_error, _chat_answer, _chat_events)
_messages = Dialect(_messages_error, _messages_answer, _messages_events)
