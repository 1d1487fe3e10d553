"""The items that led to a response as OpenAI lists them: each with an id, a type and a status, a page at a time. Pure.

All of the conversation is listed, whichever response brought an item into it.

How they look when listed: https://platform.openai.com/docs/api-reference/responses/input-items.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.ids import made_id
from gateway.store.responses import Given

DEFAULT_LIMIT = 20
MOST_ITEMS = 100

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "message": "msg",
        "reasoning": "rs",
        "function_call": "fc",
        "function_call_output": "fco",
        "custom_tool_call": "ctc",
        "custom_tool_call_output": "ctco",
        "compaction": "cmp",
    }
)
"""What the id of an item begins with, by type; `item` for the others."""

WITH_STATUS = frozenset(PREFIXES) - {"reasoning", "compaction"}
"""Types whose listed items always have a status; clients may leave it out."""

INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
"""What may be asked for with `include`."""

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Which page is asked for."""

    limit: int = DEFAULT_LIMIT
    ascending: bool = False
    after: str | None = None
    """Id of the item before the page."""


def read_question(query: Mapping[str, Sequence[str]]) -> Question:
    """The question in a query string; what else is in it is left alone. Raises InvalidRequest."""
    check_include(query)
    given = {name: values[-1] for name, values in query.items() if values}
    order = given.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("`order` is asc or desc.", param="order")
    limit = given.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", limit, re.ASCII) or not 1 <= int(limit) <= MOST_ITEMS:
        raise InvalidRequest(f"`limit` is a number from 1 to {MOST_ITEMS}.", param="limit")
    return Question(int(limit), order == "asc", given.get("after"))


def check_include(query: Mapping[str, Sequence[str]]) -> None:
    """Raises InvalidRequest when something is to be included that nobody knows. What is known needs no asking for: what
    is kept is shown whole."""
    for name in ("include", "include[]"):
        for place, wanted in enumerate(query.get(name, ())):
            if wanted not in INCLUDABLE:
                choices = ", ".join(f"'{each}'" for each in INCLUDABLE)
                raise InvalidRequest(
                    f"Invalid value: '{wanted}'. Supported values are: {choices}.", param=f"include[{place}]"
                )


def page(conversation: Sequence[Given], question: Question) -> dict[str, Any]:
    """The page of the items of a conversation. Raises InvalidRequest when `after` is none of them."""
    items = listed(conversation)
    if not question.ascending:
        items.reverse()
    rest = items[_start(items, question.after) :]
    shown = rest[: question.limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(rest) > len(shown),
    }


def listed(conversation: Sequence[Given]) -> list[Item]:
    """All items, completed. Ids are the client's or the model's own; where there is none, or one that came before, it
    is made from the place within the response, so that it is the same in every page and every list."""
    found: dict[str, Item] = {}
    for given in conversation:
        for place, item in enumerate((*given.asked, *given.answered)):
            if isinstance(item, dict):
                done = _listed(item, made_id("", given.response_id, place), found)
                found[done["id"]] = done
    return list(found.values())


def _listed(item: Item, letters: str, taken: Container[str]) -> Item:
    kind, own = str(item.get("type") or "message"), item.get("id")
    is_usable = isinstance(own, str) and own and own not in taken
    done = {**item, "id": own if is_usable else f"{PREFIXES.get(kind, 'item')}_{letters}", "type": kind}
    if kind in WITH_STATUS:
        done["status"] = item.get("status") or "completed"
    if kind == "message":
        done["content"] = _content(item.get("role"), item.get("content"))
    return done


def _content(role: object, content: object) -> object:
    """The parts of a message, whose content may have been a plain text."""
    if not isinstance(content, str):
        return content
    if role == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]


def _start(items: Sequence[Item], after: str | None) -> int:
    if after is None:
        return 0
    for place, item in enumerate(items):
        if item["id"] == after:
            return place + 1
    raise InvalidRequest("`after` is not the id of an input item of this response.", param="after")
