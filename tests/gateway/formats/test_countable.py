"""Which models our tokenizer counts for, and of which requests and answers all is text."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UpstreamClosed
from gateway.formats.countable import Said, answer_of, is_counted, prompt_of
from gateway.formats.counting import Measured
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    UsageReported,
)
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    FinishReason,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Source,
    State,
    Text,
    ToolCall,
    Usage,
)

Fields = dict[str, Any]

HELLO = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "chatgpt-4o-latest", "gpt-4.1", "gpt-4.1-nano", "GPT-4o-mini"),
        *("openai/gpt-4o-mini", "azure/eu/gpt-4.1", "ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4.5-preview"),
        *("gpt-5-chat-latest", "gpt-4o-mini;usage=off;text=a-search"),
    ],
)
def test_these_models_are_counted_by_our_tokenizer(model: str) -> None:
    assert is_counted("openai_chat", model)
    assert is_counted("openai_responses", model)


@pytest.mark.parametrize(
    "model",
    [
        *(
            "gpt-4",
            "gpt-4-turbo",
            "gpt-4-0613",
            "gpt-3.5-turbo",
            "gpt-4.10",
            "gpt-4omni",
        ),  # another encoding, or nobody
        *("o1", "o3-mini", "gpt-5", "gpt-5-mini", "gpt-5.1-chat-latest", "openai/gpt-oss-120b", "codex-mini-latest"),
        *(
            "gpt-4o-audio-preview",
            "gpt-4o-mini-search-preview",
            "gpt-4o-transcribe",
            "gpt-4o-mini-tts",
            "gpt-4o-realtime",
        ),
        *("llama-3.3-70b", "claude-sonnet-4-5", "gemini-3-pro", "not-gpt-4o", ""),
    ],
)
def test_others_are_not(model: str) -> None:
    """Their encoding is another one, or they think, hear, speak, draw and search as well."""
    assert not is_counted("openai_chat", model)


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_who_speaks_another_dialect_is_no_model_of_openai(dialect: str) -> None:
    assert not is_counted(dialect, "gpt-4o")


def test_messages_cost_three_tokens_each_and_the_answer_three_more() -> None:
    """As section 6 of OpenAI's cookbook on counting tokens has it."""
    messages = [
        {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
        {"role": "user", "content": "Why?"},
    ]
    assert prompt_of("openai_chat", {"model": "gpt-4o", "messages": messages}) == Measured(
        ("system", "New synergies will help drive top-line growth.", "example_user", "user", "Why?"), 3 + 1 + 3 + 3
    )


def test_parts_that_are_text_are_texts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    answer: Fields = {"role": "assistant", "content": None, "refusal": None, "tool_calls": []}
    messages = [{"role": "user", "content": parts}, answer]
    assert prompt_of("openai_chat", {"messages": messages}) == Measured(("user", "a", "b", "assistant"), 9)


def test_a_prompt_of_responses_is_messages_all_the_same() -> None:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"role": "assistant", "id": "msg_1", "status": "completed", "content": [{"type": "output_text", "text": "Hi"}]},
    ]
    said = {"model": "gpt-4o", "instructions": "Be brief.", "input": items, "store": False}
    assert prompt_of("openai_responses", said) == Measured(
        ("system", "Be brief.", "user", "Hello", "assistant", "Hi"), 3 * 3 + 3
    )
    assert prompt_of("openai_responses", {"input": "Hello"}) == Measured(("user", "Hello"), 6)


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5, "max_tokens": 9, "stream": True, "stream_options": {"include_usage": True}, "n": 2},
        {"tools": [], "tool_choice": "auto", "functions": None, "response_format": {"type": "text"}, "modalities": []},
    ],
)
def test_what_the_model_does_not_read_costs_nothing(more: Fields) -> None:
    assert prompt_of("openai_chat", {"messages": [HELLO], **more}) == Measured(("user", "Hello"), 6)


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"functions": [{"name": "f"}]},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        {"modalities": ["text", "audio"]},
        {"prediction": {"type": "content", "content": "x"}},
        {"web_search_options": {"search_context_size": "low"}},
        {"a_field_of_tomorrow": 1},
    ],
)
def test_what_is_put_to_the_model_in_ways_nobody_knows_is_not_counted(more: Fields) -> None:
    assert prompt_of("openai_chat", {"messages": [HELLO], **more}) is None


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_1"},
        {"truncation": "auto"},
        {"text": {"format": {"type": "json_object"}}},
        {"input": None},
        {"input": [{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}]},
        {"input": [{"type": "reasoning", "role": "user", "content": []}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
    ],
)
def test_the_same_of_responses(more: Fields) -> None:
    usual = {"truncation": "disabled", "text": {"format": {"type": "text"}}}
    assert prompt_of("openai_responses", {"input": "Hello", **usual}) is not None
    assert prompt_of("openai_responses", {"input": "Hello", **usual, **more}) is None


