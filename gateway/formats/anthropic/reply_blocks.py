"""What a client gets of an answer, whole or in pieces: the ends of messages, signatures, sources, ids.

Shapes: https://platform.claude.com/docs/en/api/messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.formats.format import Fields, ReplyContext
from gateway.formats.ids import made_id
from gateway.formats.neutral import Citation, Finish, FinishReason, State, Usage
from gateway.formats.reasoning import wrap

from .usage import write_usage

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context_full": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
}
"""Any other reason is an end like any."""


def message(context: ReplyContext, content: list[Fields], ended: Fields, usage: Usage | None) -> Fields:
    """A message, as far as it is known."""
    return {
        "id": f"msg_{context.token}",
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": content,
        **ended,
        "usage": write_usage(usage),
    }


def stop_fields(finish: Finish) -> Fields:
    """The fields that say why it ended; of a refusal with what the vendor says of it (FIN-3)."""
    reason = _REASONS.get(finish.reason, "end_turn")
    met = finish.stop_sequence if reason == "stop_sequence" else ""
    fields: Fields = {"stop_reason": reason, "stop_sequence": met or None}
    if reason == "refusal":
        told = finish.detail if " " in finish.detail.strip() else None
        fields["stop_details"] = {"type": "refusal", "category": finish.category or None, "explanation": told}
    return fields


def signature(state: State | None) -> str:
    """Anthropic's own as it is, others wrapped: a thought must have one (REAS-7)."""
    return state.payload if state is not None and state.origin == "anthropic" else wrap(state)


def is_redacted(state: State | None) -> bool:
    """Whether this is a thought of Anthropic's that nobody may read."""
    return state is not None and state.origin == "anthropic-redacted"


def call_id(context: ReplyContext, given: str, call: int) -> str:
    """The id of a call, made where the provider gave none (TID-2)."""
    return given or made_id("toolu_", context.token, call)


def sources(citations: Iterable[Citation]) -> str:
    """Pages as a list in plain text: Anthropic's own citations need an index that only it can make (SRV-2)."""
    pages = {each.url: f"[{each.title}]({each.url})" if each.title else each.url for each in citations}
    return "\n\nSources:" + "".join(f"\n- {page}" for page in pages.values()) if pages else ""
