"""What the official SDKs make of a stream, without sockets, and the order that they and we hold it to.

Each client is asked twice: for its plain events, checked one by one and strictly typed, and for what its own
accumulator makes of them. Both must tell the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google

from .heard import Heard
from .sdk_items import TELL, Items

REFUSALS = (openai.APIError, anthropic.APIError, google_errors.APIError)
"""What the SDKs raise where an error is told."""
MISFITS = (openai.APIResponseValidationError, anthropic.APIResponseValidationError)
"""What they raise where something has not the type that it should."""


class _Answering:
    """A transport that gives one answer to whatever is asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if self.status == 200 else "application/json"
        return httpx2.Response(self.status, headers={"content-type": kind}, content=self.body)

    def client(self) -> httpx2.Client:
        """A client of nobody else."""
        return httpx2.Client(transport=httpx2.MockTransport(self))


ANSWERING = _Answering()


@cache
def _openai() -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k",
        base_url="http://gateway/v1",
        max_retries=0,
        http_client=ANSWERING.client(),
        _strict_response_validation=True,
    )


@cache
def _anthropic() -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="k",
        base_url="http://gateway",
        max_retries=0,
        http_client=ANSWERING.client(),
        _strict_response_validation=True,
    )


@cache
def _gemini() -> genai.Client:
    once = google.HttpRetryOptions(attempts=1)
    options = google.HttpOptions(base_url="http://gateway", httpx_client=ANSWERING.client(), retry_options=once)
    return genai.Client(api_key="k", http_options=options)


# Chat

_QUESTION: list[Any] = [{"role": "user", "content": "q"}]


def _chat() -> Iterator[Heard]:
    heard = Heard()
    calls: list[list[str]] = []
    with _openai().chat.completions.create(model="m", messages=_QUESTION, stream=True) as chunks:
        for number, chunk in enumerate(chunks):
            _chat_chunk(chunk, number, heard, calls)
            heard.calls = [(call[0], call[1], call[2]) for call in calls]
            yield heard
    assert ANSWERING.body.endswith(b"data: [DONE]\n\n")
    assert ANSWERING.body.count(b"data: [DONE]") == 1
    assert heard.finish, "never finished"
    heard.calls = [(own_id, name, json.loads(text)) for own_id, name, text in calls]
    heard.text, heard.thoughts, heard.refusal = (heard.told(kind) for kind in ("text", "thought", "refusal"))
    _chat_accumulated(heard)


def _chat_chunk(chunk: Any, number: int, heard: Heard, calls: list[list[str]]) -> None:
    assert heard.usage is None, "something after the usage"
    if not chunk.choices:
        assert heard.finish, "usage before the finish"
        heard.usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        return
    assert not chunk.usage
    assert not heard.finish, "something after the finish"
    (choice,) = chunk.choices
    assert choice.index == 0
    assert choice.delta.role == ("assistant" if number == 0 else None)
    heard.add("thought", getattr(choice.delta, "reasoning_content", None) or "")
    heard.add("text", choice.delta.content or "")
    heard.add("refusal", choice.delta.refusal or "")
    for call in choice.delta.tool_calls or ():
        if call.id is not None:
            assert call.index == len(calls), "calls are counted"
            assert call.id
            assert call.function.name
            calls.append([call.id, call.function.name, ""])
            heard.add("call", call.function.name)
        assert call.index == len(calls) - 1, "arguments of a call that is over"
        assert call.id is not None or (call.function.name is None and call.function.arguments)
        calls[call.index][2] += call.function.arguments
    heard.finish = choice.finish_reason or ""