@pytest.mark.parametrize(
    "message",
    [
        "Hello",
        {"content": "Hello"},
        {"role": 1, "content": "Hello"},
        {"role": "user", "content": "Hello", "name": ["a"]},
        {"role": "user", "content": {"text": "Hello"}},
        {"role": "user", "content": ["Hello"]},
        {"role": "user", "content": [{"type": "text", "text": 1}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
        {"role": "user", "content": [{"type": "text", "text": "a", "annotations": [1]}]},
        {"role": "assistant", "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
        {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."},
    ],
)
def test_a_message_with_more_than_text_is_not_counted(message: Any) -> None:
    assert prompt_of("openai_chat", {"messages": [HELLO, message]}) is None


def test_a_request_without_messages_is_not_counted() -> None:
    assert prompt_of("openai_chat", {"messages": "Hello"}) is None


def reply(*parts: Part, reason: FinishReason = "stop") -> Reply:
    return Reply("", "", (Choice((Text("Hello"),), Finish("stop")), Choice(parts, Finish(reason), 1)))


def test_an_answer_is_the_text_of_each_choice() -> None:
    assert answer_of(reply(Text("I "), Text("will"))) == Measured(("Hello", "I will"))
    assert answer_of(reply(Refusal("No."), reason="length")) == Measured(("Hello", "No."))
    assert answer_of(reply()) == Measured(("Hello", ""))


@pytest.mark.parametrize(
    "part",
    [
        ToolCall("c", "f", "{}"),
        Reasoning("Hm."),
        Image(Source("url", "x")),
        Text("It is so.", citations=(Citation("https://example.com"),)),
    ],
)
def test_an_answer_with_more_than_text_is_not_counted(part: Part) -> None:
    assert answer_of(reply(Text("a"), part)) is None


@pytest.mark.parametrize("reason", ["filter", "malformed"])
def test_an_answer_of_which_something_was_withheld_is_not_counted(reason: FinishReason) -> None:
    assert answer_of(reply(Text("a"), reason=reason)) is None


def heard(*events: Event, most: int = 100) -> Measured | None:
    said = Said(most)
    said.take(events)
    return said.whole()


def test_a_stream_is_the_text_of_each_choice() -> None:
    told = UsageReported(Usage(fresh=1))
    assert heard(
        ReplyBegin("r", "m"),
        TextDelta("Hel"),
        TextDelta("No", 1),
        TextDelta("lo"),
        RefusalDelta(".", 1),
        told,
        ChoiceEnd(Finish("stop")),
        ReplyEnd(),
    ) == Measured(("Hello", "No."))
    assert heard() == Measured(())


@pytest.mark.parametrize(
    "event",
    [
        ToolBegin(0, "c", "f"),
        ReasoningDelta("Hm."),
        ReasoningState(State("openai", "x")),
        ImageWhole(Image(Source("url", "x"))),
        CitationFound(Citation("https://example.com")),
        ReplyFailed(UpstreamClosed("cut")),
        ChoiceEnd(Finish("filter")),
    ],
)
def test_once_there_is_more_than_text_nothing_is_kept(event: Event) -> None:
    said = Said(100)
    lost = []
    for each in (TextDelta("Hello"), event, TextDelta("again")):
        said.take((each,))
        lost.append(said.is_lost)
    assert lost == [False, True, True]
    assert said.whole() is None


def test_no_more_is_kept_than_there_is_room_for() -> None:
    assert heard(TextDelta("12345"), TextDelta("67890"), most=10) == Measured(("1234567890",))
    assert heard(TextDelta("12345"), TextDelta("678901"), most=10) is None
