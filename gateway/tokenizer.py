"""Counts tokens with OpenAI's `o200k_base`. The one home of the library, which is the control process's alone.

What it needs is large (some 150 MB) and slow to load, so it is loaded when the first text comes; and it counts in a
thread of its own, a piece at a time, so that the event loop gets its turn in between. Knows texts, not prompts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from gateway.errors import ControlUnavailable

if TYPE_CHECKING:
    import bpe_openai

ENCODING = "o200k_base"

PIECE_CHARACTERS = 16_384
"""How much is counted at once, about a millisecond's worth. The library refuses more than 200,000 tokens, which is what
50,000 characters can come to at worst."""

SEAM = re.compile(r"(?<=[^\W\d_])[ ,\u3001\u3002\uff0c](?=[^\W\d_])")
"""Where a text can be cut without a token more: between words, which the encoding tells apart before it does anything
else. Anywhere else a cut may cost a token or two."""

SEAM_WITHIN = 512
"""Characters at the end of a piece within which a seam is looked for."""

MOST_WAITING = 32 * 1024 * 1024
"""Characters that may wait for the thread, some two seconds' worth. Whoever brings more must do without."""

MOST_WAITING_SOON = 2 * 1024 * 1024
"""The same for whoever needs the number within a moment."""


class Tokenizer:
    """Counts the tokens of texts, one request after another."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")
        self._encoding: bpe_openai.Encoding | None = None
        self._loading: Future[bpe_openai.Encoding] | None = None
        self._waiting = 0
        self._ended = False

    async def count(self, texts: Sequence[str], *, soon: bool = False) -> list[int]:
        """Tokens of each of these texts. Raises ControlUnavailable when too many wait for theirs, or at the end; where
        they are needed `soon`, also until the library is loaded, which begins then and takes a second."""
        characters = sum(map(len, texts))
        if self._ended or self._waiting + characters > (MOST_WAITING_SOON if soon else MOST_WAITING):
            raise ControlUnavailable("Too much waits to be counted.", retry_after=1)
        if soon and self._encoding is None:
            self._loading = self._loading or self._thread.submit(self._loaded)
            raise ControlUnavailable("The tokenizer is being loaded.", retry_after=1)
        self._waiting += characters
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._count, texts)
        finally:
            self._waiting -= characters

    def end(self) -> None:
        """Count no more; what is being counted is given up."""
        self._ended = True
        self._thread.shutdown(cancel_futures=True)

    def _loaded(self) -> bpe_openai.Encoding:
        if self._encoding is None:
            encoding = import_module("bpe_openai").get_encoding(ENCODING)
            encoding.encode_ordinary("the first text is what it does its last preparations for")
            self._encoding = encoding
        return self._encoding

    def _count(self, texts: Sequence[str]) -> list[int]:
        encode = self._loaded().encode_ordinary
        counts = []
        for text in texts:
            tokens = 0
            for piece in _pieces(text):
                if self._ended:
                    raise ControlUnavailable("The gateway is shutting down.", retry_after=1)
                tokens += len(encode(piece))
            counts.append(tokens)
        return counts


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = _end_of_piece(text, start)
        yield text[start:end]
        start = end


def _end_of_piece(text: str, start: int) -> int:
    """Where the piece that begins there ends: at the last seam, if there is one near."""
    end = start + PIECE_CHARACTERS
    if end >= len(text):
        return len(text)
    seams = [seam.start() for seam in SEAM.finditer(text, end - SEAM_WITHIN, end)]
    return seams[-1] if seams else end
