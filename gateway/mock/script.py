"""What a mock provider is told to do: `gpt-4o-mini;chunks=64;pace=20ms` read into a `Script`.

Knows the names, the units and the meaning of every behaviour; knows nothing of formats, HTTP or time.
The table in the docstring of `gateway.mock` is this module's `BEHAVIOURS` in prose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote


class BadScript(ValueError):
    """The script asks for something nobody here can play; the text says what."""


_SECONDS = (("us", 1e-6), ("ms", 1e-3), ("s", 1.0))
_BYTES = (("kib", 1 << 10), ("mib", 1 << 20))
_WORDS_FOR_YES = frozenset(("", "on", "yes", "true", "1"))
_WORDS_FOR_NO = frozenset(("off", "no", "false", "0"))
THOUGHTS = 4
"""Pieces of thought when nobody says how many."""
USAGES = ("asked", "on", "off", "late", "cached", "last")


def read_seconds(text: str) -> float:
    """Seconds: `20ms`, `500us`, `1.5s`; a bare number is milliseconds."""
    for unit, scale in _SECONDS:
        if text.endswith(unit):
            return _number(text[: -len(unit)]) * scale
    return _number(text) / 1000


def read_bytes(text: str) -> int:
    """Bytes: `512`, `64KiB`, `8MiB`."""
    for unit, scale in _BYTES:
        if text.lower().endswith(unit):
            return int(_number(text[: -len(unit)]) * scale)
    return read_count(text)


def read_count(text: str) -> int:
    """A whole number, not negative."""
    if not text.isascii() or not text.isdigit():
        raise BadScript(f"{text!r} is not a whole number")
    return int(text)


def read_one_or_count(text: str) -> int:
    """A whole number; 1 when only the name was given."""
    return read_count(text) if text else 1


def read_thoughts(text: str) -> int:
    """Pieces of thought; `THOUGHTS` when only the name was given."""
    return read_count(text) if text else THOUGHTS


def read_flag(text: str) -> bool:
    """`on` or `off`; the bare name means `on`."""
    if text.lower() in _WORDS_FOR_YES:
        return True
    if text.lower() in _WORDS_FOR_NO:
        return False
    raise BadScript(f"{text!r} is neither on nor off")


def read_usage(text: str) -> str:
    """One of `USAGES`."""
    if text not in USAGES:
        raise BadScript(f"usage={text!r} is none of {', '.join(USAGES)}")
    return text


def read_status(text: str) -> int:
    """An HTTP status of an answer that is no success: 300 to 599."""
    status = read_count(text)
    if not 300 <= status <= 599:
        raise BadScript(f"status={status} is not between 300 and 599")
    return status


def read_plain_seconds(text: str) -> float:
    """Seconds as `Retry-After` has them: a bare number."""
    return _number(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadScript(f"{text!r} is not a number") from None
    if not 0 <= value < 1e9:
        raise BadScript(f"{text!r} is out of range")
    return value


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One name a script may use. `on_the_wire` behaviours change more than the content of the answer."""

    name: str
    read: Callable[[str], Any]
    meaning: str
    on_the_wire: bool = True


