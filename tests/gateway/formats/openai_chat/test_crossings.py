"""Chat beside other dialects: ids in the client's manner, losses in its words, and what only one of two sides knows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.format import Fields
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts

from .scene import QUESTION


def asked(client: str, upstream: str, fields: Fields, **facts: Any) -> tuple[Fields, tuple[str, ...]]:
    """What the provider is sent, and what is reported as lost."""
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts(**facts))
    translation.read({"model": "m", **fields})
    return translation.write("up"), translation.losses.report


def test_a_search_that_google_cannot_do_beside_functions_is_told_by_its_name_in_chat() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    search = {"user_location": {"type": "approximate", "approximate": {"city": "Bern"}}}
    fields = {"messages": [QUESTION], "tools": tools, "web_search_options": search}
    _, lost = asked("openai_chat", "gemini", fields)
    assert set(lost) == {"web_search_options", "web_search_options.user_location"}


def test_a_search_goes_over_with_the_place_of_the_user() -> None:
    search = {"user_location": {"type": "approximate", "approximate": {"city": "Bern"}}}
    fields = {"messages": [QUESTION], "web_search_options": search, "max_tokens": 9}
    body, lost = asked("openai_chat", "openai_responses", fields)
    assert body["tools"] == [{"type": "web_search", "user_location": {"type": "approximate", "city": "Bern"}}]
    assert lost == ()


OBJECT = {"type": "object", "additionalProperties": False}
A = {"a": {"type": "string"}}
AB = {**A, "b": {"type": "string"}}


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({**OBJECT, "properties": {}}, True),
        ({**OBJECT, "properties": A, "required": ["a"]}, True),
        ({**OBJECT, "properties": AB, "required": ["a"]}, None),
        ({"type": "array", "items": {**OBJECT, "properties": AB, "required": []}}, None),
        ({**OBJECT, "properties": {"required": {"type": "array"}}, "required": ["required"]}, True),
    ],
)
def test_strict_decoding_is_asked_for_where_openai_can_do_it(
    upstream: str, schema: Fields, strict: bool | None
) -> None:
    output = {"format": {"type": "json_schema", "schema": schema}}
    body, _ = asked("anthropic", upstream, {"messages": [QUESTION], "max_tokens": 9, "output_config": output})
    form = body["response_format"]["json_schema"] if upstream == "openai_chat" else body["text"]["format"]
    assert (form["name"], form["schema"], form.get("strict")) == ("response", schema, strict)


def test_a_schema_of_google_is_not_strict() -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": {**OBJECT, "properties": A}}
    body, _ = asked("gemini", "openai_chat", {"contents": [{"parts": [{"text": "q"}]}], "generationConfig": config})
    assert body["response_format"]["json_schema"].keys() == {"name", "schema"}


CALL: Fields = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
REQUESTS: dict[str, Fields] = {
    "anthropic": {"messages": [QUESTION], "max_tokens": 9},
    "openai_responses": {"input": "q"},
    "gemini": {"contents": [{"parts": [{"text": "q"}]}]},
}


@pytest.mark.parametrize(("client", "prefix"), [("anthropic", "toolu_"), ("openai_responses", "call_")])
@pytest.mark.parametrize("given", ["", None])
def test_a_call_without_an_id_gets_one_in_the_manner_of_the_client(client: str, prefix: str, given: Any) -> None:
    translation = Translation(FORMATS[client], FORMATS["openai_chat"], ModelFacts())
    translation.read({"model": "m", **REQUESTS[client]})
    translation.write("up")
    choice = {"message": {"tool_calls": [{**CALL, "id": given}, {**CALL, "id": given}]}, "finish_reason": "tool_calls"}
    body = orjson.dumps({"id": "chatcmpl-1", "choices": [choice]})
    ids = [part.id for part in translation.reply(body).choices[0].parts]  # type: ignore[union-attr]  # calls all
    assert [part.id for part in translation.reply(body).choices[0].parts] == ids  # type: ignore[union-attr]
    assert len(set(ids)) == 2
    assert all(each.startswith(prefix) and len(each) == len(prefix) + 24 for each in ids)


def test_an_id_that_is_too_long_is_cut_alike_for_the_call_and_its_result() -> None:
    use = {"type": "tool_use", "id": "t" * 80, "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t" * 80, "content": "r"}
    messages = [QUESTION, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    body, _ = asked("anthropic", "openai_chat", {"messages": messages, "max_tokens": 9})
    call_id = body["messages"][1]["tool_calls"][0]["id"]
    assert len(call_id) == 64
    assert body["messages"][2]["tool_call_id"] == call_id


def test_thoughts_go_back_only_where_they_are_wanted() -> None:
    thought = {"type": "thinking", "thinking": "why", "signature": "gw1.none."}
    messages = [QUESTION, {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}, QUESTION]
    fields = {"messages": messages, "max_tokens": 9}
    body, _ = asked("anthropic", "openai_chat", fields, echo_reasoning=True)
    assert body["messages"][1] == {"role": "assistant", "content": "a", "reasoning_content": "why"}
    body, _ = asked("anthropic", "openai_chat", fields)
    assert body["messages"][1] == {"role": "assistant", "content": "a"}


def test_settings_of_chat_that_messages_lack_are_named() -> None:
    fields = {"messages": [QUESTION], "max_tokens": 9, "seed": 1, "logit_bias": {"5": 1}, "presence_penalty": 1}
    _, lost = asked("openai_chat", "anthropic", {**fields, "logprobs": True, "verbosity": "low", "store": True})
    assert {"seed", "logit_bias", "presence_penalty", "logprobs", "verbosity"} <= set(lost)


def test_the_older_limit_goes_where_the_newer_does() -> None:
    for fields in ({"max_tokens": 9}, {"max_completion_tokens": 9}):
        body, _ = asked("openai_chat", "openai_responses", {"messages": [QUESTION], **fields})
        assert body["max_output_tokens"] == 16
        body, _ = asked("openai_chat", "anthropic", {"messages": [QUESTION], **fields})
        assert body["max_tokens"] == 9
