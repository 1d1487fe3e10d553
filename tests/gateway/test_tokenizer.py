"""The tokenizer counts as OpenAI does, whatever the text, and is no burden until it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

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
    assert abs(await counting.count([text]) - tokens) <= 1


async def test_words_that_mean_something_to_models_are_texts_like_others(counting: Tokenizer) -> None:
    assert await counting.count(["<|endoftext|>"]) > 1


async def test_texts_add_up(counting: Tokenizer) -> None:
    assert await counting.count(["hello world", "", "hello world"]) == 4
    assert await counting.count([]) == 0


async def test_a_long_text_is_counted_in_pieces_and_hardly_differs(counting: Tokenizer) -> None:
    text = "hello world " * PIECE_CHARACTERS
    assert 2 * PIECE_CHARACTERS <= await counting.count([text]) <= 2 * PIECE_CHARACTERS * 1.6


@pytest.mark.parametrize("letter", ["\U000e0041", "\x00", " ", "\ud800", "\n"])
async def test_nothing_is_too_strange_to_be_counted(counting: Tokenizer, letter: str) -> None:
    assert await counting.count([letter * 3 * PIECE_CHARACTERS]) > 0


async def test_too_much_at_once_is_refused(counting: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "MOST_WAITING", 10)
    with pytest.raises(ControlUnavailable):
        await counting.count(["hello world"])
    assert await counting.count(["hello"]) == 1


async def test_at_the_end_it_counts_no_more() -> None:
    ended = Tokenizer()
    ended.end()
    with pytest.raises(ControlUnavailable):
        await ended.count(["hello"])


def test_nothing_is_loaded_before_it_is_needed() -> None:
    found = "import gateway.tokenizer, sys; print('bpe_openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", found], capture_output=True, check=True).stdout == b"False\n"
