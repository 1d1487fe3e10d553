"""What a request needs of a model, and what a model lacks for it. Pure.

A cheap look at a request's fields, in the client's dialect, before anybody is asked: what needs images is not sent to a
model that takes none. Facts that nobody said keep no model from anything, and what might fit is taken to fit: of tokens
fewer are guessed than there will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from gateway.records import ModelFacts, Target

from .targets import Choice, TargetList

CHARACTERS_PER_TOKEN = 5
"""English has some four, Chinese one or two: prompts are longer than this makes them."""

Medium = Literal["images", "audio", "documents"]
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model must take or do to answer a request."""

    images: bool = False
    audio: bool = False
    documents: bool = False
    tools: bool = False
    reasoning: bool = False
    """The client asks for it. A model that does not reason can answer all the same."""
    input_tokens: int = 0
    """At least so many are in the prompt."""
    output_tokens: int = 0
    """Most that are asked for; 0 where the request does not say."""


def needs_of(format_name: str, fields: Fields, body_bytes: int) -> Needs:
    """What a request in a dialect needs; `body_bytes` is its size, which no prompt exceeds in characters."""
    media = set(_MEDIA[format_name](fields))
    characters = min(_characters(fields), body_bytes)
    return Needs(
        images="images" in media,
        audio="audio" in media,
        documents="documents" in media,
        tools=_asks_for_tools(fields),
        reasoning=_REASONING[format_name](fields),
        input_tokens=characters // CHARACTERS_PER_TOKEN,
        output_tokens=_output_tokens(format_name, fields),
    )


def misses(needs: Needs, facts: ModelFacts) -> str | None:
    """Why a model cannot do what is needed; None where it can, or where nobody knows."""
    for name in ("images", "audio", "documents", "tools"):
        if getattr(needs, name) and getattr(facts, name) is False:
            return f"no {name}"
    for name in ("max_input", "context"):
        most = getattr(facts, name)
        if most is not None and needs.input_tokens >= most:
            return f"{name} {most} < {needs.input_tokens}"
    return None


def lags(needs: Needs, facts: ModelFacts) -> str | None:
    """Why a model that can do what is needed would do it worse than others may; None where nothing is known of it."""
    if needs.reasoning and facts.thinking == "none":
        return "no reasoning"
    wanted = needs.input_tokens + needs.output_tokens
    if facts.context is not None and wanted > facts.context:
        return f"context {facts.context} < {wanted}"
    return None


def matters(facts: Iterable[ModelFacts]) -> bool:
    """Whether what a request needs can make a difference between models: whether they differ in what is looked at."""
    return len({tuple(getattr(one, name) for name in _LOOKED_AT) for one in facts}) > 1


@dataclass(frozen=True, slots=True)
class Sifted:
    """The targets of a request after what it needs."""

    targets: TargetList
    passed_over: tuple[tuple[Target, str], ...] = ()
    """Those that cannot do it, and why."""
    behind: tuple[tuple[Target, str], ...] = ()
    """Those that are tried after all others, and why."""


def sift(targets: TargetList, needs: Needs, facts: Callable[[Target], ModelFacts]) -> Sifted:
    """Without the targets that cannot do what is needed, and with those last that would do it worse.

    Where none could, all are left: then a provider says so itself, in its own words.
    """
    known = {target: facts(target) for target in targets.targets}
    passed = {target: why for target, one in known.items() if (why := misses(needs, one)) is not None}
    if len(passed) == len(known):
        return Sifted(targets)
    left = targets.without(passed)
    behind = {target: why for target in left.targets if (why := lags(needs, known[target])) is not None}
    if len(behind) == len(left.targets):
        behind = {}
    return Sifted(_put_behind(left, behind), tuple(passed.items()), tuple(behind.items()))


def _put_behind(targets: TargetList, behind: Mapping[Target, str]) -> TargetList:
    """Some of the targets after all others, each part in the order it would have had."""
    if not behind:
        return targets
    choice = targets.choice or Choice("", targets.targets)
    first = choice.keeping(lambda target: target not in behind)
    last = choice.keeping(lambda target: target in behind)
    assert first is not None  # neither part is empty
    assert last is not None
    order = tuple(sorted(targets.targets, key=lambda target: target in behind))
    return replace(targets.noting(behind), targets=order, choice=Choice(choice.name, (first, last)))


_LOOKED_AT = ("images", "audio", "documents", "tools", "max_input", "context", "thinking")


# Media, by the part of a message that carries it


_PARTS: Mapping[str, Medium] = MappingProxyType(
    {
        "image_url": "images",
        "input_image": "images",
        "image": "images",
        "input_audio": "audio",
        "file": "documents",
        "input_file": "documents",
        "document": "documents",
    }
)
"""Types of parts in the dialects of OpenAI and Anthropic."""


