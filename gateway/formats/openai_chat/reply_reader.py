"""A provider's whole chat answer as a reply. Forgiving: compatible servers leave out, rename and repeat.

Shape: https://platform.openai.com/docs/api-reference/chat/object.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import UpstreamMalformed
from gateway.formats.arguments import as_text
from gateway.formats.format import Fields
from gateway.formats.media import source_of_url
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    FinishReason,
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
from gateway.formats.openai_responses.errors import refusal
from gateway.formats.reasoning import is_wrapped, unwrap
from gateway.formats.told import string_of, text_in

from .usage import read_usage

REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
    "safety": "filter",
    "sensitive": "filter",
    "error": "malformed",
}
"""Finish reasons, those of compatible servers among them (FIN-6); OpenRouter says `error` of an answer it lost."""


def read_reply(fields: Fields) -> Reply:
    """The reply. Raises ProviderRefused for an error in a 200 (ERR-3), UpstreamMalformed for what is no answer."""
    choices = fields.get("choices")
    error = error_of(fields)
    if error is not None and not choices:
        raise refusal(error)
    given = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    if not any(isinstance(choice.get("message"), dict) or choice.get("finish_reason") for choice in given):
        raise UpstreamMalformed("The provider's answer has no choices.")
    usage = fields.get("usage")
    return Reply(
        text_in(fields, "id"),
        text_in(fields, "model"),
        tuple(_choice(choice, at) for at, choice in enumerate(given)),
        read_usage(usage) if usage and isinstance(usage, dict) else None,
        text_in(fields, "service_tier"),
    )


def error_of(fields: Fields) -> Fields | None:
    """The error that an answer, or a piece of one, says it is: under `error`, or as a whole, as vLLM tells it."""
    error = fields.get("error")
    if error:
        return error if isinstance(error, dict) else {"message": error}
    return fields if fields.get("object") == "error" else None


def read_finish(reason: Any) -> Finish:
    """How an answer ended; without a word it was stopped."""
    if not isinstance(reason, str) or not reason:
        return Finish("stop")
    return Finish(REASONS.get(reason.lower(), "other"), detail=reason)


def thinking_of(message: Fields) -> str:
    """The text of the reasoning, by either of its names, else from the details in which OpenRouter repeats it."""
    for name in ("reasoning_content", "reasoning"):
        text = message.get(name)
        if isinstance(text, str) and text:
            return text
    details = message.get("reasoning_details")
    listed = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    return "".join(text_in(each, "text") or text_in(each, "summary") for each in listed)


def states_of(message: Fields) -> list[tuple[str, State | None]]:
    """Text and state of each thinking block."""
    blocks = message.get("thinking_blocks")
    found = []
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, dict):
            continue
        payload = text_in(block, "data") or text_in(block, "signature")
        redacted = block.get("type") == "redacted_thinking"
        found.append((text_in(block, "thinking"), _state(payload, redacted=redacted)))
    return found


def signature_of(call: Fields) -> State | None:
    """Gemini's signature of a call, where Google's compatible endpoint puts it (REAS-6); others' in our wrapping."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    if not isinstance(signature, str) or not signature:
        return None
    return unwrap(signature) if is_wrapped(signature) else State("gemini", signature)


