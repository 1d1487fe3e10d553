"""What Anthropic's messages look like on the wire, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.mock.dialects import CLASSIC, HELLO, LATEST, MESSAGES, SCHEMA, claude, get, names, said
from tests.providers import MockProcess

TOOLS = [{"name": "weather", "input_schema": SCHEMA}, {"name": "clock", "input_schema": {"type": "object"}}]
ADAPTIVE = {"type": "adaptive"}


async def test_a_message_has_all_its_fields(mock: MockProcess) -> None:
    answer = await claude(mock, "claude-opus-4-8;chunks=3")
    usage = answer.json.pop("usage") if isinstance(answer.json, dict) else {}
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] == 3
    document = answer.json
    assert document["id"].startswith("msg_")
    assert document["content"] == [{"type": "text", "text": "Hello from the "}]
    assert {name: document[name] for name in ("type", "role", "model", "stop_reason", "stop_sequence")} == {
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "4000"


async def test_a_stream_has_its_events_in_order(mock: MockProcess) -> None:
    answer = await claude(mock, "claude-opus-4-8;chunks=2", stream=True)
    assert names(answer) == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert names(answer) == [event["type"] for event in answer.events]
    begin, finish = answer.events[0]["message"], answer.events[-2]
    assert (begin["content"], begin["stop_reason"], begin["usage"]["output_tokens"]) == ([], None, 1)
    assert finish["delta"]["stop_reason"] == "end_turn"
    assert finish["usage"]["output_tokens"] == 2
    assert finish["usage"]["input_tokens"] == begin["usage"]["input_tokens"]


async def test_blocks_follow_each_other_by_number(mock: MockProcess) -> None:
    script = "claude-opus-4-8;chunks=2;redacted;toolcall=2"
    answer = await claude(mock, script, stream=True, tools=TOOLS, thinking=ADAPTIVE)
    begun = [event for event in answer.events if event["type"] == "content_block_start"]
    kinds = [event["content_block"]["type"] for event in begun]
    assert kinds == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert [event["index"] for event in begun] == [0, 1, 2, 3, 4]
    open_blocks: list[int] = []
    for event in answer.events:
        if event["type"] == "content_block_start":
            assert not open_blocks
            open_blocks.append(event["index"])
        elif event["type"] == "content_block_delta":
            assert open_blocks == [event["index"]]
        elif event["type"] == "content_block_stop":
            open_blocks.remove(event["index"])
    assert not open_blocks


async def test_a_signature_comes_once_just_before_the_end_of_its_block(mock: MockProcess) -> None:
    answer = await claude(mock, "claude-opus-4-8", stream=True, thinking=ADAPTIVE)
    first = [event for event in answer.events if event.get("index") == 0]
    assert [event.get("delta", {}).get("type") for event in first] == [
        None, "thinking_delta", "thinking_delta", "thinking_delta", "thinking_delta", "signature_delta", None,
    ]  # fmt: skip
    whole = await claude(mock, "claude-opus-4-8", thinking=ADAPTIVE)
    assert whole.json["content"][0]["signature"] == first[-2]["delta"]["signature"]
    assert whole.json["usage"]["output_tokens_details"] == {"thinking_tokens": 4}


async def test_hidden_thoughts_are_a_signature_alone(mock: MockProcess) -> None:
    hidden = {"type": "adaptive", "display": "omitted"}
    answer = await claude(mock, "claude-opus-4-8", stream=True, thinking=hidden)
    deltas = [event["delta"]["type"] for event in answer.events if event.get("index") == 0 and "delta" in event]
    assert deltas == ["signature_delta"]
    whole = (await claude(mock, "claude-opus-4-8", thinking=hidden)).json
    assert whole["content"][0]["thinking"] == ""
    assert whole["usage"]["output_tokens_details"] == {"thinking_tokens": 4}


async def test_tool_input_comes_in_pieces_the_first_one_empty(mock: MockProcess) -> None:
    answer = await claude(mock, "claude-opus-4-8;toolcall=2", stream=True, tools=TOOLS)
    pieces = [
        [event["delta"]["partial_json"] for event in answer.events if event.get("index") == index and "delta" in event]
        for index in (0, 1)
    ]
    assert pieces[0][0] == ""
    assert "".join(pieces[0]) == '{"city":"Zürich 🏔","days":7}'
    assert pieces[1] == [""]
    whole = (await claude(mock, "claude-opus-4-8;toolcall=2", tools=TOOLS)).json
    assert [block["input"] for block in whole["content"]] == [{"city": "Zürich 🏔", "days": 7}, {}]
    assert whole["stop_reason"] == "tool_use"
    assert len({block["id"] for block in whole["content"]}) == 2


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "any"}, ["weather"]),
        ({"type": "tool", "name": "clock"}, ["clock"]),
        ({"type": "auto"}, []),
        ({"type": "none"}, []),
    ],
)
async def test_a_forced_choice_is_obeyed(mock: MockProcess, choice: dict[str, str], called: list[str]) -> None:
    answer = await claude(mock, tools=TOOLS, tool_choice=choice)
    assert [block["name"] for block in answer.json["content"] if block["type"] == "tool_use"] == called


async def test_calls_come_one_at_a_time_when_asked_so(mock: MockProcess) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    answer = await claude(mock, "claude-mock;toolcall=3", tools=TOOLS, tool_choice=choice)
    assert len(answer.json["content"]) == 1


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_stop_sequence_ends_the_text_and_is_named(mock: MockProcess, streamed: bool) -> None:
    answer = await claude(mock, stop_sequences=["nowhere", "provider", " of"], stream=streamed)
    assert said(answer) == "Hello from the mock "
    end = answer.events[-2]["delta"] if streamed else answer.json
    assert (end["stop_reason"], end["stop_sequence"]) == ("stop_sequence", "provider")


async def test_a_token_limit_cuts_the_text_short(mock: MockProcess) -> None:
    answer = await claude(mock, max_tokens=2)
    assert (said(answer), answer.json["stop_reason"]) == ("Hello from ", "max_tokens")
    assert (await claude(mock, max_tokens=0)).json["content"] == []


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_refusal_has_details(mock: MockProcess, streamed: bool) -> None:
    answer = await claude(mock, "claude-mock;refusal;chunks=1", stream=streamed)
    end = answer.events[-2]["delta"] if streamed else answer.json
    assert end["stop_reason"] == end["stop_details"]["type"] == "refusal"
    assert said(answer) == "Hello "
    blocked = await claude(mock, "claude-mock;blocked;thinking", stream=streamed)
    assert said(blocked) == ""
    assert "content_block_start" not in names(blocked)


async def test_any_reason_to_stop_can_be_had(mock: MockProcess) -> None:
    assert (await claude(mock, "claude-mock;finish=pause_turn")).json["stop_reason"] == "pause_turn"


async def test_an_answer_in_json_fits_its_schema(mock: MockProcess) -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["sort", "lines"],
        "properties": {
            "sort": {"enum": ["weir", "lock"]},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        },
        "$defs": {
            "line": {"type": "object", "additionalProperties": False, "properties": {"when": {"type": "string"}}}
        },
    }
    answer = await claude(mock, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert said(answer) == '{"sort":"weir","lines":[{"when":"Zürich 🏔"}]}'


async def test_citations_come_before_the_text(mock: MockProcess) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Water."}}
    asked = [{"role": "user", "content": [document, {"type": "text", "text": "Hi"}]}]
    answer = await claude(mock, "claude-mock;citations", stream=True, messages=asked)
    deltas = [event["delta"] for event in answer.events if event["type"] == "content_block_delta"]
    assert [delta["type"] for delta in deltas[:2]] == ["citations_delta", "text_delta"]
    assert deltas[0]["citation"]["cited_text"] == "Water."
    web = (await claude(mock, "claude-mock;citations")).json["content"][0]["citations"][0]
    assert web["type"] == "web_search_result_location"


async def test_usage_is_three_disjoint_numbers(mock: MockProcess) -> None:
    usage = (await claude(mock, "claude-mock;usage=cached;input=100;output=40")).json["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (25, 50)
    assert usage["cache_creation_input_tokens"] == usage["cache_creation"]["ephemeral_5m_input_tokens"] == 25
    assert (usage["output_tokens"], usage["output_tokens_details"]) == (40, {"thinking_tokens": 10})


async def test_the_echo_tells_what_was_received(mock: MockProcess) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    pdf = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "warm"}, image]}
    asked = [
        {"role": "user", "content": [{"type": "text", "text": "one"}, image, pdf, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    system = [{"type": "text", "text": "be"}, {"type": "text", "text": "brief"}]
    for streamed in (True, False):
        answer = await claude(mock, "claude-mock;echo;chunks=1", messages=asked, system=system, stream=streamed)
        assert said(answer) == (
            '{"system":"be\\nbrief","last":"one\\ntwo","images":2,"documents":1,"results":["warm"],"turns":3}'
        )


@pytest.mark.parametrize("headers", [CLASSIC, LATEST])
async def test_tokens_are_counted_and_no_more_asked_for(mock: MockProcess, headers: str) -> None:
    path = f"{MESSAGES}/count_tokens"
    answer = await claude(mock, path=path, headers=headers, max_tokens=None, system="A long enough text of a system.")
    alone = await claude(mock, path=path, headers=headers, max_tokens=None)
    assert answer.json["input_tokens"] > alone.json["input_tokens"] > 0
    refused = await claude(mock, path=path, headers=headers)
    assert "max_tokens: Extra inputs are not permitted" in refused.json["error"]["message"]


async def test_models_come_in_pages(mock: MockProcess) -> None:
    first = (await get(mock, "/v1/models?limit=2", CLASSIC)).json
    assert first["has_more"]
    assert [model["id"] for model in first["data"]] == [first["first_id"], first["last_id"]]
    second = (await get(mock, f"/v1/models?limit=20&after_id={first['last_id']}", CLASSIC)).json
    assert not second["has_more"]
    assert second["first_id"] != first["last_id"]
    before = (await get(mock, f"/v1/models?before_id={second['first_id']}", CLASSIC)).json
    assert before["data"] == first["data"]
    assert (await get(mock, "/v1/models?limit=0", CLASSIC)).status == 400


async def test_a_model_is_found_by_its_name(mock: MockProcess) -> None:
    model = (await get(mock, "/v1/models/claude-opus-4-8", CLASSIC)).json
    assert (model["id"], model["type"]) == ("claude-opus-4-8", "model")
    assert not model["capabilities"]["thinking"]["types"]["enabled"]["supported"]
    missing = await get(mock, "/v1/models/missing-x", CLASSIC)
    assert (missing.status, missing.json["error"]["type"]) == (404, "not_found_error")


async def test_the_list_of_models_is_that_of_who_asks(mock: MockProcess) -> None:
    assert (await get(mock, "/v1/models")).json["object"] == "list"
    assert "has_more" in (await get(mock, "/v1/models", CLASSIC)).json
    assert "models" in (await get(mock, "/v1/models", "x-goog-api-key: k\r\n")).json
    assert "models" in (await get(mock, "/v1/models?key=k")).json


async def test_consecutive_messages_of_one_role_are_one_turn(mock: MockProcess) -> None:
    calls: list[Any] = [{"type": "tool_use", "id": name, "name": "f", "input": {}} for name in ("a", "b")]
    results: list[Any] = [{"type": "tool_result", "tool_use_id": name} for name in ("a", "b")]
    asked = [
        *HELLO,
        {"role": "assistant", "content": calls[:1]},
        {"role": "assistant", "content": calls[1:]},
        {"role": "user", "content": results[1:]},
        {"role": "user", "content": results[:1]},
    ]
    assert (await claude(mock, messages=asked)).status == 200


async def test_models_that_can_take_a_system_message_between(mock: MockProcess) -> None:
    asked = [*HELLO, {"role": "system", "content": "Be brief."}]
    answer = await claude(mock, "claude-opus-4-8;echo", messages=asked)
    assert '"system":"Be brief."' in said(answer)
    for model in ("claude-mock", "claude-opus-4-7", "claude-sonnet-5"):
        refused = await claude(mock, model, messages=asked)
        assert "role 'system' is not supported" in refused.json["error"]["message"]
