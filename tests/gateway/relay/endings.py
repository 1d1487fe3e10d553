"""Exchanges that have come to their end, as far as the end of an answer looks at them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import orjson

from gateway.formats.ask import read_ask
from gateway.formats.table import FORMATS
from gateway.records import Target, Tokens
from gateway.relay.exchange import Exchange
from gateway.relay.reckoning import NOT_COUNTED, Counts
from gateway.relay.transcript import Silence, Transcript

ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Hello"}]}
ANSWERED = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Good day"}, "finish_reason": "stop"}]}

OURS = "gpt-4o-mini"
"""A model whose tokenizer is ours."""


@dataclass
class Ended:
    """One of them. Its provider was asked, and answered, in OpenAI's Chat."""

    told: Tokens | None = None
    """What the provider told of its tokens."""
    model: str = OURS
    said: int = 0
    """Bytes of text in the answer."""
    answer: bytes = orjson.dumps(ANSWERED)
    request: bytes = orjson.dumps(ASKED)
    pipeline: Any = None
    operation: str = "generate"
    error: Any = None
    trial_error: Any = None
    status: int = 200
    gone: bool = False
    counts: Counts = NOT_COUNTED
    tokens: Tokens | None = None
    trials: list[Any] = field(init=False)
    relay: Any = field(init=False)
    sink: Any = field(init=False)
    thread: Any = None
    finished: list[bytes] = field(default_factory=list)
    """What the client got as the last bytes."""
    counted: list[list[str]] = field(default_factory=list)
    """Which texts were counted."""
    number: int | None = 100
    """What each is said to come to."""
    format: Any = FORMATS["openai_chat"]
    body: bytes = b""
    id: str = "0192f0e1-0000-7000-8000-000000000001"

    def __post_init__(self) -> None:
        provider = SimpleNamespace(format="openai_chat")
        passage = SimpleNamespace(upstream=FORMATS["openai_chat"], body=self.request)
        self.trials = [
            SimpleNamespace(
                attempt=SimpleNamespace(target=Target("p", self.model), provider=provider),
                passage=passage,
                pipeline=self.pipeline,
                transcript=self.pipeline if isinstance(self.pipeline, Transcript) else None,
                collected_bytes=len(self.answer),
                is_stream=self.pipeline is not None,
                collected=self.answer,
                error=self.trial_error,
                status=self.status,
                is_awaited=False,
            )
        ]
        loop = SimpleNamespace(create_task=asyncio.ensure_future)
        self.relay = SimpleNamespace(silence=Silence(), count_soon=self.count_soon, loop=loop)
        self.sink = SimpleNamespace(finish=self.finished.append, over=False)
        self.endpoint = SimpleNamespace(operation=self.operation)
        self.ask = read_ask(self.request, None)

    @property
    def exchange(self) -> Exchange:
        """As the relay's functions take it."""
        return cast(Exchange, self)

    def measured_tokens(self) -> Tokens | None:
        """What the provider reported."""
        return self.told

    def said_bytes(self) -> int:
        """How much text there was."""
        return self.said

    async def count_soon(self, texts: list[str]) -> list[int] | None:
        """The number for each, whatever it is."""
        self.counted.append(texts)
        return None if self.number is None else [self.number] * len(texts)
