"""Lines for a shell that ask the gateway as a client does: to be pasted and run as they stand. Pure.

Knows where each dialect wants its key. The secret is the shell's to know, in a variable, unless it was just made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote

import orjson

from gateway.records import ClientKey
from web.dialects import PLACE, target_of
from web.least import FILES, OF_FILES, whole_body

CHAT = "/v1/chat/completions"

ANYBODY = ClientKey("", id="")
"""Who may ask for everything."""

VARIABLE = "$SLUICEGATE_KEY"

LONGEST_WORD = 100_000
"""Bytes of a body that stand in the line itself: Linux takes no word of 128 KiB or more. Longer ones follow it."""

END = "END_OF_BODY"
"""No line of JSON can be this."""

ANTHROPIC_VERSION = "2023-06-01"

WORDS = (
    ("embed", ("embed",)),
    ("rerank", ("rerank",)),
    ("moderations", ("moderation",)),
    ("images", ("image", "dall-e")),
    ("speech", ("tts",)),
    ("audio", ("whisper", "transcribe")),
)
"""What models are for that one does not talk with: of a part of an endpoint's path words in their names."""

OTHERS = tuple(word for _, words in WORDS for word in words)

PLACEHOLDER = "provider/model"
"""Where there is no model at all."""

SPEECH = "/v1/audio/speech"


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked."""

    endpoint: str
    """As the table of endpoints has it."""
    model: str
    is_streamed: bool = False
    body: str = ""
    """JSON; empty: the least that makes sense."""


def curl(origin: str, ask: Ask, secret: str = "") -> str:
    """A line that asks it. For the files that some endpoints want it names some."""
    head = [_call(origin, ask), *_access(ask.endpoint, secret)]
    if ask.endpoint in FILES:
        fields = {"model": ask.model, **FILES[ask.endpoint]}
        words = (f"{name}={'@' if name in OF_FILES else ''}{value}" for name, value in fields.items())
        return _joined([*head, *(f"-F {quote(word)}" for word in words)])
    head.append("-H 'Content-Type: application/json'")
    body = ask.body or orjson.dumps(whole_body(ask.endpoint, ask.model, is_streamed=ask.is_streamed)).decode()
    if len(body.encode()) <= LONGEST_WORD:
        return _joined([*head, f"-d {quote(body)}"])
    return f"{_joined([*head, '--data-binary @-'])} <<'{END}'\n{body}\n{END}"


def model_among(names: Iterable[str], endpoint: str) -> str:
    """Of models that may be asked for the first that is for an endpoint, as far as names tell; else the first."""
    wanted = next((words for part, words in WORDS if part in endpoint.lower()), ())
    first = ""
    for name in names:  # they are found as they are asked for
        if _has(name, wanted) if wanted else not _has(name, OTHERS):
            return name
        first = first or name
    return first or PLACEHOLDER


def _has(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _call(origin: str, ask: Ask) -> str:
    streamed = " -N" if ask.is_streamed else ""
    kept = " -o speech.mp3" if ask.endpoint == SPEECH else ""
    return f"curl{streamed}{kept} {quote(origin + target_of(ask.endpoint, ask.model))}"


def _access(endpoint: str, secret: str) -> list[str]:
    """Where the key stands, by the dialect of an endpoint."""
    if endpoint.startswith("/v1/messages"):
        return [_header("x-api-key: ", secret), f"-H 'anthropic-version: {ANTHROPIC_VERSION}'"]
    return [_header("x-goog-api-key: " if PLACE in endpoint else "Authorization: Bearer ", secret)]


def _header(begin: str, secret: str) -> str:
    """A variable stands in double quotes."""
    return f"-H {quote(begin + secret)}" if secret else f'-H "{begin}{VARIABLE}"'


def _joined(parts: Sequence[str]) -> str:
    return " \\\n  ".join(parts)
