"""Output items and their parts, as clients get them. Refuses to know whether they go out whole or in pieces.

Items: https://platform.openai.com/docs/api-reference/responses/object#responses/object-output.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, Finish, Image, State, TokenChance
from gateway.formats.reasoning import wrap

ID_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "image_generation_call": "ig",
}


def item_id(kind: str, token: str, place: int) -> str:
    """The id of the item at this place of the output; the same in every event and in the whole answer."""
    return f"{ID_PREFIXES[kind]}_{token}{place:04x}"


def message_item(own_id: str, status: str, content: list[Fields]) -> Fields:
    """What the model says."""
    return {"id": own_id, "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning_item(own_id: str, text: str, state: State | None) -> Fields:
    """What the model thought, with the state to hand back.

    Without state it is marked as such: clients drop items that have no `encrypted_content` (REAS-7). OpenAI's own
    state is told as OpenAI does where the item has the id that it was sealed with.
    """
    native, _, sealed = state.payload.partition("~") if state is not None and state.origin == "openai" else ("", "", "")
    return {
        "id": own_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}] if text else [],
        "encrypted_content": sealed if native == own_id else wrap(state),
    }


def reasoning_id(state: State | None, token: str, place: int) -> str:
    """The id of a reasoning item: the one it was sealed with, where OpenAI did."""
    native = state.payload.partition("~")[0] if state is not None and state.origin == "openai" else ""
    return native or item_id("reasoning", token, place)


def call_item(own_id: str, kind: str, status: str, call: Fields) -> Fields:
    """A call of a tool; `call` has its `call_id`, name, namespace and what it is called with."""
    return {"id": own_id, "type": kind, **call, "status": status}


def image_item(own_id: str, image: Image) -> Fields:
    """Something the model has drawn."""
    form = image.source.media_type.removeprefix("image/")
    shown = {"output_format": form} if form in ("png", "webp", "jpeg", "gif") else {}
    return {
        "id": own_id,
        "type": "image_generation_call",
        "status": "completed",
        "result": image.source.value,
        **shown,
    }


def text_part(text: str, annotations: list[Fields], logprobs: list[Fields]) -> Fields:
    """A text with its sources."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal_part(text: str) -> Fields:
    """The words with which the model declines."""
    return {"type": "refusal", "refusal": text}


def annotation(citation: Citation, length: int) -> Fields:
    """A source; one that tells no place belongs to the whole text of `length` characters (SRV-2)."""
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start,
        "end_index": citation.end or length,
    }


def logprobs_of(chances: Iterable[TokenChance]) -> list[Fields]:
    """Tokens with their log probabilities."""
    return [{**_chance(chance), "top_logprobs": [_chance(top) for top in chance.top]} for chance in chances]


def _chance(chance: TokenChance) -> Fields:
    return {"token": chance.token, "bytes": list(chance.token.encode()), "logprob": chance.logprob}


_INCOMPLETE = {"length": "max_output_tokens", "context_full": "max_output_tokens", "filter": "content_filter"}


def incomplete_reason(finish: Finish | None) -> str | None:
    """Why an answer is incomplete; None where it is not."""
    return _INCOMPLETE.get(finish.reason) if finish is not None else None


def explanation(finish: Finish) -> str:
    """The sentence in which a vendor withholds an answer (FIN-4); empty where it is but a word, or says that the
    prompt itself was blocked (FIN-3)."""
    detail = finish.detail.strip()
    told = finish.reason == "filter" and " " in detail and not detail.startswith("Prompt blocked")
    return detail if told else ""
