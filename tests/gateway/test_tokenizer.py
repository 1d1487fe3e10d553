"""The tokenizer counts as OpenAI does, whatever the text, and is no burden until it is asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway import tokenizer
from gateway.errors import ControlUnavailable
from gateway.tokenizer import PIECE_CHARACTERS, Tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")  # the library's own


@pytest.fixture(scope="module")
def counting() -> Iterator[Tokenizer]:
    made = Tokenizer()
    yield made
    made.end()


async def one(counting: Tokenizer, text: str) -> int:
    (tokens,) = await counting.count([text])
    return tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 7),
    ],
)
async def test_it_counts_as_openai_says(counting: Tokenizer, text: str, tokens: int) -> None:
    """From https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb"""
    assert abs(await one(counting, text) - tokens) <= 1


async def test_words_that_mean_something_to_models_are_texts_like_others(counting: Tokenizer) -> None:
    assert await one(counting, "<|endoftext|>") > 1


async def test_each_text_is_counted_for_itself(counting: Tokenizer) -> None:
    assert await counting.count(["hello world", "", "hello"]) == [2, 0, 1]
    assert await counting.count([]) == []


async def test_a_long_text_is_counted_in_pieces_and_hardly_differs(counting: Tokenizer) -> None:
    text = "hello world " * PIECE_CHARACTERS
    assert 2 * PIECE_CHARACTERS <= await one(counting, text) <= 2 * PIECE_CHARACTERS * 1.6


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog, and doesn't care; 42 times. ",
        "def weir(self, level: int) -> bool:\n    return self.level >= level and not self.open\n",
        "お誕生日おめでとうございます。今日は、いい天気ですね",
        "Привет, мир. Как дела, друг мой? ",
    ],
)
async def test_where_words_end_a_text_is_cut_without_a_token_more(
    counting: Tokenizer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    whole = await one(counting, text * 100)
    monkeypatch.setattr(tokenizer, "PIECE_CHARACTERS", 300)
    monkeypatch.setattr(tokenizer, "SEAM_WITHIN", 150)
    assert await one(counting, text * 100) == whole
    monkeypatch.setattr(tokenizer, "SEAM_WITHIN", 0)
    assert await one(counting, text * 100) > whole, "anywhere else it is not"


@pytest.mark.parametrize("letter", ["\U000e0041", "\x00", " ", "\ud800", "\n"])
async def test_nothing_is_too_strange_to_be_counted(counting: Tokenizer, letter: str) -> None:
    assert await one(counting, letter * 3 * PIECE_CHARACTERS) > 0


async def test_too_much_at_once_is_refused(counting: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "MOST_WAITING", 10)
    with pytest.raises(ControlUnavailable):
        await counting.count(["hello world"])
    assert await counting.count(["hello"]) == [1]


async def test_who_needs_the_number_soon_does_not_wait_for_others(
    counting: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await counting.count(["hello"])
    monkeypatch.setattr(tokenizer, "MOST_WAITING_SOON", 10)
    with pytest.raises(ControlUnavailable):
        await counting.count(["hello world"], soon=True)
    assert await counting.count(["hello world"]) == [2]
    assert await counting.count(["hello"], soon=True) == [1]


async def test_nor_until_the_library_is_loaded_which_begins_then() -> None:
    made = Tokenizer()
    try:
        for _ in range(2):
            with pytest.raises(ControlUnavailable):
                await made.count(["hello"], soon=True)

        async def counted() -> list[int] | None:
            with suppress(ControlUnavailable):
                return await made.count(["hello"], soon=True)
            return None

        deadline = asyncio.get_running_loop().time() + 20
        while (tokens := await counted()) is None:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert tokens == [1]
    finally:
        made.end()


async def test_at_the_end_it_counts_no_more() -> None:
    ended = Tokenizer()
    ended.end()
    with pytest.raises(ControlUnavailable):
        await ended.count(["hello"])


def test_nothing_is_loaded_before_it_is_needed() -> None:
    found = "import gateway.tokenizer, sys; print('bpe_openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", found], capture_output=True, check=True).stdout == b"False\n"
