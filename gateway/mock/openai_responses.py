"""OpenAI's responses: making them, and whatever else is done with them. Pure but for what `Call.kept` remembers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from gateway.mock import openai, signatures
from gateway.mock.answers import Answer, Call, Refused, Reply, Stream
from gateway.mock.kept import Remembered
from gateway.mock.openai_responses_events import Writer
from gateway.mock.openai_responses_items import SEALED_BY, Item
from gateway.mock.openai_responses_output import Fields, Plan, count_prompt, finished, plan, response, usage
from gateway.mock.openai_responses_request import Asked, read_compact, read_count, read_request

_PAGE = 20


def answer(call: Call) -> Answer:
    """`POST /v1/responses`. Raises `Refused`."""
    asked = read_request(call)
    openai.block(call)
    planned = plan(call, asked)
    if call.document.get("stream"):
        return _stream(call, asked, planned)
    document = finished(call, planned, _whole(planned))
    _keep(call, asked, document)
    if call.document.get("background"):
        document = response(call, "queued")
    return _reply(document)


def _reply(document: object) -> Reply:
    return Reply(orjson.dumps(document), fresh=True)


def _whole(planned: Plan) -> list[Fields]:
    return [item.done("".join(map(orjson.loads, item.pieces))) for item in planned.items]


def _stream(call: Call, asked: Asked, planned: Plan) -> Stream:
    writer = Writer(call, planned, lambda document: _keep(call, asked, document))
    return Stream(
        opening=writer.opening(),
        contents=writer.contents(),
        closing=writer.closing,
        late=b"",
        end=writer.end,
        error=writer.error,
    )


def _keep(call: Call, asked: Asked, document: Fields) -> None:
    if call.document.get("store") is not False:
        call.kept.keep(document["id"], Remembered(document, asked.items))


def count(call: Call) -> Reply:
    """`POST /v1/responses/input_tokens`. Raises `Refused`."""
    tokens = count_prompt(read_count(call)) if call.script.input is None else call.script.input
    return _reply({"object": "response.input_tokens", "input_tokens": tokens})


def compact(call: Call) -> Reply:
    """`POST /v1/responses/compact`: what the user said, and something sealed that stands for the rest. Raises
    `Refused`."""
    asked = read_compact(call)
    sealed = signatures.seal(SEALED_BY, orjson.dumps(asked.items).decode())
    said = [item for item in asked.items if item["type"] == "message" and item["role"] == "user"]
    output: list[Fields] = [_listed(call, index, item) for index, item in enumerate(said)]
    output.append({"id": f"cmp_{call.number:024x}", "type": "compaction", "encrypted_content": sealed})
    document = {
        "id": f"resp_{call.number:032x}",
        "object": "response.compaction",
        "created_at": call.created,
        "output": output,
        "usage": usage(call, prompt=count_prompt(asked), completion=len(said) + 1),
    }
    return _reply(document)


def fetch(call: Call) -> Reply:
    """`GET /v1/responses/{id}`. Raises `Refused`."""
    return _reply(_find(call, 3).response)


def forget(call: Call) -> Reply:
    """`DELETE /v1/responses/{id}`. Raises `Refused`."""
    name = _find(call, 3).response["id"]
    call.kept.forget(name)
    return _reply({"id": name, "object": "response", "deleted": True})


def cancel(call: Call) -> Reply:
    """`POST /v1/responses/{id}/cancel`: of those in the background alone, which begin only when nobody cancels them.
    Raises `Refused`."""
    found = _find(call, 3)
    if not found.response["background"]:
        raise openai.refuse("Cannot cancel a synchronous response.")
    document = {**found.response, "status": "cancelled", "output": [], "usage": None, "completed_at": None}
    call.kept.keep(document["id"], found._replace(response=document))
    return _reply(document)


def list_items(call: Call) -> Reply:
    """`GET /v1/responses/{id}/input_items`, in pages of `limit` after `after`, latest first. Raises `Refused`."""
    found = _find(call, 3)
    query = {name: values[0] for name, values in parse_qs(call.query).items()}
    items = [_listed(call, index, item) for index, item in enumerate(found.items)]
    if query.get("order", "desc") == "desc":
        items.reverse()
    names = [item["id"] for item in items]
    if query.get("after") in names:
        items = items[names.index(query["after"]) + 1 :]
    limit = query.get("limit", str(_PAGE))
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        raise openai.refuse("Invalid 'limit': expected a value between 1 and 100.", param="limit", code="invalid_value")
    page = items[: int(limit)]
    return _reply(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(items) > len(page),
        }
    )


def _listed(call: Call, index: int, item: Item) -> Item:
    """An input item as it is listed: with an id, and content in parts."""
    listed: dict[str, Any] = {
        "id": f"{_PREFIXES.get(item['type'], 'item')}_{index:024x}",
        "status": "completed",
        **item,
    }
    content = item.get("content")
    if item["type"] == "message" and isinstance(content, str):
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        more: Fields = {"annotations": []} if item["role"] == "assistant" else {}
        listed["content"] = [{"type": kind, "text": content, **more}]
    return listed


_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fc", "reasoning": "rs"}


def _find(call: Call, place: int) -> Remembered:
    """The kept response that this segment of the path names."""
    name = unquote(call.path.split("/")[place])
    found = call.kept.find(name)
    if found is None:
        said = f"Response with id '{name}' not found."
        raise Refused(openai.error(404, said, kind="invalid_request_error"))
    return found
