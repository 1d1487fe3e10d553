"""The official client against the mock's responses: if it is content, so are programs written with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.gateway.mock.openais import FLAT, PATCH, SCHEMA
from tests.providers import MockProcess

TOOLS: list[Any] = [FLAT, PATCH]
THINK: Any = {"effort": "high", "summary": "auto"}


@pytest.fixture
def client(mock: MockProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{mock.url}/v1", api_key="sk-test", max_retries=0) as made:
        yield made


def test_a_response(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="gpt-5.5;chunks=3", input="Hi")
    assert (answer.output_text, answer.status, answer.model) == ("Hello from the ", "completed", "gpt-5.5")
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3


def test_every_event_has_a_type_of_its_own(client: openai.OpenAI) -> None:
    stream = client.responses.create(model="gpt-5.5;toolcall=2;text=a", input="Hi", tools=TOOLS, stream=True)
    assert all(type(event).__name__ != "BaseModel" for event in stream)


def test_the_accumulated_stream_is_the_response(client: openai.OpenAI) -> None:
    model = "gpt-5.5;toolcall=2;text=one%20two;citations"
    with client.responses.stream(model=model, input="Hi", tools=TOOLS, reasoning=THINK) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert final.output_text == "one two"
    assert {"response.reasoning_summary_text.delta", "response.custom_tool_call_input.delta"} <= kinds
    assert client.responses.retrieve(final.id).output_text == "one two"


def test_a_tool_loop_with_the_items_as_they_came(client: openai.OpenAI) -> None:
    history: list[Any] = [{"role": "user", "content": "Weather?"}]
    first = client.responses.create(
        model="gpt-5.5;toolcall=2", input=history, tools=[TOOLS[0]], reasoning=THINK, store=False
    )
    history += [item.model_dump(exclude_none=True) for item in first.output]
    calls = [item for item in first.output if item.type == "function_call"]
    assert len({call.call_id for call in calls}) == 2
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in calls]
    second = client.responses.create(model="gpt-5.5;echo", input=history, tools=[TOOLS[0]], store=False)
    assert json.loads(second.output_text)["results"] == ["weather", "weather"]


def test_a_conversation_goes_on_from_what_is_kept(client: openai.OpenAI) -> None:
    first = client.responses.create(model="gpt-5.5", input="One")
    second = client.responses.create(model="gpt-5.5", input="Two", previous_response_id=first.id)
    third = client.responses.create(model="gpt-5.5;echo", input="Three", previous_response_id=second.id)
    assert json.loads(third.output_text)["turns"] == 5
    assert len(list(client.responses.input_items.list(third.id))) == 5
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt-5.5", input="Two", previous_response_id=first.id)
    assert raised.value.code == "previous_response_not_found"


def test_counting_and_compacting(client: openai.OpenAI) -> None:
    assert client.responses.input_tokens.count(model="gpt-5.5", input="Hi").input_tokens > 0
    compacted = client.responses.compact(model="gpt-5.5", input="Hi")
    assert [item.type for item in compacted.output] == ["message", "compaction"]


def test_json_as_asked_for(client: openai.OpenAI) -> None:
    wanted: Any = {"format": {"type": "json_schema", "name": "weather", "schema": SCHEMA, "strict": True}}
    answer = client.responses.create(model="gpt-5.5", input="Hi", text=wanted)
    assert set(json.loads(answer.output_text)) == {"city", "days"}


def test_errors_are_raised(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="server had an error"):
        list(client.responses.create(model="gpt-5.5;errorevent=1", input="Hi", stream=True))
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="gpt-5.5;quota", input="Hi")
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="missing-model", input="Hi")


def test_the_background(client: openai.OpenAI) -> None:
    queued = client.responses.create(model="gpt-5.5", input="Hi", background=True)
    assert queued.status == "queued"
    assert client.responses.retrieve(queued.id).status == "completed"
    assert client.responses.cancel(queued.id).status == "cancelled"
