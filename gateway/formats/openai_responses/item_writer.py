"""Turns as input items for a Responses provider: one item for each thing said, thought, called or come back.

Items: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input. Instructions, limits and
tools are written next door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NoReturn

from gateway.formats.format import Fields
from gateway.formats.ids import made_id
from gateway.formats.losses import Losses
from gateway.formats.media import data_url, text_document
from gateway.formats.neutral import (
    Audio,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from gateway.formats.openai_fields import write_audio, write_mark


@dataclass(frozen=True, slots=True)
class Manner:
    """How a provider wants its items."""

    losses: Losses
    marks: bool = False
    """It takes cache marks."""
    detail: str = ""
    """Of images that say none themselves."""


def write_items(turns: Iterable[Turn], manner: Manner) -> list[Fields]:
    """The items, in order. Raises UnsupportedParameter for content that no item can hold."""
    custom: set[str] = set()
    items: list[Fields] = []
    for turn in turns:
        if turn.role == "assistant":
            custom |= {part.id for part in turn.parts if isinstance(part, ToolCall) and part.kind == "custom"}
            items += _assistant_items(turn, manner)
        elif turn.role == "system":
            items.append(write_message("developer", turn.parts, manner))
        else:
            items += _user_items(turn, custom, manner)
    return items


def write_message(role: str, parts: Iterable[Part], manner: Manner) -> Fields:
    """A message of the user, or an instruction."""
    content = [_write_part(part, manner) for part in parts]
    only = content[0] if len(content) == 1 else {}
    plain = only.keys() == {"type", "text"}
    return {"type": "message", "role": role, "content": only["text"] if plain else content}


def _user_items(turn: Turn, custom: set[str], manner: Manner) -> list[Fields]:
    """Results first, then what the user says besides (TRES-2)."""
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
    items = [_result_item(result, result.id in custom, manner) for result in results]
    return [*items, write_message("user", rest, manner)] if rest else items


def _result_item(result: ToolResult, custom: bool, manner: Manner) -> Fields:
    kind = "custom_tool_call_output" if custom else "function_call_output"
    return {"type": kind, "call_id": result.id, "output": _output(result, manner)}


def _output(result: ToolResult, manner: Manner) -> str | list[Fields]:
    parts = _told_as_error(result.parts) if result.is_error else result.parts
    content = [_write_part(part, manner) for part in parts]
    if result.cache is not None and content:
        content[-1] |= write_mark(result.cache, taken=manner.marks)
    if not content:
        return ""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return str(content[0]["text"])
    return content


def _told_as_error(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """There is no flag for failure: the text must say it (TRES-5)."""
    first = parts[0] if parts else None
    if not isinstance(first, Text):
        return (Text("Error: "), *parts)
    if first.text.lower().startswith("error:"):
        return parts
    return (Text(f"Error: {first.text}", first.cache), *parts[1:])


def _assistant_items(turn: Turn, manner: Manner) -> list[Fields]:
    """Everything keeps its place. Thoughts that led to nothing are left out: the API wants what they led to."""
    items: list[Fields] = []
    for said, group in groupby(turn.parts, lambda part: isinstance(part, Text | Refusal)):
        parts = tuple(group)
        if said:
            items.append(_said(parts, turn.phase, len(items)))
        else:
            items += [item for part in parts if (item := _act(part, manner)) is not None]
    while items and items[-1]["type"] == "reasoning":
        items.pop()
    return items


def _said(parts: tuple[Part, ...], phase: str, place: int) -> Fields:
    """Text of the model as a string: its parts would need ids that we do not have. A refusal can only be a part."""
    item: Fields = {"type": "message", "role": "assistant"}
    if any(isinstance(part, Refusal) for part in parts):
        content = [_spoken(part) for part in parts]
        item |= {"id": made_id("msg_", place, *(str(part) for part in content)), "status": "completed"}
        item["content"] = content
    else:
        item["content"] = "".join(part.text for part in parts if isinstance(part, Text))
    if phase:
        item["phase"] = phase
    return item


def _spoken(part: Part) -> Fields:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text if isinstance(part, Text) else "", "annotations": []}


def _act(part: Part, manner: Manner) -> Fields | None:
    if isinstance(part, ToolCall):
        return _call_item(part)
    if isinstance(part, Reasoning):
        return _reasoning_item(part)
    # Nothing else of the model's has an item that a client may write: an image it has drawn, for one.
    manner.losses.drop(type(part).__name__.lower())
    return None


def _call_item(call: ToolCall) -> Fields:
    if call.kind == "custom":
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    arguments = call.arguments if call.arguments.strip() else "{}"
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _reasoning_item(thought: Reasoning) -> Fields | None:
    """Only with what OpenAI has sealed itself: without it the API cannot take the item back (REAS-8)."""
    if thought.state is None or thought.state.origin != "openai":
        return None
    item_id, _, sealed = thought.state.payload.partition("~")
    return {
        "type": "reasoning",
        "id": item_id or made_id("rs_", sealed),
        "summary": [{"type": "summary_text", "text": thought.text}] if thought.text else [],
        "encrypted_content": sealed,
    }


# Parts


def _write_part(part: Part, manner: Manner) -> Fields:
    return _PARTS[type(part)](part, manner)


def _text(part: Text, manner: Manner) -> Fields:
    return {"type": "input_text", "text": part.text, **write_mark(part.cache, taken=manner.marks)}


def _refusal(part: Refusal, manner: Manner) -> Fields:
    return {"type": "input_text", "text": part.text}


def _image(part: Image, manner: Manner) -> Fields:
    detail = part.detail or manner.detail or "auto"
    url = _url(part.source, "image", manner)
    return {"type": "input_image", "image_url": url, "detail": detail, **write_mark(part.cache, taken=manner.marks)}


def _document(part: Document, manner: Manner) -> Fields:
    """A text is told as text: files are for what is not (DOC-1)."""
    source = part.source
    if part.cites:
        manner.losses.drop("cites")
    if source.kind == "text" or (source.kind == "base64" and source.media_type.startswith("text/")):
        return {"type": "input_text", "text": text_document(part), **write_mark(part.cache, taken=manner.marks)}
    if part.context:
        manner.losses.drop("context")
    name = {"filename": part.title} if part.title else {}
    field = "file_url" if source.kind == "url" else "file_data"
    url = _url(source, "document", manner)
    return {"type": "input_file", **name, field: url, **write_mark(part.cache, taken=manner.marks)}


def _url(source: Source, what: str, manner: Manner) -> str:
    """Raises UnsupportedParameter for what only its own vendor can open."""
    if source.kind == "url":
        if not source.value.startswith(("http://", "https://")):
            manner.losses.refuse(what, f"The selected upstream cannot open this address: {source.value[:80]}")
        return source.value
    if source.kind != "base64":
        manner.losses.refuse(what, f"An uploaded {what} cannot be handed to the selected upstream by its id.")
    return data_url(source)


def _audio(part: Audio, manner: Manner) -> Fields:
    sound = write_audio(part)
    if sound is None:
        manner.losses.refuse("audio")
    return sound


def _video(part: Video, manner: Manner) -> NoReturn:
    manner.losses.refuse("video")


def _stray(part: Part, manner: Manner) -> NoReturn:
    manner.losses.refuse(type(part).__name__.lower())


_PARTS: dict[type[Part], Callable[[Any, Manner], Fields]] = {
    Text: _text,
    Refusal: _refusal,
    Image: _image,
    Document: _document,
    Audio: _audio,
    Video: _video,
    Reasoning: _stray,
    ToolCall: _stray,
    ToolResult: _stray,
}