def citations_of(message: Fields) -> list[Citation]:
    """Sources that the answer names."""
    notes = message.get("annotations")
    inner = [note.get("url_citation") for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []
    return [
        Citation(each["url"], text_in(each, "title"), _index(each, "start_index"), _index(each, "end_index"))
        for each in inner
        if isinstance(each, dict) and isinstance(each.get("url"), str)
    ]


def images_of(message: Fields) -> list[Image]:
    """What the model has drawn, as compatible servers give it."""
    images = message.get("images")
    urls = [
        each["image_url"].get("url")
        for each in (images if isinstance(images, list) else ())
        if isinstance(each, dict) and isinstance(each.get("image_url"), dict)
    ]
    return [Image(source_of_url(url)) for url in urls if isinstance(url, str) and url and _is_whole(url)]


def chances_of(choice: Fields) -> tuple[TokenChance, ...]:
    """Log probabilities of the text, or of the refusal."""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return ()
    rows = logprobs.get("content") or logprobs.get("refusal")
    return tuple(_chance(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()


def text_of(content: Any) -> str:
    """Text, also of servers that answer in parts."""
    if isinstance(content, list):
        return "".join(text_in(part, "text") for part in content if isinstance(part, dict))
    return string_of(content)


def name_and_arguments(call: Fields) -> tuple[str, str]:
    """Of a function or a custom tool; arguments that are no text become some."""
    inner = call.get("function") or call.get("custom")
    if not isinstance(inner, dict):
        return "", ""
    said = inner.get("arguments") if "arguments" in inner else inner.get("input")
    return text_in(inner, "name"), said if isinstance(said, str) else _written(said) if said is not None else ""


def _choice(choice: Fields, at: int) -> Choice:
    message = choice.get("message")
    fields = message if isinstance(message, dict) else {}
    index = choice.get("index")
    return Choice(
        _parts(fields),
        read_finish(choice.get("finish_reason")),
        index if index.__class__ is int else at,
        chances_of(choice),
    )


def _parts(message: Fields) -> tuple[Part, ...]:
    parts: list[Part] = _thoughts(message)
    text = text_of(message.get("content"))
    if text:
        parts.append(Text(text, citations=tuple(citations_of(message))))
    refused = text_in(message, "refusal")
    if refused:
        parts.append(Refusal(refused))
    parts += images_of(message)
    calls = message.get("tool_calls")
    listed = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if isinstance(message.get("function_call"), dict):
        listed.append({"function": message["function_call"]})
    return (*parts, *(_call(call) for call in listed))


def _thoughts(message: Fields) -> list[Part]:
    """Blocks with their state; the plain text only where they hold none."""
    blocks: list[Part] = [Reasoning(text, state) for text, state in states_of(message) if text or state]
    plain = thinking_of(message)
    if plain and not any(isinstance(block, Reasoning) and block.text for block in blocks):
        blocks.insert(0, Reasoning(plain))
    return blocks


def _call(call: Fields) -> ToolCall:
    name, arguments = name_and_arguments(call)
    custom = call.get("type") == "custom" or isinstance(call.get("custom"), dict)
    kind: Any = "custom" if custom else "function"
    return ToolCall(text_in(call, "id"), name, arguments, kind, state=signature_of(call))


def _state(payload: str, *, redacted: bool) -> State | None:
    if not payload or is_wrapped(payload):
        return unwrap(payload) if payload else None
    return State("anthropic-redacted" if redacted else "anthropic", payload)


def _chance(row: Fields) -> TokenChance:
    top = row.get("top_logprobs")
    inner = [each for each in top if isinstance(each, dict)] if isinstance(top, list) else []
    others = tuple(TokenChance(text_in(each, "token"), _logprob(each)) for each in inner)
    return TokenChance(text_in(row, "token"), _logprob(row), others)


def _logprob(row: Fields) -> float:
    value = row.get("logprob")
    return float(value) if isinstance(value, int | float) else 0.0


def _is_whole(url: str) -> bool:
    """Whether a URL leads anywhere: one that carries its data has them behind a comma."""
    return "," in url or url[:5].lower() != "data:"


def _written(arguments: Any) -> str:
    """Arguments as compact JSON. Raises UpstreamMalformed when they are nested too deeply to be written again."""
    try:
        return as_text(arguments)
    except TypeError:
        raise UpstreamMalformed("The arguments of a call are nested too deeply.") from None


def _index(fields: Fields, name: str) -> int:
    value = fields.get(name)
    return value if value.__class__ is int and value > 0 else 0
