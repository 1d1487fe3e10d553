"""Usage, ends and errors: numbers counted once, reasons each client knows, failures that are told as such."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import ProviderRefused, UpstreamError
from gateway.formats.format import Fields
from gateway.formats.table import FORMATS

from .crossing import (
    ALL,
    ANTHROPIC,
    CHAT,
    DONE,
    GEMINI,
    RESPONSES,
    answered,
    block,
    chunk,
    finishes,
    lost,
    message,
    part,
    responding,
    response,
    sent,
    step,
    streamed,
    texts,
)

SAID: dict[str, Fields] = {
    CHAT: {"choices": [{"message": {"content": "so"}, "finish_reason": "stop"}]},
    RESPONSES: response({"type": "message", "content": [{"type": "output_text", "text": "so"}]}),
    ANTHROPIC: {"id": "m", "content": [{"type": "text", "text": "so"}], "stop_reason": "end_turn"},
    GEMINI: part({"text": "so"}, finish="STOP"),
}

USAGE: dict[str, Fields] = {
    CHAT: {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 20},
    },
    RESPONSES: {
        "input_tokens": 100,
        "output_tokens": 30,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens_details": {"reasoning_tokens": 20},
    },
    ANTHROPIC: {
        "input_tokens": 40,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 0,
        "output_tokens": 30,
        "output_tokens_details": {"thinking_tokens": 20},
    },
    GEMINI: {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 20,
    },
}
"""The same consumption in every dialect: 60 of 100 read from a cache, 20 of 30 spent on reasoning."""

PAIRS = pytest.mark.parametrize(("upstream", "client"), [(up, client) for up in ALL for client in ALL if up != client])


def usage_of(client: str, body: Fields) -> Fields:
    found: Fields = body["usageMetadata" if client == GEMINI else "usage"]
    return found


def told(usage: Fields, upstream: str) -> Fields:
    """A provider's whole answer with this usage."""
    return {**SAID[upstream], "usageMetadata" if upstream == GEMINI else "usage": usage}


@PAIRS
def test_cached_and_reasoning_tokens_are_counted_once(upstream: str, client: str) -> None:
    usage = usage_of(client, answered(client, upstream, told(USAGE[upstream], upstream)))
    for name, value in USAGE[client].items():
        assert value.items() <= usage[name].items() if isinstance(value, dict) else value == usage[name]


def streaming(upstream: str) -> list[Any]:
    usage = USAGE[upstream]
    if upstream == CHAT:
        return [chunk(content="so"), chunk(finish="stop"), {"choices": [], "usage": usage}, DONE]
    if upstream == RESPONSES:
        return responding(step("output_text.delta", content_index=0, delta="so"), usage=usage)
    if upstream == ANTHROPIC:
        events = message(block(0, {"type": "text", "text": "so"}), usage={**usage, "output_tokens": 1})
        return [
            *events[:-2],
            {**events[-2], "usage": {"output_tokens": 30, "output_tokens_details": usage["output_tokens_details"]}},
            events[-1],
        ]
    zeros = dict.fromkeys(usage, 0)
    return [
        part({"text": "so"}, usageMetadata={**usage, "thoughtsTokenCount": 5}),
        part({"text": ""}, finish="STOP", usageMetadata=usage),
        part(usageMetadata=zeros),
    ]


@PAIRS
def test_usage_survives_a_stream_wherever_it_comes(upstream: str, client: str) -> None:
    """Behind the finish, told twice with growing numbers, or followed by a placeholder of zeros."""
    more: Fields = {"stream_options": {"include_usage": True}} if client == CHAT else {}
    stream = streamed(client, upstream, streaming(upstream), **more)
    last = [event for event in stream.events if usage_in(client, event)][-1]
    for name, value in USAGE[client].items():
        found = usage_in(client, last)[name]
        assert value.items() <= found.items() if isinstance(value, dict) else value == found


