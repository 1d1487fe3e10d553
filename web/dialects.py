"""The four ways in which clients speak, as far as a page speaks them: a conversation as a request, and the words of an
answer, whole or as it streams.

Pure. Knows only texts: what else an answer holds is shown as it came. Whatever is not as it should be holds no words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

import orjson

PLACE = "{model}"

USUAL_MOST = 1024
"""Tokens of an answer where nobody says and the dialect wants a number."""

LONGEST_LINE = 4 * 1024 * 1024

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said."""

    who: Literal["user", "model"]
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, and how it is to go on."""

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of an answer, and of what was thought before."""

    text: str = ""
    thought: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking."""

    name: str
    title: str
    path: str
    write: Callable[[Talk], Fields]
    hear: Callable[[Fields], Heard]
    """Of an event of a stream."""
    hear_whole: Callable[[Fields], Heard]
    streamed_path: str = ""
    """For streams, where that is another one."""

    def path_of(self, talk: Talk) -> str:
        """Where it is asked, as the table of endpoints has it."""
        return self.streamed_path if talk.stream and self.streamed_path else self.path


def target_of(path: str, model: str) -> str:
    """A path of the table of endpoints as it is asked for."""
    target = path.replace(PLACE, quote(model, safe=""))
    # Without it Gemini streams one JSON array.
    return f"{target}?alt=sse" if path.endswith(":streamGenerateContent") else target


class Listening:
    """The words of a stream, from its bytes."""

    def __init__(self, dialect: Dialect) -> None:
        self._hear = dialect.hear
        self._rest = b""

    def feed(self, data: bytes) -> Heard:
        """What is said in these bytes and whatever they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
        return _joined(self._hear(fields) for fields in map(_data, lines) if fields is not None)


def _data(line: bytes) -> Fields | None:
    """What a line of an event stream holds."""
    if not line.startswith(b"data:"):
        return None
    try:
        value = orjson.loads(line[5:])
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _joined(heard: Iterator[Heard]) -> Heard:
    pieces = list(heard)
    return Heard("".join(each.text for each in pieces), "".join(each.thought for each in pieces))


def whole_of(dialect: Dialect, body: bytes) -> Heard:
    """The words of a whole answer; of anything else none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Heard()
    return dialect.hear_whole(value) if isinstance(value, dict) else Heard()


# Values of an answer, forgiven


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Fields]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _said(**fields: object) -> Fields:
    """The fields that hold something."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


# OpenAI Chat Completions


def _write_chat(talk: Talk) -> Fields:
    system = [{"role": "system", "content": talk.system}] if talk.system else []
    return _said(
        model=talk.model,
        messages=[*system, *_messages(talk)],
        temperature=talk.temperature,
        max_completion_tokens=talk.max_tokens,
        stream=talk.stream or None,
    )


def _messages(talk: Talk) -> list[Fields]:
    return [{"role": "user" if turn.who == "user" else "assistant", "content": turn.text} for turn in talk.turns]


def _hear_chat(event: Fields) -> Heard:
    return _joined(_of_message(_object(each.get("delta"))) for each in _objects(event.get("choices")))


def _hear_whole_chat(answer: Fields) -> Heard:
    return _joined(_of_message(_object(each.get("message"))) for each in _objects(answer.get("choices"))[:1])


def _of_message(message: Fields) -> Heard:
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    return Heard(_text(message.get("content")) or _text(message.get("refusal")), thought)


# OpenAI Responses


def _write_responses(talk: Talk) -> Fields:
    return _said(
        model=talk.model,
        instructions=talk.system,
        input=_messages(talk),
        temperature=talk.temperature,
        max_output_tokens=talk.max_tokens,
        stream=talk.stream or None,
        store=False,
    )


def _hear_responses(event: Fields) -> Heard:
    kind, delta = event.get("type"), _text(event.get("delta"))
    if kind in ("response.output_text.delta", "response.refusal.delta"):
        return Heard(text=delta)
    if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
        return Heard(thought=delta)
    return Heard()


def _hear_whole_responses(answer: Fields) -> Heard:
    items = _objects(answer.get("output"))
    texts = [part for item in items for part in _objects(item.get("content")) if item.get("type") == "message"]
    thoughts = [part for item in items for part in _objects(item.get("summary"))]
    return Heard(
        "".join(_text(each.get("text")) for each in texts), "".join(_text(each.get("text")) for each in thoughts)
    )


# Anthropic Messages


def _write_anthropic(talk: Talk) -> Fields:
    return _said(
        model=talk.model,
        max_tokens=talk.max_tokens or USUAL_MOST,
        system=talk.system,
        messages=_messages(talk),
        temperature=talk.temperature,
        stream=talk.stream or None,
    )


def _hear_anthropic(event: Fields) -> Heard:
    return _of_block(_object(event.get("delta"))) if event.get("type") == "content_block_delta" else Heard()


def _hear_whole_anthropic(answer: Fields) -> Heard:
    return _joined(map(_of_block, _objects(answer.get("content"))))


def _of_block(block: Fields) -> Heard:
    return Heard(_text(block.get("text")), _text(block.get("thinking")))


# Gemini


def _write_gemini(talk: Talk) -> Fields:
    config = _said(temperature=talk.temperature, maxOutputTokens=talk.max_tokens)
    return _said(
        systemInstruction={"parts": [{"text": talk.system}]} if talk.system else None,
        contents=[{"role": turn.who, "parts": [{"text": turn.text}]} for turn in talk.turns],
        generationConfig=config or None,
    )


def _hear_gemini(answer: Fields) -> Heard:
    found = _objects(answer.get("candidates"))[:1]
    parts = [part for each in found for part in _objects(_object(each.get("content")).get("parts"))]
    return _joined(
        Heard(thought=_text(part.get("text"))) if part.get("thought") is True else Heard(text=_text(part.get("text")))
        for part in parts
    )


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        each.name: each
        for each in (
            Dialect(
                name="openai_chat",
                title="OpenAI Chat Completions",
                path="/v1/chat/completions",
                write=_write_chat,
                hear=_hear_chat,
                hear_whole=_hear_whole_chat,
            ),
            Dialect(
                name="openai_responses",
                title="OpenAI Responses",
                path="/v1/responses",
                write=_write_responses,
                hear=_hear_responses,
                hear_whole=_hear_whole_responses,
            ),
            Dialect(
                name="anthropic",
                title="Anthropic Messages",
                path="/v1/messages",
                write=_write_anthropic,
                hear=_hear_anthropic,
                hear_whole=_hear_whole_anthropic,
            ),
            Dialect(
                name="gemini",
                title="Gemini",
                path="/v1beta/models/{model}:generateContent",
                write=_write_gemini,
                hear=_hear_gemini,
                hear_whole=_hear_gemini,
                streamed_path="/v1beta/models/{model}:streamGenerateContent",
            ),
        )
    }
)
"""By name."""

BY_PATH: Mapping[str, Dialect] = MappingProxyType(
    {path: each for each in DIALECTS.values() for path in (each.path, each.streamed_path) if path}
)
