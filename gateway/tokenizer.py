"""Counts tokens with OpenAI's `o200k_base`. The one home of the library, which is the control process's alone.

What it needs is large (some 150 MB) and slow to load, so it is loaded when the first text comes; and it counts in a
thread of its own, a piece at a time, so that the event loop gets its turn in between. Knows texts, not prompts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from gateway.errors import ControlUnavailable

if TYPE_CHECKING:
    import bpe_openai

ENCODING = "o200k_base"

PIECE_CHARACTERS = 16_384
"""How much is counted at once, about a millisecond's worth. The library refuses more than 200,000 tokens, which is what
50,000 characters can come to at worst. A cut costs a token or two too many."""

MOST_WAITING = 32 * 1024 * 1024
"""Characters that may wait for the thread, some two seconds' worth. Whoever brings more must do without."""


class Tokenizer:
    """Counts the tokens of texts, one request after another."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")
        self._encoding: bpe_openai.Encoding | None = None
        self._waiting = 0
        self._ended = False

    async def count(self, texts: Sequence[str]) -> int:
        """Tokens of all these texts. Raises ControlUnavailable when too many wait for theirs, or at the end."""
        characters = sum(map(len, texts))
        if self._ended or self._waiting + characters > MOST_WAITING:
            raise ControlUnavailable("Too much waits to be counted.", retry_after=1)
        self._waiting += characters
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._count, texts)
        finally:
            self._waiting -= characters

    def end(self) -> None:
        """Count no more; what is being counted is given up."""
        self._ended = True
        self._thread.shutdown(cancel_futures=True)

    def _count(self, texts: Sequence[str]) -> int:
        if self._encoding is None:
            self._encoding = import_module("bpe_openai").get_encoding(ENCODING)
        encode = self._encoding.encode_ordinary
        tokens = 0
        for piece in _pieces(texts):
            if self._ended:
                raise ControlUnavailable("The gateway is shutting down.", retry_after=1)
            tokens += len(encode(piece))
        return tokens


def _pieces(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for start in range(0, len(text), PIECE_CHARACTERS):
            yield text[start : start + PIECE_CHARACTERS]
