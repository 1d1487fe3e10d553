"""The content mock providers speak, cut into pieces. Pure: a script and a clock in, JSON strings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import cycle, islice

import orjson

from gateway.mock.script import Script

DEFAULT_CHUNKS = 12
PLAIN_TEXT = (
    "Hello from the mock provider of Sluicegate. Nobody thought about this answer, yet it arrives in "
    "pieces, one after the other, the way a model would send it."
)
THOUGHT_TEXT = "Nobody asked me to think about this, so let me think about it aloud before I say anything at all. "
MANY_SCRIPTS = (
    "smile 😀 family 👨‍👩‍👧 漢字 かな 한국어 naïve café Ω line\u2028separator par\u2029agraph \U0001f680 שלום"
)


def pieces(script: Script, clock: Callable[[], int]) -> Iterator[bytes]:
    """The content of each chunk as a JSON string with its quotes; joined they are the whole content."""
    if script.stamp:
        return _stamps(script, clock)
    if script.huge is not None:
        return iter((b'"' + b"x" * script.huge + b'"',))
    if script.text is not None:
        return _as_many(script, own_pieces(script.text, script.size or 0))
    filler = MANY_SCRIPTS if script.utf8 else PLAIN_TEXT
    return islice(cycle(filler_pieces(filler, script.size or 0)), count(script))


def thoughts(number: int) -> list[str]:
    """So many pieces of thought."""
    return [orjson.loads(piece) for piece in islice(cycle(filler_pieces(THOUGHT_TEXT.strip(), 0)), number)]


def until(script: Script, clock: Callable[[], int], *, most: int, stops: list[str]) -> tuple[str, str] | None:
    """The first `most` pieces up to the first of these texts, and that text; nothing when none of them comes up."""
    whole = content(script, clock, most=most)
    found = [(whole.find(stop), stop) for stop in stops if stop in whole]
    if not found:
        return None
    place, stop = min(found)
    return whole[:place], stop


def content(script: Script, clock: Callable[[], int], *, most: int) -> str:
    """The whole content: what the first `most` pieces say together."""
    if script.stamp or script.huge is not None:
        return "".join(map(orjson.loads, islice(pieces(script, clock), most)))
    return _whole(script.text, script.utf8, script.size or 0, most)


@lru_cache(maxsize=256)
def _whole(text: str | None, utf8: bool, size: int, most: int) -> str:
    script = Script(text=text, utf8=utf8, size=size, chunks=most)
    return "".join(map(orjson.loads, pieces(script, lambda: 0)))


def count(script: Script) -> int:
    """How many chunks the script asks for."""
    if script.huge is not None:
        return 1
    if script.chunks is not None:
        return script.chunks
    return len(own_pieces(script.text, script.size or 0)) if script.text is not None else DEFAULT_CHUNKS


@lru_cache(maxsize=64)
def filler_pieces(text: str, size: int) -> tuple[bytes, ...]:
    """Words of `text` as they are (size 0), or pieces of exactly `size` bytes of UTF-8, each beginning elsewhere."""
    words = text.split(" ")
    if not size:
        return tuple(orjson.dumps(word + " ") for word in words)
    starts = range(len(words) if size <= 4096 else 3)
    return tuple(orjson.dumps(_fill(" ".join(words[start:] + words[:start]) + " ", size)) for start in starts)


def _fill(text: str, size: int) -> str:
    once = text.encode()
    whole = (once * (size // len(once) + 1))[:size].decode(errors="ignore")
    return whole + "." * (size - len(whole.encode()))


@lru_cache(maxsize=64)
def own_pieces(text: str, size: int) -> tuple[bytes, ...]:
    """`text` cut after each word, or into pieces of at most `size` bytes that never cut a character."""
    if not size:
        return tuple(orjson.dumps(word) for word in text.replace(" ", " \0").split("\0"))
    cut: list[str] = [""]
    for character in text:
        if len((cut[-1] + character).encode()) > size and cut[-1]:
            cut.append("")
        cut[-1] += character
    return tuple(map(orjson.dumps, cut))


def _as_many(script: Script, own: tuple[bytes, ...]) -> Iterator[bytes]:
    return iter(own) if script.chunks is None else islice(cycle(own), script.chunks)


def _stamps(script: Script, clock: Callable[[], int]) -> Iterator[bytes]:
    width = max(script.size or 0, 20)
    for _ in range(count(script)):
        yield b'"%b"' % str(clock()).ljust(width).encode()
