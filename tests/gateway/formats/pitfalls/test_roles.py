"""Turns and what they hold: whose they are, empty ones, media in every shape, and fields only some providers take."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.catalog.facts import facts_of
from gateway.errors import GatewayError, UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.neutral import Source
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts

from .crossing import ANTHROPIC, CHAT, GEMINI, RESPONSES, answered, lost, part, question, response, sent

USER: Fields = {"role": "user", "content": "q"}
BLOB = "aGk="


def roles(body: Fields) -> list[str]:
    return [turn["role"] for turn in body.get("messages") or body["contents"]]


@pytest.mark.parametrize("wish", [{"messages": [{"role": "system", "content": "be kind"}]}])
def test_instructions_alone_are_a_request(wish: Fields) -> None:
    assert sent(CHAT, ANTHROPIC, **wish)["messages"] == [{"role": "user", "content": "Continue."}]
    body = sent(CHAT, GEMINI, **wish)
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Continue."}]}]
    assert body["systemInstruction"] == {"parts": [{"text": "be kind"}]}


def test_instructions_within_a_messages_conversation_are_taken() -> None:
    messages = [USER, {"role": "system", "content": "be brief"}, {"role": "assistant", "content": "a"}, USER]
    assert sent(ANTHROPIC, CHAT, messages=messages)["messages"][1] == {"role": "system", "content": "be brief"}
    assert sent(ANTHROPIC, RESPONSES, messages=messages)["input"][1]["role"] == "developer"
    assert "<system-reminder>" in str(sent(ANTHROPIC, GEMINI, messages=messages)["contents"][0])


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_have_the_name_that_each_provider_knows(role: str) -> None:
    messages = [{"role": role, "content": "be kind"}, USER, {"role": role, "content": "be brief"}, USER]
    body = sent(CHAT, RESPONSES, messages=messages)
    assert (body["instructions"], body["input"][1]["role"]) == ("be kind", "developer")
    body = sent(CHAT, ANTHROPIC, ModelFacts(mid_system=True), messages=messages)
    assert body["system"] == "be kind"
    assert roles(body) == ["user", "system", "user"]
    items = [{"role": role, "content": "be kind"}, {"role": "user", "content": "q"}, {"role": role, "content": "x"}]
    assert roles(sent(RESPONSES, CHAT, input=items)) == ["system", "user", "system"]


@pytest.mark.parametrize("empty", ["", [{"type": "text", "text": ""}], None])
def test_empty_texts_are_not_sent(empty: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": " "},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "q"}]},
        {"role": "assistant", "content": empty, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": ""},
    ]
    body = sent(CHAT, ANTHROPIC, messages=messages)
    assert "system" not in body
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]
    assert body["messages"][0]["content"] in ("q", [{"type": "text", "text": "q"}])
    contents = sent(CHAT, GEMINI, messages=messages)["contents"]
    assert not [each for content in contents for each in content["parts"] if each.get("text") == ""]


def test_content_is_null_only_beside_calls() -> None:
    call = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    messages = [USER, {"role": "assistant", "content": [call]}]
    assert sent(ANTHROPIC, CHAT, messages=messages)["messages"][1]["content"] is None
    items: list[Fields] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert sent(RESPONSES, CHAT, input=items)["messages"][1]["content"] == "a"
    got = answered(CHAT, ANTHROPIC, {"id": "m", "content": [call], "stop_reason": "tool_use"})
    assert got["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize("upstream", [ANTHROPIC, GEMINI])
def test_neighbours_of_one_role_are_one_turn(upstream: str) -> None:
    said = {"role": "assistant", "content": "a"}
    body = sent(CHAT, upstream, messages=[USER, USER, said, said, USER])
    assert roles(body) == ["user", "assistant" if upstream == ANTHROPIC else "model", "user"]
    assert str(body).count("'q'") == 3


@pytest.mark.parametrize("upstream", [ANTHROPIC, GEMINI])
def test_a_conversation_that_the_model_begins_gets_a_turn_before_it(upstream: str) -> None:
    body = sent(CHAT, upstream, messages=[{"role": "assistant", "content": "a"}, USER])
    assert roles(body)[0] == "user"
    assert "'.'" in str(body)


@pytest.mark.parametrize("upstream", [CHAT, ANTHROPIC, GEMINI])
@pytest.mark.parametrize("instructed", [True, False])
def test_input_without_items_is_a_turn(upstream: str, instructed: bool) -> None:
    wish: Fields = {"input": [], **({"instructions": "be kind"} if instructed else {})}
    body = sent(RESPONSES, upstream, **wish)
    assert roles(body)[-1] == ("user" if not instructed or upstream != CHAT else "system")
    assert ("Continue." in str(body)) is (not instructed or upstream != CHAT)


@pytest.mark.parametrize("model", ["mistral-large-latest", "mistralai/devstral-small", "gpt-4o"])
def test_the_assistant_speaks_between_result_and_user_where_that_is_wanted(model: str) -> None:
    call = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    results = [{"type": "tool_result", "tool_use_id": "c", "content": "r"}, {"type": "text", "text": "and"}]
    messages = [USER, {"role": "assistant", "content": [call]}, {"role": "user", "content": results}]
    found = roles(sent(ANTHROPIC, CHAT, facts_of("openai_chat", model), messages=messages))
    between = [] if model == "gpt-4o" else ["assistant"]
    assert found == ["user", "assistant", "tool", *between, "user"]


def test_gemini_requests_are_read_in_either_spelling() -> None:
    camel: Fields = {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": BLOB}}]}],
        "generationConfig": {"maxOutputTokens": 9, "topP": 0.5, "stopSequences": ["x"]},
        "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
    }
    snake: Fields = {
        "system_instruction": {"parts": [{"text": "s"}]},
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": BLOB}}]}],
        "generation_config": {"max_output_tokens": 9, "top_p": 0.5, "stop_sequences": ["x"]},
        "tools": [{"function_declarations": [{"name": "look", "parameters_json_schema": {"type": "object"}}]}],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["look"]}},
    }
    for upstream in (CHAT, RESPONSES, ANTHROPIC):
        assert sent(GEMINI, upstream, **camel) == sent(GEMINI, upstream, **snake)
    body = sent(GEMINI, CHAT, **camel)
    assert (body["top_p"], body["stop"], len(body["tools"])) == (0.5, ["x"], 1)


PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{BLOB}"}}
SOUND = {"type": "input_audio", "input_audio": {"data": BLOB, "format": "wav"}}


def test_documents_and_sound_are_carried_and_film_is_refused_and_not_lost() -> None:
    messages = [{"role": "user", "content": [PDF]}]
    assert sent(CHAT, GEMINI, messages=messages)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "application/pdf", "data": BLOB}}
    ]
    block = sent(CHAT, ANTHROPIC, messages=messages)["messages"][0]["content"][0]
    assert block["source"] == {"type": "base64", "media_type": "application/pdf", "data": BLOB}
    assert sent(CHAT, RESPONSES, messages=messages)["input"][0]["content"][0]["file_data"].endswith(BLOB)
    sound = [{"role": "user", "content": [SOUND]}]
    assert sent(CHAT, GEMINI, messages=sound)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "audio/wav", "data": BLOB}}
    ]
    with pytest.raises(UnsupportedParameter):
        sent(CHAT, ANTHROPIC, messages=sound)
    film = [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{BLOB}"}}]}]
    for upstream in (ANTHROPIC, RESPONSES):
        with pytest.raises(GatewayError):
            sent(CHAT, upstream, messages=film)


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_an_image_that_gemini_cannot_fetch_is_put_into_the_request(client: str) -> None:
    url = "https://example.com/a.png"
    shapes: dict[str, Fields] = {
        CHAT: {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]},
        RESPONSES: {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]},
        ANTHROPIC: {
            "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]}]
        },
    }
    translation = Translation(FORMATS[client], FORMATS[GEMINI], ModelFacts())
    assert translation.read(question(client, **shapes[client])) == (url,)
    translation.inline({url: Source("base64", BLOB, "image/png")})
    body = translation.write("real")
    assert body["contents"][0]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": BLOB}}]


def test_images_have_the_shape_of_each_openai_dialect() -> None:
    url = "https://example.com/a.png"
    chat = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]}]
    image = sent(CHAT, RESPONSES, messages=chat)["input"][0]["content"][0]
    assert image == {"type": "input_image", "image_url": url, "detail": "low"}
    items = [{"role": "user", "content": [image]}]
    assert sent(RESPONSES, CHAT, input=items)["messages"] == chat


@pytest.mark.parametrize("upstream", [ANTHROPIC, RESPONSES])
def test_the_order_of_a_whole_answer_stays(upstream: str) -> None:
    call = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    said = [{"type": "text", "text": text} for text in ("one", "two")]
    if upstream == ANTHROPIC:
        answer = {"id": "m", "content": [said[0], call, said[1]], "stop_reason": "tool_use"}
        output = answered(RESPONSES, upstream, answer)["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "message"]
        parts = answered(GEMINI, upstream, answer)["candidates"][0]["content"]["parts"]
        assert [next(iter(each)) for each in parts] == ["text", "functionCall", "text"]
        return
    items = [{"type": "message", "content": [{"type": "output_text", "text": each["text"]}]} for each in said]
    made = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    content = answered(ANTHROPIC, upstream, response(items[0], made, items[1]))["content"]
    assert [block["type"] for block in content] == ["text", "tool_use", "text"]


CACHING: Fields = {"prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"a": 1}}


@pytest.mark.parametrize("client", [CHAT, RESPONSES])
@pytest.mark.parametrize("upstream", [ANTHROPIC, GEMINI])
def test_hints_for_openais_cache_stay_with_openai(client: str, upstream: str) -> None:
    assert "prompt_cache" not in str(sent(client, upstream, **CACHING))
    assert "prompt_cache_key" in lost(client, upstream, **CACHING)


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI])
def test_cache_marks_stay_with_anthropic(upstream: str) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    text = {"type": "text", "text": "q", **mark}
    wish: Fields = {
        "system": [text],
        "messages": [{"role": "user", "content": [text]}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}, **mark}],
        **mark,
    }
    body = str(sent(ANTHROPIC, upstream, **wish))
    assert all(word not in body for word in ("cache_control", "ephemeral", "prompt_cache_breakpoint"))


def test_who_asks_is_told_only_where_there_is_a_field_for_it() -> None:
    assert sent(CHAT, ANTHROPIC, user="u")["metadata"] == {"user_id": "u"}
    assert "'u'" not in str(sent(CHAT, GEMINI, user="u"))
    assert lost(CHAT, GEMINI, user="u") == ("user",)


def test_a_geminis_answer_keeps_its_order() -> None:
    call = {"functionCall": {"name": "look", "args": {}}}
    content = answered(ANTHROPIC, GEMINI, part({"text": "one"}, call, {"text": "two"}, finish="STOP"))["content"]
    assert [block["type"] for block in content] == ["text", "tool_use", "text"]