BEHAVIOURS = (
    # The content.
    Behaviour("chunks", read_count, "number of content chunks (12)", on_the_wire=False),
    Behaviour("size", read_bytes, "content bytes of each chunk (a word of the text)", on_the_wire=False),
    Behaviour("text", unquote, "the content itself, percent-decoded; cut into chunks", on_the_wire=False),
    Behaviour("utf8", read_flag, "content of emoji, CJK and U+2028", on_the_wire=False),
    Behaviour("stamp", read_flag, "each chunk's content is its send time, monotonic ns", on_the_wire=False),
    Behaviour("huge", read_bytes, "one chunk with this much content", on_the_wire=False),
    Behaviour("toolcall", read_one_or_count, "call this many of the request's tools", on_the_wire=False),
    Behaviour("thinking", read_thoughts, "think aloud first, in this many pieces (4)", on_the_wire=False),
    Behaviour("redacted", read_flag, "think in secret first: redacted_thinking", on_the_wire=False),
    Behaviour("refusal", read_flag, "refuse after the content", on_the_wire=False),
    Behaviour("filter", read_flag, "OpenAI: a filter ends the content", on_the_wire=False),
    Behaviour("blocked", read_flag, "refuse the prompt: no content", on_the_wire=False),
    Behaviour("finish", str, "the reason of the end, in the format's own word", on_the_wire=False),
    Behaviour("citations", read_flag, "cite a source", on_the_wire=False),
    Behaviour("pings", read_flag, "a ping before each chunk", on_the_wire=False),
    Behaviour("parts", read_count, "Gemini: the answer in so many, each for the token of the last", on_the_wire=False),
    Behaviour("array", read_flag, "Gemini: a stream is one JSON list, whatever was asked for", on_the_wire=False),
    Behaviour("echo", read_flag, "the content is what was received, as JSON", on_the_wire=False),
    Behaviour("quirks", read_flag, "OpenAI: chat streamed as compatible servers do", on_the_wire=False),
    Behaviour("lenient", read_flag, "OpenAI: ignore arguments that are not known", on_the_wire=False),
    Behaviour("usage", read_usage, "asked, on, off, late, cached, last (in the last chunk)", on_the_wire=False),
    Behaviour("input", read_count, "input tokens in the usage", on_the_wire=False),
    Behaviour("output", read_count, "output tokens in the usage", on_the_wire=False),
    Behaviour("tag", str, "name under which /mock/state finds this request", on_the_wire=False),
    Behaviour("times", read_count, "play this script for the first N requests of the tag only", on_the_wire=False),
    # Time.
    Behaviour("pace", read_seconds, "delay between chunks; 0 is a burst in few writes", on_the_wire=False),
    Behaviour("first", read_seconds, "delay before the first byte"),
    Behaviour("think", read_seconds, "delay between the head and the first chunk or the body"),
    # Ends.
    Behaviour("stall", read_count, "silence for ever after N chunks, connection open"),
    Behaviour("cut", read_count, "orderly close (FIN) after N chunks, without the end"),
    Behaviour("reset", read_count, "RST after N chunks; 0 is before the head"),
    Behaviour("errorevent", read_count, "an error event after N chunks, then the end"),
    Behaviour("nodone", read_flag, "no closing [DONE]"),
    Behaviour("close", read_flag, "Connection: close, and done"),
    Behaviour("drop", read_seconds, "keep-alive promised, connection closed this long after the answer"),
    # Answers that are not the answer.
    Behaviour("status", read_status, "this status with the format's error body"),
    Behaviour("retry", read_plain_seconds, "Retry-After in seconds, with a status"),
    Behaviour("overloaded", read_flag, "529 or 503, or the error event says so"),
    Behaviour("quota", read_flag, "429 because the credit is used up"),
    Behaviour("toolong", read_flag, "400 because the prompt is longer than the model takes"),
    Behaviour("disguised", read_flag, "errors and pages with the status 200"),
    Behaviour("tattle", read_flag, "errors repeat the key of the request"),
    Behaviour("html", read_flag, "an HTML page instead (502, or the status given)"),
    Behaviour("empty", read_flag, "200 with nothing in it"),
    Behaviour("garbage", read_flag, "bytes that are not HTTP"),
    Behaviour("interim", read_flag, "100 and 103 before the answer"),
    Behaviour("bighead", read_bytes, "one response header of this many bytes"),
    # Bytes.
    Behaviour("split", read_flag, "characters, events and chunk sizes torn over writes"),
    Behaviour("byte", read_flag, "one byte a write"),
    Behaviour("crlf", read_flag, "events with CRLF line ends"),
    Behaviour("comments", read_flag, "a comment before each event"),
    Behaviour("multi", read_flag, "each event's data on two data: lines"),
    Behaviour("gzip", read_flag, "content-encoding: gzip, asked or not"),
    Behaviour("chunked", read_flag, "a plain body in chunked framing"),
    Behaviour("chunkext", read_flag, "chunk extensions"),
    Behaviour("trailers", read_flag, "trailers after the last chunk"),
    Behaviour("eof", read_flag, "no length: the close is the end of the body"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """One field per behaviour; `None` means not asked for."""

    chunks: int | None = None
    size: int | None = None
    text: str | None = None
    utf8: bool = False
    stamp: bool = False
    huge: int | None = None
    toolcall: int = 0
    thinking: int = 0
    redacted: bool = False
    refusal: bool = False
    filter: bool = False
    blocked: bool = False
    finish: str | None = None
    citations: bool = False
    pings: bool = False
    parts: int = 1
    array: bool = False
    echo: bool = False
    quirks: bool = False
    lenient: bool = False
    usage: str = "asked"
    input: int | None = None
    output: int | None = None
    tag: str | None = None
    times: int | None = None
    pace: float = 0.0
    first: float = 0.0
    think: float = 0.0
    stall: int | None = None
    cut: int | None = None
    reset: int | None = None
    errorevent: int | None = None
    nodone: bool = False
    close: bool = False
    drop: float | None = None
    status: int | None = None
    retry: float | None = None
    overloaded: bool = False
    quota: bool = False
    toolong: bool = False
    disguised: bool = False
    tattle: bool = False
    html: bool = False
    empty: bool = False
    garbage: bool = False
    interim: bool = False
    bighead: int | None = None
    split: bool = False
    byte: bool = False
    crlf: bool = False
    comments: bool = False
    multi: bool = False
    gzip: bool = False
    chunked: bool = False
    chunkext: bool = False
    trailers: bool = False
    eof: bool = False
    on_the_wire: bool = False
    """Whether anything beyond the content was asked for."""


PLAIN = Script()
_BY_NAME = {behaviour.name: behaviour for behaviour in BEHAVIOURS}
SYNONYMS = {"reasoning": "thinking"}
"""Other words for the same."""


def split_model(model: str) -> tuple[str, str]:
    """A scripted model name into the base model and the script's text: `a;b=1;c` is `("a", "b=1;c")`."""
    base, _, text = model.partition(";")
    return base, text


@lru_cache(maxsize=4096)
def read_script(text: str) -> Script:
    """`name=value;name;...` into a `Script`; a later value wins. Raises `BadScript`."""
    values: dict[str, Any] = {}
    for item in text.split(";"):
        name, _, value = item.strip().partition("=")
        if not name:
            continue
        name = SYNONYMS.get(name, name)
        behaviour = _BY_NAME.get(name)
        if behaviour is None:
            raise BadScript(f"{name!r} is not a behaviour of the mock")
        values[name] = behaviour.read(value.strip())
    return Script(**values, on_the_wire=any(_BY_NAME[name].on_the_wire for name in values))
