"""A reply as a whole chat answer for a client.

Shape: https://platform.openai.com/docs/api-reference/chat/object; reasoning as LiteLLM and DeepSeek write it (REAS-6).
"""

from __future__ import annotations

from gateway.formats.format import Fields, ReplyContext
from gateway.formats.media import data_url
from gateway.formats.neutral import (
    Choice,
    Citation,
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
from gateway.formats.reasoning import wrap

from .usage import write_usage

REASONS = {
    "length": "length",
    "context_full": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
}
"""Finish reasons; all others are `stop`."""


def write_reply(reply: Reply, context: ReplyContext) -> Fields:
    """The answer."""
    fields: Fields = {
        "id": f"chatcmpl-{context.token}",
        "object": "chat.completion",
        "created": context.created,
        "model": context.model,
        "choices": [_choice(choice) for choice in reply.choices],
    }
    if reply.usage is not None:
        fields["usage"] = write_usage(reply.usage)
    if reply.tier:
        fields["service_tier"] = reply.tier
    return fields


def write_reason(finish: Finish) -> str:
    """The finish reason."""
    return REASONS.get(finish.reason, "stop")


def write_state(state: State, text: str = "") -> Fields:
    """Opaque state as a thinking block: Anthropic's as LiteLLM writes it, all other in our wrapper (REAS-6, REAS-7)."""
    if state.origin == "anthropic-redacted":
        return {"type": "redacted_thinking", "data": state.payload}
    signature = state.payload if state.origin == "anthropic" else wrap(state)
    return {"type": "thinking", "thinking": text, "signature": signature}


def write_citation(citation: Citation, length: int) -> Fields:
    """A source of the text, which is `length` characters long; one without place is of all of it."""
    end = citation.end or length
    inner = {"start_index": citation.start, "end_index": end, "title": citation.title, "url": citation.url}
    return {"type": "url_citation", "url_citation": inner}


def write_chances(chances: tuple[TokenChance, ...]) -> Fields:
    """Log probabilities of text."""
    return {"content": [_chance(chance, with_top=True) for chance in chances], "refusal": None}


def write_image(image: Image, at: int) -> Fields:
    """What the model has drawn, as compatible servers give it."""
    return {"type": "image_url", "image_url": {"url": data_url(image.source)}, "index": at}


def write_extra(state: State | None) -> Fields:
    """Gemini's signature of a call, where Google's own compatible endpoint puts it."""
    if state is None:
        return {}
    signature = state.payload if state.origin == "gemini" else wrap(state)
    return {"extra_content": {"google": {"thought_signature": signature}}}


def _choice(choice: Choice) -> Fields:
    return {
        "index": choice.index,
        "message": _message(choice.parts, choice.finish),
        "logprobs": write_chances(choice.chances) if choice.chances else None,
        "finish_reason": write_reason(choice.finish),
    }


def _message(parts: tuple[Part, ...], finish: Finish) -> Fields:
    texts = [part for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    images = [part for part in parts if isinstance(part, Image)]
    text = "".join(part.text for part in texts)
    message: Fields = {"role": "assistant", "content": text or None, "refusal": "".join(refusals) or explained(finish)}
    if any(part.text for part in thoughts):
        message["reasoning_content"] = "\n\n".join(part.text for part in thoughts if part.text)
    blocks = [write_state(part.state, part.text) for part in thoughts if part.state is not None]
    if blocks:
        message["thinking_blocks"] = blocks
    notes = [write_citation(citation, len(text)) for part in texts for citation in part.citations]
    if notes:
        message["annotations"] = notes
    if images:
        message["images"] = [write_image(image, at) for at, image in enumerate(images)]
    if calls:
        message["tool_calls"] = calls
    return message


def explained(finish: Finish) -> str | None:
    """The words with which a vendor withheld an answer (FIN-4): a sentence, not a code."""
    said = finish.detail
    return said if finish.reason == "filter" and " " in said and not said.startswith("Prompt blocked") else None


def _call(call: ToolCall) -> Fields:
    if call.kind == "custom":
        inner: Fields = {"type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        inner = {"type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
    return {"id": call.id, **inner, **write_extra(call.state)}


def _chance(chance: TokenChance, *, with_top: bool) -> Fields:
    fields: Fields = {
        "token": chance.token,
        "logprob": chance.logprob,
        "bytes": list(chance.token.encode("utf-8", "surrogatepass")),
    }
    if with_top:
        fields["top_logprobs"] = [_chance(each, with_top=False) for each in chance.top]
    return fields
