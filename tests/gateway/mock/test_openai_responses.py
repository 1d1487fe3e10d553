"""Responses: their life cycle, what the script makes of them, and what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.mock.dialects import names
from tests.gateway.mock.openais import (
    FLAT,
    HELLO,
    PATCH,
    PDF,
    PIXEL,
    RESPONSES,
    SCHEMA,
    output,
    respond,
    send,
    text_of,
)
from tests.gateway.mock.peer import Answer, ask, connect, request
from tests.providers import MockProcess

THINK: dict[str, Any] = {"reasoning": {"effort": "high", "summary": "auto"}}
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def kinds(answer: Answer) -> list[str]:
    """The kinds of events, runs of the same one told once."""
    said = [event["type"].removeprefix("response.") for event in answer.events]
    return [kind for kind, before in zip(said, [None, *said], strict=False) if kind != before]


async def test_a_stream_has_the_life_cycle_of_a_response(mock: MockProcess) -> None:
    answer = await respond(mock, "gpt-5.5;chunks=3", stream=True)
    assert kinds(answer) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert names(answer) == [event["type"] for event in answer.events]
    assert [event["sequence_number"] for event in answer.events] == list(range(len(answer.events)))
    assert answer.events[0]["response"]["status"] == "in_progress"
    response = answer.events[-1]["response"]
    assert response["output"] == [answer.events[-2]["item"]]
    assert (response["status"], text_of(answer)) == ("completed", "Hello from the ")


async def test_thinking_and_parallel_calls_are_items_of_their_own(mock: MockProcess) -> None:
    answer = await respond(mock, "gpt-5.5;toolcall=2", stream=True, tools=[FLAT, PATCH], **THINK)
    assert kinds(answer) == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    added = [event for event in answer.events if event["type"] == "response.output_item.added"]
    done = [event for event in answer.events if event["type"] == "response.output_item.done"]
    assert [event["output_index"] for event in added] == [event["output_index"] for event in done] == [0, 1, 2]
    assert [event["item"]["id"] for event in added] == [event["item"]["id"] for event in done]
    assert [event["item"] for event in done] == answer.events[-1]["response"]["output"]
    assert added[0]["item"]["encrypted_content"] != done[0]["item"]["encrypted_content"]
    (call,) = output(answer, "function_call")
    assert set(json.loads(call["arguments"])) == {"city", "days"}
    assert output(answer, "custom_tool_call")[0]["input"] == "Zürich 🏔"


@both_ways
async def test_it_thinks_only_when_asked_and_shows_it_only_when_asked(mock: MockProcess, stream: bool) -> None:
    assert output(await respond(mock, stream=stream), "reasoning") == []
    (silent,) = output(await respond(mock, reasoning={"effort": "low"}, stream=stream), "reasoning")
    assert silent["summary"] == []
    assert silent["encrypted_content"]
    answer = await respond(mock, "gpt-4o;reasoning=2", stream=stream)
    (scripted,) = output(answer, "reasoning")
    assert scripted["summary"] == [{"type": "summary_text", "text": "Nobody asked "}]
    usage = (answer.events[-1]["response"] if stream else answer.json)["usage"]
    assert usage["output_tokens_details"] == {"reasoning_tokens": 2}


@both_ways
async def test_a_refusal_is_a_part_of_its_own(mock: MockProcess, stream: bool) -> None:
    answer = await respond(mock, "gpt-5.5;refusal;chunks=2", stream=stream)
    assert output(answer, "message")[0]["content"] == [{"type": "refusal", "refusal": "Hello from "}]
    if stream:
        assert "refusal.delta" in kinds(answer)


@both_ways
@pytest.mark.parametrize(
    ("script", "more", "reason"),
    [
        ("chunks=30", {"max_output_tokens": 16}, "max_output_tokens"),
        ("filter", {}, "content_filter"),
        ("finish=steered", {}, "steered"),
    ],
)
async def test_a_response_can_be_incomplete(
    mock: MockProcess, script: str, more: dict[str, Any], reason: str, stream: bool
) -> None:
    answer = await respond(mock, f"gpt-5.5;{script}", stream=stream, **more)
    response = answer.events[-1]["response"] if stream else answer.json
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert response["output"][0]["status"] == "incomplete"
    if stream:
        assert answer.events[-1]["type"] == "response.incomplete"


async def test_a_response_can_fail(mock: MockProcess) -> None:
    answer = await respond(mock, "gpt-5.5;finish=failed")
    assert (answer.json["status"], answer.json["error"]["code"]) == ("failed", "server_error")
    assert kinds(await respond(mock, "gpt-5.5;finish=failed", stream=True))[-1] == "failed"


@pytest.mark.parametrize(("script", "code"), [("", "server_error"), (";overloaded", "server_is_overloaded")])
async def test_an_error_inside_a_stream_is_said_twice(mock: MockProcess, script: str, code: str) -> None:
    answer = await respond(mock, f"gpt-5.5;errorevent=2{script}", stream=True)
    error, failed = answer.events[-2:]
    assert (error["type"], error["code"], error["error"]["code"]) == ("error", code, code)
    assert (failed["type"], failed["response"]["error"]["code"]) == ("response.failed", code)
    assert [event["sequence_number"] for event in answer.events] == list(range(len(answer.events)))
    assert kinds(answer).count("output_text.delta") == 1


async def test_a_stream_can_break_off_or_lack_its_end(mock: MockProcess) -> None:
    assert kinds(await respond(mock, "gpt-5.5;nodone", stream=True))[-1] == "output_item.done"
    async with connect(mock.port) as peer:
        body = json.dumps({"model": "gpt-5.5;cut=2", "input": "Hi", "stream": True}).encode()
        peer.writer.write(request(body, RESPONSES))
        said = (await peer.read_all()).decode()
    assert said.count("event: response.output_text.delta") == 2
    assert "response.completed" not in said


@pytest.mark.parametrize("script", ["split", "byte", "crlf", "comments", "multi", "chunkext", "trailers"])
async def test_the_bytes_can_be_treated_like_those_of_any_stream(mock: MockProcess, script: str) -> None:
    answer = await respond(mock, f"gpt-5.5;{script};utf8", stream=True)
    assert answer.events[-1]["type"] == "response.completed"
    assert "😀" in text_of(answer)


async def test_what_is_stamped_is_repeated_in_the_end(mock: MockProcess) -> None:
    answer = await respond(mock, "gpt-5.5;stamp;chunks=3", stream=True)
    deltas = [event["delta"] for event in answer.events if event["type"] == "response.output_text.delta"]
    assert text_of(answer) == "".join(deltas)
    assert len(deltas) == 3


@pytest.mark.parametrize(
    ("script", "usage"),
    [
        ("chunks=3", {
            "input_tokens": 5, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 8,
        }),
        ("usage=cached;input=8;output=4", {
            "input_tokens": 8, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 12,
        }),
        ("usage=off", None),
    ],
)  # fmt: skip
async def test_usage(mock: MockProcess, script: str, usage: Any) -> None:
    assert (await respond(mock, f"gpt-5.5;{script}")).json["usage"] == usage
    assert (await respond(mock, f"gpt-5.5;{script}", stream=True)).events[-1]["response"]["usage"] == usage


@both_ways
async def test_json_is_made_as_asked_for(mock: MockProcess, stream: bool) -> None:
    wanted = {"type": "json_schema", "name": "weather", "schema": SCHEMA, "strict": True}
    answer = await respond(mock, text={"format": wanted}, stream=stream)
    assert set(json.loads(text_of(answer))) == {"city", "days"}


@both_ways
async def test_a_source_is_cited(mock: MockProcess, stream: bool) -> None:
    answer = await respond(mock, "gpt-5.5;citations", stream=stream)
    assert output(answer, "message")[0]["content"][0]["annotations"][0]["type"] == "url_citation"
    if stream:
        assert "output_text.annotation.added" in kinds(answer)


async def test_settings_are_repeated(mock: MockProcess) -> None:
    said: dict[str, Any] = {"instructions": "Be kind", "tools": [FLAT], "metadata": {"a": "b"}, "store": False, **THINK}
    answer = await respond(mock, **said)
    assert {name: answer.json[name] for name in said} == said
    assert answer.json["parallel_tool_calls"] is True


async def test_messages_of_newer_models_say_their_phase(mock: MockProcess) -> None:
    assert output(await respond(mock, "gpt-5.5"), "message")[0]["phase"] == "final_answer"
    called = await respond(mock, "gpt-5.5;toolcall;text=well", tools=[FLAT])
    assert output(called, "message")[0]["phase"] == "commentary"
    assert "phase" not in output(await respond(mock, "gpt-4o"), "message")[0]


async def test_tools_of_a_namespace_are_called_with_it(mock: MockProcess) -> None:
    space = {"type": "namespace", "name": "sky", "description": "Above", "tools": [FLAT]}
    (call,) = output(await respond(mock, tools=[space], tool_choice="required"), "function_call")
    assert (call["namespace"], call["name"]) == ("sky", "weather")


async def test_it_echoes_the_whole_conversation(mock: MockProcess) -> None:
    first = await respond(mock, "gpt-5.5;toolcall", tools=[FLAT], instructions="Not kept")
    (call,) = output(first, "function_call")
    items: list[Any] = [
        {"type": "function_call_output", "call_id": call["call_id"],
         "output": [{"type": "input_text", "text": "rain"}]},
        {"role": "developer", "content": "Be kind"},
        {"role": "user", "content": [
            {"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": PIXEL},
            {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
        ]},
    ]  # fmt: skip
    answer = await respond(mock, "gpt-5.5;echo", input=items, previous_response_id=first.json["id"], instructions="Be")
    assert json.loads(text_of(answer)) == {
        "system": "Be\nBe kind",
        "last": "look",
        "images": 1,
        "documents": 1,
        "results": ["rain"],
        "turns": 5,
    }


@both_ways
async def test_a_response_is_kept_until_it_is_deleted(mock: MockProcess, stream: bool) -> None:
    made = await respond(mock, stream=stream)
    response = made.events[-1]["response"] if stream else made.json
    path = f"{RESPONSES}/{response['id']}"
    assert (await send(mock, "GET", path)).json == response
    assert (await send(mock, "DELETE", path)).json == {"id": response["id"], "object": "response", "deleted": True}
    gone = await send(mock, "GET", path)
    assert (gone.status, gone.json["error"]["message"]) == (404, f"Response with id '{response['id']}' not found.")


async def test_the_same_request_again_is_another_response_and_kept_too(mock: MockProcess) -> None:
    data = request(json.dumps({"model": "gpt-5.5", "input": "Hi"}).encode(), RESPONSES)
    made = [(await ask(mock.port, data)).json["id"] for _ in range(3)]
    assert len(set(made)) == 3
    for name in made:
        assert (await send(mock, "GET", f"{RESPONSES}/{name}")).status == 200


async def test_what_is_not_stored_is_not_found(mock: MockProcess) -> None:
    name = (await respond(mock, store=False)).json["id"]
    assert (await send(mock, "GET", f"{RESPONSES}/{name}")).status == 404


async def test_input_items_are_listed_in_pages(mock: MockProcess) -> None:
    first = await respond(mock, input=[*HELLO, {"role": "assistant", "content": "Yes?"}, *HELLO])
    path = f"{RESPONSES}/{first.json['id']}/input_items"
    listed = (await send(mock, "GET", f"{path}?limit=2")).json
    assert [item["role"] for item in listed["data"]] == ["user", "assistant"]
    assert listed["has_more"]
    rest = (await send(mock, "GET", f"{path}?after={listed['last_id']}")).json
    assert rest["data"][0]["content"] == [{"type": "input_text", "text": "Hi"}]
    assert not rest["has_more"]
    forwards = (await send(mock, "GET", f"{path}?order=asc&limit=1")).json["data"]
    assert forwards == rest["data"]
    assert (await send(mock, "GET", f"{path}?limit=0")).status == 400


async def test_tokens_are_counted(mock: MockProcess) -> None:
    path = f"{RESPONSES}/input_tokens"
    counted = (await respond(mock, path=path)).json
    assert counted == {"object": "response.input_tokens", "input_tokens": 5}
    assert (await respond(mock, path=path, tools=[FLAT])).json["input_tokens"] > 5


async def test_a_conversation_is_compacted_into_something_that_can_come_back(mock: MockProcess) -> None:
    items = [*HELLO, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Go on"}]
    compacted = (await respond(mock, path=f"{RESPONSES}/compact", input=items)).json
    assert compacted["object"] == "response.compaction"
    assert [item["type"] for item in compacted["output"]] == ["message", "message", "compaction"]
    assert (await respond(mock, input=[*compacted["output"], *HELLO])).status == 200


async def test_what_runs_in_the_background_can_be_fetched_or_cancelled(mock: MockProcess) -> None:
    made = await respond(mock, background=True)
    path = f"{RESPONSES}/{made.json['id']}"
    assert made.json["status"] == "queued"
    assert (await send(mock, "GET", path)).json["status"] == "completed"
    assert (await send(mock, "POST", f"{path}/cancel")).json["status"] == "cancelled"
    assert (await send(mock, "GET", path)).json["status"] == "cancelled"
    at_once = (await respond(mock)).json["id"]
    refused = await send(mock, "POST", f"{RESPONSES}/{at_once}/cancel")
    assert (refused.status, refused.json["error"]["message"]) == (400, "Cannot cancel a synchronous response.")
