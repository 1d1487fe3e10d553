from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.responses import ResponseItemList

from gateway.api.input_items import Question, listed, page, read_question
from gateway.errors import InvalidRequest
from gateway.records import StoredResponse

ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And?"}], "status": "incomplete"},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "done"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": "y"},
    {"type": "item_reference", "id": "msg_9"},
    {"type": "something_new", "x": 1},
]


def record(items: list[Any]) -> StoredResponse:
    return StoredResponse(
        id="resp_1",
        key="team",
        created_at=0,
        expires_at=0,
        previous_id=None,
        provider="mock",
        credential=None,
        model="fast",
        status="completed",
        input=orjson.dumps(items),
        response=b"{}",
    )


def test_items_get_what_clients_leave_out() -> None:
    items = listed(ITEMS, "resp_1")
    assert [item["type"] for item in items[:2]] == ["message", "message"]
    assert items[0]["content"] == [{"type": "input_text", "text": "Hello"}]
    assert items[1]["content"] == [{"type": "output_text", "text": "Hi", "annotations": []}]
    assert [item.get("status") for item in items] == [
        "completed",
        "completed",
        "incomplete",
        None,
        *["completed"] * 4,
        None,
        None,
    ]


def test_ids_are_the_clients_own_or_made_and_always_the_same() -> None:
    ids = [item["id"] for item in listed(ITEMS, "resp_1")]
    assert [each.partition("_")[0] for each in ids] == [
        "msg",
        "msg",
        "msg",
        "rs",
        "fc",
        "fco",
        "ctc",
        "ctco",
        "msg",
        "item",
    ]
    assert ids == [item["id"] for item in listed(ITEMS, "resp_1")]
    assert len(set(ids)) == len(ids)
    assert ids[0] != listed(ITEMS, "resp_2")[0]["id"]


def test_the_sdk_reads_a_page() -> None:
    read = ResponseItemList.model_validate(page(record(ITEMS[:8]), Question(ascending=True)))
    assert [type(item).__name__ for item in read.data] == [
        "ResponseInputMessageItem",
        "ResponseOutputMessage",
        "ResponseInputMessageItem",
        "ResponseReasoningItem",
        "ResponseFunctionToolCallItem",
        "ResponseFunctionToolCallOutputItem",
        "ResponseCustomToolCallItem",
        "ResponseCustomToolCallOutputItem",
    ]


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_page_by_page_every_item_comes_once(limit: int, ascending: bool) -> None:
    whole = [item["id"] for item in listed(ITEMS, "resp_1")]
    seen: list[str] = []
    more = True
    while more:
        found = page(record(ITEMS), Question(limit, ascending, seen[-1] if seen else None))
        seen += [item["id"] for item in found["data"]]
        more = found["has_more"]
    assert seen == (whole if ascending else whole[::-1])


def test_an_empty_page_has_no_ids() -> None:
    assert page(record([]), Question()) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_what_is_no_item_is_not_listed() -> None:
    assert listed([1, None, "x", [], {"role": "user", "content": None}], "r")[0]["content"] is None


def test_a_page_after_an_unknown_item_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        page(record(ITEMS), Question(after="msg_none"))
    assert refused.value.param == "after"


def test_a_question_is_read_and_has_defaults() -> None:
    assert read_question({}) == Question(20, False, None)
    assert read_question({"include": ["x"], "limit": ["7"], "order": ["asc"], "after": ["a"]}) == Question(7, True, "a")


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "٣"), ("order", "up")]
)
def test_a_wrong_question_names_what_is_wrong(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_question({name: [value]})
    assert refused.value.param == name
