"""Whoever listens to a stream changes nothing of it, and is there only where a span tells of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.api.endpoints import BY_PATH
from gateway.errors import UpstreamClosed
from gateway.formats.closing import ClosingReader
from gateway.formats.format import ReplyContext
from gateway.formats.neutral import Prompt
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import Closing, ModelFacts
from gateway.relay.overheard import Overheard
from gateway.relay.passage import Pipeline
from gateway.relay.spans import is_told
from gateway.relay.unwrapped import Unwrapped
from gateway.traces.context import Trace
from tests.bedrock_server import stream_of
from tests.cuts import cuts

STREAM = (
    b'data: {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
    b'data: {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"chatcmpl-1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)
BROKEN = STREAM[: STREAM.index(b'{"index":0,"delta":{}')]
FAILED = b'data: {"error":{"message":"no"}}\n\n'
CHAT = FORMATS["openai_chat"]


def passing() -> Pipeline:
    return PassThrough(CHAT, PASSING["openai_chat"], model="mine", hide_usage=True)


def translating() -> Pipeline:
    translation = Translation(FORMATS["anthropic"], CHAT, ModelFacts())
    return translation.stream(ReplyContext("mine", "0" * 32, 0, Prompt((), ()), {}))


def played(pipeline: Pipeline, pieces: list[bytes]) -> list[Any]:
    """All that it gives and says, from the first piece to the end."""
    told: list[Any] = []
    for piece in pieces:
        told += [pipeline.feed(piece), pipeline.opened, str(pipeline.error), pipeline.between_events]
    told += [pipeline.resume(), pipeline.close(), pipeline.complete, pipeline.failed]
    return [*told, pipeline.tokens, pipeline.answered_model, pipeline.said]


@pytest.mark.parametrize("make", [passing, translating])
@pytest.mark.parametrize(
    ("stream", "choices", "closing"),
    [
        (STREAM, 0, Closing("chatcmpl-1", ("stop",))),
        (BROKEN, 1, Closing("chatcmpl-1", ("error",))),
        (FAILED, 1, Closing("", ("error",))),
        (b"<html>", 0, Closing()),
    ],
)
def test_a_stream_is_the_same_to_its_client_whoever_listens(
    make: Any, stream: bytes, choices: int, closing: Closing
) -> None:
    for pieces in cuts(stream):
        reader = ClosingReader(CHAT)
        assert played(Overheard(make(), reader), pieces) == played(make(), pieces)
        assert reader.close(choices) == closing


@pytest.mark.parametrize("make", [passing, translating])
def test_its_beginning_and_its_end_in_an_error_are_the_same_too(make: Any) -> None:
    one, other = Overheard(make(), ClosingReader(CHAT)), make()
    assert one.open() == other.open()
    assert one.fail(UpstreamClosed("gone")) == other.fail(UpstreamClosed("gone"))


def test_bedrock_s_framing_is_off_before_anybody_listens() -> None:
    for pieces in cuts(stream_of()):
        reader = ClosingReader(FORMATS["anthropic"])
        pipeline = Unwrapped(Overheard(PassThrough(FORMATS["anthropic"], PASSING["anthropic"]), reader))
        for piece in pieces:
            pipeline.feed(piece)
        pipeline.close()
        assert reader.close(0) == Closing("msg_bdrk_1", ("stop",))


class Resuming:
    """A pipeline whose provider goes on once."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def resume(self) -> str:
        return self.tokens.pop(0)


def test_what_a_provider_goes_on_with_is_heard_from_its_beginning() -> None:
    reader = ClosingReader(FORMATS["gemini"])
    pipeline = Overheard(Resuming("more", ""), reader)  # type: ignore[arg-type]  # as much of one as is asked
    pipeline.feed(b'data: {"candidates":[{"finishReason":"CONTINUATION"}]}\n\ndata: {"cut off')
    assert pipeline.resume() == "more"
    pipeline.feed(b'data: {"responseId":"r","candidates":[{"finishReason":"STOP"}]}')
    assert pipeline.resume() == ""
    assert reader.close(0) == Closing("r", ("stop",))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/chat/completions", True),
        ("/v1/completions", True),
        ("/v1/responses", True),
        ("/v1/responses/compact", True),
        ("/v1/messages", True),
        ("/v1beta/models/{model}:streamGenerateContent", True),
        ("/v1/messages/count_tokens", False),
        ("/v1/embeddings", False),
        ("/v1/audio/speech", False),
    ],
)
def test_only_of_replies_whose_spans_are_kept_anything_is_read(path: str, told: bool) -> None:
    def of(trace: Trace | None) -> bool:
        exchange: Any = SimpleNamespace(trace=trace, endpoint=BY_PATH[path])
        return is_told(exchange)

    assert of(Trace("a" * 32, 1, sampled=True, passes=True)) is told
    assert not of(Trace("a" * 32, 1, sampled=False, passes=True))
    assert not of(None)
