"""The words of an answer of OpenAI, and where they end. Knows neither chat's nor responses' fields. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from gateway.mock import echo, examples, texts
from gateway.mock.answers import Call
from gateway.mock.script import Script


class Speech(NamedTuple):
    """What will be said."""

    script: Script
    """Its content alone is meant."""
    chunks: int
    cut: bool
    """Whether a token limit ended it."""


class Wish(NamedTuple):
    """What the request says about the answer's text."""

    most: int | None = None
    """Tokens at most."""
    stops: Sequence[str] = ()
    schema: Any = None
    """Of an answer in JSON; none for words."""
    json: bool = False
    """JSON of any kind."""


def speak(call: Call, wish: Wish, see: Callable[[], echo.Seen]) -> Speech:
    """The words of an answer: scripted, or the echo of the request, or JSON as asked for."""
    script = call.script
    if script.echo:
        script = echo.speak(script, see())
        return Speech(script, texts.count(script), cut=False)
    if script.text is None and (wish.schema is not None or wish.json):
        script = echo.say(script, orjson.dumps(examples.example(wish.schema or _ANY_JSON)).decode())
    wanted = texts.count(script)
    chunks = wanted if wish.most is None else min(wanted, wish.most)
    found = texts.until(script, call.clock, most=chunks, stops=list(wish.stops)) if wish.stops else None
    if found is not None:
        script = echo.say(script, found[0])
        return Speech(script, texts.count(script) if found[0] else 0, cut=False)
    return Speech(script, chunks, cut=chunks < wanted)


_ANY_JSON = {"type": "object", "properties": {"answer": {"type": "string"}}}


def has_words(script: Script, tools: Sequence[object]) -> bool:
    """Whether there are words beside calls: where the script asks for them."""
    return not tools or script.chunks is not None or script.text is not None
