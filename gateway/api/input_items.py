"""The items of a request as OpenAI lists them: each with an id, a type and a status, a page at a time. Pure.

How they look when listed: https://platform.openai.com/docs/api-reference/responses/input-items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from gateway.errors import InvalidRequest
from gateway.formats.ids import made_id
from gateway.records import StoredResponse

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
    }
)
"""What the id of an item begins with, by type; `item` for the others."""

WITH_STATUS = frozenset(PREFIXES) - {"reasoning"}
"""Types whose listed items always have a status; clients may leave it out."""

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
    given = {name: values[-1] for name, values in query.items() if values}
    order = given.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("`order` is asc or desc.", param="order")
    limit = given.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", limit, re.ASCII) or not 1 <= int(limit) <= MOST_ITEMS:
        raise InvalidRequest(f"`limit` is a number from 1 to {MOST_ITEMS}.", param="limit")
    return Question(int(limit), order == "asc", given.get("after"))


def page(record: StoredResponse, question: Question) -> dict[str, Any]:
    """The page of the items of this response. Raises InvalidRequest when `after` is none of them."""
    items = listed(orjson.loads(record.input or b"[]"), record.id)
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


def listed(items: Sequence[Any], response_id: str) -> list[Item]:
    """Items as a client sent them, completed. Ids are the client's own, or made from the place in the request."""
    return [_listed(item, response_id, place) for place, item in enumerate(items) if isinstance(item, dict)]


def _listed(item: Item, response_id: str, place: int) -> Item:
    kind = str(item.get("type") or "message")
    made = made_id(f"{PREFIXES.get(kind, 'item')}_", response_id, place)
    done = {**item, "id": item.get("id") or made, "type": kind}
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
