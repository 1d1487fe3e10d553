"""A conversation in four dialects, and what is heard of answers in each."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.dialects import BY_PATH, DIALECTS, Heard, Listening, Talk, Turn, target_of, whole_of

TALK = Talk(
    "fast",
    (Turn("user", "Hi"), Turn("model", "Hello"), Turn("user", "And now?")),
    system="Be short.",
    temperature=0.5,
    max_tokens=64,
)

STREAMS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]},
        {"choices": [{"index": 0, "delta": {"content": "Wor"}}]},
        {"choices": [{"index": 0, "delta": {"content": "ds"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ],
    "openai_responses": [
        {"type": "response.created", "response": {}},
        {"type": "response.reasoning_summary_text.delta", "delta": "Hm."},
        {"type": "response.output_text.delta", "delta": "Wor"},
        {"type": "response.output_text.delta", "delta": "ds"},
        {"type": "response.output_text.done", "text": "Words"},
    ],
    "anthropic": [
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Wor"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "ds"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{"}},
    ],
    "gemini": [
        {"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "Wor"}, {"text": "ds"}]}}]},
        {"usageMetadata": {}},
    ],
}

WHOLE: dict[str, dict[str, Any]] = {
    "openai_chat": {"choices": [{"message": {"content": "Words", "reasoning_content": "Hm."}}]},
    "openai_responses": {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Words"}]},
        ]
    },
    "anthropic": {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Words"}]},
    "gemini": STREAMS["gemini"][0]
    | {"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}, {"text": "Words"}]}}]},
}


def test_every_part_of_a_conversation_is_written() -> None:
    bodies = {name: each.write(TALK) for name, each in DIALECTS.items()}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And now?"},
    ]
    chat = {"model": "fast", "temperature": 0.5, "stream": True}
    assert bodies["openai_chat"] == chat | {
        "messages": [{"role": "system", "content": "Be short."}, *messages],
        "max_completion_tokens": 64,
    }
    assert bodies["openai_responses"] == chat | {
        "instructions": "Be short.",
        "input": messages,
        "max_output_tokens": 64,
        "store": False,
    }
    assert bodies["anthropic"] == chat | {"system": "Be short.", "messages": messages, "max_tokens": 64}
    assert bodies["gemini"] == {
        "systemInstruction": {"parts": [{"text": "Be short."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Hello"}]},
            {"role": "user", "parts": [{"text": "And now?"}]},
        ],
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 64},
    }


def test_what_nobody_says_is_left_out() -> None:
    talk = Talk("fast", (Turn("user", "Hi"),), stream=False)
    assert DIALECTS["openai_chat"].write(talk) == {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
    assert DIALECTS["anthropic"].write(talk)["max_tokens"] == 1024
    assert DIALECTS["gemini"].write(talk) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_a_model_may_stand_in_the_path() -> None:
    gemini = DIALECTS["gemini"]
    path = gemini.path_of(TALK)
    assert BY_PATH[path] is gemini
    assert target_of(path, "a b/c?d#e") == "/v1beta/models/a%20b%2Fc%3Fd%23e:streamGenerateContent?alt=sse"
    assert target_of("/v1/messages", "x") == "/v1/messages"


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_heard_however_it_is_cut(name: str, size: int) -> None:
    said = (
        b"".join(b"event: x\r\ndata: " + orjson.dumps(each) + b"\r\n\r\n" for each in STREAMS[name])
        + b"data: [DONE]\n\n"
    )
    listening = Listening(DIALECTS[name])
    heard = [listening.feed(said[at : at + size]) for at in range(0, len(said), size)]
    assert "".join(each.text for each in heard) == "Words"
    assert "".join(each.thought for each in heard) == "Hm."


@pytest.mark.parametrize("name", DIALECTS)
def test_a_whole_answer_is_heard(name: str) -> None:
    assert whole_of(DIALECTS[name], orjson.dumps(WHOLE[name])) == Heard("Words", "Hm.")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "content", "output", "parts", "candidates", "type", "text", "summary"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_whatever_else_comes_holds_no_words_and_breaks_nothing(value: Any) -> None:
    body = orjson.dumps(value)
    for dialect in DIALECTS.values():
        assert isinstance(whole_of(dialect, body), Heard)
        assert isinstance(Listening(dialect).feed(b"data:" + body + b"\n\ndata: {\n"), Heard)
    assert whole_of(DIALECTS["gemini"], b"{") == Heard()
