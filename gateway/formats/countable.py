"""What our tokenizer counts as a model's own does: texts, and what is put around messages. Knows no tokenizer.

A count is worth its name only where all that a model reads, or says, is text. What it makes of tools, schemas, images,
and of thoughts that it keeps to itself, its vendor alone knows: there is no count of that here, and whoever asks has to
estimate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .counting import Measured
from .events import (
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyFailed,
    TextDelta,
    ToolBegin,
)
from .format import Fields
from .neutral import Refusal, Reply, Text

_OURS = re.compile(
    r"(?:.*/)?(?:ft:)?(?:chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5-chat)(?![a-z0-9.])"
    r"(?![\w.:-]*-(?:audio|image|realtime|search|transcribe|tts))",
    re.IGNORECASE,
)
"""Models whose encoding is `o200k_base` (https://github.com/openai/tiktoken/blob/main/tiktoken/model.py), and that say
all they think: the o series, GPT-5 and gpt-oss do not, and are charged for it."""

MESSAGE_TOKENS = 3
NAME_TOKENS = 1
"""What a message costs beside its role and content, and one that names who speaks beside that name."""
ANSWER_TOKENS = 3
"""What the beginning of the answer costs its prompt. All three are in section 6 of
https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb, which finds them
equal to what the API counts."""

_SETTINGS = frozenset(
    (
        *("frequency_penalty", "include", "logit_bias", "logprobs", "max_completion_tokens", "max_output_tokens"),
        *("max_tokens", "metadata", "model", "n", "parallel_tool_calls", "presence_penalty", "prompt_cache_key"),
        *("prompt_cache_retention", "safety_identifier", "seed", "service_tier", "stop", "store", "stream"),
        *("stream_options", "temperature", "tool_choice", "top_logprobs", "top_p", "user"),
    )
)
"""Fields of a request that its model does not read. What is not among them may be anything, and is not counted."""

_PLAIN_TEXT = {"type": "text"}
_USUAL: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "response_format": (_PLAIN_TEXT,),
        "text": ({"format": _PLAIN_TEXT}, {"format": _PLAIN_TEXT, "verbosity": "medium"}),
        "truncation": ("disabled",),
    }
)
"""Values that say what holds anyway."""

_TEXTS = frozenset(("text", "input_text", "output_text"))
_WRITTEN = frozenset(("role", "content", "name", "type", "id", "status"))
_OF_A_TEXT = frozenset(("type", "text", "cache_control"))

_WITHHELD = frozenset(("filter", "malformed"))
"""Ends of answers of which something was said that nobody got."""


def is_counted(format_name: str, model: str) -> bool:
    """Whether our tokenizer is that of a provider's model, which is spoken to in this dialect."""
    return format_name in _MESSAGES and _OURS.match(model) is not None


def prompt_of(format_name: str, fields: Fields) -> Measured | None:
    """What a model reads of a request in a dialect, with what is put around its messages; None where not all of it is
    text."""
    messages = _MESSAGES[format_name](fields)
    if messages is None:
        return None
    texts: list[str] = []
    extra = ANSWER_TOKENS
    for message in messages:
        said = _read(message)
        if said is None:
            return None
        texts += said
        extra += MESSAGE_TOKENS + (NAME_TOKENS if message.get("name") else 0)
    return Measured(tuple(texts), extra)


def answer_of(reply: Reply) -> Measured | None:
    """What a model said in a whole reply; None where not all of it is text."""
    texts = []
    for choice in reply.choices:
        if choice.finish.reason in _WITHHELD:
            return None
        if any(part.__class__ not in (Text, Refusal) or getattr(part, "citations", ()) for part in choice.parts):
            return None
        texts.append("".join([part.text for part in choice.parts if isinstance(part, Text | Refusal)]))
    return Measured(tuple(texts))


class Said:
    """What a model says in a stream, piece by piece."""

    __slots__ = ("_left", "_texts")

    def __init__(self, most: int) -> None:
        """`most` characters are kept; of an answer that is longer, nothing."""
        self._left = most
        self._texts: dict[int, list[str]] | None = {}
        """By choice; None once something was said that is no text."""

    @property
    def is_lost(self) -> bool:
        """Whether nothing more need be heard."""
        return self._texts is None

    def take(self, events: Iterable[Event]) -> None:
        """More of it."""
        for event in events:
            if isinstance(event, TextDelta | RefusalDelta):
                self._add(event)
            elif event.__class__ in _NO_TEXT or (isinstance(event, ChoiceEnd) and event.finish.reason in _WITHHELD):
                self.lose()

    def lose(self) -> None:
        """Not all of it is, or will be, known as text."""
        self._texts = None

    def whole(self) -> Measured | None:
        """All of it, once the stream has ended; None where not all of it was text."""
        return None if self._texts is None else Measured(tuple(map("".join, self._texts.values())))

    def _add(self, event: TextDelta | RefusalDelta) -> None:
        if self._texts is None:
            return
        self._left -= len(event.text)
        if self._left < 0:
            self.lose()
        else:
            self._texts.setdefault(event.choice, []).append(event.text)


_NO_TEXT = frozenset((CitationFound, ImageWhole, ReasoningDelta, ReasoningState, ReplyFailed, ToolBegin))


def _of_chat(fields: Fields) -> list[Any] | None:
    messages = fields.get("messages")
    return messages if isinstance(messages, list) and _is_usual(fields, "messages") else None


def _of_responses(fields: Fields) -> list[Any] | None:
    """Its items as the messages that the same model would get by Chat."""
    said, rules = fields.get("input"), fields.get("instructions")
    items = [{"role": "user", "content": said}] if isinstance(said, str) else said
    if not isinstance(items, list) or not _is_usual(fields, "input", "instructions"):
        return None
    return [{"role": "system", "content": rules}, *items] if rules else items


_MESSAGES: Mapping[str, Callable[[Fields], list[Any] | None]] = MappingProxyType(
    {"openai_chat": _of_chat, "openai_responses": _of_responses}
)
"""By dialect: the messages of a request; None where it says more than these."""


def _is_usual(fields: Fields, *read: str) -> bool:
    """Whether a request has nothing in it, beside these fields, that its model might read."""
    said = [name for name, value in fields.items() if value and name not in _SETTINGS and name not in read]
    return all(fields[name] in _USUAL.get(name, ()) for name in said)


def _read(message: Any) -> list[str] | None:
    """The texts of a message: its role, its content, and whose it is. None where it has more than these."""
    if not isinstance(message, dict) or any(value for name, value in message.items() if name not in _WRITTEN):
        return None
    role, name, content = message.get("role"), message.get("name") or "", message.get("content") or ""
    if not isinstance(role, str) or not isinstance(name, str) or message.get("type", "message") != "message":
        return None
    parts = [content] if isinstance(content, str) else _parts(content)
    return None if parts is None else [text for text in (role, *parts, name) if text]


def _parts(content: Any) -> list[str] | None:
    if not isinstance(content, list):
        return None
    texts = [_text(part) for part in content]
    return None if None in texts else [text for text in texts if text is not None]


def _text(part: Any) -> str | None:
    if not isinstance(part, dict) or part.get("type") not in _TEXTS or not isinstance(part.get("text"), str):
        return None
    return None if any(value for name, value in part.items() if name not in _OF_A_TEXT) else part["text"]
