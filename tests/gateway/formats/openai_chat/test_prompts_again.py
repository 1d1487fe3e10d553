"""A prompt that was written for a provider and is read as a client's is the same prompt."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Grammar,
    Identity,
    Image,
    Output,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Sampling,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.formats.openai_chat.dialect import FORMAT
from gateway.formats.reasoning import EFFORTS
from gateway.formats.repair import repaired
from gateway.formats.turns import merged
from gateway.records import ModelFacts

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
SAID = WORDS.filter(lambda text: bool(text.strip()))
NAMES = st.sampled_from(("f", "g", "get_weather", "a-b"))
MARKS = st.none() | st.builds(CacheMark, st.sampled_from(("", "30m", "12h")))
MEDIA = st.sampled_from((Source("base64", "aGk=", "image/png"), Source("url", "https://a.b/c.png")))

TEXTS = st.builds(Text, WORDS, MARKS)
IMAGES = st.builds(Image, MEDIA, st.sampled_from(("", "low", "high", "auto", "original")), MARKS)
DOCUMENTS = st.builds(Document, st.just(Source("base64", "aGk=", "application/pdf")), WORDS, cache=MARKS)
SOUNDS = st.builds(Audio, st.sampled_from(("wav", "mp3")).map(lambda form: Source("base64", "aGk=", f"audio/{form}")))
QUESTIONS = st.lists(TEXTS | IMAGES | DOCUMENTS | SOUNDS, min_size=1, max_size=3)
CALLS = st.lists(st.builds(ToolCall, st.just(""), NAMES, SAID, st.sampled_from(("function", "custom"))), max_size=2)


@st.composite
def steps(draw: st.DrawFn, at: int) -> list[Turn]:
    """The user asks, the assistant answers, and its calls get their results."""
    asked = draw(QUESTIONS)
    said: list[Part] = list(draw(st.lists(st.builds(Reasoning, WORDS), max_size=1)))
    words: list[Part] = [*draw(st.lists(st.builds(Text, WORDS), max_size=1))]
    words += draw(st.lists(st.builds(Refusal, WORDS), max_size=1))
    calls = [structs.replace(call, id=f"c{at}_{place}") for place, call in enumerate(draw(CALLS))]
    turns = [Turn("user", tuple(asked))]
    if words or calls:
        turns.append(Turn("assistant", (*said, *words, *calls)))
    if calls:
        results = [ToolResult(call.id, tuple(draw(st.lists(st.builds(Text, WORDS), max_size=1)))) for call in calls]
        turns.append(Turn("user", (*results, *draw(QUESTIONS))))
    if draw(st.booleans()):
        turns.append(Turn("system", (Text(draw(SAID)),)))
    return turns


NUMBERS = st.none() | st.floats(0, 1)
SAMPLINGS = st.builds(
    Sampling,
    NUMBERS,
    NUMBERS,
    st.none(),
    NUMBERS,
    NUMBERS,
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(1, 3),
    st.none() | st.just({"50256": -100}),
)
LIKELY = st.builds(Sampling, logprobs=st.just(True), top_logprobs=st.none() | st.integers(0, 20))
SCHEMAS = st.sampled_from(({"type": "object", "properties": {}}, {"type": "object", "properties": {"a": {}}}))
TOOLS = [
    Tool("f", description="d", schema={"type": "object", "properties": {"a": {}}}, strict=True),
    Tool("p", "custom", "d", grammar=Grammar("lark", "start: A")),
    Tool("q", "custom"),
]
SEARCH = Tool("web_search", "server", server="web_search", location={"city": "Bern"}, path="web_search_options")
CHOICES = st.none() | st.sampled_from(
    (
        ToolChoice("auto"),
        ToolChoice("required"),
        ToolChoice("named", ("f",)),
        ToolChoice("named", ("p",)),
        ToolChoice("allowed", ("f", "p"), required=True),
        ToolChoice("allowed", ("q",)),
    )
)
OUTPUTS = (
    st.none()
    | st.just(Output("json_object"))
    | st.builds(Output, st.just("json_schema"), SCHEMAS, NAMES, st.just("") | WORDS, st.none() | st.booleans())
)
IDENTITIES = st.builds(
    Identity,
    st.none() | st.just("u"),
    st.none() | st.just("s"),
    st.none() | st.just({"a": "b"}),
    st.none() | st.sampled_from(("auto", "default", "flex", "scale", "priority", "fast")),
)


def thought(effort: str | None) -> Thinking | None:
    return None if effort is None else Thinking(effort=effort, visible=effort != "none")


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    stream = draw(st.booleans())
    searched = draw(st.booleans())
    choice = draw(CHOICES)
    tools = [*TOOLS, *([SEARCH] if searched and (choice is None or not choice.names) else [])]
    armed = draw(st.booleans())
    return Prompt(
        tuple(draw(st.lists(st.builds(Text, SAID, MARKS), max_size=1))),
        tuple(turn for at in range(draw(st.integers(1, 2))) for turn in draw(steps(at))),
        stream=stream,
        wants_usage=stream,
        max_tokens=draw(st.none() | st.integers(1, 9)),
        stop=tuple(draw(st.lists(WORDS, max_size=4))),
        sampling=draw(SAMPLINGS | LIKELY),
        tools=tuple(tools) if armed else (),
        tool_choice=choice if armed else None,
        parallel=draw(st.none() | st.booleans()) if armed else None,
        thinking=thought(draw(st.none() | st.sampled_from(EFFORTS))),
        output=draw(OUTPUTS),
        verbosity=draw(st.none() | st.sampled_from(("low", "medium", "high"))),
        cache_key=draw(st.none() | WORDS),
        identity=draw(IDENTITIES),
    )


def settled(prompt: Prompt) -> Prompt:
    """With every result behind its call, whether or not the user goes on in a message of its own."""
    whole = repaired(prompt)
    return structs.replace(whole, turns=merged(whole.turns))


@settings(max_examples=100, deadline=None)
@given(prompts(), st.sampled_from((None, "max_tokens", "max_completion_tokens")))
def test_a_prompt_that_was_written_is_read_again(prompt: Prompt, param: str | None) -> None:
    facts = ModelFacts(token_param=param, echo_reasoning=True, cache_marks=True, custom_tools=True)
    losses = Losses({}, strict=True)
    body: dict[str, Any] = orjson.loads(orjson.dumps(FORMAT.write_prompt(repaired(prompt), "up", facts, losses)))
    assert settled(FORMAT.read_prompt(body, losses)) == settled(prompt)
    assert losses.report == ()