def _chat_media(fields: Fields) -> Iterator[Medium]:
    for message in _rows(fields, "messages"):
        yield from _typed(message.get("content"))


def _responses_media(fields: Fields) -> Iterator[Medium]:
    for item in _rows(fields, "input"):
        yield from _typed(item.get("content"))
        yield from _typed(item.get("output"))


def _anthropic_media(fields: Fields) -> Iterator[Medium]:
    for message in _rows(fields, "messages"):
        for part in _rows(message, "content"):
            yield from _typed([part])
            if part.get("type") == "tool_result":
                yield from _typed(part.get("content"))


def _gemini_media(fields: Fields) -> Iterator[Medium]:
    for content in _rows(fields, "contents"):
        for part in _rows(content, "parts"):
            for name in ("inlineData", "inline_data", "fileData", "file_data"):
                if isinstance(carried := part.get(name), dict):
                    yield from _of_type(carried.get("mimeType") or carried.get("mime_type"))


def _typed(parts: object) -> Iterator[Medium]:
    """The media among parts that say their type. Text in a document is text."""
    if not isinstance(parts, list):
        return
    for part in parts:
        if not isinstance(part, dict) or not isinstance(kind := part.get("type"), str) or _is_text(part):
            continue
        if (medium := _PARTS.get(kind)) is not None:
            yield medium


def _is_text(part: Fields) -> bool:
    source = part.get("source")
    return isinstance(source, dict) and source.get("type") in ("text", "content")


def _of_type(media_type: object) -> Iterator[Medium]:
    """The medium of a media type; text is none."""
    if isinstance(media_type, str):
        family = media_type.partition("/")[0].lower()
        if family in ("image", "audio"):
            yield "images" if family == "image" else "audio"
        elif media_type.lower() == "application/pdf":
            yield "documents"


_MEDIA: Mapping[str, Callable[[Fields], Iterator[Medium]]] = MappingProxyType(
    {
        "openai_chat": _chat_media,
        "openai_responses": _responses_media,
        "anthropic": _anthropic_media,
        "gemini": _gemini_media,
    }
)


# Tools and reasoning


def _asks_for_tools(fields: Fields) -> bool:
    """Whether functions are declared that the model may call; what a provider's own server does is not looked at."""
    return any(_declares(tool) for tool in (*_rows(fields, "tools"), *_rows(fields, "functions")))


def _declares(tool: Fields) -> bool:
    declared = ("input_schema", "parameters", "function", "functionDeclarations", "function_declarations")
    return any(tool.get(name) for name in declared)


def _within(fields: Fields, *path: str) -> Any:
    """What stands at the end of a path of names; None where nothing does."""
    found: Any = fields
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _gemini_reasons(fields: Fields) -> bool:
    thinking = _within(fields, "generationConfig", "thinkingConfig") or {}
    return bool(_within(thinking, "thinkingLevel")) or _within(thinking, "thinkingBudget") not in (None, 0)


_REASONING: Mapping[str, Callable[[Fields], bool]] = MappingProxyType(
    {
        "openai_chat": lambda fields: fields.get("reasoning_effort") not in (None, "none"),
        "openai_responses": lambda fields: _within(fields, "reasoning", "effort") not in (None, "none"),
        "anthropic": lambda fields: _within(fields, "thinking", "type") in ("enabled", "adaptive"),
        "gemini": _gemini_reasons,
    }
)


# Tokens

_LIMITS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "openai_chat": (("max_completion_tokens",), ("max_tokens",)),
        "openai_responses": (("max_output_tokens",),),
        "anthropic": (("max_tokens",),),
        "gemini": (("generationConfig", "maxOutputTokens"),),
    }
)
"""Where each dialect says how long an answer may be."""

_NO_TEXT = frozenset(
    ("data", "url", "image_url", "file_data", "encrypted_content", "signature", "thoughtSignature", "thought_signature")
)
"""Fields that hold bytes, not words: however long they are, their tokens are others."""


def _output_tokens(format_name: str, fields: Fields) -> int:
    said = (_within(fields, *path) for path in _LIMITS[format_name])
    return next((most for most in said if type(most) is int and most > 0), 0)


def _characters(fields: Fields) -> int:
    """Characters of all texts, without those that are no words."""
    count, waiting = 0, [fields]
    while waiting:
        value: Any = waiting.pop()
        if isinstance(value, str):
            count += len(value)
        elif isinstance(value, dict):
            waiting.extend(each for name, each in value.items() if not (name in _NO_TEXT and isinstance(each, str)))
        elif isinstance(value, list):
            waiting.extend(value)
    return count


def _rows(fields: Fields, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a list in a field; nothing where there is no such list."""
    rows = fields.get(name)
    if isinstance(rows, list):
        yield from (row for row in rows if isinstance(row, dict))
