from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import ResponseItemList

from gateway.api.input_items import Question, listed, page, read_question
from gateway.errors import InvalidRequest
from gateway.store.responses import Given

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


def alone(items: list[Any], response_id: str = "resp_1") -> list[Given]:
    """A conversation that has just begun."""
    return [Given(response_id, items, [])]


def test_items_get_what_clients_leave_out() -> None:
    items = listed(alone(ITEMS))
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
    ids = [item["id"] for item in listed(alone(ITEMS))]
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
    assert ids == [item["id"] for item in listed(alone(ITEMS))]
    assert len(set(ids)) == len(ids)
    assert ids[0] != listed(alone(ITEMS, "resp_2"))[0]["id"]


def test_the_sdk_reads_a_page() -> None:
    read = ResponseItemList.model_validate(page(alone(ITEMS[:8]), Question(ascending=True)))
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
    whole = [item["id"] for item in listed(alone(ITEMS))]
    seen: list[str] = []
    more = True
    while more:
        found = page(alone(ITEMS), Question(limit, ascending, seen[-1] if seen else None))
        seen += [item["id"] for item in found["data"]]
        more = found["has_more"]
    assert seen == (whole if ascending else whole[::-1])


def test_an_empty_page_has_no_ids() -> None:
    assert page(alone([]), Question()) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_what_is_no_item_is_not_listed() -> None:
    assert listed(alone([1, None, "x", [], {"role": "user", "content": None}], "r"))[0]["content"] is None


def test_all_that_led_to_a_response_is_listed_and_keeps_its_ids() -> None:
    said = {"type": "message", "id": "msg_said", "role": "assistant", "content": [], "status": "completed"}
    asked = [{"role": "user", "content": "one"}]
    begun = listed(alone(asked))
    gone_on = listed([Given("resp_1", asked, [said]), *alone([{"role": "user", "content": "two"}], "resp_2")])
    assert [item["id"] for item in gone_on[:2]] == [begun[0]["id"], "msg_said"]
    assert gone_on[2]["content"] == [{"type": "input_text", "text": "two"}]
    assert len({item["id"] for item in gone_on}) == 3


@pytest.mark.parametrize("again", ["msg_1", "", 7, None])
def test_what_comes_twice_or_has_a_strange_id_is_listed_under_another(again: object) -> None:
    items = [{"id": name, "role": "user", "content": "x"} for name in ("msg_1", "msg_2", again, again)]
    seen: list[str] = []
    while (found := page(alone(items), Question(1, True, seen[-1] if seen else None)))["has_more"]:
        seen.append(found["last_id"])
    assert seen[:2] == ["msg_1", "msg_2"]
    assert len({*seen, found["last_id"]}) == 4


def test_what_is_included_must_be_known() -> None:
    read_question({"include": ["reasoning.encrypted_content"], "include[]": ["message.output_text.logprobs"]})
    for name in ("include", "include[]"):
        with pytest.raises(InvalidRequest, match="'everything'") as refused:
            read_question({name: ["reasoning.encrypted_content", "everything"]})
        assert refused.value.param == "include[1]"


def test_a_page_after_an_unknown_item_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        page(alone(ITEMS), Question(after="msg_none"))
    assert refused.value.param == "after"


def test_a_question_is_read_and_has_defaults() -> None:
    assert read_question({}) == Question(20, False, None)
    assert read_question({"x": ["y"], "limit": ["7"], "order": ["asc"], "after": ["a"]}) == Question(7, True, "a")


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "٣"), ("order", "up")]
)
def test_a_wrong_question_names_what_is_wrong(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_question({name: [value]})
    assert refused.value.param == name
