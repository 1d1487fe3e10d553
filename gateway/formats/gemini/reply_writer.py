"""A whole reply as a GenerateContentResponse: choices as candidates, other vendors' state as thought signatures.

Shape: https://ai.google.dev/api/generate-content#generatecontentresponse. What the pieces of a stream have in common
with it is here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gateway.formats.arguments import as_object
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import (
    Choice,
    Finish,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    State,
    Text,
    TokenChance,
    ToolCall,
)

from .chances import write_chances
from .finish import write_finish
from .grounding import Cited, cited, write_grounding
from .state import write_signature
from .usage import write_usage


def write_reply(reply: Reply, context: ReplyContext) -> Fields:
    """The response. Without usage from the provider it has none (USAGE-5)."""
    fields: Fields = {
        "candidates": [_candidate(choice) for choice in reply.choices],
        "modelVersion": context.model,
        "responseId": response_id(context),
    }
    if reply.usage is not None:
        fields["usageMetadata"] = write_usage(reply.usage)
    return fields


def response_id(context: ReplyContext) -> str:
    """The id of an answer, the same in all its pieces."""
    return context.token


def _candidate(choice: Choice) -> Fields:
    ending = write_ending(choice.finish, _cited(choice.parts), choice.chances)
    return {"content": {"role": "model", "parts": _parts(choice.parts)}, "index": choice.index, **ending}


def write_ending(finish: Finish, sources: Iterable[Cited], chances: Iterable[TokenChance]) -> Fields:
    """What a candidate has beside its content: how it ended, its sources, how likely its tokens were."""
    return {**write_finish(finish), **write_grounding(sources), **write_chances(chances)}


def _cited(parts: Iterable[Part]) -> Iterator[Cited]:
    """All sources, at their places in all texts together."""
    before = 0
    for part in parts:
        if isinstance(part, Text):
            yield from (cited(citation, part.text, before) for citation in part.citations)
            before += len(part.text.encode("utf-8", "surrogatepass"))


# Parts


def _parts(parts: tuple[Part, ...]) -> list[Fields]:
    """What a model says. The state of a thought goes to the call right behind it, where Google's own would stand."""
    out: list[Fields] = []
    waiting: State | None = None
    for part in parts:
        if isinstance(part, ToolCall):
            if part.state is not None:
                _sign(out, waiting)
            out.append(write_call(part.id, part.name, _arguments(part), part.state or waiting))
            waiting = None
            continue
        _sign(out, waiting)
        waiting = None
        if isinstance(part, Reasoning):
            waiting = part.state
            out += [write_thought(part.text)] if part.text else []
        elif part.__class__ in _SAID:
            out.append(_SAID[part.__class__](part))
    _sign(out, waiting)
    return out


def _sign(out: list[Fields], state: State | None) -> None:
    """State that is no call's belongs to the thought before, or is one by itself."""
    if state is None:
        return
    if not out or "thought" not in out[-1] or "thoughtSignature" in out[-1]:
        out.append(write_thought(""))
    out[-1]["thoughtSignature"] = write_signature(state)


def _arguments(call: ToolCall) -> Fields:
    return write_arguments(call.arguments, call.kind)


def write_arguments(arguments: str, kind: str) -> Fields:
    """Arguments as the object that a function takes; of a free-form tool, with its text as the one in it."""
    return {"input": arguments} if kind == "custom" else as_object(arguments)


def write_thought(text: str) -> Fields:
    """A part that is thought."""
    return {"text": text, "thought": True}


def write_call(own_id: str, name: str, arguments: Fields, state: State | None) -> Fields:
    """A part that calls a function."""
    call: Fields = {"id": own_id, "name": name, "args": arguments} if own_id else {"name": name, "args": arguments}
    part: Fields = {"functionCall": call}
    return part if state is None else {**part, "thoughtSignature": write_signature(state)}


def write_image(image: Image) -> Fields:
    """A part that is drawn."""
    source = image.source
    media_type = source.media_type or "image/png"
    if source.kind == "base64":
        return {"inlineData": {"mimeType": media_type, "data": source.value}}
    return {"fileData": {"mimeType": media_type, "fileUri": source.value}}


def _text(part: Text | Refusal) -> Fields:
    return {"text": part.text}


_SAID: dict[type, Callable[[Any], Fields]] = {Text: _text, Refusal: _text, Image: write_image}