def usage_in(client: str, event: Fields) -> Fields:
    inner = event.get("response", event) if client == RESPONSES else event
    return inner.get("usageMetadata" if client == GEMINI else "usage") or {}


def test_a_messages_streams_numbers_replace_each_other() -> None:
    start = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}
    events = message(block(0, {"type": "text", "text": "so"}), usage=start)
    events[-2]["usage"] = {"input_tokens": 10, "output_tokens": 7}
    stream = streamed(CHAT, ANTHROPIC, events, stream_options={"include_usage": True})
    usage = stream.events[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (15, 7)


def test_numbers_that_shrink_at_the_end_are_believed() -> None:
    """A beginning that counts the cache within the input, and an end that takes it apart."""
    events = message(block(0, {"type": "text", "text": "so"}), usage={"input_tokens": 100, "output_tokens": 0})
    events[-2]["usage"] = {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 7}
    stream = streamed(CHAT, ANTHROPIC, events, stream_options={"include_usage": True})
    usage = stream.events[-1]["usage"]
    assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (100, 60)


@pytest.mark.parametrize("client", [RESPONSES, ANTHROPIC, GEMINI])
def test_details_larger_than_their_whole_do_not_make_negative_numbers(client: str) -> None:
    odd = {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 9},
        "completion_tokens_details": {"reasoning_tokens": 8},
    }
    usage = usage_of(client, answered(client, CHAT, told(odd, CHAT)))
    numbers = [value for value in usage.values() if isinstance(value, int)]
    numbers += [inner for value in usage.values() if isinstance(value, dict) for inner in value.values()]
    assert min(numbers) >= 0


@pytest.mark.parametrize("upstream", [CHAT, ANTHROPIC, GEMINI])
def test_a_response_always_has_the_details_of_its_usage(upstream: str) -> None:
    bare = {
        CHAT: {"prompt_tokens": 1, "completion_tokens": 2},
        ANTHROPIC: {"input_tokens": 1, "output_tokens": 2},
        GEMINI: {"promptTokenCount": 1, "candidatesTokenCount": 2},
    }
    usage = answered(RESPONSES, upstream, told(bare[upstream], upstream))["usage"]
    assert usage["input_tokens_details"]["cached_tokens"] == 0
    assert usage["output_tokens_details"] == {"reasoning_tokens": 0}
    assert usage["total_tokens"] == 3


