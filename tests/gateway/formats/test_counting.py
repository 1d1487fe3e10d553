"""What is measured of a prompt: every text once, everything else at a generous price."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.formats.counting import (
    ANTHROPIC,
    LARGEST_DOCUMENT_TOKENS,
    OPENAI,
    OTHERS,
    Measured,
    estimated,
    family_of,
    measured,
    measured_tools,
)
from gateway.formats.neutral import (
    Audio,
    Document,
    Grammar,
    Image,
    Output,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Source,
    State,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)

EMPTY = Prompt((), ())
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
PNG = Source("base64", "iVBORw0KGgo=", "image/png")


def saying(*parts: Part, **settings: Any) -> Prompt:
    return Prompt((), (Turn("user", parts),), **settings)


def extra(*parts: Part, **settings: Any) -> int:
    """What parts cost beside their texts and beside an empty turn."""
    return measured(saying(*parts, **settings)).extra - measured(saying(**settings)).extra


def test_every_text_is_read_once_and_in_order() -> None:
    call = ToolCall("c1", "weather", '{"city":"Rome"}', namespace="sky")
    result = ToolResult("c1", (Text("sunny"), Document(Source("text", "all about it"), "Report", "of today")))
    turns = (
        Turn("user", (Text("hello"),)),
        Turn("assistant", (Reasoning("hm", State("anthropic", "x" * 600)), Refusal("no"), call)),
        Turn("user", (result,)),
        Turn("system", (Text("be quick"),)),
    )
    tools = (Tool("weather", description="The weather.", schema=SCHEMA, namespace="sky"),)
    prompt = Prompt((Text("be brief"),), turns, tools=tools, output=Output("json_schema", SCHEMA, "Answer", "It."))
    schema = '{"type":"object","properties":{"city":{"type":"string"}}}'
    assert measured(prompt).texts == (
        "be brief",
        *("hello", "hm", "no", "sky", "weather", '{"city":"Rome"}'),
        *("sunny", "Report", "of today", "all about it"),
        "be quick",
        *("sky", "weather", "The weather.", schema),
        *("Answer", "It.", schema),
    )


def test_tools_alone_are_the_tools_and_the_shape_of_the_answer() -> None:
    grammar = Tool("patch", "custom", "Patches.", grammar=Grammar("lark", "start: /x/"))
    prompt = saying(Text("hello"), tools=(grammar,), output=Output("json_object"))
    part = measured_tools(prompt)
    assert part.texts == ("patch", "Patches.", "start: /x/")
    assert part.tools
    assert part.extra > 0
    assert measured_tools(saying(Text("hello"))) == Measured(())


def test_nothing_still_costs_something() -> None:
    assert measured(EMPTY).extra > 0


def test_every_turn_and_every_part_costs_more_than_its_text() -> None:
    one, two = saying(Text("a")), Prompt((), (Turn("user", (Text("a"),)), Turn("assistant", (Text("b"),))))
    assert measured(EMPTY).extra < measured(one).extra < measured(two).extra
    assert extra(ToolCall("c1", "f", "{}")) > extra(Text("f"), Text("{}"))


def test_an_image_costs_by_its_detail_or_by_that_of_all() -> None:
    low, usual, original = (extra(Image(PNG, detail)) for detail in ("low", "", "original"))
    assert low < usual < original
    assert extra(Image(PNG, "auto")) == extra(Image(PNG, "high")) == usual == 1600
    assert extra(Image(PNG), media_resolution="low") == low
    assert extra(Image(PNG, "high"), media_resolution="low") == usual


def test_a_document_costs_by_its_size_up_to_what_vendors_take() -> None:
    small = extra(Document(Source("base64", "A" * 4000, "application/pdf")))
    large = extra(Document(Source("base64", "A" * 400_000, "application/pdf")))
    huge = extra(Document(Source("base64", "A" * 40_000_000, "application/pdf")))
    assert 3000 < small < large < huge == LARGEST_DOCUMENT_TOKENS


def test_a_text_sent_as_bytes_costs_as_many_bytes_are_a_token() -> None:
    assert extra(Document(Source("base64", "A" * 4000, "text/plain"))) == 1000


@pytest.mark.parametrize("kind", ["url", "file"])
@pytest.mark.parametrize("part", [Document, Audio, Video])
def test_what_is_elsewhere_costs_something_all_the_same(kind: Any, part: Any) -> None:
    assert extra(part(Source(kind, "https://e.org/x"))) > 1000


def test_sounds_and_films_cost_by_their_size() -> None:
    second = "A" * (32_000 * 4 // 3)
    assert extra(Audio(Source("base64", second, "audio/wav"))) >= 32
    assert extra(Audio(Source("base64", second, "audio/mp3"))) >= 300
    assert extra(Video(Source("base64", second * 4, "video/mp4"))) > extra(Video(Source("base64", "", "video/mp4")))


def test_thoughts_that_only_their_vendor_can_read_cost_by_their_size() -> None:
    assert extra(Reasoning("", State("openai", "rs_1~" + "x" * 6000))) > 900
    assert extra(Reasoning("said", State("anthropic", "x" * 6000))) == extra(Text("said"))


def test_a_vendors_own_tool_is_described_by_the_vendor() -> None:
    server, own = Tool("web_search", "server", server="web_search"), Tool("web_search")
    assert measured(saying(tools=(server,))).extra > measured(saying(tools=(own,))).extra + 100


def test_a_schema_nobody_could_send_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(300):
        schema = {"not": schema}
    with pytest.raises(InvalidRequest):
        measured(saying(tools=(Tool("deep", schema=schema),)))


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_the_guess_is_a_third_of_the_bytes_rounded_up(texts: list[str]) -> None:
    part = Measured(tuple(texts))
    assert part.size == len("".join(texts).encode())
    assert part.guess * 3 >= part.size > part.guess * 3 - 3


@pytest.mark.parametrize(
    ("dialect", "model", "family"),
    [
        ("openai_chat", "gpt-4o-mini", OPENAI),
        ("openai_chat", "openai/gpt-oss-120b", OPENAI),
        ("openai_responses", "o4-mini", OPENAI),
        ("openai_chat", "anthropic/claude-sonnet-4-5", ANTHROPIC),
        ("anthropic", "MiniMax-M2", ANTHROPIC),
        ("anthropic", "gpt-5.5", ANTHROPIC),
        ("openai_chat", "llama-3.3-70b", OTHERS),
        ("openai_chat", "olmo-2", OTHERS),
        ("gemini", "gemini-3-pro", OTHERS),
    ],
)
def test_the_family_of_a_model(dialect: str, model: str, family: object) -> None:
    assert family_of(dialect, model) == family


def test_an_estimate_has_texts_extras_and_what_the_vendor_adds() -> None:
    assert estimated(Measured(("x",), 10), 90, OPENAI) == 100
    assert estimated(Measured(("x",), 10), 91, OTHERS) == 112
    assert estimated(Measured(("x",), 10, tools=True), 90, OPENAI) == 116
