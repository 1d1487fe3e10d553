"""Reasoning across turns: state goes back to its own vendor alone, and unharmed; efforts keep in range."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from gateway.formats.format import Fields
from gateway.records import ModelFacts

from .crossing import (
    ALL,
    ANTHROPIC,
    CHAT,
    GEMINI,
    RESPONSES,
    answered,
    block,
    blocks,
    calls,
    items,
    message,
    part,
    responding,
    response,
    sent,
    step,
    streamed,
    texts,
)

USER: Fields = {"role": "user", "content": "q"}
THIRD = ModelFacts(thinking="level", signature_required=True)
BUDGET = ModelFacts(thinking="budget", temperature=True)
ADAPTIVE = ModelFacts(thinking="adaptive")
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def remembering(*thoughts: Fields, text: str = "so") -> list[Fields]:
    """Anthropic's history with these thoughts."""
    said = [*thoughts, {"type": "text", "text": text}]
    return [USER, {"role": "assistant", "content": said}, USER]


def thought(signature: str | None, text: str = "secret thought") -> Fields:
    return {"type": "thinking", "thinking": text, **({} if signature is None else {"signature": signature})}


FOREIGN = ["raw-of-anthropic", "gw1.openai.rs_1~enc", "gw1.gemini.sig", "gw1.none.", "gw1.anthropic.sig", "", None]
OWN = {RESPONSES: "gw1.openai.rs_1~enc", GEMINI: "gw1.gemini.sig", CHAT: ""}


@pytest.mark.parametrize("signature", FOREIGN)
@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI])
def test_thoughts_of_another_vendor_are_dropped_and_never_become_text(upstream: str, signature: str | None) -> None:
    body = str(sent(ANTHROPIC, upstream, THIRD, messages=remembering(thought(signature))))
    assert "so" in body
    kept = upstream == RESPONSES and signature == OWN[RESPONSES]
    assert ("secret thought" in body) is kept
    assert not {"raw-of-anthropic", "gw1."} & {word for word in ("raw-of-anthropic", "gw1.") if word in body}


def test_thoughts_of_others_never_reach_anthropic() -> None:
    for sealed in ("gw1.gemini.sig", "gw1.none.", "of-openai"):
        item: Fields = {"type": "reasoning", "id": "rs", "encrypted_content": sealed, "summary": []}
        body = sent(RESPONSES, ANTHROPIC, input=[USER, item, {"role": "assistant", "content": "so"}, USER])
        assert body["messages"][1]["content"] in ("so", [{"type": "text", "text": "so"}])


def test_instructions_are_the_same_each_turn() -> None:
    """Thoughts are bound to them: an instruction that comes later stays where it is."""
    first = [{"role": "system", "content": "be kind"}, USER]
    later = [*first, {"role": "assistant", "content": "a"}, {"role": "system", "content": "be brief"}, USER]
    for upstream, field in ((ANTHROPIC, "system"), (GEMINI, "systemInstruction"), (RESPONSES, "instructions")):
        one, other = (sent(CHAT, upstream, messages=messages)[field] for messages in (first, later))
        assert one == other


def through(client: str, content: list[Fields]) -> list[Fields]:
    """What Anthropic is sent back, after its answer went through a foreign client that returns what it got."""
    answer = {"id": "m", "content": content, "stop_reason": "tool_use", "usage": {}}
    got = answered(client, ANTHROPIC, answer)
    if client == CHAT:
        call = got["choices"][0]["message"]["tool_calls"][0]["id"]
        history = {
            "messages": [USER, got["choices"][0]["message"], {"role": "tool", "tool_call_id": call, "content": "r"}]
        }
    elif client == RESPONSES:
        call = got["output"][-1]["call_id"]
        history = {"input": [USER, *got["output"], {"type": "function_call_output", "call_id": call, "output": "r"}]}
    else:
        model = got["candidates"][0]["content"]
        came = {"functionResponse": {"name": "look", "response": {"output": "r"}}}
        history = {"contents": [{"role": "user", "parts": [{"text": "q"}]}, model, {"role": "user", "parts": [came]}]}
    found: list[Fields] = sent(client, ANTHROPIC, ADAPTIVE, **history)["messages"][1]["content"]
    return found


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI])
def test_anthropics_thoughts_come_back_to_it_byte_for_byte_and_in_order(client: str) -> None:
    thoughts = [thought("SiG/one+=", "hm … 🚀"), {"type": "redacted_thinking", "data": "ReD/+=="}]
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}}
    back = through(client, [*thoughts, call])
    assert back[:2] == thoughts
    assert back[2]["type"] == "tool_use"


