"""A provider's Response as a reply. Items that only their vendor understands are passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.errors import ProviderRefused, UpstreamMalformed
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Choice,
    Finish,
    FinishReason,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Source,
    State,
    Text,
    TokenChance,
    ToolCall,
    Usage,
)
from gateway.formats.told import objects_in, text_in

from .errors import refusal
from .part_reader import read_citation
from .usage import read_usage

_REASONS: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "max_messages": "length",
    "content_filter": "filter",
}


def read_reply(fields: Fields) -> Reply:
    """The reply. Raises ProviderRefused when it is an error, UpstreamMalformed when it is no answer."""
    error = failure_in(fields)
    if error is not None:
        raise error
    output = fields.get("output")
    if not isinstance(output, list):
        raise UpstreamMalformed("The provider's answer has no output.")
    parts = tuple(part for item in output if isinstance(item, dict) for part in read_item(item))
    chances = tuple(chance for item in output if isinstance(item, dict) for chance in _chances(item))
    refused = any(isinstance(part, Refusal) for part in parts)
    choice = Choice(parts, read_finish(fields, refused=refused), chances=chances)
    return Reply(text_in(fields, "id"), text_in(fields, "model"), (choice,), usage_in(fields), _tier(fields))


def failure_in(fields: Fields) -> ProviderRefused | None:
    """The error that a Response is, if it is one; with or without a status that says so (ERR-3)."""
    status, error = fields.get("status"), fields.get("error")
    if isinstance(error, str) and error:
        error = {"message": error}
    if status in ("failed", "cancelled") or (isinstance(error, dict) and error and not fields.get("output")):
        return refusal(error if isinstance(error, dict) else {"message": f"The provider's answer is {status}."})
    return None


def read_finish(fields: Fields, *, refused: bool) -> Finish:
    """How a Response ended. Raises UpstreamMalformed when it did not."""
    status = fields.get("status")
    if status in ("queued", "in_progress"):
        raise UpstreamMalformed("The provider's answer is not finished.")
    if status == "incomplete":
        details = fields.get("incomplete_details")
        reason = text_in(details, "reason") if isinstance(details, dict) else ""
        return Finish(_REASONS.get(reason, "other"), detail=reason)
    return Finish("refusal" if refused else "stop")


def usage_in(fields: Fields) -> Usage | None:
    """The usage of a Response, None where there is none."""
    usage = fields.get("usage")
    return read_usage(usage) if isinstance(usage, dict) and usage else None


def _tier(fields: Fields) -> str:
    return text_in(fields, "service_tier")


# Items


def read_item(item: Fields) -> Iterable[Part]:
    """The parts of one output item; none for those that nobody else has."""
    reader = _ITEMS.get(text_in(item, "type"))
    return reader(item) if reader is not None else ()


def _message(item: Fields) -> Iterable[Part]:
    for part in objects_in(item, "content"):
        if words := text_in(part, "refusal"):
            yield Refusal(words)
        elif text := text_in(part, "text"):
            citations = (read_citation(note) for note in objects_in(part, "annotations"))
            yield Text(text, citations=tuple(each for each in citations if each is not None))


def _reasoning(item: Fields) -> Iterable[Part]:
    text, state = reasoning_text(item), state_of(item)
    if text or state is not None:
        yield Reasoning(text, state)


def reasoning_text(item: Fields) -> str:
    """What a reasoning item shows: its summaries, else the thoughts themselves, which open models give."""
    summary = "\n\n".join(text for part in objects_in(item, "summary") if (text := text_in(part, "text")))
    return summary or "\n\n".join(text for part in objects_in(item, "content") if (text := text_in(part, "text")))


def state_of(item: Fields) -> State | None:
    """The sealed state of a reasoning item, which is of use only with its id."""
    sealed = text_in(item, "encrypted_content")
    return State("openai", f"{text_in(item, 'id')}~{sealed}") if sealed else None


def _call(item: Fields) -> Iterable[Part]:
    call = read_call(item, text_in(item, "arguments"), "function")
    return () if call is None else (call,)


def _custom_call(item: Fields) -> Iterable[Part]:
    call = read_call(item, text_in(item, "input"), "custom")
    return () if call is None else (call,)


def read_call(item: Fields, arguments: str, kind: Any) -> ToolCall | None:
    """A call of a tool; None without a name, for nobody could answer it."""
    name = text_in(item, "name")
    own_id = text_in(item, "call_id") or text_in(item, "id")
    return ToolCall(own_id, name, arguments, kind, text_in(item, "namespace")) if name else None


def _image(item: Fields) -> Iterable[Part]:
    image = read_image(item)
    return () if image is None else (image,)


def read_image(item: Fields) -> Image | None:
    """What the model has drawn, None while it has not."""
    result = text_in(item, "result")
    form = text_in(item, "output_format") or "png"
    return Image(Source("base64", result, f"image/{form}")) if result else None


_ITEMS: dict[str, Callable[[Fields], Iterable[Part]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call,
    "custom_tool_call": _custom_call,
    "image_generation_call": _image,
}


def _chances(item: Fields) -> Iterable[TokenChance]:
    for part in objects_in(item, "content"):
        yield from read_chances(part)


def read_chances(part: Fields) -> tuple[TokenChance, ...]:
    """The log probabilities of a text or of a piece of one."""
    return tuple(
        TokenChance(text_in(each, "token"), _number(each.get("logprob")), _tops(each))
        for each in objects_in(part, "logprobs")
    )


def _tops(chance: Fields) -> tuple[TokenChance, ...]:
    tops = objects_in(chance, "top_logprobs")
    return tuple(TokenChance(text_in(each, "token"), _number(each.get("logprob"))) for each in tops)


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