def _chat_accumulated(heard: Heard) -> None:
    done: list[Any] = []
    tools: list[Any] = [
        {"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "clock", "sum")
    ]
    answer: Any = None
    with _openai().chat.completions.stream(model="m", messages=_QUESTION, tools=tools) as stream:
        for event in stream:
            if event.type == "chunk":
                answer = event.snapshot
            elif event.type == "tool_calls.function.arguments.done":
                assert event.index == len(done)
                done.append((event.name, json.loads(event.arguments)))
    message = answer.choices[0].message
    assert (message.content or "", message.refusal or "") == (heard.text, heard.refusal)
    assert answer.choices[0].finish_reason == heard.finish
    assert done == [call[1:] for call in heard.calls]
    made = [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
        if call.type == "function"
    ]
    assert made == heard.calls
    told = answer.usage
    assert (None if told is None else (told.prompt_tokens, told.completion_tokens)) == heard.usage


# Responses


def _responses() -> Iterator[Heard]:
    heard = Heard()
    items = Items(heard)
    with _openai().responses.create(model="m", input="q", stream=True) as events:
        for number, event in enumerate(events):
            assert event.sequence_number == number
            assert not heard.finish, "something after the end"
            assert (event.type in ("response.created", "response.in_progress")) == (number < 2)
            if event.type in ("response.completed", "response.incomplete"):
                _responses_end(event.response, items)
            elif number > 1:
                TELL[event.type](items, event)
            yield heard
    assert heard.finish, "never finished"
    heard.text, heard.thoughts, heard.refusal = (heard.told(kind) for kind in ("text", "thought", "refusal"))
    heard.calls = [
        (item.call_id, item.name, json.loads(item.arguments))
        for _, item in sorted(items.done, key=lambda pair: int(pair[0]))
        if item.type == "function_call"
    ]
    _responses_accumulated(heard)


def _responses_end(response: Any, items: Items) -> None:
    assert not items.open, "an item never ended"
    done = [item for _, item in sorted(items.done, key=lambda pair: int(pair[0]))]
    assert response.output == done
    assert len(done) == items.count
    heard = items.heard
    heard.finish = response.incomplete_details.reason if response.incomplete_details else response.status
    heard.usage = (response.usage.input_tokens, response.usage.output_tokens)


def _responses_accumulated(heard: Heard) -> None:
    with _openai().responses.stream(model="m", input="q") as stream:
        last = list(stream)[-1]
    assert last.type in ("response.completed", "response.incomplete")
    assert last.response.output_text == heard.text
    made = [
        (item.call_id, item.name, json.loads(item.arguments))
        for item in last.response.output
        if item.type == "function_call"
    ]
    assert made == heard.calls


# Messages


def _messages() -> Iterator[Heard]:
    heard = Heard()
    kinds: list[str] = []
    is_open, ended = False, False
    with _anthropic().messages.create(max_tokens=9, messages=_QUESTION, model="m", stream=True) as events:
        for number, event in enumerate(events):
            assert not ended, "something after the end"
            assert (event.type == "message_start") == (number == 0)
            if event.type in ("content_block_start", "message_delta", "message_stop"):
                assert not is_open, "a block is open"
            assert not heard.finish or event.type == "message_stop"
            if event.type == "content_block_start":
                assert event.index == len(kinds), "blocks are counted"
                is_open = True
                kinds.append(event.content_block.type)
                if event.content_block.type == "tool_use":
                    assert event.content_block.input == {}
                    heard.add("call", event.content_block.name)
            elif event.type == "content_block_delta":
                assert is_open
                assert event.index == len(kinds) - 1
                _messages_delta(event.delta, kinds[-1], heard)
            elif event.type == "content_block_stop":
                assert is_open
                assert event.index == len(kinds) - 1
                is_open = False
            elif event.type == "message_delta":
                heard.finish = event.delta.stop_reason or ""
                cached = (event.usage.cache_read_input_tokens or 0) + (event.usage.cache_creation_input_tokens or 0)
                heard.usage = ((event.usage.input_tokens or 0) + cached, event.usage.output_tokens)
            ended = event.type == "message_stop"
            yield heard
    assert ended, "never ended"
    heard.text, heard.thoughts = heard.told("text"), heard.told("thought")
    _messages_accumulated(heard)


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}


def _messages_delta(delta: Any, kind: str, heard: Heard) -> None:
    assert _DELTAS.get(delta.type, "tool_use") == kind, "a delta outside of its block"
    if delta.type == "text_delta":
        heard.add("text", delta.text)
    elif delta.type == "thinking_delta":
        heard.add("thought", delta.thinking)


def _messages_accumulated(heard: Heard) -> None:
    with _anthropic().messages.stream(max_tokens=9, messages=_QUESTION, model="m") as stream:
        message = stream.get_final_message()
    assert message.stop_reason == heard.finish
    assert "".join(block.text for block in message.content if block.type == "text") == heard.text
    assert "".join(block.thinking for block in message.content if block.type == "thinking") == heard.thoughts
    assert all(block.signature for block in message.content if block.type == "thinking")
    heard.calls = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert [name for kind, name in heard.runs if kind == "call"] == [call[1] for call in heard.calls]


# Gemini


def _google() -> Iterator[Heard]:
    heard = Heard()
    for chunk in _gemini().models.generate_content_stream(model="m", contents="q"):
        assert not heard.finish, "something after the finish"
        assert chunk.candidates
        (candidate,) = chunk.candidates
        assert candidate.index == 0
        assert candidate.content is not None
        assert candidate.content.role == "model"
        for part in candidate.content.parts or ():
            heard.add("thought" if part.thought else "text", part.text or "")
            if part.function_call is not None:
                heard.add("call", part.function_call.name or "")
                call = part.function_call
                heard.calls.append((call.id or "", call.name or "", call.args or {}))
        heard.finish = candidate.finish_reason.value if candidate.finish_reason else ""
        told = chunk.usage_metadata
        assert told is None or heard.finish, "usage before the finish"
        if told is not None:
            said = (told.candidates_token_count or 0) + (told.thoughts_token_count or 0)
            heard.usage = (told.prompt_token_count or 0, said)
        yield heard
    assert heard.finish, "never finished"
    heard.text, heard.thoughts = heard.told("text"), heard.told("thought")


LISTENERS: dict[str, Callable[[], Iterator[Heard]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _messages,
    "gemini": _google,
}


def listen(client: str, body: bytes, status: int = 200) -> tuple[Heard, Exception | None]:
    """What a client's SDK hears of an answer, and the error it raises, if one was told.

    Any other exception than the SDK's own for errors of a provider fails the test.
    """
    ANSWERING.body, ANSWERING.status = body, status
    heard = Heard()
    try:
        for heard in LISTENERS[client]():  # noqa: B007  # what was heard before an error counts, too
            pass
    except REFUSALS as error:
        if isinstance(error, MISFITS):
            raise
        return heard, error
    return heard, None
