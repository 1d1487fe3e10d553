"""The dialect as a whole: what we write we read again, and garbage gives errors of ours."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.errors import GatewayError, InvalidRequest, UnsupportedParameter, UpstreamError
from gateway.formats.events import Event
from gateway.formats.fold import fold, unfold
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    Image,
    Output,
    Prompt,
    Reasoning,
    Refusal,
    Reply,
    Sampling,
    Source,
    State,
    Text,
    Thinking,
    TokenChance,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
)
from gateway.formats.openai_responses.dialect import FORMAT
from gateway.formats.sse import Splitter
from gateway.records import ModelFacts

from .scene import context, written

SEALED = State("openai", "rs_1~ENC")
PROMPT = Prompt(
    (Text("A"),),
    (
        Turn("user", (Text("q"), Image(Source("base64", "aGk=", "image/png"), "low"))),
        Turn("assistant", (Reasoning("t", SEALED), Text("a"), ToolCall("c", "f", "{}")), "commentary"),
        Turn("user", (ToolResult("c", (Text("r"),)),)),
        Turn("system", (Text("S"),)),
        Turn("user", (Text("go"),)),
    ),
    stream=True,
    max_tokens=100,
    sampling=Sampling(temperature=0.5, logprobs=True, top_logprobs=2),
    tools=(Tool("f", schema={"type": "object", "properties": {}}, strict=False), Tool("p", "custom")),
    tool_choice=ToolChoice("allowed", ("f",), required=True),
    parallel=False,
    thinking=Thinking(effort="low", visible=True),
    output=Output("json_schema", {"type": "object"}, "n", strict=True),
    verbosity="low",
    cache_key="k",
)
USAGE = Usage(fresh=1, cache_read=2, cache_write=3, visible=4, reasoning=5)
REPLIES = [
    Reply("r", "m", (Choice((Text("a"),), Finish("stop")),)),
    Reply(
        "r",
        "m",
        (
            Choice(
                (
                    Reasoning("t", SEALED),
                    Text("a", citations=(Citation("u", "T", 0, 1),)),
                    Text("b"),
                    ToolCall("c", "f", '{"a":1}', namespace="n"),
                    ToolCall("d", "p", "x", kind="custom"),
                    Image(Source("base64", "aGk=", "image/png")),
                ),
                Finish("stop"),
            ),
        ),
        USAGE,
    ),
    Reply(
        "r",
        "m",
        (Choice((Text("a"),), Finish("stop"), chances=(TokenChance("a", -1.0, (TokenChance("b", -2.0),)),)),),
    ),
    Reply("r", "m", (Choice((Refusal("no"),), Finish("refusal")),), USAGE),
    Reply("r", "m", (Choice((Text("a"),), Finish("length", detail="max_output_tokens")),), USAGE),
    Reply("r", "m", (Choice((), Finish("filter", detail="content_filter")),), USAGE),
]


def test_a_prompt_is_read_as_it_was_written() -> None:
    body = FORMAT.write_prompt(PROMPT, "up", ModelFacts(), Losses({}))
    again = FORMAT.read_prompt(body, Losses({}))
    assert structs.replace(again, identity=PROMPT.identity) == PROMPT


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_is_read_as_it_was_written(reply: Reply) -> None:
    again = FORMAT.read_reply(FORMAT.write_reply(reply, context()))
    assert again.choices == reply.choices
    assert again.usage == (reply.usage or Usage())


def sealed_elsewhere(choice: Choice) -> Choice:
    parts = (
        Reasoning(each.text, State("gemini", "S")) if isinstance(each, Reasoning) else each for each in choice.parts
    )
    return structs.replace(choice, parts=tuple(parts))


@pytest.mark.parametrize("reply", REPLIES)
def test_whole_and_in_pieces_are_the_same(reply: Reply) -> None:
    # In pieces the id of a thought is told before its state: it cannot be the one that OpenAI has sealed.
    reply = structs.replace(reply, choices=(sealed_elsewhere(reply.choices[0]),))
    _, writer = written(unfold(reply))
    whole = FORMAT.write_reply(reply, context())
    ids = [item.pop("id") for response in (writer.response, whole) for item in (response or {})["output"]]
    assert writer.response == whole
    assert all(ids)


@pytest.mark.parametrize("reply", REPLIES)
def test_a_stream_is_read_as_it_was_written(reply: Reply) -> None:
    writer, reader, found = FORMAT.event_writer(context()), FORMAT.event_reader(), list[Event]()
    raw = b"".join([writer.write(event) for event in unfold(reply)])
    for data in Splitter().feed(raw):
        found += reader.feed(data)
    again = fold([*found, *reader.close()])
    stateless = [part for part in again.choices[0].parts if not isinstance(part, Reasoning)]
    assert stateless == [part for part in reply.choices[0].parts if not isinstance(part, Reasoning)]
    assert (again.choices[0].finish, again.choices[0].chances) == (reply.choices[0].finish, reply.choices[0].chances)


KEYS = [
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "text",
    "format",
    "reasoning",
    "include",
    "metadata",
    "type",
    "role",
    "content",
    "call_id",
    "name",
    "output",
    "arguments",
    "summary",
    "encrypted_content",
    "id",
    "schema",
    "effort",
    "stream",
    "store",
    "parameters",
    "image_url",
    "file_data",
    "detail",
    "mode",
]
WORDS = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "reasoning",
    "compaction",
    "function",
    "custom",
    "namespace",
    "web_search",
    "allowed_tools",
    "user",
    "assistant",
    "developer",
    "json_schema",
    "input_text",
    "input_image",
    "input_file",
    "auto",
    "data:,",
    "x",
]
garbage = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 20) | st.floats(allow_nan=False) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=14,
)
objects = st.dictionaries(st.sampled_from(KEYS), garbage, max_size=6)


@given(objects)
def test_any_request_is_read_or_refused(fields: Fields) -> None:
    losses = Losses(FORMAT.field_names)
    with contextlib.suppress(InvalidRequest, UnsupportedParameter):
        prompt = FORMAT.read_prompt(fields, losses)
        orjson.dumps(FORMAT.write_prompt(prompt, "m", ModelFacts(), losses))


@given(st.dictionaries(st.sampled_from([*KEYS, "status", "error", "usage", "output", "incomplete_details"]), garbage))
def test_any_answer_is_read_or_refused(fields: Fields) -> None:
    with contextlib.suppress(UpstreamError):
        reply = FORMAT.read_reply(fields)
        orjson.dumps(FORMAT.write_reply(reply, context()))


@given(garbage)
def test_any_usage_is_read(value: Any) -> None:
    usage = FORMAT.read_usage({"input_tokens": value, "output_tokens_details": value, "input_tokens_details": value})
    assert usage.input >= 0


@pytest.mark.parametrize("error", [GatewayError("x"), InvalidRequest("x")])
def test_errors_of_any_kind_have_a_shape(error: GatewayError) -> None:
    status, body = FORMAT.write_error(error, "id")
    assert (status, orjson.loads(body)["error"]["message"]) == (error.status, "x")