SIGNED = {"functionCall": {"name": "look", "args": {"a": 1}}, "thoughtSignature": "SiG=="}


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_geminis_signature_of_a_call_survives_any_client(client: str) -> None:
    got = answered(client, GEMINI, part(SIGNED, finish="STOP"))
    if client == CHAT:
        said = got["choices"][0]["message"]
        call = said["tool_calls"][0]["id"]
        history: Fields = {"messages": [USER, said, {"role": "tool", "tool_call_id": call, "content": "r"}]}
    elif client == RESPONSES:
        call = got["output"][-1]["call_id"]
        history = {"input": [USER, *got["output"], {"type": "function_call_output", "call_id": call, "output": "r"}]}
    else:
        call = got["content"][-1]["id"]
        results = [{"type": "tool_result", "tool_use_id": call, "content": "r"}]
        said = {"role": "assistant", "content": got["content"]}
        history = {"messages": [USER, said, {"role": "user", "content": results}]}
    assert len(call) <= 40
    assert sent(client, GEMINI, THIRD, **history)["contents"][1]["parts"] == [SIGNED]


def test_a_call_without_a_signature_gets_the_placeholder_where_one_is_wanted() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [USER, {"role": "assistant", "tool_calls": [call, {**call, "id": "d"}]}]
    parts = sent(CHAT, GEMINI, THIRD, messages=messages)["contents"][1]["parts"]
    assert [each.get("thoughtSignature") for each in parts] == ["skip_thought_signature_validator", None]


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_a_signature_on_empty_text_or_on_an_image_disturbs_nobody(client: str) -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "s"}
    events = [part({"text": "so"}), part(blob), part({"text": "", "thoughtSignature": "s"}, finish="STOP")]
    stream = streamed(client, GEMINI, events)
    assert stream.complete
    if client == CHAT:
        assert texts(stream) == "so"
    elif client == ANTHROPIC:
        assert [each.get("text") for each in blocks(stream) if each["type"] == "text"] == ["so"]
    else:
        assert items(stream)[0]["content"][0]["text"] == "so"


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, ANTHROPIC])
def test_hidden_thoughts_of_a_gemini_client_do_not_become_words(upstream: str) -> None:
    model = {"role": "model", "parts": [{"text": "secret", "thought": True}, {"text": "so"}]}
    user = {"role": "user", "parts": [{"text": "q"}]}
    assert "secret" not in str(sent(GEMINI, upstream, contents=[user, model, user]))


@pytest.mark.parametrize("client", [ANTHROPIC, CHAT, GEMINI])
def test_openais_encrypted_reasoning_is_carried_and_comes_back(client: str) -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "EnC",
    }
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    got = answered(client, RESPONSES, response(item, call))
    if client == ANTHROPIC:
        history: Fields = {"messages": [USER, {"role": "assistant", "content": got["content"]}]}
    elif client == CHAT:
        history = {"messages": [USER, got["choices"][0]["message"]]}
    else:
        history = {"contents": [{"role": "user", "parts": [{"text": "q"}]}, got["candidates"][0]["content"]]}
    back = sent(client, RESPONSES, **history)["input"][1]
    assert (back["type"], back["id"], back["encrypted_content"]) == ("reasoning", "rs_1", "EnC")


def test_reasoning_without_state_is_not_sent_to_openai_and_nothing_is_stored() -> None:
    body = sent(ANTHROPIC, RESPONSES, messages=remembering(thought("gw1.none.")))
    assert "reasoning" not in [item.get("type") for item in body["input"]]
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
    assert "previous_response_id" not in body


def test_thoughts_always_have_the_fields_their_dialect_wants() -> None:
    """Text, though it is empty, and a signature, though there is none: clients of Anthropic and of OpenAI insist."""
    chat = {"choices": [{"message": {"content": "so", "reasoning_content": "hm"}, "finish_reason": "stop"}]}
    assert answered(ANTHROPIC, CHAT, chat)["content"][0] == thought("gw1.none.", "hm")
    sealed = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}
    assert answered(ANTHROPIC, RESPONSES, response(sealed))["content"][0] == thought("gw1.openai.r~e", "")
    empty = {"text": "hm", "thought": True, "thoughtSignature": ""}
    in_stream = streamed(ANTHROPIC, GEMINI, [part(empty), part({"text": "so"}, finish="STOP")])
    assert blocks(in_stream)[0]["signature"] == "gw1.none."
    parts = answered(RESPONSES, GEMINI, part(empty, {"text": "so"}, finish="STOP"))["output"]
    assert parts[0]["encrypted_content"] == "gw1.none."
    body = sent(ANTHROPIC, ANTHROPIC, ADAPTIVE, messages=remembering(thought("")))
    assert "signature" not in str(body["messages"])