CHAT_REASONS = {"stop", "length", "tool_calls", "content_filter"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "stop"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_geminis_reasons_are_words_that_a_chat_client_knows(said: str, meant: str) -> None:
    assert answered(CHAT, GEMINI, part({"text": "so"}, finish=said))["choices"][0]["finish_reason"] == meant
    assert finishes(streamed(CHAT, GEMINI, [part({"text": "so"}), part({"text": ""}, finish=said)])) == [meant]
    assert meant in CHAT_REASONS


ENDS = {
    CHAT: ("stop", "length", "tool_calls", "content_filter"),
    RESPONSES: ("completed", "incomplete", "completed", "incomplete"),
    ANTHROPIC: ("end_turn", "max_tokens", "tool_use", "refusal"),
    GEMINI: ("STOP", "MAX_TOKENS", "STOP", "SAFETY"),
}
"""What documentation promises: stopped, cut, called, withheld, in each dialect's word."""


def ending(upstream: str, at: int) -> Fields:
    called = at == 2
    call: Any = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    if upstream == CHAT:
        said = {"content": "so", **({"tool_calls": [call]} if called else {})}
        return {"choices": [{"message": said, "finish_reason": ENDS[CHAT][at]}]}
    if upstream == RESPONSES:
        reason = {1: "max_output_tokens", 3: "content_filter"}.get(at)
        made = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        output = [*SAID[RESPONSES]["output"], *([made] if called else [])]
        return response(*output, status=ENDS[RESPONSES][at], incomplete_details={"reason": reason} if reason else None)
    if upstream == ANTHROPIC:
        used = [{"type": "tool_use", "id": "c", "name": "look", "input": {}}] if called else []
        return {"content": [*SAID[ANTHROPIC]["content"], *used], "stop_reason": ENDS[ANTHROPIC][at]}
    parts: list[Fields] = [{"functionCall": {"name": "look", "args": {}}}] if called else []
    return part({"text": "so"}, *parts, finish=ENDS[GEMINI][at])


@pytest.mark.parametrize("at", range(4))
@PAIRS
def test_every_end_has_the_word_that_is_promised(upstream: str, client: str, at: int) -> None:
    got = answered(client, upstream, ending(upstream, at))
    said = {
        CHAT: lambda: got["choices"][0]["finish_reason"],
        RESPONSES: lambda: got["status"],
        ANTHROPIC: lambda: got["stop_reason"],
        GEMINI: lambda: got["candidates"][0]["finishReason"],
    }[client]()
    assert said == ENDS[client][at]


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_a_broken_call_is_an_error_and_no_empty_success(client: str, reason: str) -> None:
    with pytest.raises(UpstreamError, match=reason):
        answered(client, GEMINI, part(finish=reason))
    stream = streamed(client, GEMINI, [part({"text": "so"}), part(finish=reason)])
    assert stream.error is not None
    assert reason in stream.error.message


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_a_candidate_without_content_keeps_its_reason(client: str) -> None:
    bare = {"candidates": [{"index": 0, "finishReason": "MAX_TOKENS"}], "usageMetadata": {"promptTokenCount": 3}}
    got = answered(client, GEMINI, bare)
    reason = {CHAT: "length", RESPONSES: "incomplete", ANTHROPIC: "max_tokens"}[client]
    assert reason in orjson.dumps(got).decode()


def test_a_refusal_is_told_as_one() -> None:
    chat = {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}
    got = answered(ANTHROPIC, CHAT, chat)
    assert (got["content"], got["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")
    output = answered(RESPONSES, CHAT, chat)["output"]
    assert output[0]["content"] == [{"type": "refusal", "refusal": "No."}]
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert answered(CHAT, RESPONSES, response(item))["choices"][0]["message"]["refusal"] == "No."


@pytest.mark.parametrize("reason", ["", "STOP", "FINISH_REASON_UNSPECIFIED"])
def test_only_the_last_chunk_of_a_stream_has_a_reason(reason: str) -> None:
    events = [part({"text": text}, finish=reason) for text in ("a", "b")]
    stream = streamed(CHAT, GEMINI, [*events, part({"text": "c"}, finish="STOP")])
    assert finishes(stream) == ["stop"]
    assert texts(stream) == "abc"


def test_sources_that_come_before_the_last_chunk_are_told() -> None:
    web = {"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}]}
    support = {"groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 2}, "groundingChunkIndices": [0]}]}
    early = part({"text": "so"})
    early["candidates"][0]["groundingMetadata"] = {**web, **support}
    stream = streamed(CHAT, GEMINI, [early, part({"text": ""}, finish="STOP")])
    assert "https://a.example/" in stream.raw.decode()


@pytest.mark.parametrize(
    ("client", "upstream", "wish", "named"),
    [
        (CHAT, ANTHROPIC, {"seed": 1, "logit_bias": {"1": 2}}, {"seed", "logit_bias"}),
        (CHAT, RESPONSES, {"stop": ["x"], "frequency_penalty": 1}, {"stop", "frequency_penalty"}),
        (ANTHROPIC, RESPONSES, {"stop_sequences": ["x"], "top_k": 3}, {"stop_sequences", "top_k"}),
        (ANTHROPIC, CHAT, {"top_k": 3}, {"top_k"}),
        (RESPONSES, ANTHROPIC, {"truncation": "auto", "store": True}, {"truncation"}),
        (GEMINI, CHAT, {"generationConfig": {"topK": 3}, "labels": {"a": "b"}}, {"generationConfig.topK", "labels"}),
    ],
)
def test_what_is_left_out_is_named(client: str, upstream: str, wish: Fields, named: set[str]) -> None:
    assert named <= set(lost(client, upstream, **wish))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_name_of_the_limit_is_read(name: str) -> None:
    wish: Fields = {name: 77}
    assert sent(CHAT, ANTHROPIC, **wish)["max_tokens"] == 77
    assert sent(CHAT, RESPONSES, **wish)["max_output_tokens"] == 77
    assert sent(CHAT, GEMINI, **wish)["generationConfig"] == {"maxOutputTokens": 77}
    assert sent(CHAT, ANTHROPIC, max_tokens=5, max_completion_tokens=77)["max_tokens"] == 77


@pytest.mark.parametrize("stop", ["x", ["x"]])
def test_a_stop_word_may_stand_alone(stop: Any) -> None:
    assert sent(CHAT, ANTHROPIC, stop=stop)["stop_sequences"] == ["x"]
    assert sent(CHAT, GEMINI, stop=stop)["generationConfig"] == {"stopSequences": ["x"]}
    assert sent(ANTHROPIC, CHAT, stop_sequences=["x"])["stop"] == ["x"]


ERRORS: dict[str, Any] = {
    CHAT: {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}},
    RESPONSES: {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}},
    ANTHROPIC: {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
    GEMINI: [{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}],
}


@PAIRS
def test_an_error_is_told_in_the_clients_words_with_the_providers_meaning(upstream: str, client: str) -> None:
    error = FORMATS[upstream].read_error(429, {}, orjson.dumps(ERRORS[upstream]))
    status, said = FORMATS[client].write_error(error, "req")
    fields = orjson.loads(said)["error"]
    assert (status, fields["message"]) == (429, "slow down")
    assert {ANTHROPIC: fields.get("type"), GEMINI: fields.get("status")}.get(client, fields.get("code")) in (
        "rate_limit_exceeded",
        "rate_limit_error",
        "RESOURCE_EXHAUSTED",
    )
    assert isinstance(error, ProviderRefused)
    assert error.category == "rate_limit"


@PAIRS
def test_an_error_within_a_stream_keeps_the_providers_words_and_meaning(upstream: str, client: str) -> None:
    inside = ERRORS[upstream][0] if upstream == GEMINI else ERRORS[upstream]
    if upstream == RESPONSES:
        inside = {"type": "error", **ERRORS[RESPONSES]}
    begun = {CHAT: 1, RESPONSES: 2, ANTHROPIC: 3, GEMINI: 1}[upstream]
    stream = streamed(client, upstream, [*streaming(upstream)[:begun], inside])
    assert isinstance(stream.error, ProviderRefused)
    assert stream.error.category == "rate_limit"
    assert b"slow down" in stream.raw


@PAIRS
def test_the_model_has_the_name_that_was_asked_for_in_every_event(upstream: str, client: str) -> None:
    stream = streamed(client, upstream, streaming(upstream))
    assert b'"real"' not in stream.raw
    assert b'"asked"' in stream.raw
    assert b'"real"' not in orjson.dumps(answered(client, upstream, SAID[upstream]))


@pytest.mark.parametrize("client", [CHAT, RESPONSES, ANTHROPIC])
def test_geminis_thoughts_are_told_and_counted(client: str) -> None:
    answer = {**part({"text": "hm", "thought": True}, {"text": "so"}, finish="STOP"), "usageMetadata": USAGE[GEMINI]}
    got = answered(client, GEMINI, answer)
    assert "hm" in orjson.dumps(got).decode()
    out = {CHAT: "completion_tokens", RESPONSES: "output_tokens", ANTHROPIC: "output_tokens"}[client]
    assert got["usage"][out] == 30
