"""Turns as chat messages for a provider: results as tool messages, what they cannot hold in a user message behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.media import data_url, text_document
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from gateway.formats.openai_fields import write_audio, write_mark

NOTHING_SAID: Fields = {"role": "user", "content": "Continue."}
"""Stands for a conversation in which nothing was said: an empty list is refused (SYS-3)."""
UNDERSTOOD: Fields = {"role": "assistant", "content": "Understood."}
"""What stands between results and the user, where a provider refuses one right behind the other."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a provider wants its messages."""

    losses: Losses
    marks: bool = False
    """It takes cache marks."""
    echoes: bool = False
    """It wants to see its reasoning again (REAS-8)."""
    detail: str = ""
    """Of images that say none themselves."""
    interposes: bool = False
    """It wants the assistant to speak between results and what the user says next."""


def write_messages(system: tuple[Text, ...], turns: Iterable[Turn], manner: Manner) -> list[Fields]:
    """The messages. Raises UnsupportedParameter for content that none can hold."""
    messages = _instructions(system, manner)
    for turn in turns:
        if turn.role == "assistant":
            messages += _assistant(turn, manner)
        elif turn.role == "system":
            messages.append({"role": "system", "content": _content(turn.parts, manner)})
        else:
            messages += _user(turn, manner)
    if manner.interposes:
        messages = list(_interposed(messages))
    return messages or [NOTHING_SAID]


def _interposed(messages: Iterable[Fields]) -> Iterator[Fields]:
    """The messages, with one of the assistant's wherever tool messages are followed by anybody else's."""
    before = ""
    for message in messages:
        if before == "tool" and message["role"] in ("user", "system"):
            yield UNDERSTOOD
        before = message["role"]
        yield message


def _instructions(system: tuple[Text, ...], manner: Manner) -> list[Fields]:
    """One message, of parts only where a mark must stand on one (SYS-1)."""
    said = tuple(text for text in system if text.text.strip())
    if not said:
        return []
    if manner.marks and any(text.cache is not None for text in said):
        return [{"role": "system", "content": _content(said, manner)}]
    return [{"role": "system", "content": "\n\n".join(text.text for text in said)}]


def _user(turn: Turn, manner: Manner) -> list[Fields]:
    """Results, then what they could not hold, then the rest of the turn (TRES-2, TRES-3)."""
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    rest = tuple(part for part in turn.parts if not isinstance(part, ToolResult))
    messages = [_result(result, manner) for result in results]
    attached = [part for result in results for part in _attached(result, manner)]
    if attached:
        messages.append({"role": "user", "content": attached})
    if rest:
        messages.append({"role": "user", "content": _content(rest, manner)})
    return messages


def _result(result: ToolResult, manner: Manner) -> Fields:
    text = "\n".join(_words(part, manner) for part in result.parts if _is_text(part))
    if not text and not all(_is_text(part) for part in result.parts):
        text = "[see attached content]"
    if result.is_error and not text.lower().startswith("error:"):
        text = f"Error: {text}"
    mark = write_mark(result.cache or _last_mark(result.parts), taken=manner.marks)
    content = [{"type": "text", "text": text, **mark}] if text and mark else text
    return {"role": "tool", "tool_call_id": result.id, "content": content}


def _is_text(part: Part) -> bool:
    """Whether a tool message can hold it."""
    return isinstance(part, Text) or (isinstance(part, Document) and _is_text_document(part))


def _is_text_document(document: Document) -> bool:
    return document.source.kind == "text" or document.source.media_type.startswith("text/")


def _words(part: Part, manner: Manner) -> str:
    return str(_part(part, manner)["text"])


def _last_mark(parts: tuple[Part, ...]) -> CacheMark | None:
    marks = [part.cache for part in parts if isinstance(part, Text | Image | Document) and part.cache is not None]
    return marks[-1] if marks else None


def _attached(result: ToolResult, manner: Manner) -> list[Fields]:
    media = [part for part in result.parts if not _is_text(part)]
    if not media:
        return []
    heading = {"type": "text", "text": f"Attached content of tool result {result.id}:"}
    return [heading, *(_part(part, manner) for part in media)]


def _assistant(turn: Turn, manner: Manner) -> list[Fields]:
    """One message: text joined, calls behind, reasoning only for servers that want it back."""
    for part in turn.parts:
        if isinstance(part, Image | Document | Audio | Video):
            # What a model has drawn or said has no place in its messages.
            manner.losses.drop(type(part).__name__.lower())
    message: Fields = {"role": "assistant"}
    texts = [part.text for part in turn.parts if isinstance(part, Text)]
    refusals = [part.text for part in turn.parts if isinstance(part, Refusal)]
    calls = [_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    thoughts = [part.text for part in turn.parts if isinstance(part, Reasoning) and part.text]
    if texts or not calls:
        message["content"] = "".join(texts) if texts or not refusals else None
    else:
        message["content"] = None
    if refusals:
        message["refusal"] = "".join(refusals)
    if calls:
        message["tool_calls"] = calls
    if manner.echoes and thoughts:
        message["reasoning_content"] = "\n\n".join(thoughts)
    if not (texts or refusals or calls):
        return []
    return [message]


def _call(call: ToolCall) -> Fields:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    arguments = call.arguments if call.arguments.strip() else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _content(parts: tuple[Part, ...], manner: Manner) -> str | list[Fields]:
    content = [_part(part, manner) for part in parts]
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return str(content[0]["text"])
    return content


def _part(part: Part, manner: Manner) -> Fields:
    return _Parts(manner).write(part)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Content parts by kind."""

    manner: Manner

    def write(self, part: Part) -> Fields:
        writer = self._WRITERS.get(part.__class__)
        if writer is None:
            self.manner.losses.refuse("turns", "The conversation has content that the selected upstream cannot take.")
        return writer(self, part)

    def _text(self, part: Text) -> Fields:
        return {"type": "text", "text": part.text, **write_mark(part.cache, taken=self.manner.marks)}

    def _refusal(self, part: Refusal) -> Fields:
        return {"type": "text", "text": part.text}

    def _image(self, part: Image) -> Fields:
        if part.source.kind == "file":
            self.manner.losses.refuse("image", "An image known only to its vendor cannot be sent to another.")
        detail = part.detail or self.manner.detail
        image = {"url": data_url(part.source), **({"detail": detail} if detail else {})}
        return {"type": "image_url", "image_url": image, **write_mark(part.cache, taken=self.manner.marks)}

    def _document(self, part: Document) -> Fields:
        source = part.source
        for field, lost in (("context", part.context), ("cites", part.cites)):
            if lost:
                self.manner.losses.drop(field)
        if _is_text_document(part):
            return {"type": "text", "text": text_document(part), **write_mark(part.cache, taken=self.manner.marks)}
        if source.kind != "base64":
            self.manner.losses.refuse("document", "A document known only to its vendor cannot be sent to another.")
        file = {"file_data": data_url(source), "filename": part.title or "document.pdf"}
        return {"type": "file", "file": file, **write_mark(part.cache, taken=self.manner.marks)}

    def _audio(self, part: Audio) -> Fields:
        sound = write_audio(part)
        if sound is None:
            self.manner.losses.refuse("audio", "The selected upstream takes sound as wav or mp3 only.")
        return sound

    def _video(self, part: Video) -> Fields:
        self.manner.losses.refuse("video", "Video is not supported by the selected upstream.")

    _WRITERS: ClassVar[dict[type, Callable[[Any, Any], Fields]]] = {
        Text: _text,
        Refusal: _refusal,
        Image: _image,
        Document: _document,
        Audio: _audio,
        Video: _video,
    }