def test_sealed_reasoning_counts_when_its_item_is_done() -> None:
    """What was told at the beginning of the item is not all of it."""
    events = responding(
        step("output_item.added", item={"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "be"}),
        step(
            "output_item.done", item={"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "begin+end"}
        ),
        step("output_text.delta", 1, content_index=0, delta="so"),
    )
    assert blocks(streamed(ANTHROPIC, RESPONSES, events))[0]["signature"] == "gw1.openai.rs~begin+end"


def test_servers_that_want_their_reasoning_back_get_it() -> None:
    call = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    said = {"role": "assistant", "content": [thought("gw1.none.", "hm"), call]}
    results = [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]
    messages = [USER, said, {"role": "user", "content": results}]
    for echo in (True, False):
        body = sent(ANTHROPIC, CHAT, ModelFacts(echo_reasoning=echo), messages=messages)
        assert body["messages"][1].get("reasoning_content") == ("hm" if echo else None)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_read_under_either_name(name: str) -> None:
    chat = {"choices": [{"message": {"content": "so", name: "hm"}, "finish_reason": "stop"}]}
    assert answered(ANTHROPIC, CHAT, chat)["content"][0]["thinking"] == "hm"
    delta = {"choices": [{"index": 0, "delta": {name: "hm"}}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    assert blocks(streamed(ANTHROPIC, CHAT, [delta, end]))[0]["thinking"] == "hm"


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_the_effort_that_was_asked_for_is_asked_for(client: str, effort: str) -> None:
    wishes: dict[str, Fields] = {
        CHAT: {"reasoning_effort": effort},
        RESPONSES: {"reasoning": {"effort": effort}},
        ANTHROPIC: {"output_config": {"effort": effort}},
    }
    body: dict[str, Any] = {
        up: sent(client, up, THIRD, **wishes[client]) for up in ALL if up not in (client, ANTHROPIC)
    }
    found = {
        CHAT: lambda each: each["reasoning_effort"],
        RESPONSES: lambda each: each["reasoning"]["effort"],
        GEMINI: lambda each: each["generationConfig"]["thinkingConfig"]["thinkingLevel"].lower(),
    }
    assert {found[up](each) for up, each in body.items()} == {effort}
    if client != ANTHROPIC:
        assert sent(client, ANTHROPIC, ADAPTIVE, **wishes[client])["output_config"]["effort"] == effort


def test_a_budget_stays_below_the_limit_or_is_left_out() -> None:
    body = sent(CHAT, ANTHROPIC, BUDGET, reasoning_effort="high", max_tokens=4000)
    assert body["thinking"]["budget_tokens"] == 3999
    assert "thinking" not in sent(CHAT, ANTHROPIC, BUDGET, reasoning_effort="high", max_tokens=1000)


def test_temperature_is_left_out_where_it_is_refused_and_kept_in_range() -> None:
    assert "temperature" not in sent(CHAT, ANTHROPIC, ModelFacts(temperature=False), temperature=0.5)
    both = sent(CHAT, ANTHROPIC, ModelFacts(temperature=True), temperature=1.7, top_p=0.5)
    assert both["temperature"] == 1
    assert "top_p" not in both
    thinks = sent(CHAT, ANTHROPIC, BUDGET, temperature=0.5, reasoning_effort="low", max_tokens=9000)
    assert "temperature" not in thinks


def test_a_level_that_a_gemini_model_lacks_is_clamped() -> None:
    facts = ModelFacts(thinking="level", levels=("LOW", "HIGH"))
    for effort, level in (("minimal", "LOW"), ("none", "LOW"), ("medium", "LOW"), ("xhigh", "HIGH")):
        config = sent(CHAT, GEMINI, facts, reasoning_effort=effort)["generationConfig"]["thinkingConfig"]
        assert config["thinkingLevel"] == level


@pytest.mark.parametrize("upstream", [RESPONSES, ANTHROPIC, GEMINI])
def test_reasoning_is_told_in_streams_with_calls(upstream: str) -> None:
    call = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    streams: dict[str, list[Any]] = {
        RESPONSES: responding(
            step("reasoning_summary_text.delta", 0, item_id="r", summary_index=0, delta="hm"),
            step("output_item.added", 1, item={"type": "function_call", "id": "f", "call_id": "c", "name": "look"}),
        ),
        ANTHROPIC: message(
            block(0, thought("s", ""), {"type": "thinking_delta", "thinking": "hm"}), block(1, call), reason="tool_use"
        ),
        GEMINI: [part({"text": "hm", "thought": True}), part(SIGNED, finish="STOP")],
    }
    stream = streamed(CHAT, upstream, streams[upstream])
    assert texts(stream, "reasoning_content") == "hm"
    assert [call[1] for call in calls(stream)] == ["look"]


def test_wrapped_state_travels_in_geminis_field_as_base64() -> None:
    content = [thought("SiG", "hm"), {"type": "text", "text": "so"}]
    parts = answered(GEMINI, ANTHROPIC, {"id": "m", "content": content, "stop_reason": "end_turn"})["candidates"][0]
    assert parts["content"]["parts"][0]["thoughtSignature"] == b64encode(b"gw1.anthropic.SiG").decode()
