"""Conversations between all pairs of dialects mean the same on both sides; streams that fail say so to every client."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec import structs

from gateway.errors import ProviderRefused, UnsupportedParameter, UpstreamClosed, UpstreamMalformed
from gateway.formats.format import ReplyContext
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Document,
    Image,
    Output,
    Part,
    Prompt,
    Sampling,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.formats.table import FORMATS
from gateway.formats.translate import Translate
from gateway.formats.translation import Translation
from gateway.records import ModelFacts
from tests.cuts import cuts

PAIRS = [(client, upstream) for client in FORMATS for upstream in FORMATS if client != upstream]

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool("weather", description="Looks out of the window.", schema=SCHEMA)
KOELN = ToolCall("call_1", "weather", '{"city":"Köln"}')
ULM = ToolCall("call_2", "weather", '{"city":"Ulm"}')


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def said(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def result(call: str, text: str) -> ToolResult:
    return ToolResult(call, (Text(text),), name="weather")


def prompt(*turns: Turn, **more: Any) -> Prompt:
    return Prompt(more.pop("system", ()), turns, max_tokens=100, **more)


ASK = user(Text("Grüße \u2028 🦫"))
PROMPTS = {
    "text": prompt(ASK),
    "instructions": prompt(ASK, system=(Text("Be brief."),)),
    "turns": prompt(ASK, said(Text("b")), user(Text("c"))),
    "a tool loop": prompt(ASK, said(Text("I look."), KOELN), user(result("call_1", "sun")), tools=(WEATHER,)),
    "words behind a result": prompt(ASK, said(KOELN), user(result("call_1", "sun"), Text("and?")), tools=(WEATHER,)),
    "parallel calls": prompt(
        ASK, said(KOELN, ULM), user(result("call_1", "sun"), result("call_2", "rain")), tools=(WEATHER,)
    ),
    "an image": prompt(user(Text("What?"), Image(Source("base64", "iVBORw0KGgo=", "image/png")))),
    "a document": prompt(user(Text("What?"), Document(Source("base64", "JVBERi0=", "application/pdf")))),
    "one tool": prompt(ASK, tools=(WEATHER,), tool_choice=ToolChoice("named", ("weather",))),
    "any tool": prompt(ASK, tools=(WEATHER,), tool_choice=ToolChoice("required")),
    "no tool": prompt(ASK, tools=(WEATHER,), tool_choice=ToolChoice("none")),
    "a shape": prompt(ASK, output=Output("json_schema", SCHEMA, "shape")),
}


def meant(given: Prompt) -> tuple[Any, ...]:
    """What a prompt asks for, without what dialects have no words for: ids of calls are numbered, names that only
    decorate are left out, neighbours of the same role are one."""
    numbers: dict[str, int] = {}
    turns: list[tuple[str, list[Any]]] = []
    for turn in given.turns:
        parts = [_meant(part, numbers) for part in turn.parts]
        if turns and turns[-1][0] == turn.role:
            turns[-1][1].extend(parts)
        else:
            turns.append((turn.role, parts))
    tools = [(tool.kind, tool.name, tool.description, tool.schema) for tool in given.tools]
    shape = (given.output.kind, given.output.schema) if given.output is not None else None
    return [text.text for text in given.system], turns, given.max_tokens, tools, given.tool_choice, shape


def _meant(part: Part, numbers: dict[str, int]) -> Any:
    match part:
        case ToolCall():
            return "call", numbers.setdefault(part.id, len(numbers)), part.name, orjson.loads(part.arguments)
        case ToolResult():
            return "result", numbers[part.id], part.parts, part.is_error
        case Image() | Document():
            return part.__class__, part.source
    return part


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("kind", list(PROMPTS))
def test_a_conversation_means_the_same_on_both_sides(client: str, upstream: str, kind: str) -> None:
    losses = Losses({})
    asked = FORMATS[client].write_prompt(PROMPTS[kind], "m", ModelFacts(), losses)
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts(), strict=True)
    assert translation.read(orjson.loads(orjson.dumps(asked))) == ()
    sent = translation.write("up")
    assert upstream == "gemini" or sent["model"] == "up"
    read = FORMATS[upstream].read_prompt(orjson.loads(orjson.dumps(sent)), Losses({}))
    assert meant(read) == meant(PROMPTS[kind])
    assert (losses.report, translation.losses.report) == ((), ())


@pytest.mark.parametrize(
    ("client", "upstream", "asked", "lost"),
    [
        ("openai_chat", "openai_responses", Prompt((), (ASK,), stop=("END",)), "stop"),
        ("anthropic", "openai_responses", Prompt((), (ASK,), stop=("END",), max_tokens=9), "stop_sequences"),
        ("gemini", "openai_responses", Prompt((), (ASK,), stop=("END",)), "generationConfig.stopSequences"),
        ("gemini", "openai_chat", Prompt((), (ASK,), sampling=Sampling(top_k=3)), "generationConfig.topK"),
        ("openai_chat", "anthropic", Prompt((), (ASK,), sampling=Sampling(seed=3)), "seed"),
    ],
)
def test_what_a_provider_cannot_be_told_is_named_as_the_client_names_it(
    client: str, upstream: str, asked: Prompt, lost: str
) -> None:
    fields = FORMATS[client].write_prompt(asked, "m", ModelFacts(), Losses({}))
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    translation.read(fields)
    translation.write("up")
    assert translation.losses.report == (lost,)
    strict = Translation(FORMATS[client], FORMATS[upstream], ModelFacts(), strict=True)
    strict.read(fields)
    with pytest.raises(UnsupportedParameter) as refused:
        strict.write("up")
    assert refused.value.param == lost


def begun(client: str, upstream: str) -> Translate:
    asked = FORMATS[client].write_prompt(structs.replace(PROMPTS["text"], stream=True), "m", ModelFacts(), Losses({}))
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    translation.read(asked)
    translation.write("up")
    return translation.stream(ReplyContext("m", "ab" * 16, 1, translation.prompt, asked))


def ran(client: str, upstream: str, pieces: list[bytes]) -> tuple[bytes, Translate]:
    pipeline = begun(client, upstream)
    out = b"".join([pipeline.feed(piece) for piece in pieces]) + pipeline.close()
    return out, pipeline


SPOKEN = {
    "openai_chat": b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"so"}}]}\n\n',
    "openai_responses": b'data: {"type":"response.created","response":{"id":"r"}}\n\n'
    b'data: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i","content":[]}}\n\n'
    b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"i","delta":"so"}\n\n',
    "anthropic": b'data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}\n\n'
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"so"}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"so"}]}}]}\n\n',
}
REFUSED = {
    "openai_chat": b'data: {"error":{"message":"no more","type":"server_error","code":"overloaded"}}\n\n',
    "openai_responses": b'data: {"type":"error","error":{"code":"overloaded","message":"no more"}}\n\n',
    "anthropic": b'data: {"type":"error","error":{"type":"overloaded_error","message":"no more"}}\n\n',
    "gemini": b'data: {"error":{"code":503,"status":"UNAVAILABLE","message":"no more"}}\n\n',
}


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_an_error_before_content_comes_out_as_no_stream(client: str, upstream: str) -> None:
    for pieces in cuts(REFUSED[upstream]):
        out, pipeline = ran(client, upstream, pieces)
        assert (out, pipeline.opened, pipeline.complete) == (b"", False, False)
        assert isinstance(pipeline.error, ProviderRefused)
        assert pipeline.error.message == "no more"


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_an_error_behind_content_is_told_behind_it(client: str, upstream: str) -> None:
    whole, _ = ran(client, upstream, [SPOKEN[upstream] + REFUSED[upstream]])
    for pieces in list(cuts(SPOKEN[upstream] + REFUSED[upstream]))[:40]:
        out, pipeline = ran(client, upstream, pieces)
        assert (out, pipeline.opened) == (whole, True)
        assert isinstance(pipeline.error, ProviderRefused)
        assert b"so" in out
        assert b"no more" in pipeline.fail(pipeline.error)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_stream_without_its_end_is_an_error(client: str, upstream: str) -> None:
    out, pipeline = ran(client, upstream, [SPOKEN[upstream]])
    assert b"so" in out
    assert isinstance(pipeline.error, UpstreamClosed)
    assert not pipeline.complete


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("wrong", [b"data: [1]\n\n", b"data: <html>\n\n"])
def test_what_came_before_an_event_that_is_none_is_not_lost(client: str, upstream: str, wrong: bytes) -> None:
    data = SPOKEN[upstream] + wrong
    one_by_one, _ = ran(client, upstream, [data[at : at + 1] for at in range(len(data))])
    out, pipeline = ran(client, upstream, [data])
    assert isinstance(pipeline.error, UpstreamMalformed)
    assert b"so" in one_by_one
    assert out == one_by_one
